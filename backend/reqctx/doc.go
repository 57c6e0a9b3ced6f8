// Package reqctx carries what belongs to one request through its context: who asks, from where, and under
// which ID it is logged. It is apart from backend/api so that whoever serves a part of a request (the relay's
// WebSockets, the audit log) can read it without knowing the HTTP API. It imports the domain only.
package reqctx

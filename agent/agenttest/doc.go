// Package agenttest starts the real agent for tests: in this process, on a unix socket, behind mutual TLS of an
// authority of its own.
package agenttest

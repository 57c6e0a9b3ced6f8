// Package agent is the server that runs inside each session's environment, in the pod or in the sandbox. It
// owns the terminals, the processes and the workspace directory of one session; the backend dials it and
// drives it over Connect with mutual TLS (proto/agent/v1).
//
//	           ┌ agent/rpc ──▶ agent/terminal ──▶ PTYs
//	listener ──┤          └──▶ agent/process
//	(mTLS)     └ FileService ▶ the workspace (a handler given to New)
//	health ────  /healthz, /readyz in plain HTTP, no secrets
//
// # Life
//
//	New ─▶ Run: serving ─▶ stopping ─▶ ended
//
// Run serves until its context ends, or until nobody has called for Options.OrphanTimeout. Then, in this order:
// readiness goes, terminals are hung up (what their programs write last is still journalled), the workspace's
// watch flushes and ends, streams end, listeners close. Run returns when nothing that it started is left.
//
// # Rules
//
// The agent holds no secret but its own key. It imports no backend package, no database and no Kubernetes. A
// program of the user can kill the agent, as it runs as the same user, but cannot read its memory
// (PR_SET_DUMPABLE, set by cmd/agent), nor speak for it or to it: both sides of every connection are
// authenticated, fail closed.
package agent

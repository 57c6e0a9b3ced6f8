// Package agentconn dials agents: one mutually authenticated connection for terminals and one for files and
// the rest, so that a viewer that reads slowly can never hold up a file. It owns the connections and nothing
// else; who may call what is decided by its users (relay, filesync, session).
//
// A Conn is good for one environment and one incarnation of its agent. When a call fails with
// CodeUnavailable the connection may be gone: ask the Pool again.
package agentconn

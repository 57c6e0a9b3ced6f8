// Package client attaches programs to the terminals of a server, over the protocol of docs/api/websocket.md, and
// makes the few HTTP calls that this needs.
//
// A Terminal lives longer than its sockets:
//
//	connecting ─▶ starting ─▶ attached ─▶ exited | refused
//	    ▲            │           │
//	    └─── lost ◀──┴───────────┘
//
// Output is counted: after a break the server is asked for the first byte that has not been received. Input is
// counted by the client's ID: what the server has not taken is sent again, what it has taken is not. Only the first
// `attached` of a socket says from where to send; a later one confirms. Each byte of output is acknowledged once
// the caller's handler has returned, so that a slow handler slows the program and not the socket.
//
// A broken socket is never final: the client comes back until its context ends, at once when the server says that
// it restarts, else with a jittered back-off. What is final has a close code that says so; see CloseError.
//
// The package imports nothing of the backend.
package client

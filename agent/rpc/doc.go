// Package rpc is the edge of the agent: the Connect handlers of AgentService, TerminalService and
// ProcessService, and the mounting of FileService. It converts between the wire and the agent's own types
// (convert.go), maps errors to codes (error.go), and decides nothing else.
//
// Compression is off: on a local network it costs five to ten times what it saves. An attach has two goroutines:
// the handler's own sends, and one receives. When the handler returns, its request body is closed, which ends
// the other.
package rpc

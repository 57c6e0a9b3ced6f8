// Package relay is the WebSocket side of the backend: a terminal's bytes between a browser and an agent, and
// the event stream of a workspace. docs/api/websocket.md is its contract.
//
// The relay holds no terminal state: positions are the client's and the agent's. When the stream to the agent
// breaks, the socket is closed with 1012, and the client comes back with its offsets, here or at another
// replica. A viewer that reads slowly holds up only its own stream: what is queued for it is bounded by the
// agent's window and HTTP/2's.
package relay

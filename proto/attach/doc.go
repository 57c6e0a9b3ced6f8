// Package attach is how one terminal travels between backend and agent: a stream of frames on a connection of its own,
// opened by an HTTP/1.1 Upgrade on the agent's port, behind the same mutual TLS as its Connect services. Both sides
// import it, and it imports nothing of either.
//
// # Why not a Connect stream
//
// A keystroke and its echo would cross eight goroutines more, and each piece of output three, because HTTP/2
// shares one connection among streams; docs/performance.md has the figures. What is said is the same: the frames
// carry the messages AttachTerminalRequest and AttachTerminalResponse of agent.v1.
//
// # On the wire
//
//	GET /agent.v1.TerminalService/Attach, Upgrade: agent-terminal/1 ─▶
//	                                                                ◀─ 101
//	frame: length of what follows (uint32), kind (uint8), payload      (big-endian)
//
//	message   an AttachTerminalRequest or AttachTerminalResponse, marshalled
//	output    offset (uint64), data       the agent's; at most 64 KiB of data
//	input     offset (uint64), data       the backend's; at most 64 KiB of data
//	ack       offset (uint64)             the backend's
//	goodbye                               the backend's: the viewer has left and will not come back
//	end                                   the agent's: nothing follows, all is well
//	error     code (uint32), text         the agent's: nothing follows; the codes are Connect's
//
// The first frame of the backend is the message that opens the stream; it is sent with the request.
//
// # Failure
//
// A connection that ends without end or error is broken: Receive answers CodeUnavailable. Receive may be called at
// once with the sending methods, but not with itself; what it returns is valid until it is called again.
package attach

// Package backend is the domain: the words that all of the server's packages share, its errors, and the
// ports that have more than one implementation. It imports the standard library only.
//
// The way of a keystroke: api (HTTP upgrade) → relay (WebSocket ↔ attach stream) → agent → PTY.
// The way of a file change: agent (watch, scan, batch) → filesync (committer) → postgres → relay (events).
// The way of an editor save: api → postgres (compare and swap) → filesync (feed) → agent (apply).
package backend

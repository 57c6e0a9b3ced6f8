// Package recording records terminals as asciicast v2 (https://docs.asciinema.org/manual/asciicast/v2/). The rows in
// the database are the truth about which terminals are recorded; the replica that holds a session's lease runs one
// recorder for each:
//
//	row made ─▶ attach to the terminal ─▶ snapshot, output and sizes ─▶ events ─▶ chunks ─▶ row ended
//	                ▲                                                     │
//	                └──── the row's cursor: connection, replica or ◀──────┘
//	                      database was lost
//
// A chunk is stored together with the cursor: the terminal's incarnation and the offset of the first byte of output
// that no chunk holds. Whoever goes on attaches there, so that a recording has each byte once, whichever replica dies
// when. Where the agent no longer has the bytes after the cursor, the recording goes on with the present screen.
//
// A recorder is a viewer that only looks: it neither sizes the terminal nor paces it. What it cannot take in time it
// gets as the present screen.
//
// Rules of failure:
//
//   - A recording ends when its owner says so, with the terminal's program, with the environment, or at the largest
//     size, which its row tells as an error.
//   - Nothing that happens to a recording touches the session's terminals or files.
//   - An append that fails leaves it open whether the chunk is stored: the recorder begins again from the row.
//   - Events have the time since the recording's start by the database's clock, and never go back.
//
// It imports the domain, backend/agentconn and the wire; backend/session runs it.
package recording

// Package screen follows a terminal's output and knows what it shows: cells with their colours and links, the
// lines that have scrolled away, cursor, modes, title and working directory, on the normal and the alternate
// screen. It draws that for a viewer who comes late, as output that a terminal in its initial state turns into
// the very same screen.
//
// It agrees with xterm.js 6, cell by cell, quirks included, because that is what a viewer who was there from the
// start looks at: the tests compare the two. What a program is told in answer to its queries is not its
// business: it never writes to the program, and what it draws asks nothing.
//
// # Where things are
//
//	Write ─▶ parse.go (bytes to characters and sequences) ─▶ print.go, control.go, csi.go, osc.go ─▶ buffer.go
//	Snapshot ─▶ snapshot.go          Resize ─▶ resize.go          lines above the screen: history.go
//
// # Limits
//
// Memory is bounded: rows take what was written of them, the history has a limit in lines and one in bytes,
// sequences are kept to maxSequence bytes, clusters of characters to maxCluster bytes, and the tables of clusters,
// links and rare attributes are swept. Images (sixel, iTerm2) are no part of the model, nor is what they do to
// the cursor.
//
// A Screen is not safe for use at once.
package screen

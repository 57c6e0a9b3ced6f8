// Package terminal owns the pseudo-terminals of a session. A terminal belongs to the agent: viewers come and
// go, lose their connections or freeze, and nothing changes in it.
//
// # Where bytes travel
//
//	program ─▶ PTY ─▶ pump (one goroutine) ─▶ ring + Screen ─▶ Viewer.Next, one caller each
//	program ◀─ PTY ◀─ Viewer.Input: at once, or through a bounded queue when the program does not read
//
// Output is addressed by its absolute offset in all that the program ever wrote. The ring keeps the newest
// bytes. A viewer pulls: it has a position, and takes what is there up to its window, so that nothing is queued
// for it and a slow one costs nothing. One that has fallen behind the ring's start, or comes late, is brought up to
// the present screen, which package screen draws from a model. A change of size has its place in the output, and is
// told there.
//
// Input is addressed by its offset in all that one client ever sent to the terminal. Bytes that were taken
// already are dropped, a hole is an error, so that a reconnect neither loses nor doubles a keystroke.
//
// # Flow control
//
// The pump is paced by the fastest visible writer: it reads on as long as one of them has room in its window,
// or there is none. A writer that makes no progress while data waits is parked after Config.ParkAfter and
// paces no more until it moves again. For one that is merely slower the pump waits a little before it would lose
// output, on account (maxPatience). Input never waits for output.
//
// A writer whose connection broke (Lose) may come back for what it lacks: the program waits before that would be
// overwritten, for Config.HoldFor at most, less while others look on.
//
// # Life
//
//	Create ─▶ running ─▶ exited (screen and exit status kept) ─▶ closed (forgotten)
//	              └────────────── Close ──────────────────────────────▲
//
// A terminal has exited when its program has been waited for and its output has been read to the end; what
// the program left in the background loses its terminal, as on a hang-up. Incarnations are per start of a
// terminal, so that offsets of a former terminal of the same name never count for a new one.
//
// # Concurrency
//
// All exported methods may be called at once from many goroutines, but for Viewer.Next and Viewer.Wait, which
// belong to one. Locks: Manager.mu may be held while taking Terminal.mu, never the reverse. Each terminal has
// a pump and a waiter goroutine, and a writer only while input is queued; Manager.Run waits for all of them.
package terminal

// Package files keeps a workspace directory and a backend's database equal, from the directory's side. It knows no
// wire; agent/filesrpc speaks for it.
//
//	watch ─hints─▶ Engine.Run ─looks─▶ index (what the disk is) ┐
//	                                                            ├─ differ: dirty ─cut─▶ batches ─▶ backend
//	backend ─committed─▶ base (what both sides have) ───────────┘
//	backend ─Apply, Restore─▶ disk, index and base at once: nothing differs, nothing is echoed
//
// # State, not events
//
// A change is a difference between the index and the base, nothing else. Events only say where to look, so a lost,
// doubled or reordered event costs at most a look. A path is in one batch at a time: what changes while its batch waits
// for the commit becomes the next difference, however often it changed.
//
// # Batches
//
// With no batch waiting, a difference is sent at once. With one waiting, differences gather until it is committed or
// there are enough of them, so that batches grow with the commit's latency and no timer is needed. Batches are kept,
// byte by byte the same, until committed: a replay is recognised by its sequence. A large content is not kept but read
// again when asked for; if it has moved on, its batch and the later ones, none of which can be committed yet, are
// made anew (ErrMovedOn). Deletions wait until no more of them come, for two reasons: a move is known by then, and the
// brake sees an emptied workspace as a whole.
//
// # The base
//
// The base is kept in the state folder as a log, so that a next incarnation can tell an edit made on the disk from
// one made in the database. It may be older than the truth, never newer; that costs a needless conflict, and no work.
//
// # Restores
//
// A workspace that holds nothing is filled: what comes with its content is made in a stage (workspace.Stage), noted in the log
// as intended, moved to the root a name at a time, and made durable, and one line more says that all of it is there. An agent
// that is killed before that line has noted nothing that the disk may lack, and knows what it finds there for the database's.
// Everything else is compared entry by entry (decide), and written one by one.
//
// # Locks
//
// Engine.disk is held by whoever looks at or changes the disk: a scan, an Apply, a Restore. Engine.mu guards the
// state, and is held for moments. disk is taken before mu.
package files

// Package postgres is the one place with SQL: users, sessions, leases, the workspaces' files, their history and
// the feed of changes. It imports the domain, pgx and goose.
//
// # Writes of files
//
// Every write of a workspace, whoever makes it, is one edit: a transaction of two round trips.
//
//	1  BEGIN, lock the workspace's row, read the rows that the edit can touch, lock the contents it names
//	   (in Go: change the tree in memory, note history and conflicts)
//	2  delete and upsert the rows, add contents and history, count, notify, COMMIT
//
// The lock on the workspace's row orders a session's writes, so that revisions are committed in their order and
// the feed has no holes. Nothing else is locked exclusively: sessions do not wait for each other.
//
// # Contents
//
// A content is stored once, by its SHA-256. A writer that is going to refer to one holds it FOR KEY SHARE; the
// collector locks its candidates FOR UPDATE SKIP LOCKED and looks for references in a later statement, so that
// it sees every reference whose writer it did not skip. A session can name a hash only if it has proved to have the content: by its
// history, or an upload of its own. What is there is in the history too, and trimming leaves it, which it checks: so nothing else
// looks for contents in the items.
//
// # Failure rules
//
// Errors are *backend.Error where the code means something to the caller: CodeUnavailable when the server
// cannot be reached or is going down, CodeNotFound for IDs that are none, too. After a lost connection in a commit
// the outcome is unknown; a batch is then replayed by its sequence, and a save repeated by its content.
//
// # Poolers
//
// Everything but the listener and the migrations works through a transaction-pooling proxy: there is no session
// state, and statements need not be prepared by name (Config.ExecMode).
package postgres

// Package session is the life of sessions' environments. A Manager on each replica looks at the sessions that
// want an environment or still have one, takes the lease of each that nobody else has, and drives it with one
// supervisor:
//
//	            wanted                    agent says hello          files are there
//	stopped ─────────────▶ starting ──────────────────▶ restoring ─────────────────▶ ready
//	   ▲                      │ environment ended or unreachable │ (any of the three)    │
//	   │                      └──────────────▶ failed ◀──────────┴───────────────────────┤
//	   └──────────────── stopping ◀── not wanted, deleted, idle, this machine shuts down ┘
//
// Rules of failure:
//
//   - Whoever wants an environment sets sessions.wanted, on any replica; only the lease holder acts on it.
//   - A failed environment is not started again by itself: the reason is shown, and the next use starts anew.
//   - A replica that loses its lease stops touching the session at once; the environment lives on.
//   - Leases are acquired, renewed and released many with one statement, so that thousands pass to other replicas at once.
//   - On a drain leases are released. The local runtime's environments are flushed and stopped besides,
//     since nobody else could reach them.
//   - One replica is elected (a row with an end, like a lease) to look after what belongs to no session: environments
//     that no session claims are stopped, and the runtime's own upkeep is done (backend.Tender). When it dies another
//     one is elected within LeaseTTL.
package session

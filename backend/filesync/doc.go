// Package filesync keeps one session's files equal in the database and in its environment. It owns the
// streams of the agent's FileService; the decisions are elsewhere: the database's in postgres.CommitBatch, the
// disk's in the agent.
//
//	Restore ──▶ pull  agent's batches  ──▶ one transaction each (revision, cursor, epoch) ──▶ committed
//	        └─▶ feed  database's feed  ──▶ where to look ──▶ what is there now ──▶ agent's Apply ──▶ applied revision
//
// It runs under a lease. Rules of failure:
//
//   - The lease is stale: Run ends with CodeStaleLease, at once and without a further word to the agent.
//   - The database is away: the batch waits and is tried again with back-off; terminals go on, and the status
//     says so. The agent keeps what is not committed.
//   - The agent is away: Run ends with CodeUnavailable; the caller finds out why.
//   - The feed no longer reaches back far enough: Run ends with ErrResync, and the caller restores anew.
//   - A single entry cannot be stored: the rest commits, and the entry is reported as rejected.
package filesync

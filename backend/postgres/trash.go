package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

// TrashSession takes a user's session out of sight and stops its environment; RestoreSession brings it back until
// PurgeTrash. CodeNotFound, also the second time.
func (s *Store) TrashSession(ctx context.Context, user backend.UserID, id backend.SessionID) error {
	return s.changeTrash(ctx, user, id, kindWanted, `
		UPDATE sessions SET trashed_at = now(), wanted = false, updated_at = now()
		WHERE id = $1 AND user_id = $2 AND trashed_at IS NULL AND deleted_at IS NULL RETURNING id`, "delete a session")
}

// RestoreSession brings a trashed session back. CodeNotFound for one that is not there, or not deleted.
func (s *Store) RestoreSession(ctx context.Context, user backend.UserID, id backend.SessionID) error {
	return s.changeTrash(ctx, user, id, kindShare, `
		UPDATE sessions SET trashed_at = NULL, updated_at = now()
		WHERE id = $1 AND user_id = $2 AND trashed_at IS NOT NULL AND deleted_at IS NULL RETURNING id`, "bring back a session")
}

// DeleteTrashed purges a trashed session soon. CodeNotFound.
func (s *Store) DeleteTrashed(ctx context.Context, user backend.UserID, id backend.SessionID) error {
	return s.changeTrash(ctx, user, id, kindWanted, `
		UPDATE sessions SET deleted_at = now(), updated_at = now()
		WHERE id = $1 AND user_id = $2 AND trashed_at IS NOT NULL AND deleted_at IS NULL RETURNING id`, "delete a session for good")
}

// DeleteSession marks a user's session deleted, so that its environment is stopped and then all of it purged.
// CodeNotFound, also the second time.
func (s *Store) DeleteSession(ctx context.Context, user backend.UserID, id backend.SessionID) error {
	return s.changeTrash(ctx, user, id, kindWanted, `
		UPDATE sessions SET deleted_at = now(), wanted = false, updated_at = now()
		WHERE id = $1 AND user_id = $2 AND deleted_at IS NULL RETURNING id`, "delete a session")
}

// changeTrash runs a change of one session, $1, of user $2, and tells of it.
func (s *Store) changeTrash(ctx context.Context, user backend.UserID, id backend.SessionID, k kind, change, what string) error {
	if !isUUID(string(id)) || !isUUID(string(user)) {
		return noSession()
	}
	tag, err := s.pool.Exec(ctx, `WITH changed AS (`+change+`) SELECT pg_notify($3, $4) FROM changed`,
		string(id), string(user), channel, notification{Session: id, User: user, Kind: k}.String())
	if err == nil && tag.RowsAffected() == 0 {
		return noSession()
	}
	return wrap(err, what)
}

// maxTrash is how many trashed sessions are listed.
const maxTrash = 1000

// TrashedSessions lists a user's sessions that can be brought back, the last deleted first.
func (s *Store) TrashedSessions(ctx context.Context, user backend.UserID) ([]backend.Session, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+sessionColumns+` FROM sessions s
		WHERE s.user_id = $1 AND s.trashed_at IS NOT NULL AND s.deleted_at IS NULL ORDER BY s.trashed_at DESC, s.id LIMIT $2`, string(user), maxTrash)
	if err != nil {
		return nil, wrap(err, "list deleted sessions")
	}
	sessions, err := pgx.CollectRows(rows, collectSession)
	return sessions, wrap(err, "list deleted sessions")
}

// PurgeTrash gives up the sessions that were trashed longer than age ago, and returns how many.
func (s *Store) PurgeTrash(ctx context.Context, age time.Duration) (int64, error) {
	// The reconciliation finds them.
	tag, err := s.pool.Exec(ctx, `
		UPDATE sessions SET deleted_at = now(), updated_at = now()
		WHERE trashed_at < now() - $1::bigint * interval '1 microsecond' AND deleted_at IS NULL`, micros(age))
	return tag.RowsAffected(), wrap(err, "purge deleted sessions")
}

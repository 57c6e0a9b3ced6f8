package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

// OpenConflicts lists the conflicts that nobody has looked at, the oldest first.
func (s *Store) OpenConflicts(ctx context.Context, id backend.SessionID) ([]backend.Conflict, error) {
	if !isUUID(string(id)) {
		return nil, noSession()
	}
	rows, err := s.pool.Query(ctx, `
		SELECT path, coalesce(versions_path, path), revision, other_revision, base_revision FROM workspace_conflicts
		WHERE session_id = $1 AND resolved_at IS NULL ORDER BY id`, string(id))
	if err != nil {
		return nil, wrap(err, "list conflicts")
	}
	conflicts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c backend.Conflict, err error) {
		err = row.Scan(&c.Path, &c.VersionsPath, &c.Revision, &c.OtherRevision, &c.BaseRevision)
		return c, err
	})
	return conflicts, wrap(err, "list conflicts")
}

// ResolveConflict notes that somebody has looked at the conflicts of a path. None is no error.
func (s *Store) ResolveConflict(ctx context.Context, id backend.SessionID, path string) error {
	if !isUUID(string(id)) {
		return noSession()
	}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, resolveConflicts, string(id), path)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		_, err = tx.Exec(ctx, `SELECT pg_notify($1, $2)`, channel, payload(id, 0, kindConflict))
		return err
	})
	return wrap(err, "resolve a conflict")
}

const resolveConflicts = `UPDATE workspace_conflicts SET resolved_at = now() WHERE session_id = $1 AND path = $2 AND resolved_at IS NULL`

// moveConflicts has open conflicts follow what is moved from $2 to $3.
const moveConflicts = `UPDATE workspace_conflicts SET versions_path = coalesce(versions_path, path), path = $3 || substr(path, length($2) + 1)
	WHERE session_id = $1 AND resolved_at IS NULL AND (path = $2 OR starts_with(path, $2 || '/'))`

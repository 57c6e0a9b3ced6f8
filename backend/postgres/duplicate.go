package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

// DuplicateSession makes a session of the user's with the saved files of another of theirs, as of one moment; the
// history does not come along. left counts what is not saved and so not copied. CodeNotFound.
func (s *Store) DuplicateSession(ctx context.Context, user backend.UserID, source backend.SessionID, name string) (session backend.Session, left int, err error) {
	if !isUUID(string(source)) || !isUUID(string(user)) {
		return session, 0, noSession()
	}
	id := backend.SessionID(uuid.NewString())
	var items []*node
	var want plan
	want.first = func(b *pgx.Batch) {
		// Writers lock this row too, so that what follows reads one moment, and the contents stay while this lasts.
		b.Queue(`SELECT 1 FROM workspaces w JOIN sessions s ON s.id = w.session_id
			WHERE s.id = $1 AND s.user_id = $2 AND s.trashed_at IS NULL AND s.deleted_at IS NULL FOR UPDATE OF w`, string(source), string(user)).
			QueryRow(func(row pgx.Row) error { return row.Scan(new(int)) })
		b.Queue(`SELECT `+nodeColumns+` FROM workspace_items i WHERE i.session_id = $1`, string(source)).Query(func(rows pgx.Rows) (err error) {
			items, err = pgx.CollectRows(rows, scanNode)
			return err
		})
		b.Queue(`INSERT INTO sessions (id, user_id, name) VALUES ($1, $2, $3)`, string(id), string(user), name)
		b.Queue(`INSERT INTO workspaces (session_id) VALUES ($1)`, string(id))
		b.Queue(`SELECT pg_notify($1, $2)`, channel, accountPayload(user, kindAccount))
	}
	e, err := s.begin(ctx, id, want)
	if errors.Is(err, pgx.ErrNoRows) {
		return session, 0, noSession()
	}
	if err != nil {
		return session, 0, wrap(err, "duplicate a session")
	}
	defer e.close(ctx)
	e.user, e.source = user, backend.SourceAPI
	if err := e.reserve(ctx, len(items)); err != nil {
		return session, 0, err
	}
	slices.SortFunc(items, func(a, b *node) int { return strings.Compare(a.Path, b.Path) })
	for _, n := range items {
		if n.Unsaved != backend.Saved || n.Type == backend.TypeSpecial || e.parent(n.Path) == nil {
			left++
			continue
		}
		if n.Hash != (backend.Hash{}) {
			e.blobs[n.Hash] = blobState{size: n.Size, ours: true}
		}
		e.put(n.Item, e.source)
	}
	if err := e.commit(ctx); err != nil {
		return session, 0, wrap(err, "duplicate a session")
	}
	session, err = s.Session(ctx, user, id)
	return session, left, err
}

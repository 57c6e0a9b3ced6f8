package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

const changeColumns = `h.op, h.from_path, h.path, h.type, h.mode, h.size, h.mtime_ns, h.content_hash, h.link_target, h.unsaved_reason,
	h.revision, h.created_at, h.source, h.previous_hash, h.previous_type`

func scanChange(row pgx.CollectableRow) (backend.Change, error) { return scanChangeAnd(row) }

func scanChangeAnd(row pgx.Row, more ...any) (c backend.Change, err error) {
	var hash, previous []byte
	var mtime int64
	err = row.Scan(append([]any{
		&c.Op, &c.From, &c.Path, &c.Type, &c.Mode, &c.Size, &mtime, &hash, &c.LinkTarget, &c.Unsaved,
		&c.Revision, &c.UpdatedAt, &c.Source, &previous, &c.PreviousType,
	}, more...)...)
	c.ModTime, c.Hash, c.Previous = time.Unix(0, mtime).UTC(), toHash(hash), toHash(previous)
	return c, err
}

// ChangesSince returns the changes after revision in their order, whole revisions only, about limit of them and those of
// one revision at least; the last revision that they reach; and false when the history does not reach back that far.
// CodeNotFound.
func (s *Store) ChangesSince(ctx context.Context, id backend.SessionID, revision int64, limit int) (changes []backend.Change, last int64, reaches bool, err error) {
	if !isUUID(string(id)) {
		return nil, 0, false, noSession()
	}
	// One snapshot for all three.
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		changes, last, reaches = nil, 0, false
		b := &pgx.Batch{}
		var present, floor int64
		found := false
		b.Queue(`SELECT revision, history_floor FROM workspaces WHERE session_id = $1`, string(id)).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				found = true
				if err := rows.Scan(&present, &floor); err != nil {
					return err
				}
			}
			return rows.Err()
		})
		// One more than wanted tells whether the last revision is whole.
		b.Queue(`SELECT `+changeColumns+` FROM workspace_history h WHERE h.session_id = $1 AND h.revision > $2
			ORDER BY h.revision, h.n LIMIT $3`, string(id), revision, limit+1).Query(func(rows pgx.Rows) (err error) {
			changes, err = pgx.CollectRows(rows, scanChange)
			return err
		})
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
		if !found {
			return noSession()
		}
		last, reaches = present, revision >= floor && revision <= present
		if !reaches || len(changes) <= limit {
			return nil
		}
		cut := changes[limit].Revision
		keep := limit
		for keep > 0 && changes[keep-1].Revision == cut {
			keep--
		}
		if keep > 0 {
			changes, last = changes[:keep], changes[keep-1].Revision
			return nil
		}
		rows, err := tx.Query(ctx, `SELECT `+changeColumns+` FROM workspace_history h WHERE h.session_id = $1 AND h.revision = $2 ORDER BY h.n`, string(id), cut)
		if err != nil {
			return err
		}
		last = cut
		changes, err = pgx.CollectRows(rows, scanChange)
		return err
	})
	if err != nil {
		return nil, 0, false, wrap(err, "read the change feed")
	}
	if !reaches {
		changes = nil
	}
	return changes, last, reaches, nil
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

const (
	// collectAge is how long a content is left alone that nothing refers to: its writer may be about to.
	collectAge   = "1 hour"
	collectBatch = 500
)

// TrimHistory drops versions that were superseded or deleted longer than age ago, but for the newest keep of what is still
// there and those that an open conflict is about, and returns how many. Every moment within age can still be restored
// whole, and the feed reaches back to it. A session whose history would no longer have all contents of its tree is left alone,
// and told in the error. CodeUnavailable.
func (s *Store) TrimHistory(ctx context.Context, age time.Duration, keep int) (int64, error) {
	rows, err := s.pool.Query(ctx, `SELECT DISTINCT session_id::text FROM workspace_history
		WHERE created_at < now() - $1::bigint * interval '1 microsecond'`, micros(age))
	if err != nil {
		return 0, wrap(err, "trim the history")
	}
	sessions, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, wrap(err, "trim the history")
	}
	var dropped int64
	var kept error
	for _, session := range sessions {
		n, err := s.trimSession(ctx, backend.SessionID(session), age, keep)
		dropped += n
		switch {
		case errors.Is(err, errLosing): // the others are trimmed all the same
			kept = errors.Join(kept, fmt.Errorf("session %s: %w", session, err))
		case err != nil:
			return dropped, wrap(errors.Join(kept, err), "trim the history")
		}
	}
	return dropped, wrap(kept, "trim the history")
}

// errLosing is of a history that does not have what is in the tree.
var errLosing = errors.New("nothing is dropped: the history that is left would not have the contents of all files that are there")

func (s *Store) trimSession(ctx context.Context, id backend.SessionID, age time.Duration, keep int) (dropped int64, err error) {
	var horizon time.Time
	// What has ended stays ended, whatever is written meanwhile: no lock is needed to look.
	if err := s.pool.QueryRow(ctx, `SELECT now() - $1::bigint * interval '1 microsecond'`, micros(age)).Scan(&horizon); err != nil {
		return 0, err
	}
	past, err := s.replayTo(ctx, s.pool, id, math.MaxInt64, true)
	if err != nil {
		return 0, err
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// The row lock orders this with the writers, who read the floor and may note a conflict.
		if _, err := tx.Exec(ctx, `SELECT FROM workspaces WHERE session_id = $1 FOR UPDATE`, string(id)); err != nil {
			return err
		}
		named, err := conflicting(ctx, tx, id)
		if err != nil {
			return err
		}
		old, floor := past.old(horizon, keep, named)
		if len(old) == 0 {
			return nil
		}
		revisions, places := make([]int64, len(old)), make([]int64, len(old))
		for i, row := range old {
			revisions[i], places[i] = row.Revision, int64(row.n)
		}
		if _, err := tx.Exec(ctx, `UPDATE workspaces SET history_floor = greatest(history_floor, $2) WHERE session_id = $1`, string(id), floor); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `DELETE FROM workspace_history h USING unnest($2::bigint[], $3::bigint[]) AS o (revision, n)
			WHERE h.session_id = $1 AND h.revision = o.revision AND h.n = o.n RETURNING h.content_hash`, string(id), revisions, places)
		if err != nil {
			return err
		}
		hashes, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
		if err != nil {
			return err
		}
		// The history alone keeps contents from being collected: what it says of the present must be the tree.
		var lost int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM workspace_items i WHERE i.session_id = $1 AND i.content_hash = ANY($2::bytea[])
			AND NOT EXISTS (SELECT FROM workspace_history h WHERE h.content_hash = i.content_hash AND h.session_id = $1)`,
			string(id), hashes).Scan(&lost); err != nil {
			return err
		}
		if lost > 0 {
			return fmt.Errorf("%w (%d)", errLosing, lost)
		}
		dropped = int64(len(hashes))
		return nil
	})
	return dropped, err
}

// conflicting are the revisions that the session's open conflicts name.
func conflicting(ctx context.Context, tx querier, id backend.SessionID) ([]int64, error) {
	rows, err := tx.Query(ctx, `SELECT DISTINCT r FROM workspace_conflicts c, LATERAL unnest(ARRAY[c.revision, c.other_revision, c.base_revision]) AS r
		WHERE c.session_id = $1 AND c.resolved_at IS NULL`, string(id))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// CollectBlobs deletes contents that nothing has referred to for an hour, and chunks of uploads that never ended; it
// returns how many contents went.
func (s *Store) CollectBlobs(ctx context.Context) (int64, error) {
	if _, err := s.pool.Exec(ctx, `DELETE FROM blob_uploads WHERE at < now() - interval '`+collectAge+`'`); err != nil {
		return 0, wrap(err, "collect contents")
	}
	var total int64
	for {
		n, candidates, err := s.collectBatch(ctx)
		total += n
		if err != nil || candidates < collectBatch || n == 0 {
			if err == nil {
				err = s.collectChunks(ctx)
			}
			return total, wrap(err, "collect contents")
		}
	}
}

const unreferenced = `
	NOT EXISTS (SELECT FROM workspace_history h WHERE h.content_hash = b.hash)
	AND NOT EXISTS (SELECT FROM blob_uploads u WHERE u.hash = b.hash)`

// collectBatch locks candidates, and looks again in a later statement, which sees what the writers that it did not skip
// have committed.
func (s *Store) collectBatch(ctx context.Context) (deleted int64, candidates int, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT b.hash FROM blobs b WHERE b.touched_at < now() - interval '`+collectAge+`' AND `+unreferenced+`
			ORDER BY b.hash LIMIT $1 FOR UPDATE SKIP LOCKED`, collectBatch)
		if err != nil {
			return err
		}
		hashes, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
		if err != nil || len(hashes) == 0 {
			return err
		}
		candidates = len(hashes)
		return tx.QueryRow(ctx, `
			WITH gone AS (DELETE FROM blobs b WHERE b.hash = ANY($1::bytea[]) AND `+unreferenced+` RETURNING chunks_id),
			pieces AS (DELETE FROM blob_pieces c USING gone g WHERE c.chunks_id = g.chunks_id)
			SELECT count(*) FROM gone`, hashes).Scan(&deleted)
	})
	return deleted, candidates, err
}

const unnamed = `NOT EXISTS (SELECT FROM blobs b WHERE b.chunks_id = c.chunks_id)`

// collectChunks deletes chunks that no content has ever named. It locks the first piece of each, which an upload that ends
// holds, and looks again in a later statement.
func (s *Store) collectChunks(ctx context.Context) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT c.chunks_id::text FROM blob_pieces c WHERE c.n = 0 AND c.created_at < now() - interval '1 day' AND `+unnamed+`
			FOR UPDATE SKIP LOCKED`)
		if err != nil {
			return err
		}
		lost, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(lost) == 0 {
			return err
		}
		_, err = tx.Exec(ctx, `DELETE FROM blob_pieces c WHERE c.chunks_id = ANY($1::uuid[]) AND `+unnamed, lost)
		return err
	})
}

package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// collectAge is how long a content is left alone that nothing refers to: its writer may be about to.
	collectAge   = "1 hour"
	collectBatch = 500
)

// TrimHistory drops versions that are older than age and not among the newest keep of their path, nor the one that is
// present, and returns how many. The feed reaches back to the newest revision that lost a row. CodeUnavailable.
func (s *Store) TrimHistory(ctx context.Context, age time.Duration, keep int) (int64, error) {
	var dropped int64
	// The row locks on the workspaces order this with the writers, who read the floor.
	err := s.pool.QueryRow(ctx, `
		WITH ranked AS (
			SELECT h.session_id, h.revision, h.n, h.created_at,
				row_number() OVER (PARTITION BY h.session_id, h.path ORDER BY h.revision DESC, h.n DESC) AS place
			FROM workspace_history h
			WHERE h.session_id IN (
				SELECT DISTINCT session_id FROM workspace_history WHERE created_at < now() - $1::bigint * interval '1 microsecond')),
		old AS (
			SELECT session_id, revision, n FROM ranked
			WHERE place > greatest($2, 1) AND created_at < now() - $1::bigint * interval '1 microsecond'),
		floors AS (
			UPDATE workspaces w SET history_floor = greatest(w.history_floor, o.revision)
			FROM (SELECT session_id, max(revision) AS revision FROM old GROUP BY session_id) o
			WHERE w.session_id = o.session_id RETURNING w.session_id),
		dropped AS (
			DELETE FROM workspace_history h USING old o, floors f
			WHERE h.session_id = o.session_id AND h.revision = o.revision AND h.n = o.n AND f.session_id = o.session_id
			RETURNING 1)
		SELECT count(*) FROM dropped`, micros(age), keep).Scan(&dropped)
	return dropped, wrap(err, "trim the history")
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
	NOT EXISTS (SELECT FROM workspace_items i WHERE i.content_hash = b.hash)
	AND NOT EXISTS (SELECT FROM workspace_history h WHERE h.content_hash = b.hash)
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
			chunks AS (DELETE FROM blob_chunks c USING gone g WHERE c.chunks_id = g.chunks_id)
			SELECT count(*) FROM gone`, hashes).Scan(&deleted)
	})
	return deleted, candidates, err
}

// collectChunks deletes chunks that no content has ever named.
func (s *Store) collectChunks(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, `
		DELETE FROM blob_chunks c USING (
			SELECT f.chunks_id FROM blob_chunks f
			WHERE f.n = 0 AND f.created_at < now() - interval '1 day' AND NOT EXISTS (SELECT FROM blobs b WHERE b.chunks_id = f.chunks_id)) lost
		WHERE c.chunks_id = lost.chunks_id`)
	return err
}

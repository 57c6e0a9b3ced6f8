package postgres

import (
	"context"
	"crypto/sha256"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"

	"codingplatform/backend"
)

// ifStored is revision $2, or NULL, which the row does not take, unless each of the contents $12 is there and will not be
// collected before the transaction ends. It is looked at by the statement before COMMIT: a server that has taken over
// since, or has lost what was not flushed, may not have them, nor one to which the batch comes an hour late.
const ifStored = `CASE WHEN (SELECT count(*) FROM unnest($12::bytea[]) AS u (hash) CROSS JOIN LATERAL
	(SELECT FROM blobs b WHERE b.hash = u.hash AND b.touched_at > clock_timestamp() - interval '` + collectAge + `' / 2 LIMIT 1) AS b)
	= cardinality($12::bytea[]) THEN $2::bigint END`

// StoreAhead stores the contents that come with a large batch while batches before it are committed: nothing refers to
// them yet, so that this needs no order and no lease, and what the batch in the end does not need is collected. Those that
// are stored are marked. An error changes nothing: CommitBatch stores what is not marked.
func (s *Store) StoreAhead(ctx context.Context, batch backend.Batch) error {
	at := make(map[backend.Hash]int, len(batch.Entries))
	size := 0
	for i := range batch.Entries {
		e := &batch.Entries[i]
		if e.Op != backend.OpPut || e.Type != backend.TypeFile || e.Unsaved != backend.Saved || e.Unchanged || !e.HasContent ||
			len(e.Content) > inlineBytes || sha256.Sum256(e.Content) != e.Hash {
			continue
		}
		if _, twice := at[e.Hash]; !twice {
			at[e.Hash] = i
			size += len(e.Hash) + len(e.Content) + columnBytes*2
		}
	}
	if len(at) < copyRows {
		return nil
	}
	hashes := make([]backend.Hash, 0, len(at))
	for hash := range at {
		hashes = append(hashes, hash)
	}
	// One order for all writers: no deadlock.
	slices.SortFunc(hashes, func(a, b backend.Hash) int { return slices.Compare(a[:], b[:]) })
	rows := newRows(size)
	for i := range hashes {
		rows.blob(&hashes[i], batch.Entries[at[hashes[i]]].Content)
	}
	err := s.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error { return rows.send(ctx, conn, copyBlobs) })
	if err != nil {
		return wrap(err, "store contents ahead")
	}
	for _, i := range at {
		batch.Entries[i].Stored = true
	}
	return nil
}

// forgetStored has all contents of a batch stored by its commit, and says whether any was not to be.
func forgetStored(batch *backend.Batch) bool {
	if !slices.ContainsFunc(batch.Entries, func(e backend.BatchEntry) bool { return e.Stored }) {
		return false
	}
	batch.Entries = slices.Clone(batch.Entries)
	for i := range batch.Entries {
		batch.Entries[i].Stored = false
	}
	return true
}

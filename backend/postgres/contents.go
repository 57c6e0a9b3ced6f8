package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

const (
	// contentsFiles and contentsBytes bound what is read at once.
	contentsFiles = 256
	contentsBytes = 8 << 20
)

// Contents reads the contents of saved files of a session, in their order, and passes them on in batches. contents[i] is
// that of items[i]; nil: it is gone. Each is passed on before the next batch is kept, so that two are in memory at most.
func (s *Store) Contents(ctx context.Context, items []backend.Item, each func(items []backend.Item, contents [][]byte) error) error {
	for len(items) > 0 {
		n, bytes := 0, int64(0)
		for n < len(items) && n < contentsFiles && (n == 0 || bytes+items[n].Size <= contentsBytes) {
			bytes += items[n].Size
			n++
		}
		contents, err := s.contents(ctx, items[:n])
		if err != nil {
			return wrap(err, "read contents")
		}
		if err := each(items[:n], contents); err != nil {
			return err
		}
		items = items[n:]
	}
	return nil
}

func (s *Store) contents(ctx context.Context, items []backend.Item) ([][]byte, error) {
	hashes := make([]backend.Hash, 0, len(items))
	for _, i := range items {
		hashes = append(hashes, i.Hash)
	}
	rows, err := s.pool.Query(ctx, `SELECT b.hash, b.size, CASE WHEN b.chunks_id IS NULL THEN b.data ELSE
			(SELECT string_agg(c.data, ''::bytea ORDER BY c.n) FROM blob_chunks c WHERE c.chunks_id = b.chunks_id) END
		FROM blobs b WHERE b.hash = ANY($1::bytea[])`, hashBytes(hashes))
	if err != nil {
		return nil, err
	}
	found := make(map[backend.Hash][]byte, len(items))
	var hash, data []byte
	var size int64
	_, err = pgx.ForEachRow(rows, []any{&hash, &size, &data}, func() error {
		if data == nil {
			data = []byte{}
		}
		found[toHash(hash)] = data
		data = nil
		return nil
	})
	contents := make([][]byte, len(items))
	for i := range items {
		contents[i] = found[items[i].Hash]
	}
	return contents, err
}

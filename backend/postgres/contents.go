package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

const (
	// contentsFiles and contentsBytes bound what is read at once.
	contentsFiles = 1024
	contentsBytes = 8 << 20
)

// Contents reads the contents of saved files of a session, in their order, and passes them on in batches. contents[i] is
// that of items[i]; nil: it is gone. A batch is read while the one before is passed on, so that two are in memory at most.
func (s *Store) Contents(ctx context.Context, items []backend.Item, each func(items []backend.Item, contents [][]byte) error) error {
	if len(items) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	next := s.readPart(ctx, items)
	defer func() {
		cancel()
		if next != nil {
			<-next
		}
	}()
	for next != nil {
		p := <-next
		next = nil
		if p.err != nil {
			return wrap(p.err, "read contents")
		}
		if items = items[len(p.items):]; len(items) > 0 {
			next = s.readPart(ctx, items)
		}
		if err := each(p.items, p.contents); err != nil {
			return err
		}
	}
	return nil
}

// part is what is read at once.
type part struct {
	items    []backend.Item
	contents [][]byte
	err      error
}

// readPart has the first of items read.
func (s *Store) readPart(ctx context.Context, items []backend.Item) <-chan part {
	n, bytes := 0, int64(0)
	for n < len(items) && n < contentsFiles && (n == 0 || bytes+items[n].Size <= contentsBytes) {
		bytes += items[n].Size
		n++
	}
	read := make(chan part, 1)
	go func() {
		contents, err := s.contents(ctx, items[:n])
		read <- part{items[:n], contents, err}
	}()
	return read
}

func (s *Store) contents(ctx context.Context, items []backend.Item) ([][]byte, error) {
	hashes := make([]backend.Hash, 0, len(items))
	for _, i := range items {
		hashes = append(hashes, i.Hash)
	}
	rows, err := s.pool.Query(ctx, `SELECT b.hash, b.size, CASE WHEN b.chunks_id IS NULL THEN b.data ELSE
			(SELECT string_agg(c.data, ''::bytea ORDER BY c.n) FROM blob_pieces c WHERE c.chunks_id = b.chunks_id) END
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

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"codingplatform/backend"
)

const (
	// inlineBytes is the largest content in one row.
	inlineBytes = 256 << 10
	// A larger content is stored and read in chunks, and a chunk is rows of pieceBytes, of which two fill a page.
	chunkBytes  = 1 << 20
	pieceBytes  = 4000
	chunkPieces = (chunkBytes + pieceBytes - 1) / pieceBytes
)

const insertChunk = `INSERT INTO blob_pieces (chunks_id, n, data)
	SELECT $1::uuid, $2::integer + u.i - 1, u.data FROM unnest($3::bytea[]) WITH ORDINALITY AS u (data, i)`

// pieces are the rows of a chunk.
func pieces(chunk []byte) [][]byte { return slices.Collect(slices.Chunk(chunk, pieceBytes)) }

// theirs is the proof that session $2 has content b. These are look-ups in an index also while the server's statistics
// have not followed a session's growth: an EXISTS would then be answered from a table of all that the session has.
const theirs = `COALESCE((SELECT true FROM workspace_history h WHERE h.content_hash = b.hash AND h.session_id = $2 LIMIT 1),
	(SELECT true FROM blob_uploads u WHERE u.hash = b.hash AND u.session_id = $2 LIMIT 1), false)`

// BlobSize returns the size in bytes of a content that the session refers to, now or in its history. CodeNotFound for all others.
func (s *Store) BlobSize(ctx context.Context, session backend.SessionID, hash backend.Hash) (int64, error) {
	if !isUUID(string(session)) {
		return 0, noSession()
	}
	var size int64
	err := s.pool.QueryRow(ctx, `SELECT b.size FROM blobs b WHERE b.hash = $1 AND `+theirs, hash[:], string(session)).Scan(&size)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, noBlob()
	}
	return size, wrap(err, "find a content")
}

// CopyBlob writes a content that the session refers to. CodeNotFound for all others; then nothing has been written. No
// connection is held while w takes its time.
func (s *Store) CopyBlob(ctx context.Context, session backend.SessionID, hash backend.Hash, w io.Writer) error {
	r, err := s.BlobReader(ctx, session, hash)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return err
}

// BlobReader reads a content that the session refers to, a chunk of 1 MiB at a time. CodeNotFound for all others. It needs
// no closing and holds nothing.
func (s *Store) BlobReader(ctx context.Context, session backend.SessionID, hash backend.Hash) (*BlobContent, error) {
	if !isUUID(string(session)) {
		return nil, noSession()
	}
	r := &BlobContent{ctx: ctx, store: s}
	err := s.pool.QueryRow(ctx, `SELECT b.size, b.data, b.chunks_id::text FROM blobs b WHERE b.hash = $1 AND `+theirs, hash[:], string(session)).
		Scan(&r.Size, &r.data, &r.chunks)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, noBlob()
	}
	if err != nil {
		return nil, wrap(err, "read a content")
	}
	return r, nil
}

// BlobContent reads a content. It is an io.WriterTo too, for copies without a buffer.
type BlobContent struct {
	// Size in bytes.
	Size int64

	ctx    context.Context //nolint:containedctx // io.Reader has no room for it; the reader lives for one call
	store  *Store
	chunks *string
	next   int64
	data   []byte
	read   int64
	// within is how much of the next chunk comes before what is wanted.
	within int
}

// Skip leaves out the next n bytes, or all that are left. Chunks that lie wholly within them are not read.
func (r *BlobContent) Skip(n int64) {
	n = min(n, r.Size-r.read)
	r.read += n
	if r.chunks == nil || n < int64(len(r.data)) {
		r.data = r.data[min(n, int64(len(r.data))):]
		return
	}
	// All chunks but the last are of the same size.
	r.data, r.next, r.within = nil, r.read/chunkBytes, int(r.read%chunkBytes)
}

// Read implements io.Reader.
func (r *BlobContent) Read(p []byte) (int, error) {
	if err := r.fill(); err != nil {
		return 0, err
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	r.read += int64(n)
	return n, nil
}

// WriteTo implements io.WriterTo.
func (r *BlobContent) WriteTo(w io.Writer) (total int64, err error) {
	for {
		if err := r.fill(); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return total, err
		}
		n, err := w.Write(r.data)
		total += int64(n)
		r.read += int64(n)
		r.data = r.data[n:]
		if err != nil {
			return total, fmt.Errorf("copy a content: %w", err)
		}
	}
}

// fill makes sure that there is data, or returns io.EOF.
func (r *BlobContent) fill() error {
	for len(r.data) == 0 {
		if r.read >= r.Size {
			return io.EOF
		}
		if r.chunks == nil {
			return fmt.Errorf("a content ends after %d of %d bytes: %w", r.read, r.Size, io.ErrUnexpectedEOF)
		}
		if err := r.readChunk(); err != nil {
			return wrap(err, "read a content")
		}
		r.next++
		r.data, r.within = r.data[r.within:], 0
	}
	return nil
}

// readChunk reads the next chunk into data.
func (r *BlobContent) readChunk() error {
	first := r.next * chunkPieces
	rows, err := r.store.pool.Query(r.ctx, `SELECT data FROM blob_pieces WHERE chunks_id = $1::uuid AND n >= $2 AND n < $3 ORDER BY n`,
		*r.chunks, first, first+chunkPieces)
	if err != nil {
		return err
	}
	size := min(r.Size-r.next*chunkBytes, chunkBytes)
	chunk := make([]byte, 0, size)
	var piece pgtype.DriverBytes
	_, err = pgx.ForEachRow(rows, []any{&piece}, func() error {
		chunk = append(chunk, piece...)
		return nil
	})
	if err == nil && int64(len(chunk)) != size {
		err = fmt.Errorf("chunk %d of a content has %d bytes and not %d: %w", r.next, len(chunk), size, io.ErrUnexpectedEOF)
	}
	r.data = chunk
	return err
}

func noBlob() error {
	return backend.Errorf(backend.CodeNotFound, "the session has no such content")
}

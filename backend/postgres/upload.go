package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"codingplatform/backend"
)

// HasBlobs returns those hashes whose content the session cannot name: it is not stored, or the session has not proved
// to have it.
func (s *Store) HasBlobs(ctx context.Context, session backend.SessionID, hashes []backend.Hash) (missing []backend.Hash, err error) {
	if !isUUID(string(session)) {
		return nil, noSession()
	}
	rows, err := s.pool.Query(ctx, `SELECT b.hash FROM blobs b WHERE b.hash = ANY($1::bytea[]) AND `+theirs, hashBytes(hashes), string(session))
	if err != nil {
		return nil, wrap(err, "look for contents")
	}
	had, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return nil, wrap(err, "look for contents")
	}
	known := make(map[backend.Hash]bool, len(had))
	for _, h := range had {
		known[toHash(h)] = true
	}
	return slices.DeleteFunc(slices.Clone(hashes), func(h backend.Hash) bool { return known[h] }), nil
}

// PutBlob stores size bytes of r if their SHA-256 is hash, and notes that the session has them. It is read to its end even
// when the content is stored already: that is the proof. No transaction is open while r is slow, and twice partChunks MiB are
// held in memory: one part is stored while the next is read.
//
// CodeInvalid: other bytes than announced; nothing is stored. CodeStaleLease: the lease is another's.
func (s *Store) PutBlob(ctx context.Context, lease backend.Lease, hash backend.Hash, size int64, r io.Reader) (err error) {
	if size < 0 {
		return backend.Errorf(backend.CodeInvalid, "a content has no negative size")
	}
	if err := s.checkLease(ctx, lease); err != nil {
		return err
	}
	up := upload{store: s, lease: lease, hash: hash, size: size}
	defer func() {
		if err != nil && up.chunks != uuid.Nil {
			// Without this the collector would find them later.
			_, derr := s.pool.Exec(context.WithoutCancel(ctx), `DELETE FROM blob_pieces WHERE chunks_id = $1::uuid`, up.chunks.String())
			err = errors.Join(err, wrap(derr, "remove the chunks of a failed upload"))
		}
	}()
	if err := up.read(ctx, r); err != nil {
		return err
	}
	if up.rows != nil {
		s.buffers.done(up.rows)
	}
	return wrap(up.finish(ctx), "store a content")
}

func (s *Store) checkLease(ctx context.Context, lease backend.Lease) error {
	var held bool
	err := s.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM workspaces WHERE session_id = $1 AND lease_epoch = $2 AND lease_holder = $3)`,
		string(lease.SessionID), lease.Epoch, lease.Holder).Scan(&held)
	if err == nil && !held {
		return staleLease()
	}
	return wrap(err, "check a lease")
}

// partChunks is how many chunks are stored with one transaction.
const partChunks = 2

type upload struct {
	store  *Store
	lease  backend.Lease
	hash   backend.Hash
	size   int64
	inline []byte
	chunks uuid.UUID
	// count is how many pieces there are.
	count int32
	// stored tells how the last part went; nil: there is none.
	stored chan error
	// rows are those of the part that is being stored. A new buffer for each would be as much garbage as the content.
	rows *binaryRows
}

func (u *upload) read(ctx context.Context, r io.Reader) (err error) {
	defer func() { err = errors.Join(err, u.wait()) }()
	sum := sha256.New()
	// One byte more than announced shows that there is too much.
	r = io.TeeReader(io.LimitReader(r, u.size+1), sum)
	buf, other := make([]byte, min(u.size+1, partChunks*chunkBytes)), []byte(nil)
	var total int64
	for {
		n, err := io.ReadFull(r, buf)
		total += int64(n)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return wrap(err, "read a content that is sent")
		}
		if total > u.size || last && total < u.size {
			return backend.Errorf(backend.CodeInvalid, "the content does not have the %d bytes that were announced", u.size)
		}
		if u.size <= inlineBytes {
			u.inline = append(u.inline, buf[:n]...)
		} else if n > 0 {
			if err := u.wait(); err != nil {
				return err
			}
			u.storePart(ctx, buf[:n])
			if other == nil {
				other = make([]byte, len(buf))
			}
			buf, other = other, buf
		}
		if last {
			break
		}
	}
	if backend.Hash(sum.Sum(nil)) != u.hash {
		return backend.Errorf(backend.CodeInvalid, "the content does not have the SHA-256 that was announced")
	}
	return nil
}

// storePart has the next chunks stored while something else is done, once the last ones are. Their transaction need not be
// durable: that of finish is, and looks for the last of them.
func (u *upload) storePart(ctx context.Context, part []byte) {
	if u.chunks == uuid.Nil {
		u.chunks = uuid.New()
	}
	if u.rows == nil {
		u.rows = u.store.buffers.rows(len(part) + partChunks*chunkPieces*3*columnBytes)
	} else {
		u.rows.reset()
	}
	r := u.rows
	for chunk := range slices.Chunk(part, chunkBytes) {
		for piece := range slices.Chunk(chunk, pieceBytes) {
			r.row(3)
			r.bytes(u.chunks[:])
			r.int32(u.count)
			r.content(piece)
			u.count++
		}
	}
	r.end()
	stored := make(chan error, 1)
	u.stored = stored
	go func() {
		stored <- wrap(u.store.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error { // one with an open transaction is not used again
			b := &pgx.Batch{}
			b.Queue(`BEGIN`)
			b.Queue(`SET LOCAL synchronous_commit = off`)
			if err := conn.SendBatch(ctx, b).Close(); err != nil {
				return err
			}
			if _, err := conn.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(r.buf), copyPieces); err != nil {
				return err
			}
			_, err := conn.Exec(ctx, `COMMIT`)
			return err
		}), "store a part of a content")
	}()
}

// wait until the last part is stored, or is known not to be.
func (u *upload) wait() error {
	if u.stored == nil {
		return nil
	}
	err := <-u.stored
	u.stored = nil
	return err
}

// finish makes the chunks a content, unless it is stored already.
func (u *upload) finish(ctx context.Context) error {
	if u.inline == nil && u.chunks == uuid.Nil {
		u.inline = []byte{}
	}
	named := ""
	if u.chunks != uuid.Nil {
		named = u.chunks.String()
	}
	superfluous := false
	err := pgx.BeginFunc(ctx, u.store.pool, func(tx pgx.Tx) error {
		var held bool
		var ends int
		var stored *string
		b := &pgx.Batch{}
		b.Queue(`SELECT lease_epoch = $2 AND lease_holder = $3 FROM workspaces WHERE session_id = $1 FOR SHARE`,
			string(u.lease.SessionID), u.lease.Epoch, u.lease.Holder).QueryRow(func(row pgx.Row) error { return row.Scan(&held) })
		// Held against the collector, which takes chunks without a content for garbage. What the server has forgotten is the
		// last, or all.
		b.Queue(`SELECT count(*) FROM (SELECT FROM blob_pieces WHERE chunks_id = NULLIF($1, '')::uuid AND n IN (0, $2) FOR KEY SHARE) AS c`,
			named, u.count-1).QueryRow(func(row pgx.Row) error { return row.Scan(&ends) })
		b.Queue(`
			INSERT INTO blobs AS b (hash, size, data, chunks_id) VALUES ($1, $2, $3, NULLIF($4, '')::uuid)
			ON CONFLICT (hash) DO UPDATE SET touched_at = now()
			RETURNING b.chunks_id::text`, u.hash[:], u.size, u.inline, named).
			QueryRow(func(row pgx.Row) error { return row.Scan(&stored) })
		b.Queue(`INSERT INTO blob_uploads (session_id, hash) VALUES ($1, $2) ON CONFLICT (session_id, hash) DO UPDATE SET at = now()`,
			string(u.lease.SessionID), u.hash[:])
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			if errors.Is(err, pgx.ErrNoRows) {
				return staleLease()
			}
			return err
		}
		switch {
		case !held:
			return staleLease()
		case u.chunks != uuid.Nil && ends != 2:
			return backend.Errorf(backend.CodeUnavailable, "the upload took so long that its beginning has been removed: send it again")
		}
		superfluous = u.chunks != uuid.Nil && (stored == nil || *stored != named)
		return nil
	})
	if err != nil || !superfluous {
		return err
	}
	_, err = u.store.pool.Exec(ctx, `DELETE FROM blob_pieces WHERE chunks_id = $1::uuid`, u.chunks.String())
	return err
}

package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"codingplatform/backend"
)

// copyRows is from how many changes on what is new is written by COPY, which costs a round trip a table and half as much
// for each row.
const copyRows = 100

// blobsKey is violated when another session stores the same content at the same moment.
const blobsKey = "blobs_pkey"

const (
	copyPieces = `COPY blob_pieces (chunks_id, n, data) FROM STDIN BINARY`
	copyBlobs  = `COPY blobs (hash, size, data) FROM STDIN BINARY`
	copyItems  = `COPY workspace_items (session_id, id, parent_id, name, path, type, mode, size, mtime_ns, content_hash, link_target,
		unsaved_reason, revision, source, created_at, updated_at) FROM STDIN BINARY`
	copyHistory = `COPY workspace_history (session_id, revision, n, op, path, from_path, type, mode, size, mtime_ns, content_hash, link_target,
		unsaved_reason, previous_type, previous_hash, source, user_id, created_at) FROM STDIN BINARY`
)

// copyRows writes the history, and the contents and items that are new, and returns the nodes that are left.
func (e *edit) copyRows(ctx context.Context, dirty []*node, hashes []backend.Hash) (left []*node, err error) {
	session, err := uuid.Parse(string(e.session))
	if err != nil {
		return nil, noSession()
	}
	var user []byte
	if e.user != "" {
		id, err := uuid.Parse(string(e.user))
		if err != nil {
			return nil, fmt.Errorf("the user of a change: %w", err)
		}
		user = id[:]
	}
	size := 0
	for _, hash := range hashes {
		size += len(hash) + len(e.contents[hash]) + columnBytes*2
	}
	rows := e.buffers.rows(max(size, len(e.history)*18*columnBytes))
	for i := range hashes {
		content := e.contents[hashes[i]]
		rows.row(3)
		rows.bytes(hashes[i][:])
		rows.int64(int64(len(content)))
		rows.content(content)
	}
	if err := rows.send(ctx, e, copyBlobs); err != nil {
		return nil, err
	}
	rows.reset()
	for _, n := range dirty {
		if n.stored {
			left = append(left, n)
			continue
		}
		rows.row(16)
		rows.bytes(session[:])
		rows.int64(n.id)
		if p := e.parent(n.Path); p.id != 0 {
			rows.int64(p.id)
		} else {
			rows.bytes(nil)
		}
		rows.text(n.Name())
		rows.text(n.Path)
		rows.text(string(n.Type))
		rows.int32(int32(n.Mode)) //nolint:gosec // permission bits
		rows.int64(n.Size)
		rows.int64(nanos(n.ModTime))
		rows.bytes(nullHash(n.Hash))
		rows.text(n.LinkTarget)
		rows.text(string(n.Unsaved))
		rows.int64(n.Revision)
		rows.text(string(n.source))
		rows.time(n.createdAt)
		rows.time(e.at)
	}
	if err := rows.send(ctx, e, copyItems); err != nil {
		return nil, err
	}
	rows.reset()
	for i := range e.history {
		h := &e.history[i]
		rows.row(18)
		rows.bytes(session[:])
		rows.int64(e.revision)
		rows.int32(int32(i + 1))
		rows.text(string(h.op))
		rows.text(h.item.Path)
		rows.text(h.from)
		rows.text(string(h.item.Type))
		rows.int32(int32(h.item.Mode)) //nolint:gosec // permission bits
		rows.int64(h.item.Size)
		rows.int64(nanos(h.item.ModTime))
		rows.bytes(nullHash(h.item.Hash))
		rows.text(h.item.LinkTarget)
		rows.text(string(h.item.Unsaved))
		rows.text(string(h.previousType))
		rows.bytes(nullHash(h.previous))
		rows.text(string(h.source))
		rows.bytes(user)
		rows.time(e.at)
	}
	if err := rows.send(ctx, e, copyHistory); err != nil {
		return nil, err
	}
	e.buffers.done(rows)
	return left, nil
}

// rowsHold says whether each of these contents fits into a row.
func (e *edit) rowsHold(hashes []backend.Hash) bool {
	return !slices.ContainsFunc(hashes, func(hash backend.Hash) bool { return len(e.contents[hash]) > inlineBytes })
}

// binaryRows are rows in the binary format of COPY
// (https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS-BINARY). Each value is written as its type's
// receive function reads it. pgx's own CopyFrom looks for how to encode at each value; that took half of the backend's time
// for a batch.
type binaryRows struct {
	buf  []byte
	rows int
}

// columnBytes is about what a value takes.
const columnBytes = 20

// rowBuffers are those that are not in use: a batch's rows are as much garbage as its contents otherwise.
type rowBuffers struct{ free sync.Pool }

// rows has room for size bytes before it grows.
func (b *rowBuffers) rows(size int) *binaryRows {
	r, ok := b.free.Get().(*binaryRows)
	if !ok {
		r = &binaryRows{}
	}
	r.buf = slices.Grow(r.buf[:0], size)
	r.reset()
	return r
}

// done lets others use it; what is large is not kept for them. After a COPY that failed it must not be called: on a
// connection that broke, something may still be reading.
func (b *rowBuffers) done(r *binaryRows) {
	if cap(r.buf) <= 4<<20 {
		b.free.Put(r)
	}
}

func (r *binaryRows) reset() {
	// The signature, no flags, no extension.
	r.buf = append(r.buf[:0], "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	r.rows = 0
}

func (r *binaryRows) row(columns uint16) {
	r.rows++
	r.buf = binary.BigEndian.AppendUint16(r.buf, columns)
}

func (r *binaryRows) length(n int) { r.buf = binary.BigEndian.AppendUint32(r.buf, uint32(n)) } //nolint:gosec // a value is shorter

// bytes is a bytea or a uuid; nil: NULL.
func (r *binaryRows) bytes(v []byte) {
	if v == nil {
		r.buf = binary.BigEndian.AppendUint32(r.buf, 0xffffffff)
		return
	}
	r.length(len(v))
	r.buf = append(r.buf, v...)
}

// content is a bytea that is never NULL.
func (r *binaryRows) content(v []byte) {
	r.length(len(v))
	r.buf = append(r.buf, v...)
}

func (r *binaryRows) text(v string) {
	r.length(len(v))
	r.buf = append(r.buf, v...)
}

func (r *binaryRows) int32(v int32) {
	r.length(4)
	r.buf = binary.BigEndian.AppendUint32(r.buf, uint32(v)) //nolint:gosec // its bits
}

func (r *binaryRows) int64(v int64) {
	r.length(8)
	r.buf = binary.BigEndian.AppendUint64(r.buf, uint64(v)) //nolint:gosec // its bits
}

// postgresEpoch is where a timestamptz begins, in microseconds.
const postgresEpoch = 946_684_800_000_000

func (r *binaryRows) time(v time.Time) { r.int64(v.UnixMicro() - postgresEpoch) }

// end is what follows the last row.
func (r *binaryRows) end() { r.buf = binary.BigEndian.AppendUint16(r.buf, 0xffff) }

// send writes the rows into a table, if there are any.
func (r *binaryRows) send(ctx context.Context, e *edit, sql string) error {
	if r.rows == 0 {
		return nil
	}
	r.end()
	_, err := e.conn.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(r.buf), sql)
	return err
}

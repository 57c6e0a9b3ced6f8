package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

// commit writes what has changed, in one round trip; where it is much, what is new goes before by COPY.
func (e *edit) commit(ctx context.Context) error {
	b := &pgx.Batch{}
	if len(e.deleted) > 0 {
		b.Queue(`DELETE FROM workspace_items WHERE id = ANY($1::bigint[])`, e.deleted)
	}
	changed := len(e.history) > 0
	if changed {
		dirty, err := e.changedNodes()
		if err != nil {
			return err
		}
		hashes := e.newContents()
		if e.how == bulk && len(e.history) >= copyRows && e.rowsHold(hashes) {
			if b.Len() > 0 {
				if err := e.conn.SendBatch(ctx, b).Close(); err != nil {
					return err
				}
				b = &pgx.Batch{}
			}
			if dirty, err = e.copyRows(ctx, dirty, hashes); err != nil {
				return err
			}
		} else {
			e.queueContents(b, hashes)
			e.queueHistory(b)
		}
		e.queueItems(b, dirty)
		e.ws.revision = e.revision
	}
	if e.resolves != "" {
		b.Queue(resolveConflicts, string(e.session), e.resolves)
	}
	for _, m := range e.moves {
		b.Queue(moveConflicts, string(e.session), m[0], m[1])
	}
	e.queueConflicts(b)
	e.queueWorkspace(b)
	if changed {
		b.Queue(`SELECT pg_notify($1, $2)`, channel, payload(e.session, e.revision, kindFiles))
	}
	if len(e.conflicts)+len(e.moves) > 0 {
		b.Queue(`SELECT pg_notify($1, $2)`, channel, payload(e.session, e.revision, kindConflict))
	}
	if e.how == dry {
		b.Queue(`ROLLBACK`)
	} else {
		b.Queue(`COMMIT`)
	}
	err := e.conn.SendBatch(ctx, b).Close()
	if err == nil {
		e.open = false
	}
	return err
}

// newContents are those to be stored. One order for all writers: no deadlock.
func (e *edit) newContents() []backend.Hash {
	hashes := make([]backend.Hash, 0, len(e.used))
	for hash := range e.used {
		if _, there := e.blobs[hash]; !there {
			hashes = append(hashes, hash)
		}
	}
	slices.SortFunc(hashes, func(a, b backend.Hash) int { return slices.Compare(a[:], b[:]) })
	return hashes
}

func (e *edit) queueContents(b *pgx.Batch, hashes []backend.Hash) {
	var rows struct {
		hashes, data [][]byte
		sizes        []int64
		chunks       []string
	}
	for _, hash := range hashes {
		content := e.contents[hash]
		chunksID := ""
		data := content
		if len(content) > inlineBytes {
			chunksID, data = uuid.NewString(), nil
			n := 0
			for chunk := range slices.Chunk(content, chunkBytes) {
				b.Queue(insertChunk, chunksID, n, pieces(chunk))
				n += chunkPieces
			}
		} else if data == nil {
			data = []byte{}
		}
		rows.hashes = append(rows.hashes, hash[:])
		rows.data = append(rows.data, data)
		rows.sizes = append(rows.sizes, int64(len(content)))
		rows.chunks = append(rows.chunks, chunksID)
	}
	if len(hashes) > 0 {
		b.Queue(`
			INSERT INTO blobs (hash, size, data, chunks_id)
			SELECT hash, size, data, NULLIF(chunks_id, '')::uuid
			FROM unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::text[]) AS u (hash, size, data, chunks_id)
			ON CONFLICT (hash) DO UPDATE SET touched_at = now()`, rows.hashes, rows.sizes, rows.data, rows.chunks)
	}
}

// changedNodes are the nodes to be written, each with an ID. Parents get theirs first.
func (e *edit) changedNodes() ([]*node, error) {
	slices.SortFunc(e.dirty, func(a, b *node) int { return strings.Compare(a.Path, b.Path) })
	dirty := make([]*node, 0, len(e.dirty))
	for _, n := range e.dirty {
		if !n.dirty || e.nodes[n.Path] != n {
			continue
		}
		n.dirty = false
		if n.id == 0 {
			if len(e.ids) == 0 {
				return nil, errors.New("an edit made more items than it had planned for")
			}
			n.id, e.ids = e.ids[0], e.ids[1:]
		}
		dirty = append(dirty, n)
	}
	return dirty, nil
}

func (e *edit) queueItems(b *pgx.Batch, dirty []*node) {
	if len(dirty) == 0 {
		return
	}
	var c struct {
		ids, parents, modes, sizes, mtimes, revisions []int64
		names, paths, types, links, unsaved, sources  []string
		hashes                                        [][]byte
		created                                       []time.Time
	}
	for _, n := range dirty {
		c.ids = append(c.ids, n.id)
		c.parents = append(c.parents, e.parent(n.Path).id)
		c.names = append(c.names, n.Name())
		c.paths = append(c.paths, n.Path)
		c.types = append(c.types, string(n.Type))
		c.modes = append(c.modes, int64(n.Mode))
		c.sizes = append(c.sizes, n.Size)
		c.mtimes = append(c.mtimes, nanos(n.ModTime))
		c.hashes = append(c.hashes, nullHash(n.Hash))
		c.links = append(c.links, n.LinkTarget)
		c.unsaved = append(c.unsaved, string(n.Unsaved))
		c.revisions = append(c.revisions, n.Revision)
		c.sources = append(c.sources, string(n.source))
		c.created = append(c.created, n.createdAt)
	}
	b.Queue(`
		INSERT INTO workspace_items (session_id, id, parent_id, name, path, type, mode, size, mtime_ns, content_hash, link_target,
			unsaved_reason, revision, source, created_at, updated_at)
		SELECT $1, u.id, NULLIF(u.parent_id, 0), u.name, u.path, u.type, u.mode, u.size, u.mtime_ns, u.content_hash, u.link_target,
			u.unsaved_reason, u.revision, u.source, u.created_at, $16
		FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bytea[],
			$11::text[], $12::text[], $13::bigint[], $14::text[], $15::timestamptz[])
			AS u (id, parent_id, name, path, type, mode, size, mtime_ns, content_hash, link_target, unsaved_reason, revision, source, created_at)
		ON CONFLICT (id) DO UPDATE SET type = excluded.type, mode = excluded.mode, size = excluded.size, mtime_ns = excluded.mtime_ns,
			content_hash = excluded.content_hash, link_target = excluded.link_target, unsaved_reason = excluded.unsaved_reason,
			revision = excluded.revision, source = excluded.source, updated_at = excluded.updated_at`,
		string(e.session), c.ids, c.parents, c.names, c.paths, c.types, c.modes, c.sizes, c.mtimes, c.hashes, c.links, c.unsaved,
		c.revisions, c.sources, c.created, e.at)
}

func (e *edit) queueHistory(b *pgx.Batch) {
	var c struct {
		ops, paths, froms, types, links, unsaved, previousTypes, sources []string
		modes, sizes, mtimes                                             []int64
		hashes, previous                                                 [][]byte
	}
	for _, h := range e.history {
		c.ops = append(c.ops, string(h.op))
		c.paths = append(c.paths, h.item.Path)
		c.froms = append(c.froms, h.from)
		c.types = append(c.types, string(h.item.Type))
		c.modes = append(c.modes, int64(h.item.Mode))
		c.sizes = append(c.sizes, h.item.Size)
		c.mtimes = append(c.mtimes, nanos(h.item.ModTime))
		c.hashes = append(c.hashes, nullHash(h.item.Hash))
		c.links = append(c.links, h.item.LinkTarget)
		c.unsaved = append(c.unsaved, string(h.item.Unsaved))
		c.previousTypes = append(c.previousTypes, string(h.previousType))
		c.previous = append(c.previous, nullHash(h.previous))
		c.sources = append(c.sources, string(h.source))
	}
	b.Queue(`
		INSERT INTO workspace_history (session_id, revision, n, op, path, from_path, type, mode, size, mtime_ns, content_hash, link_target,
			unsaved_reason, previous_type, previous_hash, source, user_id, created_at)
		SELECT $1, $2, u.n, u.op, u.path, u.from_path, u.type, u.mode, u.size, u.mtime_ns, u.content_hash, u.link_target,
			u.unsaved_reason, u.previous_type, u.previous_hash, u.source, $16, $17
		FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bytea[], $11::text[],
			$12::text[], $13::text[], $14::bytea[], $15::text[]) WITH ORDINALITY
			AS u (op, path, from_path, type, mode, size, mtime_ns, content_hash, link_target, unsaved_reason, previous_type, previous_hash, source, n)`,
		string(e.session), e.revision, c.ops, c.paths, c.froms, c.types, c.modes, c.sizes, c.mtimes, c.hashes, c.links, c.unsaved,
		c.previousTypes, c.previous, c.sources, nullable(e.user), e.at)
}

func (e *edit) queueConflicts(b *pgx.Batch) {
	if len(e.conflicts) == 0 {
		return
	}
	var paths []string
	var revisions, others, bases []int64
	for _, c := range e.conflicts {
		paths = append(paths, c.Path)
		revisions = append(revisions, c.Revision)
		others = append(others, c.OtherRevision)
		bases = append(bases, c.BaseRevision)
	}
	b.Queue(`
		INSERT INTO workspace_conflicts (session_id, path, revision, other_revision, base_revision)
		SELECT $1, path, revision, other_revision, base_revision
		FROM unnest($2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) AS u (path, revision, other_revision, base_revision)`,
		string(e.session), paths, revisions, others, bases)
}

func (e *edit) queueWorkspace(b *pgx.Batch) {
	if e.cursor != nil {
		if e.cursor.Incarnation != e.ws.cursor.Incarnation {
			e.ws.incarnationRevision = e.revision - 1
		}
		applied := e.ws.cursor.AppliedRevision
		e.ws.cursor = *e.cursor
		e.ws.cursor.AppliedRevision, e.ws.cursor.Revision = applied, e.ws.revision
	}
	w := e.ws
	b.Queue(`
		UPDATE workspaces SET revision = $2, item_count = $3, file_count = $4, unsaved_count = $5, byte_count = $6,
			cursor_incarnation = $7, cursor_sequence = $8, cursor_revision = $9, incarnation_revision = $10,
			cursor_rejected = coalesce($11::jsonb, '{}')
		WHERE session_id = $1`, string(e.session), w.revision, w.items, w.files, w.unsaved, w.bytes,
		w.cursor.Incarnation, w.cursor.Sequence, w.cursor.Revision, w.incarnationRevision, w.cursor.Rejected)
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

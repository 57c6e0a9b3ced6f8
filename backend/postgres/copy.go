package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

// copyRows is from how many changes on what is new is written by COPY, which costs two round trips a table and half as much
// for each row.
const copyRows = 100

// blobsKey is violated when another session stores the same content at the same moment.
const blobsKey = "blobs_pkey"

// copyRows writes the history, and the contents and items that are new, and returns the nodes that are left.
func (e *edit) copyRows(ctx context.Context, dirty []*node) (left []*node, err error) {
	session, err := uuid.Parse(string(e.session))
	if err != nil {
		return nil, noSession()
	}
	if err := e.copyContents(ctx); err != nil {
		return nil, err
	}
	added := make([]*node, 0, len(dirty))
	for _, n := range dirty {
		if n.stored {
			left = append(left, n)
		} else {
			added = append(added, n)
		}
	}
	if _, err := e.conn.CopyFrom(ctx, pgx.Identifier{"workspace_items"}, []string{
		"session_id", "id", "parent_id", "name", "path", "type", "mode", "size", "mtime_ns", "content_hash", "link_target",
		"unsaved_reason", "revision", "source", "created_at", "updated_at",
	}, pgx.CopyFromSlice(len(added), func(i int) ([]any, error) {
		n := added[i]
		var parent *int64
		if p := e.parent(n.Path); p.id != 0 {
			parent = &p.id
		}
		return []any{
			session, n.id, parent, n.Name(), n.Path, string(n.Type), int32(n.Mode), n.Size, nanos(n.ModTime), nullHash(n.Hash), n.LinkTarget, //nolint:gosec // permission bits
			string(n.Unsaved), n.Revision, string(n.source), n.createdAt, e.at,
		}, nil
	})); err != nil {
		return nil, err
	}
	_, err = e.conn.CopyFrom(ctx, pgx.Identifier{"workspace_history"}, []string{
		"session_id", "revision", "n", "op", "path", "from_path", "type", "mode", "size", "mtime_ns", "content_hash", "link_target",
		"unsaved_reason", "previous_type", "previous_hash", "source", "created_at",
	}, pgx.CopyFromSlice(len(e.history), func(i int) ([]any, error) {
		h := &e.history[i]
		return []any{
			session, e.revision, int32(i + 1), string(h.op), h.item.Path, h.from, string(h.item.Type), int32(h.item.Mode), h.item.Size, //nolint:gosec // a batch is bounded; permission bits
			nanos(h.item.ModTime), nullHash(h.item.Hash), h.item.LinkTarget, string(h.item.Unsaved), string(h.previousType),
			nullHash(h.previous), string(h.source), e.at,
		}, nil
	}))
	return left, err
}

// copyContents stores contents that are new. Those too large for a row come in another way, and are there already.
func (e *edit) copyContents(ctx context.Context) error {
	hashes := e.newContents()
	if len(hashes) == 0 {
		return nil
	}
	_, err := e.conn.CopyFrom(ctx, pgx.Identifier{"blobs"}, []string{"hash", "size", "data"}, pgx.CopyFromSlice(len(hashes), func(i int) ([]any, error) {
		content := e.contents[hashes[i]]
		if len(content) > inlineBytes {
			return nil, backend.Errorf(backend.CodeInvalid, "a content of %d bytes came within a batch", len(content))
		}
		if content == nil {
			content = []byte{}
		}
		return []any{hashes[i][:], int64(len(content)), content}, nil
	}))
	return err
}

package postgres

import (
	"context"
	"fmt"
	"slices"

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
func (e *edit) copyRows(ctx context.Context, dirty []*node, hashes []backend.Hash) (left []*node, err error) {
	session, err := uuid.Parse(string(e.session))
	if err != nil {
		return nil, noSession()
	}
	var user *uuid.UUID
	if e.user != "" {
		id, err := uuid.Parse(string(e.user))
		if err != nil {
			return nil, fmt.Errorf("the user of a change: %w", err)
		}
		user = &id
	}
	if err := e.copyContents(ctx, hashes); err != nil {
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
		"unsaved_reason", "previous_type", "previous_hash", "source", "user_id", "created_at",
	}, pgx.CopyFromSlice(len(e.history), func(i int) ([]any, error) {
		h := &e.history[i]
		return []any{
			session, e.revision, int32(i + 1), string(h.op), h.item.Path, h.from, string(h.item.Type), int32(h.item.Mode), h.item.Size, //nolint:gosec // a batch is bounded; permission bits
			nanos(h.item.ModTime), nullHash(h.item.Hash), h.item.LinkTarget, string(h.item.Unsaved), string(h.previousType),
			nullHash(h.previous), string(h.source), user, e.at,
		}, nil
	}))
	return left, err
}

// rowsHold says whether each of these contents fits into a row.
func (e *edit) rowsHold(hashes []backend.Hash) bool {
	return !slices.ContainsFunc(hashes, func(hash backend.Hash) bool { return len(e.contents[hash]) > inlineBytes })
}

// copyContents stores contents that are new and fit into a row each.
func (e *edit) copyContents(ctx context.Context, hashes []backend.Hash) error {
	if len(hashes) == 0 {
		return nil
	}
	_, err := e.conn.CopyFrom(ctx, pgx.Identifier{"blobs"}, []string{"hash", "size", "data"}, pgx.CopyFromSlice(len(hashes), func(i int) ([]any, error) {
		content := e.contents[hashes[i]]
		if content == nil {
			content = []byte{}
		}
		return []any{hashes[i][:], int64(len(content)), content}, nil
	}))
	return err
}

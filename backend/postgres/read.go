package postgres

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"codingplatform/backend"
)

// Workspace is what is known of a session's files as a whole.
type Workspace struct {
	Revision int64
	// Items counts all entries, Files the files among them, Unsaved those that are listed only. Bytes are those of the
	// saved files.
	Items, Files, Unsaved, Bytes int64
}

// Workspace returns the counts. CodeNotFound.
func (s *Store) Workspace(ctx context.Context, id backend.SessionID) (w Workspace, err error) {
	err = s.workspaceRow(ctx, id, `revision, item_count, file_count, unsaved_count, byte_count`, &w.Revision, &w.Items, &w.Files, &w.Unsaved, &w.Bytes)
	return w, err
}

// Revision returns the workspace's present revision. CodeNotFound.
func (s *Store) Revision(ctx context.Context, id backend.SessionID) (revision int64, err error) {
	err = s.workspaceRow(ctx, id, `revision`, &revision)
	return revision, err
}

// Cursor returns how far the sync has come. CodeNotFound.
func (s *Store) Cursor(ctx context.Context, id backend.SessionID) (c backend.Cursor, err error) {
	if !isUUID(string(id)) {
		return c, noSession()
	}
	// A commit whose client has given up may still be under way: the lock waits for it.
	err = s.pool.QueryRow(ctx, `SELECT cursor_incarnation, cursor_sequence, cursor_revision, cursor_rejected, applied_revision
		FROM workspaces WHERE session_id = $1 FOR SHARE`, string(id)).Scan(&c.Incarnation, &c.Sequence, &c.Revision, &c.Rejected, &c.AppliedRevision)
	if errors.Is(err, pgx.ErrNoRows) {
		return c, noSession()
	}
	return c, wrap(err, "look at a workspace")
}

func (s *Store) workspaceRow(ctx context.Context, id backend.SessionID, columns string, into ...any) error {
	if !isUUID(string(id)) {
		return noSession()
	}
	err := s.pool.QueryRow(ctx, `SELECT `+columns+` FROM workspaces WHERE session_id = $1`, string(id)).Scan(into...)
	if errors.Is(err, pgx.ErrNoRows) {
		return noSession()
	}
	return wrap(err, "look at a workspace")
}

// SetApplied notes the revision through which changes have been brought to the disk, under the lease. A lower one than
// before changes nothing. CodeStaleLease.
func (s *Store) SetApplied(ctx context.Context, lease backend.Lease, revision int64) error {
	tag, err := s.pool.Exec(ctx, `
		UPDATE workspaces SET applied_revision = greatest(applied_revision, $4)
		WHERE session_id = $1 AND lease_epoch = $2 AND lease_holder = $3`, string(lease.SessionID), lease.Epoch, lease.Holder, revision)
	if err == nil && tag.RowsAffected() == 0 {
		return staleLease()
	}
	return wrap(err, "note what was applied")
}

const itemColumns = `i.path, i.type, i.mode, i.size, i.mtime_ns, i.content_hash, i.link_target, i.unsaved_reason, i.revision, i.updated_at`

func scanItem(row pgx.Row) (i backend.Item, err error) {
	var hash []byte
	var mtime int64
	err = row.Scan(&i.Path, &i.Type, &i.Mode, &i.Size, &mtime, &hash, &i.LinkTarget, &i.Unsaved, &i.Revision, &i.UpdatedAt)
	i.ModTime, i.Hash = time.Unix(0, mtime).UTC(), toHash(hash)
	return i, err
}

// Tree lists what is below a folder ("": the workspace), parents first, depth levels deep (0: all), and the revision
// that the listing shows. CodeNotFound: no such session or folder.
func (s *Store) Tree(ctx context.Context, id backend.SessionID, under string, depth int) ([]backend.Item, int64, error) {
	var items []backend.Item
	revision, err := s.readTree(ctx, id, under, depth, func(i backend.Item) { items = append(items, i) })
	if err != nil {
		return nil, 0, err
	}
	if under != "" {
		if len(items) == 0 || items[0].Path != under || items[0].Type != backend.TypeFolder {
			return nil, 0, noItem(under)
		}
		items = items[1:]
	}
	return items, revision, nil
}

// treePart is how many items ReadTree hands over at once.
const treePart = 1000

// ReadTree calls each with all items, 1,000 at most at a time, parents first, while they are read, and returns the revision at
// which that was so.
func (s *Store) ReadTree(ctx context.Context, id backend.SessionID, each func(items []backend.Item)) (int64, error) {
	var part []backend.Item
	revision, err := s.readTree(ctx, id, "", 0, func(i backend.Item) {
		if part == nil {
			part = make([]backend.Item, 0, treePart)
		}
		if part = append(part, i); len(part) == treePart {
			each(part)
			part = nil
		}
	})
	if err == nil && len(part) > 0 {
		each(part)
	}
	return revision, err
}

// readTree calls each for all items in the order of their paths' bytes, so that a folder comes before what is in it.
func (s *Store) readTree(ctx context.Context, id backend.SessionID, under string, depth int, each func(i backend.Item)) (revision int64, err error) {
	if !isUUID(string(id)) {
		return 0, noSession()
	}
	// One statement, one snapshot: the revision is that of the listing.
	rows, err := s.pool.Query(ctx, `
		SELECT (SELECT revision FROM workspaces WHERE session_id = $1), path, type, mode, size, mtime_ns, content_hash, link_target,
			unsaved_reason, revision, updated_at
		FROM workspace_items WHERE session_id = $1
			AND ($2 = '' OR path = $2 OR path > $2 || '/' AND path < $2 || '0')
			AND ($3 = 0 OR length(path) - length(replace(path, '/', '')) < $4)
		ORDER BY path`, string(id), under, depth, maxSlashes(under, depth))
	if err != nil {
		return 0, wrap(err, "list files")
	}
	defer rows.Close()
	found := false
	var i backend.Item
	var kind, unsaved string // scanning into types of one's own costs several times as much
	var hash []byte
	var mtime int64
	for rows.Next() {
		found = true
		if err := rows.Scan(&revision, &i.Path, &kind, &i.Mode, &i.Size, &mtime, &hash, &i.LinkTarget, &unsaved, &i.Revision, &i.UpdatedAt); err != nil {
			return 0, wrap(err, "list files")
		}
		i.Type, i.Unsaved = backend.FileType(kind), backend.UnsavedReason(unsaved)
		i.ModTime, i.Hash = time.Unix(0, mtime).UTC(), toHash(hash)
		each(i)
	}
	if err := rows.Err(); err != nil {
		return 0, wrap(err, "list files")
	}
	if found {
		return revision, nil
	}
	err = s.pool.QueryRow(ctx, `SELECT revision FROM workspaces WHERE session_id = $1`, string(id)).Scan(&revision)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, noSession()
	}
	return revision, wrap(err, "list files")
}

// maxSlashes is how many slashes a listed path has less than.
func maxSlashes(under string, depth int) int {
	if under == "" {
		return depth
	}
	return strings.Count(under, "/") + 1 + depth
}

// Item returns what is at a path. CodeNotFound.
func (s *Store) Item(ctx context.Context, id backend.SessionID, path string) (backend.Item, error) {
	if !isUUID(string(id)) {
		return backend.Item{}, noSession()
	}
	item, err := scanItem(s.pool.QueryRow(ctx, `SELECT `+itemColumns+` FROM workspace_items i WHERE i.session_id = $1 AND i.path = $2`, string(id), path))
	if errors.Is(err, pgx.ErrNoRows) {
		return item, noItem(path)
	}
	return item, wrap(err, "look at a file")
}

// Follow reads, as of one moment, what has changed after a revision, and then what a workspace has at the paths that look
// names and below others, parents first; paths at which nothing is are left out. Of what came from the disk, which has it,
// only moves are among the changes. look may be called for a reading that fails. reaches is false when the history does
// not go back that far. CodeNotFound: no such session.
func (s *Store) Follow(ctx context.Context, id backend.SessionID, after int64, look func([]backend.Change) (paths, under []string)) (p backend.Present, reaches bool, err error) {
	if !isUUID(string(id)) {
		return p, false, noSession()
	}
	err = s.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) (err error) { // one with an open transaction is not used again
		p, reaches, err = follow(ctx, conn, id, after, look)
		return err
	})
	return p, reaches, wrap(err, "read what has changed")
}

func follow(ctx context.Context, conn *pgxpool.Conn, id backend.SessionID, after int64, look func([]backend.Change) (paths, under []string)) (p backend.Present, reaches bool, err error) {
	var changes []backend.Change
	var floor int64
	found := false
	b := &pgx.Batch{}
	b.Queue(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	b.Queue(`SELECT revision, history_floor, cursor_incarnation, cursor_sequence FROM workspaces WHERE session_id = $1`, string(id)).
		Query(func(rows pgx.Rows) error {
			for rows.Next() {
				found = true
				if err := rows.Scan(&p.Revision, &floor, &p.Incarnation, &p.Sequence); err != nil {
					return err
				}
			}
			return rows.Err()
		})
	b.Queue(`SELECT `+changeColumns+` FROM workspace_history h WHERE h.session_id = $1 AND h.revision > $2
		AND (h.source <> 'terminal' OR h.op = 'move') ORDER BY h.revision, h.n`, string(id), after).
		Query(func(rows pgx.Rows) (err error) {
			changes, err = pgx.CollectRows(rows, scanChange)
			return err
		})
	if err := conn.SendBatch(ctx, b).Close(); err != nil {
		return p, false, err
	}
	if !found {
		return p, false, noSession()
	}
	reaches = after >= floor && after <= p.Revision
	b = &pgx.Batch{}
	items := map[string]backend.Item{}
	if reaches {
		collect := func(rows pgx.Rows) error {
			for rows.Next() {
				item, err := scanItem(rows)
				if err != nil {
					return err
				}
				items[item.Path] = item
			}
			return rows.Err()
		}
		paths, under := look(changes)
		if len(paths) > 0 {
			b.Queue(`SELECT `+itemColumns+itemsAt, string(id), paths).Query(collect)
		}
		if len(under) > 0 {
			b.Queue(`SELECT `+itemColumns+itemsUnder, string(id), under).Query(collect)
		}
	}
	b.Queue(`COMMIT`)
	if err := conn.SendBatch(ctx, b).Close(); err != nil {
		return p, false, err
	}
	for _, path := range slices.Sorted(maps.Keys(items)) {
		p.Items = append(p.Items, items[path])
	}
	return p, reaches, nil
}

// Stat returns what is at a path, and who made its present version. CodeNotFound.
func (s *Store) Stat(ctx context.Context, id backend.SessionID, path string) (item backend.Item, source backend.Source, err error) {
	if item, err = s.Item(ctx, id, path); err != nil {
		return item, "", err
	}
	err = s.pool.QueryRow(ctx, `SELECT source FROM workspace_items WHERE session_id = $1 AND path = $2`, string(id), path).Scan(&source)
	if errors.Is(err, pgx.ErrNoRows) {
		return item, "", noItem(path)
	}
	return item, source, wrap(err, "look at a file")
}

// ReadFile returns an item and, of a saved file, its content as of one moment. CodeNotFound.
func (s *Store) ReadFile(ctx context.Context, id backend.SessionID, path string) (backend.Item, []byte, error) {
	var content bytes.Buffer
	item, err := s.CopyFile(ctx, id, path, func(i backend.Item) (io.Writer, error) {
		content.Grow(int(min(i.Size, 64<<20)))
		return &content, nil
	})
	return item, content.Bytes(), err
}

// CopyFile writes the content of a saved file to what open answers for its item; of others open is not called.
// CodeNotFound.
func (s *Store) CopyFile(ctx context.Context, id backend.SessionID, path string, open func(backend.Item) (io.Writer, error)) (backend.Item, error) {
	item, err := s.Item(ctx, id, path)
	if err != nil || item.Hash == (backend.Hash{}) {
		return item, err
	}
	w, err := open(item)
	if err != nil {
		return item, err
	}
	return item, s.CopyBlob(ctx, id, item.Hash, w)
}

package postgres

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"codingplatform/backend"
)

// plan is what an edit reads in its first round trip.
type plan struct {
	// paths that it may touch; their ancestors are read too.
	paths []string
	// under: paths of which all below is read.
	under []string
	// all: the whole tree is read.
	all bool
	// hashes of contents that it may refer to.
	hashes []backend.Hash
	// first, if set, queues statements before all others.
	first func(*pgx.Batch)
}

// workspaceRow is the locked row of the workspace.
type workspaceRow struct {
	revision, items, files, unsaved, bytes int64
	epoch                                  int64
	holder                                 string
	cursor                                 backend.Cursor
	incarnationRevision                    int64
	// conflicts: some are open.
	conflicts bool
}

// node is an item in memory, with what only the rows know.
type node struct {
	backend.Item
	id        int64
	source    backend.Source
	createdAt time.Time
	children  map[string]*node
	// stored: a row with this id exists. dirty: it must be written.
	stored, dirty bool
}

// blobState is a content that the database has; it cannot be collected while the edit lasts.
type blobState struct {
	size int64
	// ours: the session has proved to have it.
	ours bool
}

// edit is one transaction that changes a workspace's tree; see the package comment. It is used by one goroutine.
type edit struct {
	conn    *pgxpool.Conn
	buffers *rowBuffers
	open    bool
	session backend.SessionID
	user    backend.UserID
	source  backend.Source
	ws      workspaceRow
	at      time.Time
	// revision is the one that this edit makes, if it changes anything.
	revision int64
	nodes    map[string]*node
	root     *node
	whole    map[string]bool
	ids      []int64
	blobs    map[backend.Hash]blobState
	contents contents
	used     map[backend.Hash]bool

	deleted []int64
	dirty   []*node
	history []historyRow
	// moves are those in which open conflicts may be, each from and to.
	moves [][2]string
	// conflicts are found by a batch; cursor is set by one.
	conflicts []backend.Conflict
	// resolves is a path whose conflicts a save settles.
	resolves string
	cursor   *backend.Cursor
	how      how
}

// how an edit is committed.
type how uint8

const (
	plain how = iota
	// dry: nothing is kept.
	dry
	// bulk: much that is new goes by COPY; the caller tries again plainly when blobsKey is violated.
	bulk
)

type historyRow struct {
	op           backend.ChangeOp
	from         string
	item         backend.Item
	previous     backend.Hash
	previousType backend.FileType
	source       backend.Source
}

// contents are those that came with the request, by their hash.
type contents map[backend.Hash][]byte

func newContents() contents { return contents{} }

func (c contents) add(content []byte) backend.Hash {
	hash := backend.Hash(sha256.Sum256(content))
	c[hash] = content
	return hash
}

const nodeColumns = `i.id, i.path, i.type, i.mode, i.size, i.mtime_ns, i.content_hash, i.link_target, i.unsaved_reason, i.revision, i.source, i.created_at, i.updated_at`

// begin opens the transaction and reads. CodeNotFound when there is no such session. After success, close must be called.
func (s *Store) begin(ctx context.Context, session backend.SessionID, p plan) (_ *edit, err error) {
	if !isUUID(string(session)) {
		return nil, noSession()
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, wrap(err, "get a database connection")
	}
	e := &edit{
		conn: conn, buffers: &s.buffers, open: true, session: session, nodes: make(map[string]*node, len(p.paths)), whole: map[string]bool{},
		blobs: map[backend.Hash]blobState{}, used: make(map[backend.Hash]bool, len(p.hashes)), contents: contents{},
	}
	e.root = &node{Item: backend.Item{Type: backend.TypeFolder}, children: map[string]*node{}}
	defer func() {
		if err != nil {
			e.close(ctx)
		}
	}()

	folders, leaves, parents := lookUps(append(slices.Clone(p.paths), p.under...))
	b := &pgx.Batch{}
	b.Queue(`BEGIN`)
	if p.first != nil {
		p.first(b)
	}
	found := false
	b.Queue(`
		SELECT revision, item_count, file_count, unsaved_count, byte_count, lease_epoch, lease_holder, cursor_incarnation, cursor_sequence,
			applied_revision, cursor_revision, cursor_rejected, incarnation_revision, clock_timestamp(),
			EXISTS (SELECT FROM workspace_conflicts c WHERE c.session_id = $1 AND c.resolved_at IS NULL)
		FROM workspaces WHERE session_id = $1 FOR UPDATE`, string(session)).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			found = true
			w := &e.ws
			if err := rows.Scan(&w.revision, &w.items, &w.files, &w.unsaved, &w.bytes, &w.epoch, &w.holder, &w.cursor.Incarnation, &w.cursor.Sequence,
				&w.cursor.AppliedRevision, &w.cursor.Revision, &w.cursor.Rejected, &w.incarnationRevision, &e.at,
				&w.conflicts); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	var loaded []*node
	collect := func(rows pgx.Rows) error {
		nodes, err := pgx.CollectRows(rows, scanNode)
		loaded = append(loaded, nodes...)
		return err
	}
	if count := len(folders) + len(leaves); count > 0 {
		b.Queue(itemsOf, string(session), folders, leaves, parents).Query(collect)
		// An upper bound: one for each path that might be new.
		b.Queue(newIDs, count).QueryRow(func(row pgx.Row) error { return row.Scan(&e.ids) })
	}
	if len(p.under) > 0 {
		b.Queue(`SELECT `+nodeColumns+itemsUnder, string(session), p.under).Query(collect)
	}
	if p.all {
		b.Queue(`SELECT `+nodeColumns+` FROM workspace_items i WHERE i.session_id = $1`, string(session)).Query(collect)
	}
	if len(p.hashes) > 0 {
		b.Queue(lockBlobs, hashBytes(p.hashes), string(session)).Query(e.collectBlobs)
	}
	if err := conn.SendBatch(ctx, b).Close(); err != nil {
		return nil, err
	}
	if !found {
		return nil, noSession()
	}
	e.revision = e.ws.revision + 1
	e.add(loaded)
	for _, path := range p.under {
		e.whole[path] = true
	}
	return e, nil
}

// itemsAt and itemsUnder are the items i of session $1 at and below the paths $2. Laterally, they are one look-up in an
// index for each path, whatever the server's statistics say. Those are minutes behind a session that has grown quickly,
// and by them it would read the whole session instead, each time.
const (
	itemsAt = ` FROM (SELECT DISTINCT path FROM unnest($2::text[]) AS n (path)) AS u
	CROSS JOIN LATERAL (SELECT * FROM workspace_items w WHERE w.session_id = $1 AND w.path = u.path LIMIT 1) AS i`
	itemsUnder = ` FROM unnest($2::text[]) AS u (path)
	CROSS JOIN LATERAL (SELECT * FROM workspace_items w WHERE w.session_id = $1 AND w.path > u.path || '/' AND w.path < u.path || '0' OFFSET 0) AS i`
)

// itemsOf are the items i of session $1 at the folders $2 and at the leaves $3 in the folders $4. In a folder that is not
// there, as most are of much that is new, nothing is looked up.
const itemsOf = `WITH folders AS MATERIALIZED (SELECT i.*` + itemsAt + `)
	SELECT ` + nodeColumns + ` FROM folders AS i
	UNION ALL
	SELECT ` + nodeColumns + ` FROM unnest($3::text[], $4::text[]) AS u (path, parent)
	CROSS JOIN LATERAL (SELECT * FROM workspace_items w WHERE w.session_id = $1 AND w.path = u.path LIMIT 1) AS i
	WHERE u.parent = '' OR u.parent IN (SELECT path FROM folders)`

const newIDs = `SELECT array_agg(nextval('workspace_item_ids')) FROM generate_series(1, $1::integer)`

const lockBlobs = `SELECT b.hash, b.size, ` + theirs + ` FROM blobs b WHERE b.hash = ANY($1::bytea[]) ORDER BY b.hash FOR KEY SHARE OF b`

func (e *edit) collectBlobs(rows pgx.Rows) error {
	for rows.Next() {
		var hash []byte
		var state blobState
		if err := rows.Scan(&hash, &state.size, &state.ours); err != nil {
			return err
		}
		e.blobs[toHash(hash)] = state
	}
	return rows.Err()
}

func scanNode(row pgx.CollectableRow) (*node, error) {
	n := &node{stored: true}
	var hash []byte
	var mtime int64
	err := row.Scan(&n.id, &n.Path, &n.Type, &n.Mode, &n.Size, &mtime, &hash, &n.LinkTarget, &n.Unsaved, &n.Revision, &n.source, &n.createdAt, &n.UpdatedAt)
	n.ModTime, n.Hash = time.Unix(0, mtime).UTC(), toHash(hash)
	return n, err
}

// add puts rows into the tree. Of each, all ancestors are there or among them.
func (e *edit) add(rows []*node) {
	slices.SortFunc(rows, func(a, b *node) int { return strings.Compare(a.Path, b.Path) })
	for _, n := range rows {
		if e.nodes[n.Path] == nil {
			e.attach(n)
		}
	}
}

func (e *edit) attach(n *node) {
	e.nodes[n.Path] = n
	parent := e.parent(n.Path)
	if parent.children == nil {
		parent.children = map[string]*node{}
	}
	parent.children[n.Name()] = n
}

// parent returns the node of the folder that path is in; it must be there.
func (e *edit) parent(path string) *node {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return e.root
	}
	return e.nodes[path[:i]]
}

// loadUnder reads all below paths that have not been read wholly yet: a third round trip, for the rare cases.
func (e *edit) loadUnder(ctx context.Context, paths []string) error {
	paths = slices.DeleteFunc(slices.Clone(paths), func(p string) bool { return e.whole[p] })
	if len(paths) == 0 {
		return nil
	}
	rows, err := e.conn.Query(ctx, `SELECT `+nodeColumns+itemsUnder, string(e.session), paths)
	if err != nil {
		return wrap(err, "read a folder")
	}
	nodes, err := pgx.CollectRows(rows, scanNode)
	if err != nil {
		return wrap(err, "read a folder")
	}
	e.add(nodes)
	for _, p := range paths {
		e.whole[p] = true
	}
	return nil
}

// reserve gets IDs for more items than the plan had paths for.
func (e *edit) reserve(ctx context.Context, items int) error {
	var ids []int64
	err := e.conn.QueryRow(ctx, newIDs, items).Scan(&ids)
	e.ids = append(e.ids, ids...)
	return wrap(err, "number new items")
}

// close ends the transaction if commit has not, and gives the connection back.
func (e *edit) close(ctx context.Context) {
	if e.conn == nil {
		return
	}
	if e.open && !e.conn.Conn().IsClosed() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
		defer cancel()
		if _, err := e.conn.Exec(ctx, `ROLLBACK`); err != nil {
			// The pool destroys a connection that is still in a transaction only when it is idle: close it.
			_ = e.conn.Conn().Close(ctx)
		}
	}
	e.conn.Release()
	e.conn = nil
}

// lookUps are the folders that paths are in, however deep, and the other paths, each with its folder; each once, in order.
func lookUps(paths []string) (folders, leaves, parents []string) {
	seen := make(map[string]struct{}, len(paths))
	for _, p := range paths {
		for p = parentOf(p); p != ""; p = parentOf(p) {
			if _, there := seen[p]; there {
				break
			}
			seen[p] = struct{}{}
			folders = append(folders, p)
		}
	}
	slices.Sort(folders)
	for _, p := range paths {
		if _, there := seen[p]; !there && p != "" {
			seen[p] = struct{}{}
			leaves = append(leaves, p)
		}
	}
	slices.Sort(leaves)
	for _, p := range leaves {
		parents = append(parents, parentOf(p))
	}
	return folders, leaves, parents
}

// parentOf is the folder that path is in; "" is the workspace.
func parentOf(path string) string { return path[:max(strings.LastIndexByte(path, '/'), 0)] }

func toHash(b []byte) (h backend.Hash) {
	copy(h[:], b)
	return h
}

func nullHash(h backend.Hash) []byte {
	if h == (backend.Hash{}) {
		return nil
	}
	return h[:]
}

func hashBytes(hashes []backend.Hash) [][]byte {
	out := make([][]byte, len(hashes))
	for i := range hashes {
		out[i] = hashes[i][:]
	}
	return out
}

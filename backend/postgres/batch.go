package postgres

import (
	"context"
	"crypto/sha256"
	"maps"
	"slices"
	"strings"

	"codingplatform/backend"
)

// CommitBatch commits an agent's batch together with its cursor, under the lease. A batch that was committed before
// changes nothing. Where the database holds a version that the disk did not know, both are kept: the disk's is the
// present one, and a conflict is open; what the disk has deleted stays and goes back to the disk.
//
// CodeStaleLease: another replica commits now; CodePreconditionFailed: batches before this one are missing. With
// BatchResult.Missing nothing has been committed. What the server refuses to store holds nothing else up: it is listed as
// not saved, or rejected.
func (s *Store) CommitBatch(ctx context.Context, lease backend.Lease, batch backend.Batch, limits backend.Limits) (backend.BatchResult, error) {
	result, err := s.commitBatch(ctx, lease, batch, limits, nil, bulk)
	if violates(err) == blobsKey {
		result, err = s.commitBatch(ctx, lease, batch, limits, nil, plain)
	}
	if refused(err) {
		return s.quarantine(ctx, lease, batch, limits, err)
	}
	return result, err
}

// commitBatch commits a batch to which some paths belonged that are rejected already.
func (s *Store) commitBatch(
	ctx context.Context, lease backend.Lease, batch backend.Batch, limits backend.Limits, rejected map[string]string, how how,
) (backend.BatchResult, error) {
	// The agent keeps the caps, by what is on the disk, of which the database hears later: what goes after what comes. So it
	// is held to twice the caps here, which bounds one that does not keep them.
	limits.MaxWorkspaceBytes *= 2
	limits.MaxFiles *= 2
	c := &batchCommit{result: backend.BatchResult{Rejected: map[string]string{}}, limits: limits, contents: make(contents, len(batch.Entries))}
	maps.Copy(c.result.Rejected, rejected)
	p := c.plan(batch)
	e, err := s.begin(ctx, lease.SessionID, p)
	if err != nil {
		return c.result, wrap(err, "commit a batch")
	}
	defer e.close(ctx)
	if e.ws.epoch != lease.Epoch || e.ws.holder != lease.Holder {
		return c.result, staleLease()
	}
	next := int64(1)
	if e.ws.cursor.Incarnation == batch.Incarnation {
		next = e.ws.cursor.Sequence + 1
	}
	if batch.Sequence < next {
		c.result.Revision, c.result.Replayed = e.ws.cursor.Revision, true
		if rejected := e.ws.cursor.Rejected[batch.Sequence]; rejected != nil {
			c.result.Rejected = rejected
		}
		return c.result, nil
	}
	if batch.Sequence > next {
		return c.result, backend.Errorf(backend.CodePreconditionFailed, "batch %d came, and %d is next", batch.Sequence, next)
	}
	c.edit, e.how, e.source, e.contents = e, how, backend.SourceTerminal, c.contents
	e.history, e.dirty = make([]historyRow, 0, len(c.entries)), make([]*node, 0, len(c.entries))
	if c.missing(); len(c.result.Missing) > 0 {
		return c.result, nil
	}
	if err := c.loadFolders(ctx); err != nil {
		return c.result, err
	}
	for _, entry := range c.entries {
		c.apply(entry)
	}
	if err := c.nameVersions(ctx); err != nil {
		return c.result, err
	}
	e.cursor = &backend.Cursor{Incarnation: batch.Incarnation, Sequence: batch.Sequence, Rejected: map[int64]map[string]string{}}
	if next > 1 {
		for sequence, rejected := range e.ws.cursor.Rejected {
			if sequence > batch.Sequence-backend.MaxBatchesAhead {
				e.cursor.Rejected[sequence] = rejected
			}
		}
	}
	if len(c.result.Rejected) > 0 {
		e.cursor.Rejected[batch.Sequence] = storable(c.result.Rejected)
	}
	c.result.Changed, c.result.Conflicts = len(e.history), e.conflicts
	if err := e.commit(ctx); err != nil {
		return backend.BatchResult{}, wrap(err, "commit a batch")
	}
	c.result.Revision = e.ws.revision
	return c.result, nil
}

// batchCommit is the work on one batch.
type batchCommit struct {
	edit     *edit
	entries  []backend.BatchEntry
	contents contents
	limits   backend.Limits
	result   backend.BatchResult
}

// plan takes over the entries that can be, in the order of their application, and names what they touch.
func (c *batchCommit) plan(batch backend.Batch) (p plan) {
	c.entries = make([]backend.BatchEntry, 0, len(batch.Entries))
	p.paths, p.hashes = make([]string, 0, len(batch.Entries)), make([]backend.Hash, 0, len(batch.Entries))
	for _, entry := range batch.Entries {
		if words := c.check(&entry); words != "" {
			c.result.Rejected[entry.Path] = words
			continue
		}
		c.entries = append(c.entries, entry)
		p.paths = append(p.paths, entry.Path)
		if entry.From != "" {
			p.paths = append(p.paths, entry.From)
		}
		if entry.Hash != (backend.Hash{}) && entry.Op == backend.OpPut && !entry.Unchanged {
			p.hashes = append(p.hashes, entry.Hash)
		}
	}
	slices.SortStableFunc(c.entries, func(a, b backend.BatchEntry) int {
		if ra, rb := rank(a), rank(b); ra != rb {
			return ra - rb
		}
		if a.Op == backend.OpDelete { // deepest first
			return strings.Count(b.Path, "/") - strings.Count(a.Path, "/")
		}
		return strings.Count(a.Path, "/") - strings.Count(b.Path, "/")
	})
	return p
}

// rank orders moves, folders, other puts, deletions.
func rank(e backend.BatchEntry) int {
	switch {
	case e.Op == backend.OpMove:
		return 0
	case e.Op == backend.OpPut && e.Type == backend.TypeFolder:
		return 1
	case e.Op == backend.OpPut:
		return 2
	}
	return 3
}

// check says in words why an entry cannot be stored, and mends what can be mended.
func (c *batchCommit) check(e *backend.BatchEntry) (words string) {
	paths := []string{e.Path}
	if e.Op == backend.OpMove {
		paths = append(paths, e.From)
	} else {
		e.From = ""
	}
	for _, path := range paths {
		clean, err := backend.CleanPath(path)
		if err != nil {
			return err.Error()
		}
		if clean != path {
			return "the path is not in its one way of writing"
		}
	}
	switch e.Op {
	case backend.OpDelete:
		e.Hash = backend.Hash{}
		return ""
	case backend.OpPut, backend.OpMove:
	default:
		return "the agent sent an unknown operation"
	}
	if e.Op == backend.OpMove {
		return ""
	}
	if e.Type == "" {
		return "the agent sent an unknown type"
	}
	if e.Type != backend.TypeFile || e.Unsaved != backend.Saved {
		e.Hash = backend.Hash{}
		return ""
	}
	if c.limits.MaxFileBytes > 0 && e.Size > c.limits.MaxFileBytes {
		e.Unsaved, e.Hash, e.HasContent, e.Content = backend.UnsavedTooLarge, backend.Hash{}, false, nil
		return ""
	}
	if e.Hash == (backend.Hash{}) {
		return "the agent sent no hash"
	}
	if e.HasContent {
		if sha256.Sum256(e.Content) != e.Hash {
			return "the content is not what its hash says"
		}
		e.Size = int64(len(e.Content))
		if e.Content == nil {
			e.Content = []byte{}
		}
		c.contents[e.Hash] = e.Content
	}
	return ""
}

// missing notes the hashes that the session has not proved to have.
func (c *batchCommit) missing() {
	for i := range c.entries {
		hash := c.entries[i].Hash
		if hash == (backend.Hash{}) || c.entries[i].Op != backend.OpPut || c.entries[i].Unchanged {
			continue
		}
		if _, sent := c.contents[hash]; sent {
			continue
		}
		blob, stored := c.edit.blobs[hash]
		if stored && blob.ours {
			c.entries[i].Size = blob.size
			continue
		}
		if !slices.Contains(c.result.Missing, hash) {
			c.result.Missing = append(c.result.Missing, hash)
		}
	}
}

// loadFolders reads what is below folders that go, are moved, or become something else.
func (c *batchCommit) loadFolders(ctx context.Context) error {
	var folders []string
	add := func(path string) {
		if n := c.edit.nodes[path]; n != nil && n.Type == backend.TypeFolder {
			folders = append(folders, path)
		}
	}
	for _, entry := range c.entries {
		if entry.Op != backend.OpPut || entry.Type != backend.TypeFolder {
			add(entry.Path)
		}
		if entry.From != "" {
			add(entry.From)
		}
	}
	return c.edit.loadUnder(ctx, folders)
}

// unknown says whether the disk did not know the present version: what came from the terminal, it did.
func unknown(n *node, base int64) bool {
	return n.source != backend.SourceTerminal && n.Revision > base
}

func (c *batchCommit) apply(entry backend.BatchEntry) {
	if entry.Unchanged {
		c.tell(entry)
		return
	}
	switch entry.Op {
	case backend.OpMove:
		c.move(entry)
	case backend.OpDelete:
		if n := c.edit.nodes[entry.Path]; n != nil {
			c.remove(n, entry.BaseRevision)
		}
	case backend.OpPut:
		c.put(entry)
	}
}

// tell has what the database has at a path brought to the disk once more.
func (c *batchCommit) tell(entry backend.BatchEntry) {
	n := c.edit.nodes[entry.Path]
	if n == nil || entry.Op == backend.OpPut && same(n.Item, entry.Item) {
		return
	}
	var missed []backend.Item
	walk(n, func(n *node) { missed = append(missed, n.Item) })
	if entry.Op == backend.OpPut {
		missed = missed[:1]
	}
	for _, item := range missed {
		if item.Unsaved == backend.Saved {
			c.edit.put(item, backend.SourceRestore)
		}
	}
}

func (c *batchCommit) conflict(path string, other, base int64) {
	c.edit.conflicts = append(c.edit.conflicts, backend.Conflict{
		Path: path, Revision: c.edit.revision, OtherRevision: other, BaseRevision: base,
	})
}

// nameVersions gives the conflicts revisions after which the other version and the one that both were made from were at the
// conflict's path: what is moved with a folder keeps the revision that it had elsewhere.
func (c *batchCommit) nameVersions(ctx context.Context) error {
	e := c.edit
	for i := range e.conflicts {
		conflict := &e.conflicts[i]
		path, base := conflict.Path, conflict.BaseRevision
		m, err := moved(ctx, e.conn, e.session, append(ancestors(path), path), Place{e.revision, 0})
		if err != nil {
			return err
		}
		if !m.found {
			continue
		}
		if conflict.OtherRevision > 0 {
			conflict.OtherRevision = max(conflict.OtherRevision, m.at.Revision)
		}
		// A move that the disk did not know of has brought something else to the path.
		known := m.source == backend.SourceTerminal || m.at.Revision <= e.ws.cursor.AppliedRevision
		if base == 0 || m.at.Revision <= base || !known {
			continue
		}
		before, err := versionAt(ctx, e.conn, e.session, m.from+path[len(m.to):], base)
		if err == nil {
			var then backend.Item
			if then, err = versionAt(ctx, e.conn, e.session, path, m.at.Revision); err == nil && then.Hash == before.Hash {
				conflict.BaseRevision = m.at.Revision
				continue
			}
		}
		if err != nil && backend.CodeOf(err) != backend.CodeNotFound {
			return err
		}
		conflict.BaseRevision = 0 // it never was at this path
	}
	return nil
}

// parents makes the folders that path needs. The disk has them, so what is in the way is gone there.
func (c *batchCommit) parents(path string) {
	missing, inTheWay := c.edit.missingParents(path)
	if inTheWay != nil {
		c.clear(inTheWay, 0)
		missing, _ = c.edit.missingParents(path)
	}
	c.edit.makeFolders(missing, backend.SourceTerminal)
}

// clear makes room for what the disk has at a node's path. What the disk did not know stays in the history, and a
// conflict tells of it.
func (c *batchCommit) clear(n *node, base int64) {
	walk(n, func(n *node) {
		if n.Type != backend.TypeFolder && unknown(n, base) {
			c.conflict(n.Path, n.Revision, base)
		}
	})
	c.edit.remove(n, backend.SourceTerminal)
}

func (c *batchCommit) put(entry backend.BatchEntry) {
	e := c.edit
	n := e.nodes[entry.Path]
	if n != nil && same(n.Item, entry.Item) {
		return
	}
	grow := savedBytes(entry.Item)
	items := int64(1)
	if n != nil {
		grow -= savedBytes(n.Item)
		items = 0
	}
	if e.fits(items, 0, c.limits) != "" {
		c.result.Rejected[entry.Path] = e.fits(items, 0, c.limits)
		return
	}
	if e.fits(0, grow, c.limits) != "" {
		entry.Unsaved, entry.Hash = backend.UnsavedWorkspaceFull, backend.Hash{}
	}
	if n != nil && n.Type == backend.TypeFolder && entry.Type != backend.TypeFolder {
		c.clear(n, entry.BaseRevision)
		n = nil
	}
	if n != nil && n.Type != backend.TypeFolder && unknown(n, entry.BaseRevision) {
		c.conflict(entry.Path, n.Revision, entry.BaseRevision)
	}
	c.parents(entry.Path)
	item := entry.Item
	if item.Type != backend.TypeFile {
		item.Size = 0
	}
	e.put(item, backend.SourceTerminal)
}

// same says whether the database has it so already. A time alone is no change.
func same(a, b backend.Item) bool {
	return a.Type == b.Type && a.Mode == b.Mode && a.Hash == b.Hash && a.LinkTarget == b.LinkTarget && a.Unsaved == b.Unsaved &&
		(a.Unsaved == backend.Saved || a.Size == b.Size)
}

// remove deletes a node as the disk did, but for what the disk did not know: that goes back to the disk.
func (c *batchCommit) remove(n *node, base int64) {
	keep := map[*node]bool{}
	var mark func(n *node, base int64) bool
	mark = func(n *node, base int64) bool {
		kept := n.Type != backend.TypeFolder && unknown(n, base)
		for _, child := range n.children {
			// Below a folder, what was brought to the disk is what the disk knew.
			if mark(child, max(base, c.edit.ws.cursor.AppliedRevision)) {
				kept = true
			}
		}
		if kept {
			keep[n] = true
		}
		return kept
	}
	if !mark(n, base) {
		c.edit.remove(n, backend.SourceTerminal)
		return
	}
	var gone, back []*node
	walk(n, func(n *node) {
		switch {
		case keep[n]:
			back = append(back, n)
		case keep[c.edit.parent(n.Path)] || c.edit.parent(n.Path) == c.edit.root:
			gone = append(gone, n)
		}
	})
	for _, n := range gone {
		c.edit.remove(n, backend.SourceTerminal)
	}
	for _, n := range back {
		if n.Type != backend.TypeFolder {
			c.conflict(n.Path, 0, base)
		}
		c.edit.put(n.Item, backend.SourceRestore)
		// The disk has nothing there.
		row := &c.edit.history[len(c.edit.history)-1]
		row.previous, row.previousType = backend.Hash{}, ""
	}
}

func (c *batchCommit) move(entry backend.BatchEntry) {
	e := c.edit
	n := e.nodes[entry.From]
	// Something else may be there since, or another version: then it stays, and the disk's comes as new.
	other := n != nil && (entry.Type != "" && n.Type != entry.Type || entry.Hash != (backend.Hash{}) && n.Hash != entry.Hash ||
		unknown(n, max(entry.BaseRevision, e.ws.cursor.AppliedRevision)))
	if n == nil || other || isUnder(entry.Path, entry.From) || tooLong(n, entry.Path) != "" {
		c.result.Rejected[entry.Path] = "what was moved there is not in the database"
		return
	}
	if target := e.nodes[entry.Path]; target != nil {
		c.clear(target, entry.BaseRevision)
	}
	c.parents(entry.Path)
	e.move(n, entry.Path, backend.SourceTerminal, n.Hash, n.Type)
}

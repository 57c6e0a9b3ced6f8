package postgres

import (
	"context"
	"slices"
	"strings"

	"codingplatform/backend"
)

// RestoreRequest asks for a workspace, or a part of it, as it was.
type RestoreRequest struct {
	SessionID backend.SessionID
	UserID    backend.UserID
	// Path is a file or folder; "": all of the workspace.
	Path string
	// Revision after which it was as it shall be again.
	Revision int64
	Limits   backend.Limits
}

// Restore makes files what they were after a revision, as one new revision: nothing of the history is lost, and what came
// since can be brought back the same way. What is listed but not saved stays as it is.
//
// CodeNotFound: nothing was at the path, or the history does not reach back that far; CodeTooLarge: a cap; CodeConflict:
// something that is not saved is in the way; CodeInvalid: the path, or a revision that is still to come.
func (s *Store) Restore(ctx context.Context, r RestoreRequest) (done backend.Restored, err error) {
	if r.Path != "" {
		if r.Path, err = backend.CleanPath(r.Path); err != nil {
			return done, err
		}
	}
	items, err := s.stateAt(ctx, r)
	if err != nil {
		return done, err
	}
	p := plan{all: r.Path == ""}
	if r.Path != "" {
		p.under = []string{r.Path}
	}
	for _, i := range items {
		p.paths = append(p.paths, i.Path)
		if i.Hash != (backend.Hash{}) {
			p.hashes = append(p.hashes, i.Hash)
		}
	}
	slices.SortFunc(p.hashes, func(a, b backend.Hash) int { return slices.Compare(a[:], b[:]) })
	p.hashes = slices.Compact(p.hashes)
	e, err := s.begin(ctx, r.SessionID, p)
	if err != nil {
		return done, wrap(err, "restore files")
	}
	defer e.close(ctx)
	e.user, e.source = r.UserID, backend.SourceRestore
	t := restoring{edit: e, wanted: map[string]bool{}, done: &done}
	done.Left = map[string]string{}
	bytes := e.ws.bytes
	if r.Path != "" {
		if err := e.prepare(r.Path, 0, backend.Limits{}); err != nil {
			return done, err
		}
	}
	for _, i := range items {
		t.wanted[i.Path] = true
	}
	start := e.root
	if r.Path != "" {
		start = e.nodes[r.Path]
	}
	if start != nil {
		t.clear(start)
	}
	for _, i := range items {
		t.write(i)
	}
	if full := e.over(e.ws.bytes-bytes, r.Limits); full != "" {
		return backend.Restored{}, backend.Errorf(backend.CodeTooLarge, "%s", full)
	}
	done.Revision = e.ws.revision
	if len(e.history) == 0 {
		return done, nil
	}
	done.Revision = e.revision
	return done, wrap(e.commit(ctx), "restore files")
}

// stateAt lists what was at the request's path.
func (s *Store) stateAt(ctx context.Context, r RestoreRequest) ([]backend.Item, error) {
	var present, floor int64
	if err := s.workspaceRow(ctx, r.SessionID, `revision, history_floor`, &present, &floor); err != nil {
		return nil, err
	}
	switch {
	case r.Revision > present:
		return nil, backend.Errorf(backend.CodeInvalid, "the workspace is at revision %d; %d is still to come", present, r.Revision)
	case r.Revision < floor:
		return nil, tooOld(floor)
	}
	past, err := s.replayTo(ctx, s.pool, r.SessionID, r.Revision, false)
	if err != nil {
		return nil, wrap(err, "read the history")
	}
	items := past.state(r.Path)
	if len(items) == 0 && r.Path != "" {
		return nil, backend.Errorf(backend.CodeNotFound, "there was no %q at revision %d", r.Path, r.Revision)
	}
	slices.SortFunc(items, byPath)
	return items, nil
}

// restoring brings a tree to what it was.
type restoring struct {
	*edit
	wanted map[string]bool
	done   *backend.Restored
}

// clear deletes below n, and n itself, what was not there, but for what is not saved.
func (t *restoring) clear(n *node) {
	if n != t.root && !t.wanted[n.Path] && !holdsUnsaved(n) {
		walk(n, func(*node) { t.done.Deleted++ })
		t.remove(n, t.source)
		return
	}
	names := make([]string, 0, len(n.children))
	for name := range n.children {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		t.clear(n.children[name])
	}
}

// holdsUnsaved says whether something is at n or below it that only the disk has.
func holdsUnsaved(n *node) bool {
	if n.Unsaved != backend.Saved {
		return true
	}
	for _, c := range n.children {
		if holdsUnsaved(c) {
			return true
		}
	}
	return false
}

// write makes an item what it was. Parents come before.
func (t *restoring) write(want backend.Item) {
	now := t.nodes[want.Path]
	if i := strings.LastIndexByte(want.Path, '/'); i >= 0 {
		if parent := t.nodes[want.Path[:i]]; parent == nil || parent.Type != backend.TypeFolder || parent.Unsaved != backend.Saved {
			t.done.Left[want.Path] = "the folder that it was in cannot be brought back"
			return
		}
	}
	switch {
	case want.Unsaved != backend.Saved:
		// Only what vanished since is missed; what is there is the disk's.
		if now == nil {
			t.done.Left[want.Path] = "it was not saved (" + string(want.Unsaved) + ")"
		}
		return
	case now != nil && now.Unsaved != backend.Saved:
		t.done.Left[want.Path] = "what is there now is not saved (" + string(now.Unsaved) + ") and would be lost"
		return
	case now != nil && now.Type == want.Type && now.Hash == want.Hash && now.LinkTarget == want.LinkTarget && now.Mode == want.Mode&modeMask:
		return
	case want.Type == backend.TypeFile && !t.blobs[want.Hash].ours:
		t.done.Left[want.Path] = "its content is not kept any more"
		return
	}
	if now != nil && now.Type == backend.TypeFolder && want.Type != backend.TypeFolder {
		if holdsUnsaved(now) {
			t.done.Left[want.Path] = "a folder with files that are not saved is there now"
			return
		}
		walk(now, func(*node) { t.done.Deleted++ })
		t.remove(now, t.source)
	}
	// It is a new version: tools that go by time have to see that.
	want.ModTime = t.at
	t.put(want, t.source)
	t.done.Written++
}

// over says in words which cap a change went beyond that made the workspace larger.
func (e *edit) over(grown int64, limits backend.Limits) string {
	switch {
	case limits.MaxWorkspaceBytes > 0 && grown > 0 && e.ws.bytes > limits.MaxWorkspaceBytes:
		return "the workspace would hold " + number(e.ws.bytes) + " bytes; " + number(limits.MaxWorkspaceBytes) + " are allowed"
	case limits.MaxFiles > 0 && e.ws.items > limits.MaxFiles:
		return "the workspace would hold " + number(e.ws.items) + " files and folders; " + number(limits.MaxFiles) + " are allowed"
	}
	return ""
}

// CopyPath copies the saved items at r.Path, a folder with everything in it, to a path that is free, whose parents are
// made. No content is copied: both refer to one. It returns the copy and how many items were left because they are not
// saved. Errors as MovePath; CodeTooLarge: a cap.
func (s *Store) CopyPath(ctx context.Context, r PathRequest, target string) (item backend.Item, left int, err error) {
	from, err := backend.CleanPath(r.Path)
	if err != nil {
		return item, 0, err
	}
	to, err := backend.CleanPath(target)
	if err != nil {
		return item, 0, err
	}
	e, err := s.begin(ctx, r.SessionID, plan{paths: []string{to}, under: []string{from}})
	if err != nil {
		return item, 0, wrap(err, "copy a path")
	}
	defer e.close(ctx)
	e.user, e.source = r.UserID, r.Source
	n := e.nodes[from]
	switch {
	case n == nil:
		return item, 0, noItem(from)
	case isUnder(to, from):
		return item, 0, backend.Errorf(backend.CodeInvalid, "%q cannot be copied into itself", from)
	case e.nodes[to] != nil:
		return item, 0, &backend.Error{Code: backend.CodeAlreadyExists, Message: quote(to) + " exists already", Revision: e.nodes[to].Revision}
	case n.Unsaved != backend.Saved:
		return item, 0, notSaved(n)
	}
	if long := tooLong(n, to); long != "" {
		return item, 0, backend.Errorf(backend.CodeInvalid, "%s", long)
	}
	bytes := e.ws.bytes
	if err := e.prepare(to, 0, backend.Limits{}); err != nil {
		return item, 0, err
	}
	var all []*node
	walk(n, func(n *node) { all = append(all, n) })
	if err := e.reserve(ctx, len(all)); err != nil {
		return item, 0, err
	}
	for _, n := range all {
		copied := n.Item
		copied.Path = to + n.Path[len(from):]
		if n.Unsaved != backend.Saved || n.Type == backend.TypeSpecial || e.parent(copied.Path) == nil {
			left++
			continue
		}
		copied.ModTime = e.at
		if n.Hash != (backend.Hash{}) {
			// It stays while this transaction lasts: the item that is copied refers to it, and its workspace is locked.
			e.blobs[n.Hash] = blobState{size: n.Size, ours: true}
		}
		e.put(copied, e.source)
	}
	if full := e.over(e.ws.bytes-bytes, r.Limits); full != "" {
		return item, 0, backend.Errorf(backend.CodeTooLarge, "%s", full)
	}
	copied := e.nodes[to]
	return copied.Item, left, wrap(e.commit(ctx), "copy a path")
}

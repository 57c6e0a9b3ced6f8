package postgres

import (
	"slices"
	"strings"

	"codingplatform/backend"
)

const (
	folderMode = 0o755
	fileMode   = 0o644
	modeMask   = 0o777
)

// put makes state the item at its path, whose parents must be folders and whose present item must not be a folder with
// something in it, unless state is a folder too. It returns the item's node.
func (e *edit) put(state backend.Item, source backend.Source) *node {
	n := e.nodes[state.Path]
	row := historyRow{op: backend.OpPut, source: source}
	if n != nil {
		e.count(n, -1)
		row.previous, row.previousType = n.Hash, n.Type
	} else {
		n = &node{Item: backend.Item{Path: state.Path}, createdAt: e.at}
		e.attach(n)
	}
	state.Revision, state.UpdatedAt = e.revision, e.at
	state.Mode &= modeMask
	if state.Type == backend.TypeFolder {
		state.Size = 0
	}
	n.Item, n.source = state, source
	if n.Hash != (backend.Hash{}) {
		e.used[n.Hash] = true
	}
	e.count(n, 1)
	e.mark(n)
	row.item = n.Item
	e.history = append(e.history, row)
	return n
}

func (e *edit) mark(n *node) {
	if !n.dirty {
		n.dirty = true
		e.dirty = append(e.dirty, n)
	}
}

func (e *edit) count(n *node, by int64) {
	e.ws.items += by
	if n.Type == backend.TypeFile {
		e.ws.files += by
	}
	if n.Unsaved != backend.Saved {
		e.ws.unsaved += by
	}
	e.ws.bytes += by * savedBytes(n.Item)
}

// savedBytes is what an item counts towards the workspace's size.
func savedBytes(i backend.Item) int64 {
	if i.Type == backend.TypeFile && i.Unsaved == backend.Saved {
		return i.Size
	}
	return 0
}

// remove deletes an item with all below it, and notes it once.
func (e *edit) remove(n *node, source backend.Source) {
	item := n.Item
	e.history = append(e.history, historyRow{
		op: backend.OpDelete, item: backend.Item{Path: item.Path, Type: item.Type, Revision: e.revision},
		previous: item.Hash, previousType: item.Type, source: source,
	})
	e.drop(n)
}

// drop takes an item with all below it out of the tree without a note.
func (e *edit) drop(n *node) {
	e.detach(n)
	walk(n, func(n *node) {
		delete(e.nodes, n.Path)
		e.count(n, -1)
		if n.stored {
			e.deleted = append(e.deleted, n.id)
			n.stored = false
		}
	})
}

func (e *edit) detach(n *node) {
	delete(e.parent(n.Path).children, n.Name())
}

// move brings an item with all below it to a free path whose parents are folders. What is below keeps its revisions.
func (e *edit) move(n *node, to string, source backend.Source, previous backend.Hash, previousType backend.FileType) {
	from := n.Path
	e.detach(n)
	var all []*node
	walk(n, func(n *node) { all = append(all, n) })
	for _, n := range all {
		delete(e.nodes, n.Path)
		// Its row goes and comes again with the same ID, so that no order of rows can violate the unique paths.
		if n.stored {
			e.deleted = append(e.deleted, n.id)
			n.stored = false
		}
	}
	for _, n := range all {
		n.Path = to + n.Path[len(from):]
		e.nodes[n.Path] = n
		e.mark(n)
	}
	n.Revision, n.UpdatedAt, n.source = e.revision, e.at, source
	if e.ws.conflicts {
		e.moves = append(e.moves, [2]string{from, to})
	}
	parent := e.parent(to)
	if parent.children == nil {
		parent.children = map[string]*node{}
	}
	parent.children[n.Name()] = n
	e.history = append(e.history, historyRow{
		op: backend.OpMove, from: from, item: n.Item, previous: previous, previousType: previousType, source: source,
	})
}

// missingParents lists the folders that path needs and that are not there, the outermost first, and the ancestor
// that is no folder, if one is.
func (e *edit) missingParents(path string) (missing []string, inTheWay *node) {
	for i, r := range path {
		if r != '/' {
			continue
		}
		switch n := e.nodes[path[:i]]; {
		case n == nil:
			missing = append(missing, path[:i])
		case n.Type != backend.TypeFolder:
			return nil, n
		}
	}
	return missing, nil
}

func (e *edit) makeFolders(paths []string, source backend.Source) {
	for _, p := range paths {
		e.put(backend.Item{Path: p, Type: backend.TypeFolder, Mode: folderMode, ModTime: e.at}, source)
	}
}

// fits checks the caps for more items and bytes, and returns in words what is full.
func (e *edit) fits(items, bytes int64, limits backend.Limits) string {
	switch {
	case limits.MaxFiles > 0 && items > 0 && e.ws.items+items > limits.MaxFiles:
		return "the workspace is full: it holds " + number(e.ws.items) + " of at most " + number(limits.MaxFiles) + " files and folders"
	case limits.MaxWorkspaceBytes > 0 && bytes > 0 && e.ws.bytes+bytes > limits.MaxWorkspaceBytes:
		return "the workspace is full: it holds " + number(e.ws.bytes) + " of at most " + number(limits.MaxWorkspaceBytes) + " bytes"
	}
	return ""
}

// prepare makes path ready to be written by the editor or the API: its parents are made, and it is refused where that
// cannot be.
func (e *edit) prepare(path string, bytes int64, limits backend.Limits) error {
	missing, inTheWay := e.missingParents(path)
	if inTheWay != nil {
		return &backend.Error{
			Code: backend.CodeConflict, Revision: inTheWay.Revision,
			Message: quote(inTheWay.Path) + " is a " + string(inTheWay.Type) + ", not a folder: nothing can be put into it",
		}
	}
	for i := range path {
		if path[i] != '/' {
			continue
		}
		if n := e.nodes[path[:i]]; n != nil && n.Unsaved != backend.Saved {
			return notSaved(n)
		}
	}
	items := int64(len(missing))
	if e.nodes[path] == nil {
		items++
	}
	if full := e.fits(items, bytes, limits); full != "" {
		return backend.Errorf(backend.CodeTooLarge, "%s", full)
	}
	e.makeFolders(missing, e.source)
	return nil
}

// write stores a file for the editor or the API; its content is in e.contents. Equal content changes nothing.
func (e *edit) write(f NewFile, limits backend.Limits) (n *node, created bool, err error) {
	hash := newContents().add(f.Content)
	n = e.nodes[f.Path]
	mode := f.Mode & modeMask
	if mode == 0 {
		mode = fileMode
		if n != nil && n.Type == backend.TypeFile {
			mode = n.Mode
		}
	}
	size := int64(len(f.Content))
	grow := size
	if n != nil {
		switch {
		case n.Type != backend.TypeFile:
			return nil, false, &backend.Error{
				Code: backend.CodeConflict, Revision: n.Revision,
				Message: quote(f.Path) + " is a " + string(n.Type) + ", not a file: delete it first, or choose another name",
			}
		case n.Unsaved != backend.Saved:
			return nil, false, notSaved(n)
		case n.Hash == hash && n.Mode == mode:
			return n, false, nil
		}
		grow -= n.Size
	}
	if limits.MaxFileBytes > 0 && size > limits.MaxFileBytes {
		return nil, false, backend.Errorf(backend.CodeTooLarge, "the file has %d bytes; %d are allowed", size, limits.MaxFileBytes)
	}
	if err := e.prepare(f.Path, grow, limits); err != nil {
		return nil, false, err
	}
	created = n == nil
	n = e.put(backend.Item{Path: f.Path, Type: backend.TypeFile, Mode: mode, Size: size, ModTime: e.at, Hash: hash}, e.source)
	return n, created, nil
}

func notSaved(n *node) error {
	return &backend.Error{
		Code: backend.CodeConflict, Revision: n.Revision,
		Message: quote(n.Path) + " is listed but not saved (" + string(n.Unsaved) + "): change it in a terminal",
	}
}

// walk visits a node and all below it, parents first and by name.
func walk(n *node, visit func(*node)) {
	names := make([]string, 0, len(n.children))
	for name := range n.children {
		names = append(names, name)
	}
	slices.Sort(names)
	children := make([]*node, 0, len(names))
	for _, name := range names {
		children = append(children, n.children[name])
	}
	visit(n)
	for _, c := range children {
		walk(c, visit)
	}
}

// isUnder says whether path is folder or below it.
func isUnder(path, folder string) bool {
	return path == folder || len(path) > len(folder) && path[len(folder)] == '/' && strings.HasPrefix(path, folder)
}

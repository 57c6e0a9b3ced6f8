package files

import (
	"strings"
	"time"

	"codingplatform/agent/workspace"
)

// Deletions wait until none has come for deleteQuiet, deleteMax at most.
const (
	deleteQuiet = 10 * time.Millisecond
	deleteMax   = time.Second
)

// maxHeld bounds the contents of small files that are kept from their hashing to their batch, in bytes.
const maxHeld = 16 << 20

// find returns the item of a path, or nil.
func (e *Engine) find(path string) *item {
	it := e.root
	if path == "" {
		return it
	}
	for name := range strings.SplitSeq(path, "/") {
		if it = it.children[name]; it == nil {
			return nil
		}
	}
	return it
}

// at returns the item of a path, made where there is none.
func (e *Engine) at(path string) *item {
	it := e.root
	if path == "" {
		return it
	}
	for name := range strings.SplitSeq(path, "/") {
		child := it.children[name]
		if child == nil {
			child = &item{path: workspace.Join(it.path, name)}
			if it.children == nil {
				it.children = map[string]*item{}
			}
			it.children[name] = child
		}
		it = child
	}
	return it
}

func (e *Engine) parentOf(it *item) *item {
	dir, _ := workspace.Split(it.path)
	return e.find(dir)
}

// count adds a state of the disk to the totals, or takes it away.
func (e *Engine) count(s State, by int64) {
	switch {
	case s.Type == workspace.None:
	case s.Unsaved != Saved:
		e.counts.unsaved += by
	default:
		e.counts.items += by
		if s.Type == workspace.File {
			e.counts.files += by
			e.counts.bytes += by * s.Size
		}
	}
}

// setDisk notes what was seen at a path. read is when its content was read, at the latest: by a later one, a write within
// the same tick of the clock would go unnoticed on a machine that was slow just then.
func (e *Engine) setDisk(it *item, s State, stat workspace.Stat, content []byte, read time.Time) {
	if s.Type != workspace.Folder || s.Unsaved != Saved {
		for _, child := range it.children {
			e.vanish(child)
		}
	}
	e.count(it.disk, -1)
	e.count(s, +1)
	if !s.Same(it.disk) {
		it.changed = time.Now()
	}
	if it.disk.Type == workspace.File && (s.Type != workspace.File || stat.Ino != it.stat.Ino) {
		e.unlink(it)
	}
	it.disk, it.stat, it.hashed = s, stat, read
	if s.Type == workspace.File {
		e.link(it)
	}
	e.hold(it, content)
	if s.Unsaved == Full {
		e.full[it] = struct{}{}
	} else {
		delete(e.full, it)
	}
	e.mark(it)
}

// hold keeps a small content until its batch is made, while there is room.
func (e *Engine) hold(it *item, content []byte) {
	e.heldBytes -= int64(len(it.content))
	it.content = nil
	if content != nil && e.heldBytes+int64(len(content)) <= maxHeld && !it.disk.Same(it.base) {
		it.content = content
		e.heldBytes += int64(len(content))
	}
}

// vanish notes that there is nothing at a path any more.
func (e *Engine) vanish(it *item) {
	for _, child := range it.children {
		e.vanish(child)
	}
	if it.disk.Type == workspace.None {
		return
	}
	if it.disk.Type == workspace.Folder && e.watcher != nil {
		e.watcher.Forget(it.path)
	}
	if it.disk.Type == workspace.File {
		e.unlink(it)
	}
	e.count(it.disk, -1)
	delete(e.full, it)
	it.disk = State{}
	e.hold(it, nil)
	if it.base.saved() {
		e.gone[it.stat.Ino] = it
	}
	now := time.Now()
	if e.deleteDue.Before(now) {
		e.deleteCap = now.Add(deleteMax)
	}
	e.deleteDue = now.Add(deleteQuiet)
	if e.deleteDue.After(e.deleteCap) {
		e.deleteDue = e.deleteCap
	}
	// Whoever notes this need not be the loop, which has to wake for it.
	e.deleteTold = false
	e.poke()
	it.changed = now
	e.mark(it)
}

// link notes that an item is a name of its inode. The kernel tells only of the name through which a file was written to:
// its other names are looked at too.
func (e *Engine) link(it *item) {
	ino := it.stat.Ino
	first, names := e.inodes[ino], e.links[ino]
	if first == nil {
		e.inodes[ino] = it
	}
	if names == nil && (first == nil || first == it) {
		return
	}
	if names == nil {
		names = map[*item]struct{}{first: {}}
		e.links[ino] = names
	}
	names[it] = struct{}{}
	for other := range names {
		if other.stat.Ctime != it.stat.Ctime {
			e.lookSoon(other.path)
		}
	}
}

// lookSoon has a path looked at. The caller holds e.mu.
func (e *Engine) lookSoon(path string) {
	if _, waits := e.pending[path]; !waits {
		e.pending[path] = hint{due: time.Now()}
		e.poke()
	}
}

// unlink undoes link. The last that was heard of the name may have been a write, which is one of the others too.
func (e *Engine) unlink(it *item) {
	ino := it.stat.Ino
	names := e.links[ino]
	delete(names, it)
	for other := range names {
		e.lookSoon(other.path)
	}
	if e.inodes[ino] == it {
		delete(e.inodes, ino)
		for other := range names {
			e.inodes[ino] = other
			break
		}
	}
	if len(names) < 2 {
		delete(e.links, ino)
	}
}

// setBase notes what both sides have at a path.
func (e *Engine) setBase(it *item, s State, revision uint64) {
	if it.base.saved() {
		e.counts.baseItems--
		e.know(it.base, -1)
	}
	if s.saved() {
		e.counts.baseItems++
		e.know(s, +1)
	}
	refused := it.refused != nil
	it.base, it.revision, it.refused, it.behind = s, revision, nil, false
	if refused && s.Type == workspace.Folder {
		for _, child := range it.children {
			child.walk(e.unrefuse)
		}
	}
	if s.Type == workspace.None && e.gone[it.stat.Ino] == it {
		delete(e.gone, it.stat.Ino)
	}
	e.mark(it)
}

func (e *Engine) know(s State, by int) {
	if s.Type != workspace.File || s.Unsaved != Saved {
		return
	}
	e.known[s.Hash] += by
	if e.known[s.Hash] == 0 {
		delete(e.known, s.Hash)
	}
}

// unrefuse has what was refused sent again.
func (e *Engine) unrefuse(it *item) {
	if _, is := e.refusals[it]; is {
		it.refused = nil
		e.mark(it)
	}
}

// mark keeps dirty equal to the items that differ, and drops items of which nothing is left.
func (e *Engine) mark(it *item) {
	if it == e.root {
		return
	}
	if it.refused == nil || !it.disk.Same(*it.refused) || it.disk.Same(it.base) && !it.behind {
		delete(e.refusals, it)
	}
	if it.differs() {
		e.dirty[it] = struct{}{}
		if it.deletes() && !e.deleteTold {
			// What vanished while its batch was under way differs since the commit, and the loop has to wake for it.
			e.poke()
		}
		return
	}
	delete(e.dirty, it)
	e.hold(it, nil)
	for it != e.root && it.disk.Type == workspace.None && it.base.Type == workspace.None && !it.behind && it.seq == 0 && len(it.children) == 0 {
		parent := e.parentOf(it)
		if parent == nil {
			return
		}
		_, name := workspace.Split(it.path)
		if parent.children[name] == it {
			delete(parent.children, name)
		}
		if e.gone[it.stat.Ino] == it {
			delete(e.gone, it.stat.Ino)
		}
		delete(e.dirty, it)
		it = parent
	}
}

package files

import (
	"time"

	"codingplatform/agent/workspace"
)

// verdict is what a Restore does with a path.
type verdict uint8

const (
	adopt verdict = iota // the disk has it already
	bring                // the database's state goes to the disk
	keep                 // the disk has work that the database lacks
)

// decide is the three-way decision: what the database has, what both had last, what the disk has. lost says that the
// disk's emptiness is no decision of the user's.
func decide(database, base, disk State, lost bool) verdict {
	switch {
	case disk.Type != workspace.None && disk.sameContent(database):
		return adopt
	case disk.Type == workspace.None && base.Type == workspace.None:
		return bring
	case disk.Type == workspace.None:
		// Deleted on the disk. What was changed in the database since wins over a deletion.
		if lost || !database.sameContent(base) {
			return bring
		}
		return keep
	case disk.sameContent(base):
		return bring
	}
	return keep
}

// accept decides about one entry, and notes what both sides have now. chmod: the disk is still to get the mode.
func (e *Engine) accept(entry Entry, disk State, lost bool) (v verdict, chmod bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	it := e.at(entry.Path)
	if entry.State.Unsaved != Saved {
		e.setBase(it, entry.State, entry.Revision)
		return adopt, false
	}
	base := it.base
	v = decide(entry.State, base, disk, lost)
	switch v {
	case adopt:
		ours := base.Type != workspace.None && base.Mode == disk.Mode // else the disk's is sent
		agreed := entry.State
		agreed.Mtime, agreed.Size = disk.Mtime, disk.Size
		if ours {
			agreed.Mode = disk.Mode
		}
		e.setBase(it, agreed, entry.Revision)
		return adopt, ours && modeOf(entry.State) != disk.Mode && disk.Type != workspace.Symlink
	case keep:
		if entry.State.sameContent(base) {
			e.setBase(it, entry.State, entry.Revision)
		} else {
			e.fallBehind(it)
		}
	case bring:
		e.mark(it)
	}
	return v, false
}

// fallBehind notes that the disk does not take what the database has, since it has something else. The caller holds e.mu.
func (e *Engine) fallBehind(it *item) {
	it.behind = true
	e.mark(it)
}

// chmod gives the disk an entry's mode.
func (e *Engine) chmod(entry Entry) error {
	dir, name, err := e.tree.Parent(entry.Path)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Chmod(name, modeOf(entry.State)); err != nil {
		return err
	}
	stat, err := dir.Stat(name)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	it := e.at(entry.Path)
	e.changed(it, it.disk, modeOf(entry.State), entry.Revision, stat, time.Unix(0, stat.Ctime))
	return nil
}

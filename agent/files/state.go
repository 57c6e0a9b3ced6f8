package files

import (
	"time"

	"codingplatform/agent/workspace"
)

// Reason says why an entry is listed but not saved.
type Reason uint8

// The reasons; zero: it is saved.
const (
	Saved Reason = iota
	Ignored
	TooLarge
	Full
	SpecialFile
	Unreadable
)

// State is what both sides know of an entry; the zero State: there is nothing.
type State struct {
	Type    workspace.Type
	Mode    uint32
	Size    int64
	Mtime   int64
	Hash    workspace.Hash
	Link    string
	Unsaved Reason
}

// saved says whether there is something, and its content is kept.
func (s State) saved() bool { return s.Type != workspace.None && s.Unsaved == Saved }

// Same says whether two states need no change between them. A folder's and a link's times are no state, since they
// change with what is done elsewhere.
func (s State) Same(o State) bool {
	if s.Type != o.Type || s.Unsaved != o.Unsaved {
		return false
	}
	switch s.Unsaved {
	case Ignored, SpecialFile, Unreadable:
		return true
	case TooLarge, Full:
		return s.Size == o.Size
	case Saved:
	}
	switch s.Type {
	case workspace.File:
		return s.Mode == o.Mode && s.Size == o.Size && s.Hash == o.Hash && s.Mtime == o.Mtime
	case workspace.Folder:
		return s.Mode == o.Mode
	case workspace.Symlink:
		return s.Link == o.Link
	case workspace.None, workspace.Special:
	}
	return true
}

// sameContent compares without mode and times.
func (s State) sameContent(o State) bool {
	if s.Type != o.Type || s.Unsaved != o.Unsaved {
		return false
	}
	return s.Hash == o.Hash && s.Link == o.Link
}

// Op is what happened to a path.
type Op uint8

// The operations.
const (
	Put Op = iota + 1
	Delete
	Move
)

// Change is one difference, as it is sent.
type Change struct {
	Op         Op
	Path, From string
	State      State
	// BaseRevision is the revision of the version that was changed; 0: a new path.
	BaseRevision uint64
	// Unchanged: the disk has what both sides had, and is to be told what the database has.
	Unchanged bool
	// Content is set where HasContent is.
	Content    []byte
	HasContent bool
}

// Batch is committed as a whole. It is never changed once it is made.
type Batch struct {
	Sequence, Generation uint64
	Changes              []Change
	claimed              []*item
}

// Policy is what is saved; caps of 0: none.
type Policy struct {
	Ignore                               []string
	MaxFileBytes, MaxBytes, MaxFileCount int64
}

// item is one path.
type item struct {
	path     string
	children map[string]*item

	// disk is what was last seen. stat is of that look, hashed when it was; kept after the entry is gone, to know
	// it again elsewhere.
	disk    State
	stat    workspace.Stat
	hashed  time.Time
	content []byte

	// base is what both sides have, and revision that of the version which the disk's is based on.
	base     State
	revision uint64

	// written: a write has ended since the content was last read. It may have begun before that, and a write tells its time
	// only when it begins: the file is read again, though its size and times are the same.
	written bool

	// tracked: the database has saved it, so no pattern ignores it.
	tracked bool

	// seq is the batch that has a change of this path; hard says that it leaves nothing of what is below.
	seq  uint64
	hard bool
	// behind: the database has something newer than the base, which the disk did not take since it had something else. It
	// is asked for when the disk has the base again.
	behind bool
	// noMove: the database could not follow a move to here.
	noMove bool
	// refused is a state that the backend will not take.
	refused *State

	// strays counts the looks at a file that has names which are not known.
	strays int
	// coolUntil is when a file that keeps changing is looked at next, coolBy how long that is.
	coolUntil time.Time
	coolBy    time.Duration
	changed   time.Time
}

func (it *item) differs() bool {
	return (it.behind || !it.disk.Same(it.base)) && (it.refused == nil || !it.disk.Same(*it.refused))
}

// deletes says whether the difference is told by a deletion: of what is gone, or of a folder that has become something else.
func (it *item) deletes() bool {
	return it.disk.Type == workspace.None || it.base.Type == workspace.Folder && it.disk.Type != workspace.Folder
}

// walk calls f for an item and all below it, parents first.
func (it *item) walk(f func(*item)) {
	f(it)
	for _, child := range it.children {
		child.walk(f)
	}
}

package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"codingplatform/agent/workspace"
)

// Operation is one committed change of the database that the disk shall have.
type Operation struct {
	Op    Op
	Entry Entry
	From  string
	// Expect is what the path must hold now; of a move, what From must hold. A folder, a link and the deletion of a
	// folder are checked by their type alone.
	ExpectType workspace.Type
	ExpectHash workspace.Hash
	// Content of a file, unless Large says that it comes by itself.
	Content []byte
	Large   bool
}

// Outcome is how an operation ended.
type Outcome uint8

// The outcomes.
const (
	Applied Outcome = iota + 1
	Unchanged
	Conflict
	Failed
)

// Result is an operation's outcome, with a reason in words.
type Result struct {
	Path    string
	Outcome Outcome
	Reason  string
}

// Apply does operations in their order. Large contents are read in that order too. An error means that the rest was not
// done.
func (e *Engine) Apply(ctx context.Context, epoch uint64, ops []Operation, contents Contents) ([]Result, error) {
	e.disk.Lock()
	defer e.disk.Unlock()
	e.mu.Lock()
	err := e.checkEpoch(epoch)
	if err == nil && !e.restored {
		err = ErrNotRestored
	}
	e.mu.Unlock()
	if err != nil {
		return nil, err
	}
	results := make([]Result, 0, len(ops))
	for _, op := range ops {
		if err := ctx.Err(); err != nil {
			return results, err
		}
		var content io.Reader = bytes.NewReader(op.Content)
		var incoming *failing
		if op.Large {
			r, err := contents(op.Entry.State.Hash, op.Entry.State.Size)
			if err != nil {
				return results, err
			}
			incoming = &failing{Reader: r}
			content = incoming
		}
		result := Result{Path: op.Entry.Path}
		result.Outcome, err = e.apply(ctx, op, content)
		if incoming != nil {
			if _, derr := io.Copy(io.Discard, incoming); derr != nil || incoming.err != nil {
				return results, errors.Join(derr, incoming.err)
			}
		}
		if errors.Is(err, workspace.ErrChanged) {
			result.Outcome = Conflict
			e.mu.Lock()
			e.dispute(op)
			e.mu.Unlock()
		} else if err != nil {
			result.Outcome = Failed
		}
		if err != nil {
			result.Reason = err.Error()
		}
		results = append(results, result)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.readmit()
	e.wake()
	return results, nil
}

// dispute has the disk's version sent, even where the index thought that both sides had it.
func (e *Engine) dispute(op Operation) {
	for _, path := range []string{op.Entry.Path, op.From} {
		it := e.find(path)
		if path == "" || it == nil {
			continue
		}
		it.walk(func(below *item) {
			if below.seq == 0 && below.differs() || below.disk.Type == workspace.None {
				return // it is sent anyhow
			}
			below.disputed = below.seq != 0
			below.unsure = true
			e.mark(below)
		})
	}
}

func (e *Engine) apply(ctx context.Context, op Operation, content io.Reader) (Outcome, error) {
	for _, path := range []string{op.Entry.Path, op.From} {
		if path == "" && op.Op != Move && path == op.From {
			continue
		}
		if err := workspace.CheckPath(path); err != nil {
			return Failed, err
		}
	}
	switch op.Op {
	case Put:
		return e.applyPut(ctx, op, content)
	case Delete:
		return e.applyDelete(ctx, op)
	case Move:
		return e.applyMove(ctx, op)
	}
	return Failed, fmt.Errorf("%w: no such operation", ErrInvalid)
}

// fresh looks at a path now.
func (e *Engine) fresh(ctx context.Context, path string) (State, workspace.Stat, error) {
	dir, name, err := e.tree.Parent(path)
	if workspace.Gone(err) {
		e.noteGone(path)
		return State{}, workspace.Stat{}, nil
	}
	if err != nil {
		return State{}, workspace.Stat{}, err
	}
	defer dir.Close()
	if _, err := e.look(ctx, dir, path, name); err != nil {
		return State{}, workspace.Stat{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	it := e.find(path)
	if it == nil || it.disk.Type == workspace.None {
		return State{}, workspace.Stat{}, nil
	}
	return it.disk, it.stat, nil
}

// newer says whether both sides had something at a path after a revision; 0: not known.
func (e *Engine) newer(path string, revision uint64) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	it := e.find(path)
	return revision != 0 && it != nil && it.base.Type != workspace.None && it.revision > revision
}

func expected(op Operation, now State) bool {
	if now.Type != op.ExpectType {
		return false
	}
	return now.Type != workspace.File || now.Unsaved != Saved || now.Hash == op.ExpectHash
}

func (e *Engine) applyPut(ctx context.Context, op Operation, content io.Reader) (Outcome, error) {
	path, want := op.Entry.Path, op.Entry.State
	now, stat, err := e.fresh(ctx, path)
	if err != nil {
		return Failed, err
	}
	if e.newer(path, op.Entry.Revision) {
		// The disk's own version was committed over this one.
		return Conflict, fmt.Errorf("%w: %s is newer", workspace.ErrChanged, path)
	}
	if now.Type != workspace.None && now.sameContent(want) && (now.Type == workspace.Symlink || now.Mode == modeOf(want)) {
		return Unchanged, e.agree(path, now, op.Entry.Revision)
	}
	if now.Type == workspace.Folder && want.Type == workspace.Folder && op.ExpectType != workspace.Folder {
		// Both have made it. The disk's mode, where it is another, is still to be sent.
		want.Mode = modeOf(want)
		return Unchanged, e.agree(path, want, op.Entry.Revision)
	}
	if !expected(op, now) || now.Unsaved == Unreadable {
		return Conflict, fmt.Errorf("%w: %s", workspace.ErrChanged, path)
	}
	if now.Type == workspace.Folder && want.Type == workspace.Folder || now.Type == workspace.File && now.sameContent(want) {
		return Applied, e.applyMode(op)
	}
	if err := e.parents(path); err != nil {
		return Failed, err
	}
	return Applied, e.write(path, want, op.Entry.Revision, stat, content, true)
}

// agree notes that the disk has what the database has.
func (e *Engine) agree(path string, now State, revision uint64) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	it := e.at(path)
	e.setBase(it, now, revision)
	return e.log.append([]record{{path, now, revision}}, e.root)
}

func (e *Engine) applyMode(op Operation) error {
	dir, name, err := e.tree.Parent(op.Entry.Path)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Chmod(name, modeOf(op.Entry.State)); err != nil {
		return err
	}
	stat, err := dir.Stat(name)
	if err != nil {
		return err
	}
	e.mu.Lock()
	it := e.at(op.Entry.Path)
	s := it.disk
	s.Mode = stat.Mode
	e.setDisk(it, s, stat, nil)
	e.mu.Unlock()
	return e.agree(op.Entry.Path, s, op.Entry.Revision)
}

// parents makes the folders above a path that are missing. They have operations of their own before this one; where
// a program has removed one meanwhile, the file is worth more.
func (e *Engine) parents(path string) error {
	dir, _ := workspace.Split(path)
	if dir == "" {
		return nil
	}
	above := ""
	for name := range strings.SplitSeq(dir, "/") {
		above = workspace.Join(above, name)
		d, raw, err := e.tree.Parent(above)
		if err != nil {
			return fmt.Errorf("make folder %q: %w", above, err)
		}
		stat, err := d.Stat(raw)
		if workspace.Gone(err) {
			err = d.Mkdir(raw, defaultFolderMode)
			if err == nil {
				stat, err = d.Stat(raw)
			}
			if err == nil {
				e.watch(above, stat.Ino)
				e.note(above, glance{state: State{Type: workspace.Folder, Mode: stat.Mode}, stat: stat})
			}
		}
		d.Close()
		if err != nil {
			return fmt.Errorf("make folder %q: %w", above, err)
		}
		if stat.Type != workspace.Folder {
			return fmt.Errorf("%w: %q is no folder", workspace.ErrChanged, above)
		}
	}
	return nil
}

func (e *Engine) applyDelete(ctx context.Context, op Operation) (Outcome, error) {
	path := op.Entry.Path
	now, _, err := e.fresh(ctx, path)
	if err != nil {
		return Failed, err
	}
	if now.Type == workspace.None {
		return Unchanged, e.forget(path, op.Entry.Revision)
	}
	if !expected(op, now) {
		return Conflict, fmt.Errorf("%w: %s", workspace.ErrChanged, path)
	}
	var below []*item
	if now.Type == workspace.Folder {
		if err := e.scanBelow(ctx, path); err != nil {
			return Failed, err
		}
	}
	unsent := ""
	e.mu.Lock()
	if it := e.find(path); it != nil {
		it.walk(func(b *item) {
			// What was committed after the deletion is in the database.
			if b != it && b.disk.saved() && !b.disk.Same(b.base) || op.Entry.Revision != 0 && b.revision > op.Entry.Revision || b.seq != 0 {
				unsent = b.path
			}
			below = append(below, b)
		})
	}
	e.mu.Unlock()
	if unsent != "" {
		return Conflict, fmt.Errorf("%w: %s has changes of its own", workspace.ErrChanged, unsent)
	}
	for _, it := range slices.Backward(below) { // children come after their parents
		if err := e.removeAll(it); err != nil {
			return Failed, err
		}
	}
	return Applied, nil
}

// removeAll removes an entry; of an ignored folder all that is in it.
func (e *Engine) removeAll(it *item) error {
	if it.disk.Type == workspace.Folder && it.disk.Unsaved != Saved {
		if err := e.tree.RemoveAll(it.path); err != nil {
			return err
		}
	}
	return e.remove(it)
}

// forget notes that the database has had nothing at a path and below since a revision.
func (e *Engine) forget(path string, revision uint64) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	it := e.find(path)
	if it == nil {
		return nil
	}
	var records []record
	var below []*item
	it.walk(func(b *item) { below = append(below, b) })
	for _, b := range slices.Backward(below) {
		if revision != 0 && b.revision > revision {
			continue // it came there later
		}
		records = append(records, record{b.path, State{}, 0})
		e.setBase(b, State{}, 0)
	}
	return e.log.append(records, e.root)
}

func (e *Engine) applyMove(ctx context.Context, op Operation) (Outcome, error) {
	to := op.Entry.Path
	target, _, err := e.fresh(ctx, to)
	if err != nil {
		return Failed, err
	}
	now, _, err := e.fresh(ctx, op.From)
	if err != nil {
		return Failed, err
	}
	if now.Type == workspace.None && target.Type != workspace.None && target.sameContent(op.Entry.State) {
		return Unchanged, errors.Join(e.forget(op.From, op.Entry.Revision), e.agree(to, target, op.Entry.Revision))
	}
	if target.Type != workspace.None || now.Type != op.Entry.State.Type ||
		now.Type == workspace.File && now.Unsaved == Saved && now.Hash != op.Entry.State.Hash {
		return Conflict, fmt.Errorf("%w: %s", workspace.ErrChanged, op.From)
	}
	if e.newer(op.From, op.Entry.Revision) {
		// The database has the disk's there once more, besides what it has moved.
		return Conflict, fmt.Errorf("%w: %s is newer", workspace.ErrChanged, op.From)
	}
	if err := e.parents(to); err != nil {
		return Failed, err
	}
	if err := e.rename(op.From, to); err != nil {
		return Failed, err
	}
	records := e.carry(op.From, to, op.Entry.Revision)
	e.mu.Lock()
	err = e.log.append(records, e.root)
	e.mu.Unlock()
	if err != nil {
		return Failed, err
	}
	return Applied, e.scanBelow(ctx, to)
}

func (e *Engine) rename(from, to string) error {
	source, name, err := e.tree.Parent(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, toName, err := e.tree.Parent(to)
	if err != nil {
		return err
	}
	defer target.Close()
	return source.Rename(name, target, toName)
}

// carry moves what index and base know from one path to another, with all below. What was committed below the former
// path after the move is there in the database: it is new to the one, and gone from the other.
func (e *Engine) carry(from, to string, revision uint64) (records []record) {
	e.mu.Lock()
	defer e.mu.Unlock()
	top := e.find(from)
	if top == nil {
		return nil
	}
	var below []*item
	top.walk(func(it *item) { below = append(below, it) })
	for _, old := range below {
		if old.disk.Type == workspace.None && old.base.Type == workspace.None {
			continue
		}
		it := e.at(to + strings.TrimPrefix(old.path, from))
		if old.revision <= revision {
			e.setBase(it, old.base, revision)
			if old.base.Type != workspace.None {
				records = append(records, record{it.path, old.base, revision})
			}
		}
		e.setDisk(it, old.disk, old.stat, nil)
	}
	for _, old := range slices.Backward(below) {
		e.vanish(old)
		if old.revision > revision {
			continue
		}
		if old.base.Type != workspace.None {
			records = append(records, record{old.path, State{}, 0})
		}
		e.setBase(old, State{}, 0)
	}
	return records
}

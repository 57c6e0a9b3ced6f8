package files

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"codingplatform/agent/cores"
	"codingplatform/agent/workspace"
)

// Operation is what the database has at a path at present.
type Operation struct {
	// Op is Put: the database has Entry. Delete: it has nothing at Entry.Path and below. Move: what it has at Entry.Path
	// and below, which further operations tell, it had at From before; that spares the disk the writing. A Delete of From is
	// among them: without it nothing is moved.
	Op    Op
	Entry Entry
	From  string
	// Whole says that below Entry.Path the database has what operations of the same call name, and nothing else.
	Whole bool
	// Content of a file, where HasContent is; Large says that it comes by itself.
	Content    []byte
	HasContent bool
	Large      bool
}

// Outcome is how an operation ended.
type Outcome uint8

// The outcomes.
const (
	Applied Outcome = iota + 1
	Unchanged
	// Conflict: the disk has work of its own, which comes as a change.
	Conflict
	Failed
	// Busy: a change of the path is under way to the database, or has been committed since the operation was made.
	// Nothing was done, and a present operation would be.
	Busy
	// NeedsContent: nothing was done, since the content was not sent.
	NeedsContent
)

// Result is an operation's outcome, with a reason in words.
type Result struct {
	Path    string
	Outcome Outcome
	Reason  string
}

// Apply brings to the disk what the database has at some paths, parents first. It is Restore's decision for a part of the
// workspace: what the disk has on top of what both sides had stays, and goes to the database. through is the last batch
// that the database had committed when the operations were made of it. Large contents are read in the operations' order.
// Where an outcome is Busy, Apply returns when what was under way has been committed. An error means that the rest was
// not done.
func (e *Engine) Apply(ctx context.Context, epoch, through uint64, ops []Operation, contents Contents) ([]Result, error) {
	results, err := e.applyAll(ctx, epoch, through, ops, contents)
	for _, r := range results {
		if r.Outcome == Busy && err == nil {
			return results, e.committedSince(ctx, through)
		}
	}
	return results, err
}

func (e *Engine) applyAll(ctx context.Context, epoch, through uint64, ops []Operation, contents Contents) ([]Result, error) {
	if len(ops) >= manyPaths {
		defer cores.More()()
	}
	e.disk.Lock()
	defer e.disk.Unlock()
	e.mu.Lock()
	err := e.checkEpoch(epoch)
	if err == nil && !e.restored {
		err = ErrNotRestored
	}
	e.applying = err == nil
	e.mu.Unlock()
	if err != nil {
		return nil, err
	}
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.applying = false
		e.readmit()
		e.wake()
	}()
	results := make([]Result, 0, len(ops))
	moved, gone := map[string]bool{}, map[string]bool{}
	for _, op := range ops {
		switch op.Op {
		case Move:
			moved[op.From] = true
		case Delete:
			gone[op.Entry.Path] = true
		case Put:
		}
	}
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
		result.Outcome, err = Unchanged, error(nil)
		// Only what the database is known not to have any more is taken away.
		if op.Op != Move || gone[op.From] {
			result.Outcome, err = e.apply(ctx, op, through, content, moved[op.Entry.Path])
		}
		if incoming != nil {
			if _, derr := io.Copy(io.Discard, incoming); derr != nil || incoming.err != nil {
				return results, errors.Join(derr, incoming.err)
			}
		}
		if errors.Is(err, workspace.ErrChanged) {
			result.Outcome = Conflict
		} else if err != nil {
			result.Outcome = Failed
		}
		if err != nil {
			result.Reason = err.Error()
		}
		results = append(results, result)
	}
	if err := e.dropOthers(ctx, through, ops, results); err != nil {
		return results, err
	}
	if slices.ContainsFunc(ops, func(op Operation) bool { return op.Entry.Path == ignoreFile || op.From == ignoreFile }) {
		return results, e.checkPatterns()
	}
	return results, nil
}

// committedSince waits until no batch is under way that a state of the database through a sequence does not know of, or
// that is not known to be in it.
func (e *Engine) committedSince(ctx context.Context, through uint64) error {
	e.mu.Lock()
	last := max(through, e.next-1)
	stream := e.stream
	for e.acknowledged() < last && e.stream == stream && stream != 0 {
		moved := e.moved
		e.mu.Unlock()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-moved:
		}
		e.mu.Lock()
	}
	e.mu.Unlock()
	return nil
}

// acknowledged is the last batch that is known to be committed. The caller holds e.mu.
func (e *Engine) acknowledged() uint64 {
	if len(e.batches) > 0 {
		return e.batches[0].Sequence - 1
	}
	return e.next - 1
}

// apply does one operation. moved: a deletion is one half of a move.
func (e *Engine) apply(ctx context.Context, op Operation, through uint64, content io.Reader, moved bool) (Outcome, error) {
	paths := []string{op.Entry.Path}
	if op.Op == Move {
		paths = append(paths, op.From)
	}
	for _, path := range paths {
		if err := workspace.CheckPath(path); err != nil {
			return Failed, err
		}
		if e.underWay(path, through, op.Op != Put || op.Entry.State.Type != workspace.Folder) {
			return Busy, nil
		}
	}
	switch op.Op {
	case Put:
		return e.put(ctx, op, content)
	case Delete:
		return e.obsolete(ctx, op.Entry.Path, moved)
	case Move:
		return e.relocate(ctx, op.From, op.Entry)
	}
	return Failed, fmt.Errorf("%w: no such operation", ErrInvalid)
}

// underWay says whether the index knows more of a path than a state of the database through a sequence, or whether that
// state may know more: whether a change of it, of a folder above or, with below, of anything below is in a batch.
func (e *Engine) underWay(path string, through uint64, below bool) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.acknowledged() > through || e.hardAbove(path) {
		return true
	}
	it := e.find(path)
	return it != nil && (it.seq != 0 || below && e.busyBelow(it))
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

func (e *Engine) put(ctx context.Context, op Operation, content io.Reader) (Outcome, error) {
	entry := op.Entry
	now, stat, err := e.fresh(ctx, entry.Path)
	if err != nil {
		return Failed, err
	}
	if now.Type == workspace.Folder && entry.State.Type != workspace.Folder {
		// What was in the folder is gone in the database.
		outcome, err := e.obsolete(ctx, entry.Path, false)
		if outcome == Conflict {
			e.miss(entry.Path)
		}
		if err != nil || outcome == Conflict {
			return outcome, err
		}
		now, stat = State{}, workspace.Stat{}
	}
	v, chmod := e.accept(entry, now, false)
	switch {
	case v == keep:
		return Conflict, e.noteBase(entry.Path)
	case v == adopt && chmod:
		return Applied, errors.Join(e.chmod(entry), e.noteBase(entry.Path))
	case v == adopt:
		return Unchanged, e.noteBase(entry.Path)
	}
	if entry.State.Type == workspace.File && entry.State.Size > 0 && !op.HasContent && !op.Large {
		return NeedsContent, nil
	}
	err = e.write(entry.Path, entry.State, entry.Revision, stat, content, true)
	if errors.Is(err, workspace.ErrChanged) {
		// A program was quicker than the look: there will be another.
		e.miss(entry.Path)
		e.later(entry.Path, 0)
	}
	return Applied, err
}

// miss notes that the disk did not take what the database has at a path.
func (e *Engine) miss(path string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fallBehind(e.at(path))
}

// noteBase keeps a path's base in the log.
func (e *Engine) noteBase(path string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := record{path: path}
	if it := e.find(path); it != nil {
		r.state, r.revision = it.base, it.revision
	}
	return e.log.append([]record{r}, e.root)
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
			if err == nil || errors.Is(err, fs.ErrExist) { // another writer may need it too
				stat, err = d.Stat(raw)
			}
			if err == nil {
				e.watchMade(above, stat.Ino)
				e.note(above, glance{state: State{Type: workspace.Folder, Mode: stat.Mode}, stat: stat, read: time.Now()})
			}
		}
		d.Close()
		if err != nil {
			return fmt.Errorf("make folder %q: %w", above, err)
		}
		if stat.Type != workspace.Folder {
			return fmt.Errorf("%q is no folder there", above)
		}
	}
	return nil
}

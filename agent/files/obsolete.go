package files

import (
	"context"
	"errors"
	"slices"
	"strings"

	"codingplatform/agent/workspace"
)

// obsolete removes from the disk what the database has no more at a path and below, but for what was changed since both
// sides had it: that is new to the database then. What is not saved goes with the folder around it, unless that was moved
// and the disk could not follow: then it stays, since the database has none of it elsewhere.
func (e *Engine) obsolete(ctx context.Context, path string, moved bool) (Outcome, error) {
	now, _, err := e.fresh(ctx, path)
	if err != nil {
		return Failed, err
	}
	if now.Type == workspace.Folder && now.Unsaved == Saved {
		if err := e.scanBelow(ctx, path); err != nil {
			return Failed, err
		}
	}
	e.mu.Lock()
	var below []*item
	all := true
	if it := e.find(path); it != nil {
		it.walk(func(b *item) {
			below = append(below, b)
			unsaved := !b.disk.saved() && (!moved || b.disk.Type == workspace.None)
			all = all && (unsaved || b.base.saved() && b.disk.sameContent(b.base))
		})
	}
	e.mu.Unlock()
	return e.discard(below, all)
}

// discard removes items, given parents first, that the database has no more. Without all, only what both sides had.
func (e *Engine) discard(items []*item, all bool) (Outcome, error) {
	outcome := Unchanged
	kept := map[string]bool{} // folders that have to stay
	for _, it := range slices.Backward(items) {
		e.mu.Lock()
		disk, base := it.disk, it.base
		e.mu.Unlock()
		var err error
		switch {
		case disk.Type == workspace.None:
			if err := e.renew(it); err != nil {
				return Failed, err
			}
			continue
		case !kept[it.path] && (all || base.saved() && disk.sameContent(base)):
			err = e.removeAll(it)
		default:
			err = workspace.ErrChanged
		}
		if err == nil {
			if outcome == Unchanged {
				outcome = Applied
			}
			continue
		}
		if !errors.Is(err, workspace.ErrChanged) && !workspace.NotEmpty(err) {
			return Failed, err
		}
		outcome = Conflict
		for dir, _ := workspace.Split(it.path); dir != ""; dir, _ = workspace.Split(dir) {
			kept[dir] = true
		}
		if err := e.renew(it); err != nil {
			return Failed, err
		}
		if !kept[it.path] {
			e.later(it.path, 0)
		}
	}
	return outcome, nil
}

// renew notes that the database has nothing at a path any more. What the disk has there is new to it, but based on what
// it once had.
func (e *Engine) renew(it *item) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if it.base.Type == workspace.None {
		e.mark(it)
		return nil
	}
	revision := it.revision
	if it.disk.Type == workspace.None || !it.base.saved() {
		revision = 0
	}
	path := it.path
	e.setBase(it, State{}, revision)
	return e.log.append([]record{{path, State{}, 0}}, e.root)
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

// dropOthers removes what is below the operations that are Whole, and is named by none of them.
func (e *Engine) dropOthers(ctx context.Context, through uint64, ops []Operation, results []Result) error {
	var named map[string]bool
	for i, op := range ops {
		outcome := results[i].Outcome
		if !op.Whole || op.Op != Put || outcome == Busy || outcome == Failed {
			continue
		}
		if named == nil {
			named = make(map[string]bool, len(ops))
			for _, op := range ops {
				named[op.Entry.Path] = named[op.Entry.Path] || op.Op == Put
			}
		}
		if e.underWay(op.Entry.Path, through, true) {
			results[i].Outcome = Busy
			continue
		}
		if err := e.scanBelow(ctx, op.Entry.Path); err != nil {
			return err
		}
		e.mu.Lock()
		var others []*item
		if it := e.find(op.Entry.Path); it != nil {
			it.walk(func(b *item) {
				if b.base.Type != workspace.None && !named[b.path] {
					others = append(others, b)
				}
			})
		}
		e.mu.Unlock()
		if outcome, err := e.discard(others, false); err != nil {
			results[i].Outcome, results[i].Reason = outcome, err.Error()
		}
	}
	return nil
}

// relocate moves what is on the disk as the database has moved it, if nothing is in the way. It is an aid: the operations
// that tell what is in both places do the rest, and all of it where this does nothing.
func (e *Engine) relocate(ctx context.Context, from string, entry Entry) (Outcome, error) {
	to := entry.Path
	target, _, err := e.fresh(ctx, to)
	if err != nil {
		return Failed, err
	}
	now, _, err := e.fresh(ctx, from)
	if err != nil {
		return Failed, err
	}
	if target.Type != workspace.None || now.Type != entry.State.Type || now.Unsaved != Saved || !e.wasBoths(from, entry.State.Type) {
		return Unchanged, nil
	}
	if now.Type == workspace.Folder {
		// What has been made there a moment ago goes along.
		if err := e.scanBelow(ctx, from); err != nil {
			return Failed, err
		}
	}
	if err := e.parents(to); err != nil {
		return Failed, err
	}
	if err := e.rename(from, to); err != nil {
		return Failed, err
	}
	if err := e.carry(from, to); err != nil {
		return Failed, err
	}
	return Applied, e.scanBelow(ctx, to)
}

// wasBoths says whether both sides had something of a type at a path. What has come there since is no part of a move: it
// stays where its program has put it.
func (e *Engine) wasBoths(path string, kind workspace.Type) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	it := e.find(path)
	return it != nil && it.base.saved() && it.base.Type == kind
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

// carry moves what index and base know from one path to another, with all below.
func (e *Engine) carry(from, to string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	top := e.find(from)
	if top == nil {
		return nil
	}
	var below []*item
	top.walk(func(it *item) { below = append(below, it) })
	var records []record
	for _, old := range below {
		if old.disk.Type == workspace.None && old.base.Type == workspace.None {
			continue
		}
		it := e.at(to + strings.TrimPrefix(old.path, from))
		it.tracked = old.tracked
		if old.base.Type != workspace.None {
			e.setBase(it, old.base, old.revision)
			records = append(records, record{it.path, old.base, old.revision})
		}
		e.setDisk(it, old.disk, old.stat, nil, old.hashed)
	}
	for _, old := range slices.Backward(below) {
		e.vanish(old)
		if old.base.Type != workspace.None {
			records = append(records, record{old.path, State{}, 0})
		}
		e.setBase(old, State{}, 0)
	}
	return e.log.append(records, e.root)
}

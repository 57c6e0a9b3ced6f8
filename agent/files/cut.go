package files

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"codingplatform/agent/workspace"
)

// Limits of a batch, and of the batches that wait for their commit.
const (
	batchChanges = 1000
	batchBytes   = 2 << 20
	batchesAhead = 4
	// batchFull is how many differences do not wait for the commit of the batch before.
	batchFull = 500
)

// brakeItems: a workspace of fewer saved entries may be emptied at once without the brake.
const brakeItems = 2

// cut makes a batch of what differs; nil: there is nothing to send, or better not yet. The caller holds e.mu.
func (e *Engine) cut() *Batch {
	full := len(e.dirty) >= batchFull
	if len(e.dirty) == 0 || e.applying || len(e.batches) >= batchesAhead || !full && (e.busy || len(e.batches) > 0) {
		return nil
	}
	now := time.Now()
	c := &cutter{
		e: e, batch: &Batch{Sequence: e.next, Generation: e.counts.scans}, fresh: map[workspace.Hash]bool{},
		deletes: !e.deleteDue.After(now) && e.mayDelete(),
	}
	if !c.deletes && e.onlyDeletions() {
		return nil // they come by the thousand, and wait until no more of them do
	}
	dirty := slices.SortedFunc(maps.Keys(e.dirty), func(a, b *item) int { return strings.Compare(a.path, b.path) })
	c.moves(dirty)
	for _, it := range dirty {
		if len(c.batch.Changes) >= batchChanges || c.bytes >= batchBytes {
			break
		}
		c.add(it)
	}
	if len(c.batch.Changes) == 0 {
		if len(e.dirty) < len(dirty) {
			e.wake() // what is below a refused folder waits for nothing any more
		}
		return nil
	}
	e.next++
	e.batches = append(e.batches, c.batch)
	e.counts.inFlight += int64(len(c.batch.Changes))
	return c.batch
}

// onlyDeletions says whether all that differs is told by deletions. The caller holds e.mu.
func (e *Engine) onlyDeletions() bool {
	for it := range e.dirty {
		if !it.deletes() {
			return false
		}
	}
	return true
}

// mayDelete applies the brake: a workspace that emptied at once keeps its files until the user says so.
func (e *Engine) mayDelete() bool {
	if e.release || e.counts.items > 0 || e.counts.baseItems < brakeItems {
		if e.braked && !e.release && e.counts.items > 0 {
			e.braked = false // the files are back
		}
		return !e.braked
	}
	if !e.braked {
		e.logger.Warn("the workspace emptied at once; deletions are held back", "entries", e.counts.baseItems)
		e.braked = true
		e.wake()
	}
	return false
}

type cutter struct {
	e       *Engine
	batch   *Batch
	bytes   int
	deletes bool
	fresh   map[workspace.Hash]bool // contents of this batch
	blocked string                  // a folder whose batch must be committed before what is below it
}

func (c *cutter) claim(it *item, hard bool) {
	it.seq, it.hard = c.batch.Sequence, hard
	c.batch.claimed = append(c.batch.claimed, it)
	delete(c.e.dirty, it)
}

// add adds the difference of one item, unless something must come before. Items come in the order of their paths.
func (c *cutter) add(it *item) {
	e := c.e
	if c.blocked != "" && strings.HasPrefix(it.path, c.blocked) {
		return
	}
	if it.seq != 0 || e.hardAbove(it.path) {
		c.block(it)
		return
	}
	if it.disk.Same(it.base) {
		change := Change{Op: Put, Path: it.path, State: it.disk, BaseRevision: it.revision, Unchanged: true}
		if it.disk.Type == workspace.None {
			change.Op = Delete
		}
		c.batch.Changes = append(c.batch.Changes, change)
		c.claim(it, false)
		return
	}
	if it.deletes() {
		// A folder that became something else goes first, with all below it; the rest follows its commit.
		if !c.deletes || e.busyBelow(it) {
			c.block(it)
			return
		}
		c.batch.Changes = append(c.batch.Changes, Change{
			Op: Delete, Path: it.path, State: State{Type: it.base.Type}, BaseRevision: it.revision,
		})
		it.walk(func(below *item) { c.claim(below, true) })
		return
	}
	if parent := e.parentOf(it); parent != e.root && (parent == nil || parent.base.Type != workspace.Folder && parent.seq == 0) {
		e.refuseBelow(it) // the folder was refused, or waits itself
		return
	}
	change := Change{Op: Put, Path: it.path, State: it.disk, BaseRevision: it.revision}
	if it.disk.Type == workspace.File && it.disk.saved() && it.disk.Size <= InlineBytes && !c.fresh[it.disk.Hash] && e.known[it.disk.Hash] == 0 {
		if !c.content(it, &change) {
			return
		}
		c.fresh[it.disk.Hash] = true
		c.bytes += len(change.Content)
	}
	c.batch.Changes = append(c.batch.Changes, change)
	// Where a file or a link is put, there is nothing below.
	c.claim(it, it.disk.Type != workspace.Folder)
	e.hold(it, nil)
}

func (c *cutter) block(it *item) { c.blocked = it.path + "/" }

// content finds the content of a small file. When the file has moved on, it is looked at again instead.
func (c *cutter) content(it *item, change *Change) bool {
	change.Content, change.HasContent = it.content, true
	if it.content != nil {
		return true
	}
	digest, err := c.e.read(it.path)
	if err != nil || digest.Hash != it.disk.Hash || digest.Content == nil {
		c.e.pending[it.path] = hint{due: time.Now().Add(coolFirst)}
		c.e.poke()
		return false
	}
	change.Content = digest.Content
	return true
}

func (e *Engine) read(path string) (workspace.Digest, error) {
	dir, name, err := e.tree.Parent(path)
	if err != nil {
		return workspace.Digest{}, err
	}
	defer dir.Close()
	return dir.Read(name, InlineBytes)
}

// hardAbove says whether a folder above is being moved or deleted.
func (e *Engine) hardAbove(path string) bool {
	for dir, _ := workspace.Split(path); dir != ""; dir, _ = workspace.Split(dir) {
		if above := e.find(dir); above != nil && above.seq != 0 && above.hard {
			return true
		}
	}
	return false
}

// busyBelow says whether something below waits for a commit.
func (e *Engine) busyBelow(it *item) bool {
	busy := false
	it.walk(func(below *item) { busy = busy || below.seq != 0 })
	return busy
}

// moves finds entries that are new at one path and gone from another, by their inode, and adds them as moves.
func (c *cutter) moves(dirty []*item) {
	e := c.e
	if len(e.gone) == 0 {
		return
	}
	for _, it := range dirty {
		if len(c.batch.Changes) >= batchChanges {
			return
		}
		from := e.gone[it.stat.Ino]
		if from == nil || !it.disk.saved() || it.base.Type != workspace.None || it.seq != 0 || it.revision != 0 || it.noMove || behind(from) ||
			from.disk.Type != workspace.None || from.stat.Dev != it.stat.Dev || !sameThing(from.base, it.disk) ||
			strings.HasPrefix(it.path, from.path+"/") || e.find(from.path) != from {
			continue
		}
		parent := e.parentOf(it)
		if parent == nil || parent != e.root && (parent.base.Type != workspace.Folder || parent.seq != 0) ||
			e.hardAbove(it.path) || e.hardAbove(from.path) || e.busyBelow(from) || e.busyBelow(it) {
			continue
		}
		c.batch.Changes = append(c.batch.Changes, Change{
			Op: Move, Path: it.path, From: from.path, State: from.base, BaseRevision: from.revision,
		})
		from.walk(func(below *item) { c.claim(below, true) })
		it.walk(func(below *item) { c.claim(below, true) })
	}
}

// behind says whether the database is known to have something else than the base there.
func behind(it *item) bool {
	found := false
	it.walk(func(below *item) { found = found || below.behind })
	return found
}

// sameThing says whether a gone entry may be the new one: a folder by its inode, a file and a link by their content
// besides.
func sameThing(from, to State) bool {
	return from.saved() && from.Type == to.Type && (from.Type == workspace.Folder || from.sameContent(to))
}

// Problem is a path that the backend did not take, and why.
type Problem struct{ Path, Reason string }

// Committed notes that all batches up to a sequence are durable, the last of them with a revision; 0: not known.
func (e *Engine) Committed(stream, sequence, revision uint64, rejected []Problem) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stream != stream {
		return ErrReplaced
	}
	if sequence >= e.next {
		return fmt.Errorf("%w: batch %d is committed, and %d is the next", ErrInvalid, sequence, e.next)
	}
	return e.committed(Commits{Through: sequence, Revision: revision, Rejected: map[uint64][]Problem{sequence: rejected}})
}

func (e *Engine) committed(known Commits) error {
	var records []record
	freed := 0
	for len(e.batches) > 0 && e.batches[0].Sequence <= known.Through {
		batch := e.batches[0]
		e.batches = e.batches[1:]
		e.counts.inFlight -= int64(len(batch.Changes))
		for _, it := range batch.claimed {
			it.seq, it.hard = 0, false
		}
		refused := map[string]string{}
		for _, p := range known.Rejected[batch.Sequence] {
			refused[p.Path] = p.Reason
		}
		revision := known.Revision
		if batch.Sequence < known.Through {
			revision = 0 // the last one's
		}
		for _, change := range batch.Changes {
			if it := e.find(change.Path); it != nil && change.Op == Delete {
				it.walk(func(*item) { freed++ })
			}
			if reason, ok := refused[change.Path]; ok {
				e.refuse(change, reason)
				continue
			}
			records = e.settle(change, revision, records)
		}
		for _, it := range batch.claimed {
			e.mark(it)
		}
	}
	e.retry(freed)
	if len(e.dirty) == 0 {
		e.release = false
	}
	e.wake()
	return e.log.append(records, e.root)
}

// settle makes a committed change part of the base.
func (e *Engine) settle(change Change, revision uint64, records []record) []record {
	set := func(it *item, s State, revision uint64) {
		e.setBase(it, s, revision)
		records = append(records, record{it.path, s, it.revision})
	}
	it := e.at(change.Path)
	if change.Unchanged {
		it.behind = false // an Apply brings it
		return records
	}
	if change.Op != Delete {
		// The database has made the folders above where it had moved or deleted them meanwhile.
		for dir, _ := workspace.Split(change.Path); dir != ""; dir, _ = workspace.Split(dir) {
			if above := e.at(dir); above.base.Type == workspace.None {
				set(above, State{Type: workspace.Folder, Mode: defaultFolderMode}, revision)
			}
		}
	}
	switch change.Op {
	case Put:
		set(it, change.State, max(revision, it.revision))
	case Delete:
		it.walk(func(below *item) { set(below, State{}, 0) })
	case Move:
		from := e.at(change.From)
		// The database has made room for it.
		it.walk(func(there *item) {
			if there.base.Type != workspace.None {
				set(there, State{}, 0)
			}
		})
		var below []*item
		from.walk(func(it *item) { below = append(below, it) })
		for _, old := range below {
			if old.base.Type == workspace.None {
				continue
			}
			state := old.base
			to := e.at(change.Path + strings.TrimPrefix(old.path, change.From))
			if old == from {
				state = change.State
			}
			// Not the batch's revision: what an editor had changed below meanwhile has come along in the database, and is
			// newer than what the disk knows.
			set(to, state, old.revision)
			set(old, State{}, 0)
		}
	}
	return records
}

// refuse marks what the backend will not take, until it changes.
func (e *Engine) refuse(change Change, reason string) {
	it := e.at(change.Path)
	if change.Op == Move {
		// It goes as what it is: something new, and something gone.
		it.noMove = true
		e.logger.Warn("the database refused a move", "path", change.Path, "from", change.From, "reason", reason)
		return
	}
	state := change.State
	if change.Op == Delete {
		state = State{}
	}
	it.refused = &state
	e.refusals[it] = e.policy.MaxFileCount > 0 && e.counts.items+e.counts.unsaved >= e.policy.MaxFileCount
	e.logger.Warn("the database refused a change", "path", change.Path, "reason", reason)
}

// retry sends again what was rejected for want of room, now that there is some for so many.
func (e *Engine) retry(freed int) {
	if freed == 0 || len(e.refusals) == 0 {
		return
	}
	var waiting []*item
	for it, room := range e.refusals {
		if _, below := e.refusals[e.parentOf(it)]; room && !below {
			waiting = append(waiting, it)
		}
	}
	slices.SortFunc(waiting, func(a, b *item) int { return strings.Compare(a.path, b.path) })
	for _, it := range waiting[:min(freed, len(waiting))] {
		e.unrefuse(it)
	}
}

// refuseBelow puts aside what is below a folder that the backend has rejected, until that one's state changes or is taken.
func (e *Engine) refuseBelow(it *item) {
	for dir, _ := workspace.Split(it.path); dir != ""; dir, _ = workspace.Split(dir) {
		above := e.find(dir)
		if above == nil {
			return
		}
		if room, is := e.refusals[above]; is {
			state := it.disk
			it.refused = &state
			e.refusals[it] = room
			e.mark(it)
			return
		}
	}
}

// recut takes back the batches from a sequence on, which are made anew.
func (e *Engine) recut(sequence uint64) {
	for i, batch := range e.batches {
		if batch.Sequence < sequence {
			continue
		}
		for _, b := range e.batches[i:] {
			e.counts.inFlight -= int64(len(b.Changes))
			for _, it := range b.claimed {
				it.seq, it.hard = 0, false
			}
		}
		dropped := e.batches[i:]
		e.batches, e.next = e.batches[:i:i], batch.Sequence
		for _, b := range dropped {
			for _, it := range b.claimed {
				e.mark(it)
			}
		}
		return
	}
}

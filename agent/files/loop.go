package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"codingplatform/agent/cores"
	"codingplatform/agent/watch"
	"codingplatform/agent/workspace"
)

// hint is a path to look at when due.
type hint struct {
	due time.Time
	// since is when the first event came of what waits to be quiet; zero: it does not.
	since time.Time
	// firm: a further event does not make it due earlier.
	firm bool
	// empty: it was seen empty once.
	empty bool
	// growing is when a large file was first seen while it was being written, and size what it had at the last look.
	growing time.Time
	size    int64
}

const (
	// maxGroup is how many hints are looked at before batches may be made.
	maxGroup = 500
	// maxPending is how many paths wait to be looked at; with more, everything is.
	maxPending = 20_000
	// manyPaths is from how many paths on looking at them takes long enough to use all processors.
	manyPaths = 64
	// emptyWait is how long a file that has just become empty has to be filled by whoever truncated it.
	emptyWait = 5 * time.Millisecond
	// git writes beside, renames and locks: what is in its folder is looked at when it has been quiet for gitQuiet, or after
	// gitMost.
	gitQuiet = 100 * time.Millisecond
	gitMost  = time.Second
	// largeBytes is from what size on a file is not read while it is being written: each reading costs as much as the
	// writing. largeQuiet is how long it must have kept its size and its times, growMost how long it may be put off.
	largeBytes = 1 << 20
	largeQuiet = 10 * time.Millisecond
	growMost   = 500 * time.Millisecond
	// auditInterval is how often everything is looked at even if no event says so: a file written through a mapping
	// has none.
	auditInterval = 5 * time.Minute
)

// poke has the loop look at its clock.
func (e *Engine) poke() {
	select {
	case e.kick <- struct{}{}:
	default:
	}
}

func (e *Engine) later(path string, by time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pending[path] = hint{due: time.Now().Add(by), firm: true}
	e.poke()
}

// loop turns hints into looks.
func (e *Engine) loop(ctx context.Context) error {
	var hints <-chan watch.Hint
	if e.watcher != nil {
		hints = e.watcher.Hints()
	}
	timer := time.NewTimer(auditInterval)
	defer timer.Stop()
	var scanned time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case h := <-hints:
			e.take(h)
			e.drain(hints)
		case <-timer.C:
		case <-e.kick:
		}
		due, everything := e.due(scanned)
		if everything {
			started := time.Now()
			if err := e.Scan(ctx, ""); err != nil && ctx.Err() == nil {
				e.logger.ErrorContext(ctx, "the workspace cannot be scanned", "error", err)
			}
			scanned = time.Now().Add(10 * time.Since(started)) // a tenth of the time at most
		} else if len(due) > 0 {
			e.lookAt(ctx, due)
		}
		timer.Reset(e.pause(scanned))
	}
}

func (e *Engine) drain(hints <-chan watch.Hint) {
	for range maxGroup {
		select {
		case h := <-hints:
			e.take(h)
		default:
			return
		}
	}
}

func (e *Engine) take(h watch.Hint) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if h.Overflow || h.Path == "" {
		if h.Overflow {
			e.counts.overflows++
		}
		e.overflowed = true
		return
	}
	if it := e.find(h.Path); it != nil && h.Written && it.disk.Size > wholeBytes {
		it.written = true
	}
	if len(e.pending) >= maxPending {
		clear(e.pending)
		e.overflowed = true
	}
	if e.overflowed {
		return // everything will be looked at
	}
	now := time.Now()
	was, ok := e.pending[h.Path]
	if ok && was.firm && !h.Gone {
		return
	}
	due := now
	if it := e.find(h.Path); it != nil && it.coolUntil.After(now) && !h.Gone {
		due = it.coolUntil
	}
	since := was.since
	if inGit(h.Path) {
		if since.IsZero() {
			since = now
		}
		quiet := now.Add(gitQuiet)
		if last := since.Add(gitMost); quiet.After(last) {
			quiet = last
		}
		if quiet.After(due) {
			due = quiet
		}
	}
	e.pending[h.Path] = hint{due: due, since: since, empty: was.empty}
}

// inGit says whether a path is below a repository's own folder.
func inGit(path string) bool {
	return strings.HasPrefix(path, ".git/") || strings.Contains(path, "/.git/")
}

// due returns the paths to look at now, or that it is everything.
func (e *Engine) due(scanned time.Time) (paths []string, everything bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.restored {
		return nil, false // a Restore looks at everything
	}
	now := time.Now()
	if e.overflowed || e.exhausted && now.Sub(scanned) >= e.cfg.PollInterval || now.Sub(scanned) >= auditInterval && !scanned.IsZero() {
		return nil, true
	}
	for path, h := range e.pending {
		if !h.due.After(now) {
			paths = append(paths, path)
		}
	}
	for path, at := range e.strays {
		if !at.After(now) {
			delete(e.strays, path)
			if _, waits := e.pending[path]; !waits {
				paths = append(paths, path)
			}
		}
	}
	if len(e.dirty) > 0 && !e.deleteDue.After(now) {
		e.deleteTold = true
		e.wake()
	}
	return paths, false
}

// pause is how long the loop may sleep if nothing happens.
func (e *Engine) pause(scanned time.Time) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	next := now.Add(auditInterval)
	if !e.restored {
		return auditInterval
	}
	if e.overflowed {
		next = now.Add(coolReset)
	}
	if e.exhausted {
		next = scanned.Add(e.cfg.PollInterval)
	}
	for _, h := range e.pending {
		if h.due.Before(next) {
			next = h.due
		}
	}
	for _, at := range e.strays {
		if at.Before(next) {
			next = at
		}
	}
	// Also when it has passed since due looked at the clock.
	if len(e.dirty) > 0 && !e.deleteTold && e.deleteDue.Before(next) {
		next = e.deleteDue
	}
	return max(next.Sub(now), 0)
}

// lookAt looks at paths, a group at a time. Batches are not made of half a group, unless it is large, so that the two
// ends of a move come together.
func (e *Engine) lookAt(ctx context.Context, paths []string) {
	if len(paths) >= manyPaths {
		defer cores.More()()
	}
	slices.Sort(paths)
	for group := range slices.Chunk(paths, maxGroup) {
		e.disk.Lock()
		e.mu.Lock()
		e.busy = true
		e.mu.Unlock()
		for _, path := range group {
			if err := e.lookOnce(ctx, path); err != nil && ctx.Err() == nil {
				e.logger.WarnContext(ctx, "a change could not be looked at; trying again", "path", path, "error", err)
				e.later(path, coolReset)
			}
		}
		e.mu.Lock()
		e.busy = false
		e.readmit()
		e.wake()
		e.mu.Unlock()
		e.disk.Unlock()
	}
}

func (e *Engine) lookOnce(ctx context.Context, path string) error {
	e.mu.Lock()
	h := e.pending[path]
	delete(e.pending, path)
	below := e.find(path)
	wasFolder := below != nil && below.disk.Type == workspace.Folder
	e.mu.Unlock()
	dir, name, err := e.tree.Parent(path)
	if workspace.Gone(err) {
		e.noteGone(path)
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	if stat, err := dir.Stat(name); err == nil && stat.Type == workspace.File && (e.stillEmpty(path, stat, h) || e.stillGrowing(path, stat, h)) {
		return nil
	}
	e.mu.Lock()
	ignored := e.ignoredAbove(path)
	e.mu.Unlock()
	if ignored {
		return nil
	}
	folder, err := e.look(ctx, dir, path, name)
	if err != nil || !folder {
		return err
	}
	sub, err := dir.Sub(name)
	if err != nil {
		if workspace.Gone(err) {
			return nil
		}
		if errors.Is(err, fs.ErrPermission) {
			// To look again is of no use until its mode changes, which the kernel tells.
			e.logger.WarnContext(ctx, "a folder cannot be read", "path", path, "error", err)
			return nil
		}
		return fmt.Errorf("look into %q: %w", path, err)
	}
	defer sub.Close()
	stat, err := sub.Stat(".")
	if err != nil {
		return err
	}
	if e.watch(path, stat.Ino) || !wasFolder {
		return e.folder(ctx, sub, path)
	}
	return nil
}

// ignoredAbove says whether a folder above the path is listed and not saved.
func (e *Engine) ignoredAbove(path string) bool {
	for dir, _ := workspace.Split(path); dir != ""; dir, _ = workspace.Split(dir) {
		if it := e.find(dir); it != nil && it.disk.Unsaved != Saved {
			return true
		}
	}
	return false
}

// stillEmpty puts a file off that has just been made or truncated and not been written yet.
func (e *Engine) stillEmpty(path string, stat workspace.Stat, h hint) bool {
	if h.empty || stat.Size > 0 {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if it := e.find(path); it != nil && it.disk.Type == workspace.File && it.disk.Size == 0 {
		return false
	}
	e.pending[path] = hint{due: time.Now().Add(emptyWait), empty: true}
	return true
}

// stillGrowing puts a large file off that is being written.
func (e *Engine) stillGrowing(path string, stat workspace.Stat, h hint) bool {
	if stat.Size < largeBytes {
		return false
	}
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	// What is known already has not been written. A move above all must not wait: its other end is a deletion until then.
	for _, it := range []*item{e.find(path), e.inodes[stat.Ino], e.gone[stat.Ino]} {
		if it != nil && it.stat.SameFile(stat) {
			return false
		}
	}
	if h.growing.IsZero() {
		h.growing = now
	}
	// One long write changes the times at its beginning only.
	written := stat.Size != h.size || now.Sub(time.Unix(0, stat.Ctime)) < largeQuiet
	if !written || now.Sub(h.growing) >= growMost {
		return false
	}
	e.pending[path] = hint{due: now.Add(largeQuiet), firm: true, growing: h.growing, size: stat.Size}
	return true
}

// readmit looks again at what was over a cap when there is room. The caller holds e.mu.
func (e *Engine) readmit() {
	if len(e.full) == 0 || e.policy.MaxBytes > 0 && e.counts.bytes >= e.policy.MaxBytes ||
		e.policy.MaxFileCount > 0 && e.counts.items >= e.policy.MaxFileCount {
		return
	}
	for _, it := range slices.Collect(maps.Keys(e.full)) {
		if e.policy.MaxBytes > 0 && e.counts.bytes+it.disk.Size > e.policy.MaxBytes {
			continue
		}
		if _, waits := e.pending[it.path]; !waits {
			e.pending[it.path] = hint{due: time.Now()}
			e.poke()
		}
	}
}

// Scan looks at everything below a path ("": the root). It waits for whoever works on the disk.
func (e *Engine) Scan(ctx context.Context, path string) error {
	defer cores.More()()
	e.disk.Lock()
	defer e.disk.Unlock()
	return e.scan(ctx, path)
}

func (e *Engine) scan(ctx context.Context, path string) error {
	e.mu.Lock()
	if path == "" {
		e.overflowed, e.exhausted = false, e.watcher == nil
		clear(e.pending)
	}
	e.busy = true
	e.mu.Unlock()
	err := e.scanBelow(ctx, path)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.busy = false
	e.counts.scans++
	if err != nil && path == "" {
		e.overflowed = true
	}
	e.readmit()
	e.wake()
	return err
}

func (e *Engine) scanBelow(ctx context.Context, path string) error {
	if path == "" {
		dir, err := e.tree.Dir("")
		if err != nil {
			return err
		}
		defer dir.Close()
		e.readPatterns(dir)
		return e.folder(ctx, dir, "")
	}
	dir, name, err := e.tree.Parent(path)
	if workspace.Gone(err) {
		e.noteGone(path)
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	return e.enter(ctx, dir, path, name)
}

// Rescan forgets reused digests below a path, and scans it.
func (e *Engine) Rescan(ctx context.Context, path string) (generation uint64, err error) {
	if path != "" {
		if err := workspace.CheckPath(path); err != nil {
			return 0, errors.Join(ErrInvalid, err)
		}
	}
	e.disk.Lock()
	defer e.disk.Unlock()
	e.mu.Lock()
	if !e.restored {
		e.mu.Unlock()
		return 0, ErrNotRestored
	}
	if it := e.find(path); it != nil {
		it.walk(func(it *item) { it.hashed = time.Time{} })
	}
	e.mu.Unlock()
	err = e.scan(ctx, path)
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.counts.scans, err
}

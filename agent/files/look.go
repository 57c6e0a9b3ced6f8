package files

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"

	"codingplatform/agent/cores"
	"codingplatform/agent/ignore"
	"codingplatform/agent/watch"
	"codingplatform/agent/workspace"
)

// InlineBytes is the largest content that comes within a batch.
const InlineBytes = 64 << 10

// ignoreFile is the workspace's own list of patterns, in its root.
const ignoreFile = ".syncignore"

// maxIgnoreBytes bounds what is read of it.
const maxIgnoreBytes = 256 << 10

// racyWindow: a file that changed so shortly before its hashing may have changed once more within one tick of the
// file system's clock, and is hashed anew whenever it is looked at.
const racyWindow = 20 * time.Millisecond

// wholeBytes is what is written in one go: of a page, one sees what was there before a write or after it.
const wholeBytes = 4096

// How long a file that keeps changing is left alone between two looks.
const (
	coolFirst = 5 * time.Millisecond
	coolMost  = 250 * time.Millisecond
	coolReset = time.Second
)

// maxStrays is how often a file is looked at again that has a name which is not known: one that has just been made, or is
// gone by now, or lies outside. The kernel tells of a write only by the name through which it was made.
const maxStrays = 4

// strayPause is how long the next of these looks waits: 5, 80, 1,280, 20,480 ms.
func strayPause(before int) time.Duration { return coolFirst << (4 * before) }

// glance is what a look at a path has found.
type glance struct {
	state   State
	stat    workspace.Stat
	content []byte
	// read is a moment before the content was read.
	read time.Time
	// again says that it has to be looked at once more, since it is changing.
	again bool
}

// look looks at one name and notes what is there. The caller holds e.disk. It returns whether there is a folder
// whose entries are looked at too.
func (e *Engine) look(ctx context.Context, dir *workspace.Dir, path, name string) (folder bool, err error) {
	stat, err := dir.Stat(name)
	if workspace.Gone(err) {
		e.noteGone(path)
		if path == ignoreFile && e.readPatterns(dir) {
			e.lookEverywhere()
		}
		return false, nil
	}
	if err != nil {
		return false, err
	}
	e.mu.Lock()
	it := e.find(path)
	var was item
	if it != nil {
		was = item{disk: it.disk, stat: it.stat, hashed: it.hashed, written: it.written, base: it.base, tracked: it.tracked}
		it.written = false
	}
	e.mu.Unlock()
	g, err := e.glance(dir, name, path, stat, &was)
	if workspace.Gone(err) {
		e.noteGone(path)
		return false, nil
	}
	if errors.Is(err, workspace.ErrMoving) {
		e.later(path, coolMost)
		return false, nil
	}
	if err != nil {
		e.logger.WarnContext(ctx, "cannot be read", "path", path, "error", err)
		g.state.Unsaved = Unreadable
	}
	e.note(path, g)
	if path == ignoreFile && e.readPatterns(dir) {
		e.lookEverywhere()
	}
	return g.state.Type == workspace.Folder && g.state.Unsaved == Saved, nil
}

// glance finds the state of an entry, reusing the digest of an unchanged file.
func (e *Engine) glance(dir *workspace.Dir, name, path string, stat workspace.Stat, was *item) (g glance, err error) {
	g = glance{stat: stat, read: time.Now(), state: State{Type: stat.Type, Mode: stat.Mode, Size: stat.Size, Mtime: stat.Mtime}}
	// What is saved already stays saved, as git goes on tracking what it tracks.
	if !was.base.saved() && !was.tracked && e.matcher.Match(path, stat.Type == workspace.Folder) {
		g.state.Unsaved = Ignored
		return g, nil
	}
	switch stat.Type {
	case workspace.Symlink:
		g.state.Link, err = dir.Readlink(name)
		return g, err
	case workspace.Special:
		g.state.Unsaved = SpecialFile
		return g, nil
	case workspace.Folder, workspace.None:
		return g, nil
	case workspace.File:
	}
	if e.policy.MaxFileBytes > 0 && stat.Size > e.policy.MaxFileBytes {
		g.state.Unsaved = TooLarge
		return g, nil
	}
	if was.disk.Type == workspace.File && was.disk.Unsaved == Saved && stat == was.stat && !was.written &&
		was.hashed.UnixNano()-stat.Ctime > int64(racyWindow) {
		g.state = was.disk
		return g, nil
	}
	if stat.Size >= largeBytes {
		defer cores.More()()
	}
	digest, err := dir.Read(name, InlineBytes)
	if errors.Is(err, fs.ErrPermission) && was.disk.saved() && stat.SameFile(was.stat) {
		// Only its mode has changed: what was read before is still true.
		g.state, g.read = was.disk, was.hashed
		g.state.Mode = stat.Mode
		return g, nil
	}
	if err != nil {
		return g, err
	}
	g.stat, g.content, g.again = digest.Stat, digest.Content, digest.Moving
	g.state.Hash, g.state.Size, g.state.Mtime, g.state.Mode = digest.Hash, digest.Stat.Size, digest.Stat.Mtime, digest.Stat.Mode
	return g, nil
}

func (e *Engine) noteGone(path string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if it := e.find(path); it != nil {
		if it.disk.Type != workspace.None {
			e.lastChange = time.Now()
		}
		e.vanish(it)
	}
}

// note puts a glance into the index.
func (e *Engine) note(path string, g glance) {
	e.mu.Lock()
	defer e.mu.Unlock()
	it := e.at(path)
	if g.state.saved() && !it.disk.saved() && e.overCap(it, g.state) || g.state.saved() && it.disk.saved() && e.grows(it, g.state) {
		g.state.Hash, g.state.Unsaved, g.content = workspace.Hash{}, Full, nil
	}
	now := time.Now()
	if !g.state.Same(it.disk) {
		e.lastChange = now
		if now.Sub(it.changed) > coolReset {
			it.coolBy = 0
		} else {
			it.coolBy = min(max(2*it.coolBy, coolFirst), coolMost)
		}
		it.coolUntil = now.Add(it.coolBy)
	}
	same := g.stat == it.stat
	e.setDisk(it, g.state, g.stat, g.content, g.read)
	if !same {
		it.strays = 0
	}
	switch {
	case g.again:
		e.pending[path] = hint{due: now.Add(max(it.coolBy, coolFirst)), firm: true}
		e.poke()
	case g.stat.Names > max(1, uint64(len(e.links[g.stat.Ino]))) && it.strays < maxStrays:
		e.strays[path] = now.Add(strayPause(it.strays))
		it.strays++
		e.poke()
	}
}

// overCap says whether one more saved entry would go over a cap of the workspace. A folder goes over none, so that
// what is in it can be listed.
func (e *Engine) overCap(it *item, s State) bool {
	if s.Type == workspace.Folder || it.base.saved() && s.Size <= it.base.Size {
		return false // it was saved within the cap
	}
	if !it.base.saved() && e.policy.MaxFileCount > 0 && e.counts.items >= e.policy.MaxFileCount {
		return true
	}
	return s.Type == workspace.File && e.policy.MaxBytes > 0 && e.counts.bytes+s.Size > e.policy.MaxBytes
}

func (e *Engine) grows(it *item, s State) bool {
	return s.Type == workspace.File && e.policy.MaxBytes > 0 && s.Size > it.disk.Size && e.counts.bytes-it.disk.Size+s.Size > e.policy.MaxBytes
}

// readPatterns takes the workspace's own patterns in, and says whether they are others than were read last: then a full scan
// applies them to what is there. dir is the root. The caller holds e.disk.
func (e *Engine) readPatterns(dir *workspace.Dir) bool {
	var own string // of what is no file that can be read, or is too large, nothing
	if stat, err := dir.Stat(ignoreFile); err == nil && stat.Size <= maxIgnoreBytes {
		if digest, err := dir.Read(ignoreFile, maxIgnoreBytes); err == nil {
			own = string(bytes.ToValidUTF8(digest.Content, nil))
		}
	}
	if own == e.patterns {
		return false
	}
	e.patterns = own
	e.matcher = ignore.New(append(slices.Clip(e.policy.Ignore), strings.Split(own, "\n")...))
	return true
}

// checkPatterns has everything looked at when the workspace's own patterns have changed.
func (e *Engine) checkPatterns() error {
	dir, err := e.tree.Dir("")
	if err != nil {
		return err
	}
	defer dir.Close()
	if e.readPatterns(dir) {
		e.lookEverywhere()
	}
	return nil
}

func (e *Engine) lookEverywhere() {
	e.mu.Lock()
	e.overflowed = true
	e.mu.Unlock()
	e.poke()
}

// folder looks at all entries of a folder and below. The caller holds e.disk.
func (e *Engine) folder(ctx context.Context, dir *workspace.Dir, path string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	stat, err := dir.Stat(".")
	if err != nil {
		return err
	}
	// Watch first, then list: what is made in between is seen by one or the other.
	e.watch(path, stat.Ino)
	seen := map[string]struct{}{}
	err = dir.Names(func(name string) error {
		escaped := workspace.Escape(name)
		seen[escaped] = struct{}{}
		return e.enter(ctx, dir, workspace.Join(path, escaped), name)
	})
	if err != nil {
		return err
	}
	e.mu.Lock()
	starting := !e.restored
	e.mu.Unlock()
	if starting {
		if err := dir.RemoveTemps(); err != nil {
			return err
		}
	}
	for _, name := range e.missing(path, seen) {
		raw, err := workspace.Unescape(name)
		if err != nil {
			continue // it cannot be on the disk
		}
		if err := e.enter(ctx, dir, workspace.Join(path, name), raw); err != nil {
			return err
		}
	}
	return nil
}

// enter looks at a name, and at all below it.
func (e *Engine) enter(ctx context.Context, dir *workspace.Dir, path, name string) error {
	folder, err := e.look(ctx, dir, path, name)
	if err != nil || !folder {
		return err
	}
	sub, err := dir.Sub(name)
	if workspace.Gone(err) {
		return nil // it has been replaced, and its event is on its way
	}
	if err != nil {
		e.logger.WarnContext(ctx, "a folder cannot be read", "path", path, "error", err)
		return nil
	}
	defer sub.Close()
	return e.folder(ctx, sub, path)
}

// missing returns the names that the index has in a folder and the listing did not.
func (e *Engine) missing(path string, seen map[string]struct{}) (names []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	it := e.find(path)
	if it == nil {
		return nil
	}
	for name, child := range it.children {
		if _, ok := seen[name]; !ok && child.disk.Type != workspace.None {
			names = append(names, name)
		}
	}
	return names
}

// watch watches a folder; it says whether the folder has to be listed.
func (e *Engine) watch(path string, inode uint64) bool {
	if e.watcher == nil {
		return true
	}
	fresh, err := e.watcher.Watch(path, inode)
	if err == nil {
		return fresh
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if errors.Is(err, watch.ErrExhausted) && !e.exhausted {
		e.logger.Warn("the limit of file watches is reached; the rest is polled", "path", path)
		e.exhausted = true
		e.poke()
	}
	return true
}

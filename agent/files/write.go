package files

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"codingplatform/agent/workspace"
)

// Contents gives the content of a hash. What it gives is checked.
type Contents func(hash workspace.Hash, size int64) (io.Reader, error)

// errContent says that a content was not what it was said to be.
var errContent = errors.New("the content that came is another than was named")

const (
	defaultFileMode   = 0o644
	defaultFolderMode = 0o755
)

func modeOf(s State) uint32 {
	if s.Mode != 0 {
		return s.Mode
	}
	if s.Type == workspace.Folder {
		return defaultFolderMode
	}
	return defaultFileMode
}

// write makes s the entry at a path that holds expect now (workspace.ErrChanged), and notes it in index and base, so
// that it is nobody's change. The caller holds e.disk.
func (e *Engine) write(path string, s State, revision uint64, expect workspace.Stat, content io.Reader, sync bool) error {
	dir, name, err := e.parent(path)
	if err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	defer dir.Close()
	r := record{path, s, revision}
	if s.Type != workspace.Folder {
		e.mu.Lock()
		err := e.log.intend(r)
		e.mu.Unlock()
		if err != nil {
			return err
		}
	}
	stat, err := e.install(dir, name, path, s, expect, content, sync)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.log.append([]record{e.placed(r, stat)}, e.root)
}

// parent opens the folder of a path, which is made when it is missing, and returns the name in it as the disk has it.
func (e *Engine) parent(path string) (*workspace.Dir, string, error) {
	dir, name, err := e.tree.Parent(path)
	if workspace.Gone(err) {
		if err := e.parents(path); err != nil {
			return nil, "", err
		}
		dir, name, err = e.tree.Parent(path)
	}
	return dir, name, err
}

// placed notes in index and base what was put on the disk, and returns what the log is to have of it.
func (e *Engine) placed(r record, stat workspace.Stat) record {
	read := time.Unix(0, stat.Ctime)
	if r.state.Type == workspace.File && stat.Mtime == r.state.Mtime && stat.Ctime-stat.Mtime > int64(racyWindow) {
		// It has a time of long ago, which whoever writes to it changes: there is no need to read what was just written.
		read = read.Add(racyWindow + 1)
	}
	r.state.Mtime = stat.Mtime
	r.state = e.changed(e.at(r.path), r.state, modeOf(r.state), r.revision, stat, read)
	return r
}

// changed notes that an entry was given a state and a mode, after which it was seen with stat, and returns its base. A
// program may have been at it in between: the mode that it has given is its own, and what it wrote since read is read at the
// next look.
func (e *Engine) changed(it *item, s State, mode uint32, revision uint64, stat workspace.Stat, read time.Time) (base State) {
	base, s.Mode = s, stat.Mode
	if s.Type != workspace.Symlink {
		base.Mode = mode
	}
	e.setBase(it, base, revision)
	e.setDisk(it, s, stat, nil, read)
	return base
}

// install makes s the entry of a folder that has expect there now (workspace.ErrChanged).
func (e *Engine) install(
	dir *workspace.Dir, name, path string, s State, expect workspace.Stat, content io.Reader, sync bool,
) (stat workspace.Stat, err error) {
	if expect.Type == workspace.Folder && s.Type != workspace.Folder {
		// A folder is only replaced when it is empty.
		if err := dir.Remove(name, workspace.Folder); err != nil {
			return stat, err
		}
		expect = workspace.Stat{}
	}
	switch s.Type {
	case workspace.Folder:
		if expect.Type != workspace.Folder && expect.Type != workspace.None {
			if err := dir.Remove(name, expect.Type); err != nil {
				return stat, err
			}
		}
		err = dir.Mkdir(name, modeOf(s))
	case workspace.Symlink:
		var temp *workspace.Temp
		if temp, err = dir.TempLink(s.Link); err == nil {
			err = place(temp, name, expect)
		}
	case workspace.File:
		err = writeFile(dir, name, s, expect, content, sync)
	case workspace.None, workspace.Special:
		err = fmt.Errorf("write %q: no type that can be written", path)
	}
	if err == nil {
		stat, err = dir.Stat(name)
	}
	if err == nil && s.Type == workspace.Folder {
		e.watchMade(path, stat.Ino)
	}
	return stat, err
}

// watchMade has a folder that has just been made here watched, and then looked into: programs may be at it already, and
// there are no events of what they did before. For one that a Restore has made that is at its end.
func (e *Engine) watchMade(path string, inode uint64) {
	e.unwatchedMu.Lock()
	defer e.unwatchedMu.Unlock()
	if e.unwatched != nil {
		e.unwatched[path] = inode
		return
	}
	e.later(path, 0)
}

// watchNew watches the folders that a Restore has made, and has everything looked at once more: what programs did in them
// meanwhile had no event.
func (e *Engine) watchNew() {
	e.unwatchedMu.Lock()
	made := e.unwatched
	e.unwatched = nil
	e.unwatchedMu.Unlock()
	if e.watcher == nil {
		return
	}
	for path, inode := range made {
		e.watch(path, inode)
	}
	if len(made) > 0 {
		e.lookEverywhere()
	}
}

func place(temp *workspace.Temp, name string, expect workspace.Stat) error {
	if err := temp.Place(name, expect); err != nil {
		temp.Drop()
		return err
	}
	return nil
}

func writeFile(dir *workspace.Dir, name string, s State, expect workspace.Stat, content io.Reader, sync bool) error {
	if expect.Type == workspace.File && dir.Writing(name) {
		return workspace.ErrOpen // before much is written; Place looks once more
	}
	temp, err := dir.TempFile()
	if err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(temp, h), content)
	if err != nil {
		temp.Drop()
		return fmt.Errorf("write %q: %w", name, err)
	}
	if n != s.Size || workspace.Hash(h.Sum(nil)) != s.Hash {
		temp.Drop()
		return errContent
	}
	if err := temp.Finish(modeOf(s), s.Mtime, sync); err != nil {
		temp.Drop()
		return err
	}
	return place(temp, name, expect)
}

// remove removes an entry that is as the index says, and notes it in index and base. A folder must be empty.
func (e *Engine) remove(it *item) error {
	dir, name, err := e.tree.Parent(it.path)
	if err == nil {
		defer dir.Close()
		var stat workspace.Stat
		if stat, err = dir.Stat(name); err == nil {
			if stat.Type != workspace.Folder && !stat.SameFile(it.stat) {
				return workspace.ErrChanged
			}
			err = dir.Remove(name, stat.Type)
		}
	}
	if err != nil && !workspace.Gone(err) {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	path := it.path
	e.vanish(it)
	e.setBase(it, State{}, 0)
	return e.log.append([]record{{path, State{}, 0}}, e.root)
}

package files

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"

	"codingplatform/agent/workspace"
)

// filling brings a tree to an empty workspace: it is made beside the workspace, whole, and moved there a name of the root at a
// time. Nobody sees a file that is not complete, and none has to be moved by itself.
type filling struct {
	r     *Restore
	stage *workspace.Stage
	// noted are entries that are listed only.
	noted []Entry
	// writing is the part that is written while the next one is received; it has made and rest.
	writing sync.WaitGroup
	// made is what the stage has, folders before what is in them, and rest what is brought one by one afterwards.
	made []made
	rest []Entry
}

type made struct {
	entry Entry
	stat  workspace.Stat
}

// fill brings the tree to an empty workspace. What has come by the time that the source fails stays.
func (r *Restore) fill(ctx context.Context, policy Policy, epoch uint64) error {
	e := r.e
	if err := e.begin(epoch, policy, nil); err != nil {
		return err
	}
	if err := e.scan(ctx, ""); err != nil { // watches the root
		return err
	}
	f := filling{r: r}
	var err error
	if f.stage, err = e.tree.Stage(); err != nil {
		return err
	}
	err = f.receive(ctx)
	if perr := f.place(ctx); err == nil {
		err = perr
	}
	if derr := f.stage.Drop(); err == nil {
		err = derr
	}
	if err != nil {
		return err
	}
	e.mu.Lock()
	for _, entry := range f.rest {
		e.at(entry.Path).tracked = entry.State.saved()
	}
	e.mu.Unlock()
	return r.bring(ctx, f.rest)
}

func (f *filling) receive(ctx context.Context) error {
	defer f.writing.Wait()
	for {
		entries, err := f.r.source.Entries()
		if err != nil || len(entries) == 0 {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		f.part(entries)
	}
}

// part makes folders and links, and has files written.
func (f *filling) part(entries []Entry) {
	var files []*small
	var others []made
	var rest []Entry
	for _, entry := range entries {
		content := entry.Content
		entry.Content = nil
		state := entry.State
		if err := workspace.CheckPath(entry.Path); err != nil {
			f.r.problem(entry.Path, err)
			continue
		}
		switch {
		case state.Unsaved != Saved:
			f.noted = append(f.noted, entry)
		case state.Type == workspace.File:
			if int64(len(content)) != state.Size {
				rest = append(rest, entry)
				continue
			}
			files = append(files, &small{entry: entry, content: content})
		default:
			if stat, err := f.make(entry); err == nil {
				others = append(others, made{entry, stat})
			} else {
				rest = append(rest, entry)
			}
		}
	}
	f.writing.Wait()
	f.made = append(f.made, others...)
	f.rest = append(f.rest, rest...)
	f.writing.Go(func() { f.write(files) })
}

// make makes a folder or a link. A folder that its owner may not write to is closed when all is in its place.
func (f *filling) make(entry Entry) (stat workspace.Stat, err error) {
	above, name := workspace.Split(entry.Path)
	raw, err := workspace.Unescape(name)
	if err != nil {
		return stat, err
	}
	dir, err := f.stage.Dir(above)
	if err != nil {
		return stat, err
	}
	defer dir.Close()
	if entry.State.Type == workspace.Folder {
		err = dir.Mkdir(raw, modeOf(entry.State)|0o700)
	} else {
		err = dir.Link(raw, entry.State.Link)
	}
	if err != nil {
		return stat, err
	}
	return dir.Stat(raw)
}

func (f *filling) write(files []*small) {
	inParallel(groups(files), f.writeGroup)
	for _, file := range files {
		if file.err != nil {
			f.rest = append(f.rest, file.entry)
			continue
		}
		f.made = append(f.made, made{file.entry, file.stat})
		f.r.came(file.entry, file.entry.Path)
	}
}

// writeGroup writes files of one folder.
func (f *filling) writeGroup(group []*small) {
	above, _ := workspace.Split(group[0].entry.Path)
	dir, err := f.stage.Dir(above)
	if err == nil {
		defer dir.Close()
	}
	for _, file := range group {
		file.err = err
		state := file.entry.State
		if err == nil && sha256.Sum256(file.content) != state.Hash {
			file.err = errContent
		}
		var name string
		if file.err == nil {
			name, file.err = file.name()
		}
		if file.err == nil {
			file.stat, file.err = dir.Create(name, file.content, modeOf(state), state.Mtime)
		}
		file.content = nil
	}
}

// place moves what was made to the workspace, and notes it.
func (f *filling) place(ctx context.Context) error {
	e := f.r.e
	records := make([]record, 0, len(f.made)+len(f.noted))
	for _, m := range f.made {
		r := record{m.entry.Path, m.entry.State, m.entry.Revision}
		if r.state.Type == workspace.File {
			r.state.Mtime = m.stat.Mtime
		}
		records = append(records, r)
	}
	for _, entry := range f.noted {
		records = append(records, record{entry.Path, entry.State, entry.Revision})
	}
	e.mu.Lock()
	err := e.log.intend(records...)
	e.mu.Unlock()
	if err != nil {
		return err
	}
	f.r.staged = true
	// What a program has put at a name meanwhile is compared as a whole.
	taken := map[string]bool{}
	for _, m := range f.made {
		if top, _, below := strings.Cut(m.entry.Path, "/"); !below && f.stage.Place(top) != nil {
			taken[top] = true
		}
	}
	if len(taken) > 0 {
		f.made = slices.DeleteFunc(f.made, func(m made) bool {
			top, _, _ := strings.Cut(m.entry.Path, "/")
			if taken[top] {
				f.rest = append(f.rest, m.entry)
			}
			return taken[top]
		})
		if err := e.scan(ctx, ""); err != nil {
			return err
		}
	}
	f.finish()
	f.note()
	return nil
}

// finish closes the folders that are to be closed, those below first, and looks at what has been moved.
func (f *filling) finish() {
	e := f.r.e
	for i := len(f.made) - 1; i >= 0; i-- {
		m := &f.made[i]
		mode := modeOf(m.entry.State)
		closed := m.entry.State.Type == workspace.Folder && mode&0o700 != 0o700
		if !closed && strings.Contains(m.entry.Path, "/") {
			continue
		}
		dir, name, err := e.tree.Parent(m.entry.Path)
		if err != nil {
			continue // a program is at it already: the look that follows finds what it has done
		}
		if closed {
			err = dir.Chmod(name, mode)
		}
		var stat workspace.Stat
		if err == nil {
			stat, err = dir.Stat(name)
		}
		if err == nil && stat.Ino == m.stat.Ino {
			m.stat = stat
		}
		dir.Close()
	}
}

// note notes in index and base what has been brought.
func (f *filling) note() {
	e := f.r.e
	for _, m := range f.made {
		if m.entry.State.Type == workspace.Folder {
			e.watchMade(m.entry.Path, m.stat.Ino)
		}
		f.r.restored.Written++
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, m := range f.made {
		e.placed(record{m.entry.Path, m.entry.State, m.entry.Revision}, m.stat)
	}
	for _, entry := range f.noted {
		e.setBase(e.at(entry.Path), entry.State, entry.Revision)
	}
}

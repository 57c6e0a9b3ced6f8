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
	// closed are folders that their owner may not write to. Until all is brought they are open, here and in what is noted.
	closed []Entry
}

type made struct {
	entry Entry
	stat  workspace.Stat
}

// record is what both sides have once it is in its place.
func (m *made) record() record { return record{m.entry.Path, m.entry.State, m.entry.Revision} }

// noteRecords is how many entries are noted in the log with one write.
const noteRecords = 4096

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
	if derr := f.stage.Drop(); derr != nil { // it is removed at the next start
		e.logger.WarnContext(ctx, "a temporary folder stays", "error", derr)
	}
	if err == nil {
		err = r.bring(ctx, f.rest)
	}
	f.close()
	return err
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
			original := entry
			if state.Type == workspace.Folder && modeOf(state)&0o700 != 0o700 {
				entry.State.Mode = modeOf(state) | 0o700
			}
			stat, err := f.make(entry)
			if err != nil {
				rest = append(rest, original)
				continue
			}
			others = append(others, made{entry, stat})
			if entry.State.Mode != state.Mode {
				f.closed = append(f.closed, original)
			}
		}
	}
	f.writing.Wait()
	f.made = append(f.made, others...)
	f.rest = append(f.rest, rest...)
	f.writing.Go(func() { f.write(files) })
}

// make makes a folder or a link.
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
		err = dir.Mkdir(raw, modeOf(entry.State))
	} else {
		err = dir.Link(raw, entry.State.Link)
	}
	if err != nil {
		return stat, err
	}
	return dir.Stat(raw)
}

func (f *filling) write(files []*small) {
	f.r.mu.Lock()
	f.r.progress.FilesTotal += uint64(len(files))
	f.r.mu.Unlock()
	inParallel(groups(files), f.writeGroup)
	for _, file := range files {
		if file.err != nil {
			f.rest = append(f.rest, file.entry)
			continue
		}
		f.made = append(f.made, made{file.entry, file.stat})
		f.r.came(file.entry, true)
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
	if err := f.intend(); err != nil {
		e.logger.WarnContext(ctx, "the files are brought one by one", "error", err) // of each it is told whether it can be
		for _, m := range f.made {
			f.rest = append(f.rest, m.entry)
		}
		f.rest = append(f.rest, f.noted...)
		f.made, f.noted = nil, nil
		f.note()
		return nil
	}
	// What a program has put at a name meanwhile is compared as a whole.
	taken := map[string]bool{}
	for i := range f.made {
		m := &f.made[i]
		if strings.Contains(m.entry.Path, "/") {
			continue
		}
		stat, err := f.stage.Place(m.entry.Path)
		switch {
		case err != nil:
			taken[m.entry.Path] = true
		case stat.Ino == m.stat.Ino:
			m.stat = stat // to be moved has changed its ctime
		}
	}
	var others []record
	f.made = slices.DeleteFunc(f.made, func(m made) bool {
		top, _, _ := strings.Cut(m.entry.Path, "/")
		if taken[top] {
			f.rest = append(f.rest, m.entry)
			others = append(others, record{path: m.entry.Path}) // not intended any more
		}
		return taken[top]
	})
	f.note()
	if err := f.done(others); err != nil {
		return err
	}
	if len(taken) > 0 {
		return e.scan(ctx, "")
	}
	return nil
}

// intend notes what is about to be moved, in a log that holds nothing else.
func (f *filling) intend() error {
	e := f.r.e
	if err := f.emptyLog(); err != nil {
		return err
	}
	records := make([]record, 0, noteRecords)
	flush := func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		err := e.log.intend(records...)
		records = records[:0]
		return err
	}
	add := func(r record) error {
		if records = append(records, r); len(records) < noteRecords {
			return nil
		}
		return flush()
	}
	for _, m := range f.made {
		r := m.record()
		if r.state.Type == workspace.File {
			r.state.Mtime = m.stat.Mtime
		}
		if err := add(r); err != nil {
			return err
		}
	}
	for _, entry := range f.noted {
		if err := add(record{entry.Path, entry.State, entry.Revision}); err != nil {
			return err
		}
	}
	return flush()
}

func (f *filling) emptyLog() error {
	e := f.r.e
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.log.size == 0 {
		return nil
	}
	return e.log.rewrite(e.root)
}

// done makes durable what was moved, and notes that it is there; others were not moved.
func (f *filling) done(others []record) error {
	e := f.r.e
	if err := e.tree.Sync(); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.log.append(others, e.root); err != nil {
		return err
	}
	return e.log.done()
}

// close closes the folders that are to be closed, those below first: once nothing more is written to them.
func (f *filling) close() {
	for _, entry := range slices.Backward(f.closed) {
		f.r.unlogged = true
		if err := f.r.e.chmod(entry); err != nil && !workspace.Gone(err) {
			f.r.problem(entry.Path, err)
		}
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
		e.placed(m.record(), m.stat)
	}
	for _, entry := range f.noted {
		e.setBase(e.at(entry.Path), entry.State, entry.Revision)
	}
	for _, entry := range f.rest {
		e.at(entry.Path).tracked = entry.State.saved()
	}
	if e.watcher != nil && len(f.made) > 0 {
		e.overflowed = true // what programs did to it since has no event
	}
}

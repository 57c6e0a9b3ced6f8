package files

import (
	"bytes"
	"context"
	"io"
	"sync"

	"codingplatform/agent/workspace"
)

const (
	// smallWriters is how many small files are written at once: most of their time is the kernel's.
	smallWriters = 4
	// partFiles and partBytes bound a part: what is noted in the log with one write before and one after.
	partFiles = 1000
	partBytes = 4 << 20
	// groupFiles is how many files of a folder a writer takes at once.
	groupFiles = 64
)

// small is a file that is short enough to be held, on its way to the disk.
type small struct {
	entry   Entry
	content []byte
	expect  workspace.Stat
	stat    workspace.Stat
	err     error
}

// smallFiles writes small files, part by part: one is written while the next is received.
type smallFiles struct {
	r     *Restore
	part  []*small
	bytes int
	// under are the hashes of files that are not on the disk yet.
	under   map[workspace.Hash]bool
	writing sync.WaitGroup
}

func (f *smallFiles) add(entry Entry, content []byte) {
	f.part = append(f.part, &small{entry: entry, content: content})
	f.bytes += len(content)
	if len(content) > 0 {
		f.under[entry.State.Hash] = true
	}
	if len(f.part) == partFiles || f.bytes >= partBytes {
		f.next()
	}
}

// next has the part written, once the one before is.
func (f *smallFiles) next() {
	f.writing.Wait()
	part := f.part
	f.part, f.bytes = nil, 0
	if len(part) > 0 {
		f.writing.Go(func() { f.r.writePart(part) })
	}
}

// wait until all are written.
func (f *smallFiles) wait() {
	f.next()
	f.writing.Wait()
	clear(f.under)
}

// writeFiles writes all files, small ones from the database several at once. What is left waits for those before, since it
// may be made of one of them.
func (r *Restore) writeFiles(ctx context.Context, asked map[workspace.Hash]bool) error {
	f := smallFiles{r: r, under: map[workspace.Hash]bool{}}
	defer f.wait()
	for i, entry := range r.files {
		if i > 0 && r.first[entry.Path] == 0 && r.first[r.files[i-1].Path] < 0 {
			f.next() // what is open is on the disk before the rest
		}
		hash, size := entry.State.Hash, entry.State.Size
		if size > InlineBytes || size > 0 && (!asked[hash] || f.under[hash] || r.has(hash)) {
			f.wait()
			if err := r.file(ctx, entry, asked); err != nil {
				return err
			}
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		var content []byte
		if size > 0 {
			from, err := r.source.Content(hash, size)
			if err == nil {
				content, err = io.ReadAll(from)
			}
			if err != nil {
				return err
			}
		}
		f.add(entry, content)
	}
	return nil
}

func (r *Restore) has(hash workspace.Hash) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.local[hash] != ""
}

// writePart writes a part, and notes what of it is on the disk.
func (r *Restore) writePart(part []*small) {
	e := r.e
	records := make([]record, 0, len(part))
	e.mu.Lock()
	for _, f := range part {
		records = append(records, record{f.entry.Path, f.entry.State, f.entry.Revision})
		f.expect = e.stat(f.entry.Path)
	}
	err := e.log.intend(records...)
	e.mu.Unlock()
	if err == nil {
		inParallel(groups(part), e.writeGroup)
		written := records[:0]
		e.mu.Lock()
		for i, f := range part {
			if f.err == nil {
				written = append(written, e.placed(records[i], f.stat))
			}
		}
		err = e.log.append(written, e.root)
		e.mu.Unlock()
	}
	for _, f := range part {
		if f.err == nil {
			f.err = err
		}
		r.wroteFile(f.entry, f.err)
	}
}

// groups are the files of a part by their folders.
func groups(part []*small) (all [][]*small) {
	open := map[string]int{}
	for _, f := range part {
		dir, _ := workspace.Split(f.entry.Path)
		i, ok := open[dir]
		if !ok || len(all[i]) == groupFiles {
			i = len(all)
			open[dir] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], f)
	}
	return all
}

// inParallel has groups written, several at once.
func inParallel(all [][]*small, write func(group []*small)) {
	next := make(chan []*small)
	var writers sync.WaitGroup
	for range min(smallWriters, len(all)) {
		writers.Go(func() {
			for group := range next {
				write(group)
			}
		})
	}
	for _, group := range all {
		next <- group
	}
	close(next)
	writers.Wait()
}

// writeGroup writes files of one folder, and says in each how that ended.
func (e *Engine) writeGroup(group []*small) {
	var dir *workspace.Dir
	shut := func() {
		if dir != nil {
			dir.Close()
			dir = nil
		}
	}
	defer shut()
	for _, f := range group {
		for range 2 {
			var name string
			if name, f.err = f.name(); f.err == nil && dir == nil {
				dir, _, f.err = e.parent(f.entry.Path)
			}
			if f.err == nil {
				f.stat, f.err = e.install(dir, name, f.entry.Path, f.entry.State, f.expect, bytes.NewReader(f.content), false)
			}
			if !workspace.Gone(f.err) {
				break
			}
			shut() // the folder was deleted meanwhile: once more in a new one
		}
	}
}

// name is the file's name as the disk has it.
func (f *small) name() (string, error) {
	_, name := workspace.Split(f.entry.Path)
	return workspace.Unescape(name)
}

// expect is what the index says of the disk at a path.
func (e *Engine) expect(path string) workspace.Stat {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stat(path)
}

// stat is expect for a caller that holds e.mu.
func (e *Engine) stat(path string) workspace.Stat {
	if it := e.find(path); it != nil && it.disk.Type != workspace.None {
		return it.stat
	}
	return workspace.Stat{}
}

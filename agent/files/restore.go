package files

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"codingplatform/agent/cores"
	"codingplatform/agent/ignore"
	"codingplatform/agent/workspace"
)

// Entry is a path as the database has it.
type Entry struct {
	Path     string
	State    State
	Revision uint64
	// Content of a file of an empty workspace, where it came with its entry.
	Content []byte
}

// Restored is what a Restore did.
type Restored struct {
	Written, Deleted, Unchanged, Kept uint64
	Problems                          []Problem
}

// maxProblems is how many problems are told.
const maxProblems = 100

// Progress of a Restore.
type Progress struct{ Files, FilesTotal, Bytes, BytesTotal uint64 }

// Source is the database's side of a Restore. Its methods are called by one goroutine at a time, but Tell, which may be called
// while Entries or Content waits.
type Source interface {
	// Opened is called first. With empty, the contents of small files may come with their entries.
	Opened(empty bool) error
	// Entries returns the next part of the tree, parents first; nothing: that was all.
	Entries() ([]Entry, error)
	// Want asks for contents, in the order in which Content is called for them then.
	Want(hashes []workspace.Hash) error
	Content(hash workspace.Hash, size int64) (io.Reader, error)
	Tell(p Progress)
}

// Restore is one restore under way.
type Restore struct {
	e        *Engine
	source   Source
	restored Restored
	progress Progress
	// files to write, in their order.
	files, retry []Entry
	// first ranks files that go before the others, all below zero.
	first map[string]int
	// unlogged: the log lacks something of the base.
	unlogged bool
	// mu is for local, restored and progress while small files are written.
	mu    sync.Mutex
	local map[workspace.Hash]string
	lost  bool
}

// Restore brings a tree to the disk: the files that first names, then the others, small ones first; into an empty workspace
// all that came with its content before. It holds the disk from then on that the tree is known; of an empty workspace from its
// beginning.
func (e *Engine) Restore(ctx context.Context, epoch uint64, policy Policy, first []string, source Source) (Restored, error) {
	defer cores.More()()
	e.disk.Lock()
	defer e.disk.Unlock()
	empty, err := e.empty(epoch)
	if err != nil {
		return Restored{}, err
	}
	if err := source.Opened(empty); err != nil {
		return Restored{}, err
	}
	var entries []Entry
	if !empty {
		e.disk.Unlock() // whoever works on the disk need not wait for the database
		entries, err = all(source)
		e.disk.Lock()
		if err != nil {
			return Restored{}, err
		}
	}
	r := &Restore{e: e, source: source, local: map[workspace.Hash]string{}, first: make(map[string]int, len(first))}
	for i, path := range first {
		r.first[path] = i - len(first)
	}
	e.unwatchedMu.Lock()
	e.unwatched = map[string]uint64{}
	e.unwatchedMu.Unlock()
	defer e.watchNew()
	if empty {
		err = r.fill(ctx, policy, epoch)
	} else {
		err = r.update(ctx, policy, epoch, entries)
	}
	if err == nil {
		err = e.checkPatterns()
	}
	if err == nil {
		err = e.tree.Sync()
	}
	if err != nil {
		return Restored{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.restored, e.braked, e.release = true, false, false
	e.wake()
	e.poke()
	if !r.unlogged {
		return r.restored, nil // all of it is in the log, as it was written
	}
	return r.restored, e.log.rewrite(e.root)
}

// lostAndFound is in a new volume's file system, if that is one of the ext family.
const lostAndFound = "lost+found"

// empty says whether there is nothing in the workspace, and nothing is known of it.
func (e *Engine) empty(epoch uint64) (bool, error) {
	e.mu.Lock()
	err := e.checkEpoch(epoch)
	known := len(e.root.children) > 0 || len(e.intents) > 0
	e.mu.Unlock()
	if err != nil || known {
		return false, err
	}
	root, err := e.tree.Dir("")
	if err != nil {
		return false, err
	}
	defer root.Close()
	empty := true
	err = root.Names(func(name string) error {
		empty = empty && name == lostAndFound
		return nil
	})
	return empty, err
}

func all(source Source) (entries []Entry, err error) {
	for {
		part, err := source.Entries()
		if err != nil || len(part) == 0 {
			return entries, err
		}
		entries = append(entries, part...)
	}
}

// update compares the whole tree with the disk.
func (r *Restore) update(ctx context.Context, policy Policy, epoch uint64, entries []Entry) error {
	e := r.e
	if err := e.begin(epoch, policy, entries); err != nil {
		return err
	}
	if err := e.scan(ctx, ""); err != nil {
		return err
	}
	e.mu.Lock()
	r.lost = e.braked || e.counts.items == 0 && e.counts.baseItems >= brakeItems
	e.mu.Unlock()
	r.settle(ctx, entries)
	return r.bring(ctx, entries)
}

// begin takes the policy, and ends what was under way.
func (e *Engine) begin(epoch uint64, policy Policy, entries []Entry) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.checkEpoch(epoch); err != nil {
		return err
	}
	e.policy, e.matcher = policy, ignore.New(policy.Ignore)
	e.restored, e.stream = false, 0
	if len(e.batches) > 0 {
		e.recut(e.batches[0].Sequence)
	}
	e.root.walk(func(it *item) { it.tracked = false })
	for _, entry := range entries {
		if err := workspace.CheckPath(entry.Path); err != nil {
			continue // told as a problem later
		}
		e.at(entry.Path).tracked = entry.State.saved()
	}
	e.patterns = ""
	e.wake()
	return nil
}

// settle ends what the former agent left, and deletes what the database has deleted.
func (r *Restore) settle(ctx context.Context, entries []Entry) {
	e := r.e
	e.mu.Lock()
	for path, all := range e.intents {
		it := e.find(path)
		for _, was := range all {
			if it != nil && it.disk.Type == was.state.Type && it.disk.sameContent(was.state) {
				// The disk's version came from the database: an agent was killed before it had noted so.
				e.setBase(it, was.state, was.revision)
				r.unlogged = true
			}
		}
	}
	clear(e.intents)
	e.mu.Unlock()
	r.deleteOthers(ctx, entries)
}

// bring decides about each of entries, and writes what the disk is to get.
func (r *Restore) bring(ctx context.Context, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	e := r.e
	e.mu.Lock()
	e.root.walk(func(it *item) {
		if it.disk.Type == workspace.File && it.disk.saved() {
			r.local[it.disk.Hash] = it.path
		}
	})
	e.mu.Unlock()
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := workspace.CheckPath(entry.Path); err != nil {
			r.problem(entry.Path, err)
			continue
		}
		r.entry(entry)
	}
	slices.SortStableFunc(r.files, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(r.first[a.Path], r.first[b.Path]), cmp.Compare(a.State.Size, b.State.Size))
	})
	r.progress.FilesTotal += uint64(len(r.files))
	var wanted []workspace.Hash
	asked := map[workspace.Hash]bool{}
	for _, entry := range r.files {
		hash, size := entry.State.Hash, entry.State.Size
		r.progress.BytesTotal += uint64(max(size, 0))
		if _, have := r.local[hash]; !have && !asked[hash] && size > 0 {
			asked[hash] = true
			wanted = append(wanted, hash)
		}
	}
	for part := range slices.Chunk(wanted, 1000) {
		if err := r.source.Want(part); err != nil {
			return err
		}
	}
	if err := r.writeFiles(ctx, asked); err != nil {
		return err
	}
	// What a local file no longer had comes from the database after all.
	retry := r.retry
	r.retry = nil
	for _, entry := range retry {
		delete(r.local, entry.State.Hash)
		asked[entry.State.Hash] = true
		if err := r.source.Want([]workspace.Hash{entry.State.Hash}); err != nil {
			return err
		}
		if err := r.file(ctx, entry, asked); err != nil {
			return err
		}
	}
	return nil
}

// wroteFile notes how the writing of a file ended.
func (r *Restore) wroteFile(entry Entry, err error) {
	r.came(entry, err == nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrote(entry.Path, err)
}

// came notes that a file's turn is over, and whether its content can be read there from now on.
func (r *Restore) came(entry Entry, there bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if there {
		r.local[entry.State.Hash] = entry.Path
	}
	r.progress.Files++
	r.progress.Bytes += uint64(max(entry.State.Size, 0))
	r.source.Tell(r.progress)
}

// failing remembers why a reader failed.
type failing struct {
	io.Reader
	err error
}

// Read implements io.Reader.
func (f *failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}

// entry decides about one entry, and does all but the writing of files.
func (r *Restore) entry(entry Entry) {
	e := r.e
	e.mu.Lock()
	it := e.at(entry.Path)
	disk, stat := it.disk, it.stat
	e.mu.Unlock()
	v, chmod := e.accept(entry, disk, r.lost)
	r.unlogged = r.unlogged || v != bring
	switch {
	case entry.State.Unsaved != Saved:
		return
	case v == adopt:
		r.restored.Unchanged++
		if chmod {
			if err := e.chmod(entry); err != nil {
				r.problem(entry.Path, err)
			}
		}
		return
	case v == keep:
		r.restored.Kept++
		return
	case entry.State.Type == workspace.File:
		r.files = append(r.files, entry)
		return
	}
	if disk.Type == workspace.None {
		stat = workspace.Stat{}
	}
	r.wrote(entry.Path, e.write(entry.Path, entry.State, entry.Revision, stat, nil, false))
}

// file writes one file, from a content of the disk or of the database.
func (r *Restore) file(ctx context.Context, entry Entry, asked map[workspace.Hash]bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e, hash := r.e, entry.State.Hash
	content := &failing{Reader: bytes.NewReader(nil)}
	var err error
	local := false
	switch {
	case entry.State.Size == 0:
	case asked[hash] && r.local[hash] == "":
		if content.Reader, err = r.source.Content(hash, entry.State.Size); err != nil {
			return err
		}
	default:
		local = true
		var file io.ReadCloser
		if file, err = e.openFile(r.local[hash]); err == nil {
			defer func() { _ = file.Close() }() // read only
			content.Reader = file
		}
	}
	if err == nil {
		err = e.write(entry.Path, entry.State, entry.Revision, e.expect(entry.Path), content, false)
		if !local {
			// What could not be written must not be taken for the next content.
			if _, derr := io.Copy(io.Discard, content); derr != nil || content.err != nil {
				return errors.Join(derr, content.err)
			}
		}
	}
	if local && (errors.Is(err, errContent) || workspace.Gone(err)) {
		r.retry = append(r.retry, entry)
		return nil
	}
	r.wroteFile(entry, err)
	return nil
}

func (e *Engine) openFile(path string) (io.ReadCloser, error) {
	dir, name, err := e.tree.Parent(path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	f, _, err := dir.OpenFile(name)
	return f, err
}

func (r *Restore) wrote(path string, err error) {
	switch {
	case err == nil:
		r.restored.Written++
	case errors.Is(err, workspace.ErrChanged):
		r.restored.Kept++
		r.e.later(path, 0)
	default:
		r.problem(path, err)
	}
}

func (r *Restore) problem(path string, err error) {
	if len(r.restored.Problems) < maxProblems {
		r.restored.Problems = append(r.restored.Problems, Problem{path, err.Error()})
	}
}

// deleteOthers removes from the disk what the database has deleted, unless it was changed since.
func (r *Restore) deleteOthers(ctx context.Context, entries []Entry) {
	e := r.e
	present := make(map[string]workspace.Type, len(entries))
	for _, entry := range entries {
		present[entry.Path] = entry.State.Type
	}
	var obsolete []*item
	e.mu.Lock()
	e.root.walk(func(it *item) {
		now, ok := present[it.path]
		other := it.base.Type == workspace.Folder && now != workspace.Folder // the folder went with all that was in it
		if it != e.root && it.base.Type != workspace.None && (!ok || other) {
			obsolete = append(obsolete, it)
		}
	})
	e.mu.Unlock()
	// Deepest first.
	slices.SortFunc(obsolete, func(a, b *item) int { return cmp.Compare(b.path, a.path) })
	for _, it := range obsolete {
		e.mu.Lock()
		disk, base, revision := it.disk, it.base, it.revision
		e.mu.Unlock()
		unchanged := disk.Type != workspace.None && base.saved() && disk.sameContent(base)
		if unchanged {
			err := e.remove(it)
			if err == nil {
				r.restored.Deleted++
				continue
			}
			e.logger.InfoContext(ctx, "a deleted entry stays on the disk", "path", it.path, "error", err)
		}
		if disk.Type != workspace.None && base.saved() {
			r.restored.Kept++
		}
		e.mu.Lock()
		if disk.Type == workspace.None || !base.saved() {
			revision = 0
		}
		// What stays is new to the database, but based on what it once had.
		e.setBase(it, State{}, revision)
		r.unlogged = true
		e.mu.Unlock()
	}
}

package files

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"codingplatform/agent/cores"
	"codingplatform/agent/ignore"
	"codingplatform/agent/workspace"
)

// Entry is a path as the database has it.
type Entry struct {
	Path     string
	State    State
	Revision uint64
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

// Restore is one restore under way.
type Restore struct {
	e        *Engine
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
	tell  func(Progress)
}

// verdict is what a Restore does with a path.
type verdict uint8

const (
	adopt verdict = iota // the disk has it already
	bring                // the database's state goes to the disk
	keep                 // the disk has work that the database lacks
)

// decide is the three-way decision: what the database has, what both had last, what the disk has. lost says that the
// disk's emptiness is no decision of the user's.
func decide(database, base, disk State, lost bool) verdict {
	switch {
	case disk.Type != workspace.None && disk.sameContent(database):
		return adopt
	case disk.Type == workspace.None && base.Type == workspace.None:
		return bring
	case disk.Type == workspace.None:
		// Deleted on the disk. What was changed in the database since wins over a deletion.
		if lost || !database.sameContent(base) {
			return bring
		}
		return keep
	case disk.sameContent(base):
		return bring
	}
	return keep
}

// Restore brings entries (parents first) to the disk: the files that first names, then the others, small ones first. want is
// called with the contents that are needed, in the order in which contents is called for them then. It holds the disk until
// it ends.
func (e *Engine) Restore(
	ctx context.Context, epoch uint64, policy Policy, entries []Entry, first []string,
	want func([]workspace.Hash) error, contents Contents, tell func(Progress),
) (Restored, error) {
	defer cores.More()()
	e.disk.Lock()
	defer e.disk.Unlock()
	if err := e.begin(epoch, policy, entries); err != nil {
		return Restored{}, err
	}
	if err := e.scan(ctx, ""); err != nil {
		return Restored{}, err
	}
	r := &Restore{e: e, local: map[workspace.Hash]string{}, first: make(map[string]int, len(first)), tell: tell}
	for i, path := range first {
		r.first[path] = i - len(first)
	}
	e.unwatchedMu.Lock()
	e.unwatched = map[string]uint64{}
	e.unwatchedMu.Unlock()
	defer e.watchNew()
	e.mu.Lock()
	r.lost = e.braked || e.counts.items == 0 && e.counts.baseItems >= brakeItems
	e.mu.Unlock()
	if err := r.run(ctx, entries, want, contents); err != nil {
		return Restored{}, err
	}
	if err := e.checkPatterns(); err != nil {
		return Restored{}, err
	}
	if err := e.tree.Sync(); err != nil {
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
	e.patterns = workspace.Stat{}
	e.wake()
	return nil
}

func (r *Restore) run(ctx context.Context, entries []Entry, want func([]workspace.Hash) error, contents Contents) error {
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
	r.progress.FilesTotal = uint64(len(r.files))
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
		if err := want(part); err != nil {
			return err
		}
	}
	if err := r.writeFiles(ctx, asked, contents); err != nil {
		return err
	}
	// What a local file no longer had comes from the database after all.
	retry := r.retry
	r.retry = nil
	for _, entry := range retry {
		delete(r.local, entry.State.Hash)
		asked[entry.State.Hash] = true
		if err := want([]workspace.Hash{entry.State.Hash}); err != nil {
			return err
		}
		if err := r.file(ctx, entry, asked, contents); err != nil {
			return err
		}
	}
	return nil
}

// wroteFile notes how the writing of a file ended.
func (r *Restore) wroteFile(entry Entry, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.local[entry.State.Hash] = entry.Path
	}
	r.wrote(entry.Path, err)
	r.progress.Files++
	r.progress.Bytes += uint64(max(entry.State.Size, 0))
	r.tell(r.progress)
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

// accept decides about one entry, and notes what both sides have now. chmod: the disk is still to get the mode.
func (e *Engine) accept(entry Entry, disk State, lost bool) (v verdict, chmod bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	it := e.at(entry.Path)
	if entry.State.Unsaved != Saved {
		e.setBase(it, entry.State, entry.Revision)
		return adopt, false
	}
	base := it.base
	v = decide(entry.State, base, disk, lost)
	switch v {
	case adopt:
		ours := base.Type != workspace.None && base.Mode == disk.Mode // else the disk's is sent
		agreed := entry.State
		agreed.Mtime, agreed.Size = disk.Mtime, disk.Size
		if ours {
			agreed.Mode = disk.Mode
		}
		e.setBase(it, agreed, entry.Revision)
		return adopt, ours && modeOf(entry.State) != disk.Mode && disk.Type != workspace.Symlink
	case keep:
		if entry.State.sameContent(base) {
			e.setBase(it, entry.State, entry.Revision)
		} else {
			e.fallBehind(it)
		}
	case bring:
		e.mark(it)
	}
	return v, false
}

// fallBehind notes that the disk does not take what the database has, since it has something else. The caller holds e.mu.
func (e *Engine) fallBehind(it *item) {
	it.behind = true
	e.mark(it)
}

// chmod gives the disk an entry's mode.
func (e *Engine) chmod(entry Entry) error {
	dir, name, err := e.tree.Parent(entry.Path)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Chmod(name, modeOf(entry.State)); err != nil {
		return err
	}
	stat, err := dir.Stat(name)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	it := e.at(entry.Path)
	e.changed(it, it.disk, modeOf(entry.State), entry.Revision, stat, time.Unix(0, stat.Ctime))
	return nil
}

// file writes one file, from a content of the disk or of the database.
func (r *Restore) file(ctx context.Context, entry Entry, asked map[workspace.Hash]bool, contents Contents) error {
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
		if content.Reader, err = contents(hash, entry.State.Size); err != nil {
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

package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"codingplatform/agent/watch"
	"codingplatform/agent/workspace"
)

// bench is an engine that is looked at from within, without a loop: it looks when it is told to.
type bench struct {
	*Engine
	t       *testing.T
	root    string
	stream  uint64
	sent    uint64
	state   string
	version uint64 // the database's revision
}

func newBench(t *testing.T, entries ...Entry) *bench {
	t.Helper()
	b := &bench{t: t, root: t.TempDir(), state: t.TempDir()}
	b.open(Policy{MaxFileBytes: 1 << 20}, entries...)
	return b
}

// open starts an engine on the bench's folders, and restores.
func (b *bench) open(policy Policy, entries ...Entry) Restored {
	b.t.Helper()
	b.start()
	restored, err := b.restore(policy, &database{entries: entries, content: func(workspace.Hash) []byte { return content }})
	if err != nil {
		b.t.Fatal(err)
	}
	return restored
}

func (b *bench) start() {
	b.t.Helper()
	engine, err := New(Config{
		Root: b.root, State: b.state, Logger: slog.New(slog.NewTextHandler(b.t.Output(), nil)),
		NewWatcher: func(string) (Watcher, error) { return nil, watch.ErrExhausted },
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.Engine = engine
	b.t.Cleanup(func() {
		_ = engine.log.close() // a later engine of this bench may have taken over
		_ = engine.tree.Close()
	})
}

func (b *bench) restore(policy Policy, from *database) (Restored, error) {
	b.t.Helper()
	restored, err := b.Restore(b.t.Context(), 1, policy, nil, from)
	if err != nil {
		return restored, err
	}
	if b.stream, _, err = b.Open(1, Commits{}); err != nil {
		b.t.Fatal(err)
	}
	b.sent = 0
	return restored, nil
}

// database is a Source that has all contents. They come with their entries where they may, unless apart.
type database struct {
	entries []Entry
	content func(hash workspace.Hash) []byte
	apart   bool
	// part is how many entries come at once; 0: all.
	part int
	// ends is what happens when all have been sent: the source fails, say.
	ends  func() error
	empty bool
	want  []workspace.Hash
}

// Opened implements Source.
func (d *database) Opened(empty bool) error {
	d.empty = empty
	return nil
}

// Entries implements Source.
func (d *database) Entries() (part []Entry, err error) {
	if len(d.entries) == 0 && d.ends != nil {
		return nil, d.ends()
	}
	n := len(d.entries)
	if d.part > 0 {
		n = min(n, d.part)
	}
	part, d.entries = slices.Clone(d.entries[:n]), d.entries[n:]
	for i := range part {
		if e := &part[i]; d.empty && !d.apart && e.State.Type == workspace.File && e.State.saved() && e.State.Size <= InlineBytes {
			e.Content = d.content(e.State.Hash)
		}
	}
	return part, nil
}

// Want implements Source.
func (d *database) Want(hashes []workspace.Hash) error {
	d.want = append(d.want, hashes...)
	return nil
}

// Content implements Source.
func (d *database) Content(hash workspace.Hash, _ int64) (io.Reader, error) {
	return bytes.NewReader(d.content(hash)), nil
}

// Tell implements Source.
func (*database) Tell(Progress) {}

// program is what programs write.
const program = "by a program"

// content is what every file of a database has here.
var content = []byte("of the database")

func entry(path string, revision uint64) Entry {
	return Entry{Path: path, Revision: revision, State: State{
		Type: workspace.File, Mode: 0o644, Size: int64(len(content)), Hash: sha256.Sum256(content), Mtime: 1_700_000_000_000_000_000,
	}}
}

func folder(path string, revision uint64) Entry {
	return Entry{Path: path, Revision: revision, State: State{Type: workspace.Folder, Mode: 0o755}}
}

func (b *bench) write(path string) {
	b.t.Helper()
	if err := os.MkdirAll(filepath.Dir(b.disk(path)), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(b.disk(path), []byte(program), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) disk(path string) string { return filepath.Join(b.root, path) }

func (b *bench) read(path string) string {
	b.t.Helper()
	content, err := os.ReadFile(b.disk(path))
	if err != nil {
		return err.Error()
	}
	return string(content)
}

// look scans, and lets deletions go at once.
func (b *bench) look() {
	b.t.Helper()
	if err := b.Scan(b.t.Context(), ""); err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deleteDue = b.deleteCap.Add(-deleteMax - deleteQuiet)
}

// batch returns the next batch; nil: there is none.
func (b *bench) batch() *Batch {
	b.t.Helper()
	news, err := b.Next(b.stream, b.sent)
	if err != nil {
		b.t.Fatal(err)
	}
	if news.Batch != nil {
		b.sent = news.Batch.Sequence
	}
	return news.Batch
}

// commit answers a batch as the database does.
func (b *bench) commit(batch *Batch, rejected ...Problem) {
	b.t.Helper()
	b.version++
	if err := b.Committed(b.stream, batch.Sequence, b.version+100, rejected); err != nil {
		b.t.Fatal(err)
	}
}

// settle commits until nothing differs, and returns what was sent, as words.
func (b *bench) settle() (sent []string) {
	b.t.Helper()
	b.look()
	for batch := b.batch(); batch != nil; batch = b.batch() {
		sent = append(sent, said(batch)...)
		b.commit(batch)
	}
	return sent
}

func said(batch *Batch) (words []string) {
	for _, c := range batch.Changes {
		switch c.Op {
		case Put:
			words = append(words, "put "+c.Path)
		case Delete:
			words = append(words, "delete "+c.Path)
		case Move:
			words = append(words, "move "+c.From+" "+c.Path)
		}
	}
	return words
}

// apply brings operations that know of all that was committed.
func (b *bench) apply(ops ...Operation) []Outcome {
	b.t.Helper()
	b.mu.Lock()
	through := b.acknowledged()
	b.mu.Unlock()
	return b.applyAsOf(through, ops...)
}

func (b *bench) applyAsOf(through uint64, ops ...Operation) (outcomes []Outcome) {
	b.t.Helper()
	results, err := b.Apply(context.WithoutCancel(b.t.Context()), 1, through, ops, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, r := range results {
		outcomes = append(outcomes, r.Outcome)
	}
	return outcomes
}

func wantOutcomes(t *testing.T, got []Outcome, want ...Outcome) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

func putOf(e Entry) Operation {
	return Operation{Op: Put, Entry: e, Content: content, HasContent: e.State.Type == workspace.File}
}

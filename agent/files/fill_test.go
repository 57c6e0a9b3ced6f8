package files

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"codingplatform/agent/workspace"
)

// archive is a database whose files have contents of their own.
type archive struct {
	entries  []Entry
	contents map[workspace.Hash][]byte
}

func (a *archive) add(path, content string) {
	hash := workspace.Hash(sha256.Sum256([]byte(content)))
	if a.contents == nil {
		a.contents = map[workspace.Hash][]byte{}
	}
	a.contents[hash] = []byte(content)
	a.entries = append(a.entries, Entry{Path: path, Revision: 7, State: State{
		Type: workspace.File, Mode: 0o640, Size: int64(len(content)), Hash: hash, Mtime: 1_700_000_000_123_456_789,
	}})
}

func (a *archive) source() *database {
	return &database{entries: a.entries, content: func(hash workspace.Hash) []byte { return a.contents[hash] }, part: 3}
}

func someTree() *archive {
	a := &archive{}
	a.add("at the top", "0")
	a.add("empty", "")
	a.entries = append(a.entries, folder("d", 7), folder("d/e", 7))
	a.add("d/e/f", "1")
	a.add("d/large", strings.Repeat("large", InlineBytes))
	a.add("d/large too", strings.Repeat("large", InlineBytes))
	closed := folder("shut", 7)
	closed.State.Mode = 0o555
	a.entries = append(a.entries, closed)
	a.add("shut/in", "2")
	a.add("shut/large", strings.Repeat("another", InlineBytes))
	link := Entry{Path: "link", Revision: 7, State: State{Type: workspace.Symlink, Link: "d/e/f"}}
	listed := folder("node_modules", 7)
	listed.State.Unsaved = Ignored
	a.entries = append(a.entries, link, listed)
	return a
}

// wantTree fails unless the disk has what is saved of an archive, and nothing else.
func (b *bench) wantTree(a *archive) {
	b.t.Helper()
	want := map[string]bool{}
	for _, e := range a.entries {
		if !e.State.saved() {
			continue
		}
		want[e.Path] = true
		info, err := os.Lstat(b.disk(e.Path))
		if err != nil {
			b.t.Error(err)
			continue
		}
		switch e.State.Type {
		case workspace.File:
			if got := b.read(e.Path); got != string(a.contents[e.State.Hash]) {
				b.t.Errorf("%s holds %.20q", e.Path, got)
			}
			if info.ModTime().UnixNano() != e.State.Mtime {
				b.t.Errorf("%s is of %s", e.Path, info.ModTime())
			}
			fallthrough
		case workspace.Folder:
			if uint32(info.Mode().Perm()) != e.State.Mode {
				b.t.Errorf("%s has the mode %o", e.Path, info.Mode().Perm())
			}
		case workspace.Symlink:
			if target, err := os.Readlink(b.disk(e.Path)); err != nil || target != e.State.Link {
				b.t.Errorf("%s leads to %q: %v", e.Path, target, err)
			}
		case workspace.None, workspace.Special:
		}
	}
	if err := filepath.WalkDir(b.root, func(path string, _ os.DirEntry, err error) error {
		if rel, _ := filepath.Rel(b.root, path); rel != "." && !want[rel] {
			b.t.Errorf("%s is on the disk too", rel)
		}
		return err
	}); err != nil {
		b.t.Error(err)
	}
}

// saved is how many entries of an archive are saved.
func (a *archive) saved() (n uint64) {
	for _, e := range a.entries {
		if e.State.saved() {
			n++
		}
	}
	return n
}

func (b *bench) mustRestore(a *archive) Restored {
	b.t.Helper()
	restored, err := b.restore(Policy{MaxFileBytes: 1 << 20, Ignore: []string{"node_modules"}}, a.source())
	if err != nil {
		b.t.Fatal(err)
	}
	return restored
}

func emptyBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, root: t.TempDir(), state: t.TempDir()}
	b.start()
	return b
}

// TestAnEmptyWorkspaceIsFilled: modes, times, links, large and empty files are as the database has them; nothing of it is sent
// back, and the next agent knows what there is.
func TestAnEmptyWorkspaceIsFilled(t *testing.T) {
	b, a := emptyBench(t), someTree()
	// Of an agent that was killed while it did the same.
	leftover := b.disk(workspace.TempPrefix + "x/d")
	if err := os.MkdirAll(leftover, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(leftover, "f"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	source := a.source()
	restored, err := b.restore(Policy{MaxFileBytes: 1 << 20, Ignore: []string{"node_modules"}}, source)
	if err != nil {
		t.Fatal(err)
	}
	if !source.empty || restored.Written != a.saved() || len(restored.Problems) > 0 {
		t.Errorf("%+v", restored)
	}
	if len(source.want) != 2 {
		t.Errorf("%d contents were asked for, where two are large", len(source.want))
	}
	b.wantTree(a)
	wantSent(t, b.settle(), "delete node_modules") // it is not there any more

	b.start()
	if restored := b.mustRestore(a); restored.Unchanged != a.saved() || restored.Written+restored.Kept > 0 {
		t.Errorf("the next agent: %+v", restored)
	}
	b.wantTree(a)
	wantSent(t, b.settle(), "delete node_modules")
}

// cutLog takes the last line from the log.
func (b *bench) cutLog() {
	b.t.Helper()
	log := filepath.Join(b.state, baseName)
	lines, err := os.ReadFile(log)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.Truncate(log, int64(bytes.LastIndexByte(lines[:len(lines)-1], '\n')+1)); err != nil {
		b.t.Fatal(err)
	}
}

// TestAnAgentKilledWhileItFilled: once all is in its place, before it had noted so: a newer version of the database replaces
// what it has brought, and what a program has written since stays. And before that: nothing counts as deleted.
func TestAnAgentKilledWhileItFilled(t *testing.T) {
	a := &archive{}
	for i := range 2 * brakeItems {
		a.add(fmt.Sprint(i), fmt.Sprint("content ", i))
	}
	b := emptyBench(t)
	b.mustRestore(a)
	b.cutLog()
	b.write("2")
	newer := &archive{}
	newer.add("0", "newer")
	a.contents[newer.entries[0].State.Hash] = []byte("newer")
	a.entries[0] = newer.entries[0]
	a.entries[0].Revision = 9
	b.start()
	if restored := b.mustRestore(a); restored.Written != 1 || restored.Kept != 1 || b.read("0") != "newer" || b.read("2") != program {
		t.Errorf("%+v, and the disk has %q, %q", restored, b.read("0"), b.read("2"))
	}
	wantSent(t, b.settle(), "put 2")

	for _, moved := range []uint64{0, 1, a.saved()} { // how many were in their place
		b = emptyBench(t)
		b.mustRestore(a)
		b.cutLog()
		for _, e := range a.entries[moved:] {
			if err := os.Remove(b.disk(e.Path)); err != nil {
				t.Fatal(err)
			}
		}
		b.start()
		if restored := b.mustRestore(a); restored.Written != a.saved()-moved || restored.Unchanged != moved {
			t.Errorf("%d were in their place: %+v", moved, restored)
		}
		b.wantTree(a)
		wantSent(t, b.settle())
	}
}

// TestAnAgentKilledBeforeItClosedAFolder: the next one closes it, and its mode stays that of the database.
func TestAnAgentKilledBeforeItClosedAFolder(t *testing.T) {
	open, closed := &archive{}, &archive{}
	for a, mode := range map[*archive]uint32{open: 0o755, closed: 0o555} {
		a.entries = append(a.entries, folder("shut", 7))
		a.entries[0].State.Mode = mode
		a.add("shut/in", "2")
	}
	b := emptyBench(t)
	b.mustRestore(open) // as it is until all is brought
	b.start()
	b.mustRestore(closed)
	b.wantTree(closed)
	wantSent(t, b.settle())
}

// TestAFileThatCannotBeFilled is no file that was there and has been deleted, also for the next agent.
func TestAFileThatCannotBeFilled(t *testing.T) {
	b, a := emptyBench(t), someTree()
	source := a.source()
	source.content = func(hash workspace.Hash) []byte {
		if content := a.contents[hash]; len(content) <= InlineBytes {
			return content
		}
		return []byte("wrong")
	}
	restored, err := b.restore(Policy{MaxFileBytes: 1 << 20, Ignore: []string{"node_modules"}}, source)
	if err != nil || len(restored.Problems) != 3 || restored.Written != a.saved()-3 {
		t.Errorf("%+v, %v", restored, err)
	}
	b.start()
	if restored := b.mustRestore(a); restored.Written != 3 {
		t.Errorf("the next agent: %+v", restored)
	}
	b.wantTree(a)
	wantSent(t, b.settle(), "delete node_modules")
}

// TestAProgramIsFaster: what it has made at a name of the root meanwhile is compared, as a whole, and kept where it is another.
func TestAProgramIsFaster(t *testing.T) {
	b, a := emptyBench(t), someTree()
	source := a.source()
	source.ends = func() error {
		b.write("d/e/f")
		b.write("at the top")
		return nil
	}
	restored, err := b.restore(Policy{MaxFileBytes: 1 << 20, Ignore: []string{"node_modules"}}, source)
	if err != nil {
		t.Fatal(err)
	}
	if restored.Kept != 2 || b.read("d/e/f") != program || b.read("at the top") != program || b.read("shut/in") != "2" {
		t.Errorf("%+v", restored)
	}
	if got := b.read("d/large"); len(got) != 5*InlineBytes {
		t.Errorf("what is missing in the program's folder: %.20q", got)
	}
	wantSent(t, b.settle(), "delete node_modules", "put at the top", "put d/e/f")
}

// TestABackendThatGoesWhileAWorkspaceIsFilled: what has come stays, and the next one brings the rest.
func TestABackendThatGoesWhileAWorkspaceIsFilled(t *testing.T) {
	b, a := emptyBench(t), someTree()
	source := a.source()
	gone := errors.New("the backend has gone")
	source.entries = source.entries[:6]
	source.ends = func() error { return gone }
	if _, err := b.restore(Policy{}, source); !errors.Is(err, gone) {
		t.Errorf("the restore ended with %v", err)
	}
	if restored := b.mustRestore(a); restored.Unchanged != 5 || restored.Written != a.saved()-5 {
		t.Errorf("%+v", restored)
	}
	b.wantTree(a)
	wantSent(t, b.settle(), "delete node_modules")
}

// TestAContentThatIsAnother comes with an entry: it is asked for.
func TestAContentThatIsAnother(t *testing.T) {
	b, a := emptyBench(t), &archive{}
	if err := os.Mkdir(b.disk(lostAndFound), 0o700); err != nil { // as in a new volume
		t.Fatal(err)
	}
	a.add("f", "right")
	source := a.source()
	source.content = func(hash workspace.Hash) []byte {
		if len(source.want) == 0 {
			return []byte("wrong")
		}
		return a.contents[hash]
	}
	if restored, err := b.restore(Policy{}, source); err != nil || !source.empty || restored.Written != 1 || len(source.want) != 1 {
		t.Errorf("%+v, %v, %d contents asked for", restored, err, len(source.want))
	}
	if got := b.read("f"); got != "right" {
		t.Errorf("f holds %q", got)
	}
}

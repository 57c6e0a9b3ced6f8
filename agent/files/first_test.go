package files

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"codingplatform/agent/watch"
	"codingplatform/agent/workspace"
)

// noted is a Watcher that only notes what it watches.
type noted struct {
	Watcher
	watched []string
}

func (n *noted) Watch(path string, _ uint64) (bool, error) {
	n.watched = append(n.watched, path)
	return true, nil
}

func (*noted) Forget(string)            {}
func (*noted) Hints() <-chan watch.Hint { return nil }
func (*noted) Count() int               { return 0 }
func (*noted) Limit() int               { return 0 }

// TestARestoresOrder: what is open comes first, in the order of its naming, the rest by size. Folders that are made are
// watched at the end, and what a program does in them before that is found; what was written is not read again.
func TestARestoresOrder(t *testing.T) {
	watcher := &noted{}
	b := &bench{t: t, root: t.TempDir(), state: t.TempDir()}
	engine, err := New(Config{
		Root: b.root, State: b.state, Logger: slog.New(slog.DiscardHandler), NewWatcher: func(string) (Watcher, error) { return watcher, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Engine = engine
	t.Cleanup(func() {
		if err := engine.log.close(); err != nil {
			t.Error(err)
		}
		if err := engine.tree.Close(); err != nil {
			t.Error(err)
		}
	})
	data := map[workspace.Hash][]byte{}
	paths := map[workspace.Hash]string{}
	entries := []Entry{folder("d", 1)}
	add := func(path string, size int) {
		content := bytes.Repeat([]byte(path), size)
		hash := sha256.Sum256(content)
		data[hash], paths[hash] = content, path
		entries = append(entries, Entry{Path: path, Revision: 1, State: State{
			Type: workspace.File, Size: int64(len(content)), Hash: hash, Mtime: 1_700_000_000_000_000_000,
		}})
	}
	add("d/behind", 300_000) // comes in pieces
	for i := range 5 {
		add(fmt.Sprintf("d/%d", i), 10-i)
	}
	add("d/front", 9000)
	add("large", 2000)
	var came []string
	source := &database{entries: entries, apart: true, content: func(hash workspace.Hash) []byte {
		if came == nil {
			b.write("d/by a program")
			if slices.Contains(watcher.watched, "d") {
				t.Error("a folder is watched while files are brought into it")
			}
		}
		if len(came) == 2 {
			if _, err := os.Stat(b.disk("d/behind")); err != nil {
				t.Errorf("the rest is begun before what is open is there: %v", err)
			}
		}
		came = append(came, paths[hash])
		return data[hash]
	}}
	restored, err := engine.Restore(t.Context(), 1, Policy{}, []string{"d/front", "no longer there", "d/behind"}, source)
	if err != nil || restored.Written != uint64(len(entries)) {
		t.Fatal(restored, err)
	}
	var wanted []string
	for _, hash := range source.want {
		wanted = append(wanted, paths[hash])
	}
	want := strings.Fields("d/front d/behind d/4 d/3 d/2 d/1 d/0 large")
	if diff := cmp.Diff(want, wanted); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, came); diff != "" {
		t.Errorf("came (-want +got):\n%s", diff)
	}
	if !slices.Contains(watcher.watched, "d") {
		t.Error("a folder that was made is not watched")
	}
	if !engine.overflowed {
		t.Error("what was done in it before is not looked for")
	}
	other := workspace.Hash{1}
	it := b.find("d/0")
	it.disk.Hash, it.base.Hash = other, other // as it would stay only if it were not read
	if b.stream, _, err = engine.Open(1, Commits{}); err != nil {
		t.Fatal(err)
	}
	wantSent(t, b.settle(), "put d/by a program")
	if it.disk.Hash != other {
		t.Error("what was brought is read again")
	}
	// An agent that starts anew knows what the former one brought.
	it.base.Hash = sha256.Sum256(bytes.Repeat([]byte("d/0"), 10))
	records, intended := map[string]bool{}, map[string]bool{}
	log, err := openBase(b.state, func(r record, intent bool) {
		records[r.path] = records[r.path] || !intent
		intended[r.path] = true
	}, func() { maps.Copy(records, intended) })
	if err != nil {
		t.Fatal(err)
	}
	if err := log.close(); err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !records[entry.Path] {
			t.Errorf("the log has nothing of %s", entry.Path)
		}
	}
}

// TestAFolderThatIsMadeIsLookedInto: until a folder that an Apply has made is watched, there are no events of what programs
// do in it.
func TestAFolderThatIsMadeIsLookedInto(t *testing.T) {
	b := newBench(t)
	wantOutcomes(t, b.apply(Operation{Op: Put, Entry: folder("d", 50)}, putOf(entry("above/f", 50))), Applied, Applied)
	b.write("d/early")
	b.write("above/early")
	due, everything := b.due(time.Now())
	if everything {
		t.Fatal("everything is looked at")
	}
	b.lookAt(t.Context(), due)
	batch := b.batch()
	if batch == nil {
		t.Fatalf("nothing is sent after a look at %q", due)
	}
	wantSent(t, said(batch), "put above", "put above/early", "put d/early")
}

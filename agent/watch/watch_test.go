package watch_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"codingplatform/agent/watch"
	"codingplatform/agent/workspace"
)

// watched is a folder with a running watcher of at most limit folders.
type watched struct {
	t    *testing.T
	root string
	*watch.Watcher
}

func start(t *testing.T, limit int) *watched {
	t.Helper()
	w := &watched{t: t, root: t.TempDir()}
	watcher, err := watch.New(w.root, limit)
	if err != nil {
		t.Fatal(err)
	}
	w.Watcher = watcher
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- watcher.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	w.add("")
	return w
}

func (w *watched) disk(path string) string { return filepath.Join(w.root, path) }

func (w *watched) inode(path string) uint64 {
	w.t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(w.disk(path), &st); err != nil {
		w.t.Fatal(err)
	}
	return st.Ino
}

func (w *watched) add(path string) (fresh bool) {
	w.t.Helper()
	fresh, err := w.Watch(workspace.Escape(path), w.inode(path))
	if err != nil {
		w.t.Fatal(err)
	}
	return fresh
}

func (w *watched) mkdir(path string) {
	w.t.Helper()
	if err := os.MkdirAll(w.disk(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watched) write(path string) {
	w.t.Helper()
	if err := os.WriteFile(w.disk(path), []byte(path), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// until reads hints up to the one of a path, and says which others came before.
func (w *watched) until(path string) (last watch.Hint, before map[string]bool) {
	before = map[string]bool{}
	for hint := range w.Hints() {
		if hint.Path == path {
			return hint, before
		}
		before[hint.Path] = true
	}
	return watch.Hint{}, before
}

func TestHintsNameWhatChanged(t *testing.T) {
	w := start(t, 0)
	w.write("f")
	for hint, _ := w.until("f"); !hint.Written; hint, _ = w.until("f") {
	}
	w.mkdir("d")
	w.until("d")
	if !w.add("d") || w.add("d") {
		t.Error("a folder is fresh once")
	}
	w.write("d/f")
	w.until("d/f")
	if err := os.Chmod(w.disk("f"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.until("f")
	if err := os.Remove(w.disk("f")); err != nil {
		t.Fatal(err)
	}
	for hint, _ := w.until("f"); !hint.Gone; hint, _ = w.until("f") {
	}
	w.write("bad\xff\nname")
	w.until(workspace.Escape("bad\xff\nname"))
}

// TestTheAgentsOwnFiles: files under way are nobody's business.
func TestTheAgentsOwnFiles(t *testing.T) {
	w := start(t, 0)
	w.write(workspace.TempPrefix + "x")
	w.write("mark")
	if _, before := w.until("mark"); len(before) > 0 {
		t.Errorf("hints of %v", before)
	}
}

// TestAMovedFolder is watched under its new path only.
func TestAMovedFolder(t *testing.T) {
	w := start(t, 0)
	w.mkdir("old/deep")
	w.add("old")
	w.add("old/deep")
	if err := os.Rename(w.disk("old"), w.disk("new")); err != nil {
		t.Fatal(err)
	}
	w.until("new")
	if !w.add("new") || !w.add("new/deep") {
		t.Error("a folder that was moved must be listed anew")
	}
	w.write("new/f")
	w.until("new/f")
	w.write("new/deep/f")
	if _, before := w.until("new/deep/f"); before["old/deep/f"] {
		t.Error("a hint under the former path")
	}
	if n := w.Count(); n != 3 {
		t.Errorf("%d watches of 3 folders", n)
	}
}

// TestAReplacedFolder: another folder of the same name has to be watched itself.
func TestAReplacedFolder(t *testing.T) {
	w := start(t, 0)
	w.mkdir("d")
	w.mkdir("e")
	w.add("d")
	if err := unix.Renameat2(unix.AT_FDCWD, w.disk("d"), unix.AT_FDCWD, w.disk("e"), unix.RENAME_EXCHANGE); err != nil {
		t.Fatal(err)
	}
	for hint, _ := w.until("d"); !hint.Gone; hint, _ = w.until("d") {
	}
	// There can be several of these, each of which ends the watch: the last hint is of what has come instead.
	for hint, _ := w.until("d"); hint.Gone; hint, _ = w.until("d") {
	}
	if !w.add("d") {
		t.Error("what is at a path now has never been listed")
	}
	w.write("d/f")
	w.until("d/f")
}

func TestTheLimit(t *testing.T) {
	w := start(t, 2)
	w.mkdir("a")
	w.mkdir("b")
	w.add("a")
	if fresh, err := w.Watch("b", w.inode("b")); !fresh || !errors.Is(err, watch.ErrExhausted) {
		t.Errorf("beyond the limit: %v, %v", fresh, err)
	}
	if w.Limit() != 2 || w.Count() != 2 {
		t.Errorf("%d of %d watches", w.Count(), w.Limit())
	}
	w.Forget("a")
	if !w.add("b") {
		t.Error("there is room again")
	}
	w.write("b/f")
	w.until("b/f")
	w.Forget("b")
	if _, err := w.Watch("gone", 1); err == nil || errors.Is(err, watch.ErrExhausted) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

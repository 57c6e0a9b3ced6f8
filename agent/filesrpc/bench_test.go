package filesrpc_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/fsnotify/fsnotify"

	agentv1 "codingplatform/proto/gen/agent/v1"
)

// BenchmarkChange is from a write to its batch at the backend.
func BenchmarkChange(b *testing.B) {
	w := newWorld(b)
	w.start()
	w.restore(1)
	c := w.open(1)
	for i := 0; b.Loop(); i++ {
		name := fmt.Sprintf("f%d", i)
		w.write(name, "content of one kilobyte or less")
		c.until(func(db map[string]*agentv1.FileEntry) bool { return db[name].GetSize() > 0 })
	}
}

// BenchmarkChangeFloor is from a write to its bare event in the same process.
func BenchmarkChangeFloor(b *testing.B) {
	dir := b.TempDir()
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = watcher.Close() }()
	if err := watcher.Add(dir); err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		name := filepath.Join(dir, fmt.Sprintf("f%d", i))
		if err := os.WriteFile(name, []byte("content of one kilobyte or less"), 0o600); err != nil {
			b.Fatal(err)
		}
		for event := range watcher.Events {
			if event.Name == name && event.Has(fsnotify.Write) {
				break
			}
		}
	}
}

// BenchmarkTwoThousandFiles is from the first write to the last file's batch at the backend; BenchmarkWriteFloor is the
// writing alone.
func BenchmarkTwoThousandFiles(b *testing.B) {
	w := newWorld(b)
	w.start()
	w.restore(1)
	c := w.open(1)
	for round := 0; b.Loop(); round++ {
		for i := range 2000 {
			w.write(fmt.Sprintf("t%d/%d/f%d", round, i%20, i), fmt.Sprint("content ", round, i))
		}
		c.until(func(db map[string]*agentv1.FileEntry) bool { return len(db) == (round+1)*2021 })
	}
}

// BenchmarkWriteFloor writes what BenchmarkTwoThousandFiles writes.
func BenchmarkWriteFloor(b *testing.B) {
	w := newWorld(b)
	for round := 0; b.Loop(); round++ {
		for i := range 2000 {
			w.write(fmt.Sprintf("t%d/%d/f%d", round, i%20, i), fmt.Sprint("content ", round, i))
		}
	}
}

// BenchmarkRestore brings 2,000 files into an empty workspace.
func BenchmarkRestore(b *testing.B) {
	for b.Loop() {
		w := newWorld(b)
		for i := range 2000 {
			w.save(fmt.Sprintf("f%d", i), fmt.Sprint("content ", i))
		}
		w.start()
		if done := w.restore(1); done.GetWritten() != 2000 {
			b.Fatalf("restored %v", done)
		}
		w.stop()
	}
}

package files

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"codingplatform/agent/watch"
	"codingplatform/agent/workspace"
)

// benchFiles is the size of a workspace in benchmarks, in files of 1 KB, a hundred to a folder.
const benchFiles = 10_000

// memory is a new folder on tmpfs where there is one: a disk's speed varies from run to run.
func memory(b *testing.B) string {
	b.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "bench-") //nolint:usetesting // on tmpfs
	if err != nil {
		b.Log("not on tmpfs:", err)
		return b.TempDir()
	}
	b.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			b.Error(err)
		}
	})
	return dir
}

// BenchmarkRestore brings a workspace to an empty folder; the floor writes the same files with temporary names.
func BenchmarkRestore(b *testing.B) {
	var entries []Entry
	contents := map[workspace.Hash][]byte{}
	for i := range benchFiles {
		path := fmt.Sprintf("%d/%d", i/100, i)
		if i%100 == 0 {
			entries = append(entries, folder(filepath.Dir(path), 1))
		}
		data := bytes.Repeat(fmt.Appendf(nil, "%016d", i), 64)
		hash := sha256.Sum256(data)
		contents[hash] = data
		entries = append(entries, Entry{Path: path, Revision: 1, State: State{
			Type: workspace.File, Mode: 0o644, Size: int64(len(data)), Hash: hash, Mtime: 1_700_000_000_000_000_000,
		}})
	}
	var restoring, writing time.Duration
	for b.Loop() {
		root := memory(b)
		begin := time.Now()
		for _, entry := range entries {
			path := filepath.Join(root, entry.Path)
			if entry.State.Type == workspace.Folder {
				if err := os.Mkdir(path, 0o755); err != nil {
					b.Fatal(err)
				}
				continue
			}
			if err := os.WriteFile(path+".new", contents[entry.State.Hash], 0o644); err != nil {
				b.Fatal(err)
			}
			if err := os.Rename(path+".new", path); err != nil {
				b.Fatal(err)
			}
		}
		writing += time.Since(begin)

		engine, err := New(Config{
			Root: memory(b), State: memory(b), Logger: slog.New(slog.DiscardHandler),
			NewWatcher: func(string) (Watcher, error) { return nil, watch.ErrExhausted },
		})
		if err != nil {
			b.Fatal(err)
		}
		begin = time.Now()
		restored, err := engine.Restore(b.Context(), 1, Policy{MaxFileBytes: 1 << 20}, nil, &database{
			entries: entries, content: func(hash workspace.Hash) []byte { return contents[hash] }, part: 500,
		})
		if err != nil || restored.Written != uint64(len(entries)) {
			b.Fatal(restored, err)
		}
		restoring += time.Since(begin)
		if err := engine.tree.Close(); err != nil {
			b.Fatal(err)
		}
		if err := engine.log.close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(restoring.Milliseconds())/float64(b.N), "ms")
	b.ReportMetric(float64(writing.Milliseconds())/float64(b.N), "floor-write-ms")
	b.ReportMetric(float64(restoring)/float64(writing), "x-floor")
}

package files

import (
	"crypto/sha256"
	"os"
	"testing"
	"time"

	"codingplatform/agent/workspace"
)

// TestAProgramIsQuickerThanTheNote: what is written to the disk is seen a moment later only, when a program may have been
// there already. What it did is its own change, and no part of what the database has.
func TestAProgramIsQuickerThanTheNote(t *testing.T) {
	written, own := entry("f", 5), folder("d", 5)
	for name, tt := range map[string]struct {
		entry Entry
		do    func(b *bench) error
		want  string
	}{
		"chmod":             {written, func(b *bench) error { return os.Chmod(b.disk("f"), 0o444) }, "put f"},
		"chmod of a folder": {own, func(b *bench) error { return os.Chmod(b.disk("d"), 0o700) }, "put d"},
		"write":             {written, func(b *bench) error { return os.WriteFile(b.disk("f"), []byte(program), 0o644) }, "put f"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, entry("stays", 3))
			dir, err := b.tree.Dir("")
			if err != nil {
				t.Fatal(err)
			}
			defer dir.Close()
			stat := func(path string) workspace.Stat {
				t.Helper()
				stat, err := dir.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				return stat
			}
			path := tt.entry.Path
			wantOutcomes(t, b.apply(putOf(tt.entry)), Applied)
			if err := tt.do(b); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Until(time.Unix(0, stat(path).Ctime).Add(2 * racyWindow))) // a slow machine
			b.mu.Lock()
			b.placed(record{path, tt.entry.State, tt.entry.Revision}, stat(path))
			b.mu.Unlock()
			b.look()
			batch := b.batch()
			if batch == nil {
				t.Fatal("nothing is sent")
			}
			wantSent(t, said(batch), tt.want)
			if change := batch.Changes[0]; change.State.Mode != stat(path).Mode ||
				name == "write" && change.State.Hash != sha256.Sum256([]byte(program)) {
				t.Errorf("%+v is sent", change.State)
			}
		})
	}
}

// TestAProgramIsQuickerThanTheModesNote: both give a file a mode.
func TestAProgramIsQuickerThanTheModesNote(t *testing.T) {
	b := newBench(t, entry("f", 2), entry("stays", 3))
	closed := entry("f", 5)
	closed.State.Mode = 0o600
	wantOutcomes(t, b.apply(putOf(closed)), Applied)
	it := b.find("f")
	stat := it.stat
	stat.Mode = 0o444
	b.mu.Lock()
	base := b.changed(it, it.disk, 0o600, 5, stat, time.Unix(0, stat.Ctime))
	b.mu.Unlock()
	if base.Mode != 0o600 || it.disk.Mode != 0o444 || !it.differs() {
		t.Errorf("the base has mode %o, the disk %o", base.Mode, it.disk.Mode)
	}
}

package filesync_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOpenFilesAreRestoredFirst: into a new environment small files come all at once, and of the large ones what people have
// open comes before the rest, however large it is. Whatever a restore has made is followed from then on.
func TestOpenFilesAreRestoredFirst(t *testing.T) {
	t.Parallel()
	w := running(t)
	w.sh(`mkdir d && for i in $(seq 2000); do echo $i > d/$i; done; seq 50000 > d/open; for i in 1 2 3; do seq $i 20000 > d/large$i; done`)
	w.untilEqual()
	if _, err := w.store.MergeLayout(t.Context(), w.user, w.session, []byte(`{"files":{"groups":[{"tabs":["gone","d/open"],"active":"d/open"}]}}`), 1<<10); err != nil {
		t.Fatal(err)
	}
	w.endAgent(syscall.SIGKILL)
	// As in a new environment: nothing is there.
	for _, dir := range []string{w.root, w.state} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.startAgent()
	w.untilEqual()
	changed := func(path string) int64 {
		t.Helper()
		var st unix.Stat_t
		if err := unix.Lstat(filepath.Join(w.root, path), &st); err != nil {
			t.Fatal(err)
		}
		return st.Ctim.Nano()
	}
	open, small, large := changed("d/open"), int64(0), int64(0)
	for i := range 2000 {
		small = max(small, changed(fmt.Sprintf("d/%d", i+1)))
	}
	for i := range 3 {
		at := changed(fmt.Sprintf("d/large%d", i+1))
		if at < open {
			t.Errorf("a large file was there before what is open")
		}
		large = max(large, at)
	}
	if small > open {
		t.Error("what is open was there before what is small")
	}
	if large == open || small == open {
		t.Error("the file system's clock is too coarse to tell")
	}
	w.sh(`echo new > d/new && echo changed >> d/7 && rm d/8`)
	w.untilEqual()
	got := w.database()
	if _, there := got["d/8"]; there || got["d/new"].Size != 4 || got["d/7"].Size != int64(len("7\nchanged\n")) {
		t.Errorf("what programs do in a restored folder is missed: %s, %s, 8: %v", words(got["d/new"]), words(got["d/7"]), there)
	}
}

package filesync_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOpenFilesAreRestoredFirst: what people have open is on the disk before the rest, however large it is, and whatever a
// restore has made is followed from then on.
func TestOpenFilesAreRestoredFirst(t *testing.T) {
	t.Parallel()
	w := running(t)
	w.sh(`mkdir d && for i in $(seq 2000); do echo $i > d/$i; done; seq 5000 > d/open`)
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
	open, last := changed("d/open"), int64(0)
	for i := range 2000 {
		other := changed(fmt.Sprintf("d/%d", i+1))
		if other < open {
			t.Fatalf("%d was there before what is open", i+1)
		}
		last = max(last, other)
	}
	if last == open {
		t.Error("the file system's clock is too coarse to tell")
	}
	w.sh(`echo new > d/new && echo changed >> d/7 && rm d/8`)
	w.untilEqual()
	got := w.database()
	if _, there := got["d/8"]; there || got["d/new"].Size != 4 || got["d/7"].Size != int64(len("7\nchanged\n")) {
		t.Errorf("what programs do in a restored folder is missed: %s, %s, 8: %v", words(got["d/new"]), words(got["d/7"]), there)
	}
}

package files

import (
	"os"
	"testing"
	"time"

	"codingplatform/agent/watch"
)

// TestGitIsLeftToBeQuiet: what git does in its own folder is looked at when it is done, or after a while, and at once when
// all is to be saved.
func TestGitIsLeftToBeQuiet(t *testing.T) {
	b := newBench(t, entry("stays", 3))
	due := func(path string) bool {
		t.Helper()
		b.take(watch.Hint{Path: path})
		waits := b.pending[path].due
		return !waits.After(time.Now())
	}
	for _, path := range []string{".git/index", ".git/objects/ab", "sub/.git/HEAD"} {
		if due(path) {
			t.Errorf("%s is looked at while git works", path)
		}
		busy := b.pending[path]
		busy.since = busy.since.Add(-gitMost)
		b.pending[path] = busy
		if !due(path) {
			t.Errorf("%s is not looked at as long as git works", path)
		}
	}
	for _, path := range []string{".gitignore", "git/f", "f", "sub/.github/f", ".git"} {
		if !due(path) {
			t.Errorf("%s has to wait", path)
		}
	}
	b.write(".git/config")
	due(".git/config")
	wantSent(t, b.settle(), "put .git", "put .git/config")
	if len(b.pending) > 0 {
		t.Errorf("after a scan there is still to look at %v", b.pending)
	}
}

// TestADeletionThatBecomesDueBetweenTwoLooksAtTheClock: the loop does not sleep over it, and does not turn in circles.
func TestADeletionThatBecomesDueBetweenTwoLooksAtTheClock(t *testing.T) {
	b := newBench(t, entry("f", 2), entry("stays", 3))
	if err := os.Remove(b.disk("f")); err != nil {
		t.Fatal(err)
	}
	if err := b.Scan(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	scanned := time.Now()
	b.deleteDue = time.Now().Add(time.Hour)
	b.due(scanned)
	b.deleteDue = time.Now().Add(-time.Millisecond) // as if the loop had been held up here
	if pause := b.pause(scanned); pause != 0 {
		t.Errorf("the loop sleeps for %s", pause)
	}
	b.due(scanned)
	if pause := b.pause(scanned); pause == 0 {
		t.Error("the loop turns in circles")
	}
	wantSent(t, b.settle(), "delete f")
}

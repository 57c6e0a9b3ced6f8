package files

import (
	"bytes"
	"crypto/sha256"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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

// TestADeletionOfWhatIsBeingCommitted: what vanishes before its first version is acknowledged differs only then, and the
// loop, which has nothing to wait for by itself, is woken when that may be told.
func TestADeletionOfWhatIsBeingCommitted(t *testing.T) {
	b := newBench(t, entry("stays", 3))
	b.write("f")
	b.look()
	batch := b.batch()
	wantSent(t, said(batch), "put f")
	if err := os.Remove(b.disk("f")); err != nil {
		t.Fatal(err)
	}
	if err := b.Scan(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	<-b.kick
	if len(b.dirty) > 0 {
		t.Fatal("something differs before the commit")
	}
	b.deleteDue = time.Now().Add(time.Minute)
	b.commit(batch)
	if second := b.batch(); second != nil {
		t.Fatalf("%v is sent while deletions wait", said(second))
	}
	select {
	case <-b.kick:
	default:
		t.Error("the loop is not woken")
	}
	wantSent(t, b.settle(), "delete f")
}

// TestAWriteThatBeganBeforeTheLook: a long write in place shows its time from its beginning on, so that a look in its midst
// and one after its end see the same size and times. That it has ended is told.
func TestAWriteThatBeganBeforeTheLook(t *testing.T) {
	b := newBench(t)
	half := bytes.Repeat([]byte("old!"), wholeBytes)
	whole := bytes.Repeat([]byte("new!"), wholeBytes)
	if err := os.WriteFile(b.disk("f"), half, 0o644); err != nil {
		t.Fatal(err)
	}
	wantSent(t, b.settle(), "put f")
	if err := os.WriteFile(b.disk("f"), whole, 0o644); err != nil {
		t.Fatal(err)
	}
	dir, name, err := b.tree.Parent("f")
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	it := b.find("f")
	if it.stat, err = dir.Stat(name); err != nil {
		t.Fatal(err)
	}
	it.disk.Mtime, it.base.Mtime = it.stat.Mtime, it.stat.Mtime
	it.hashed = time.Now().Add(time.Minute) // the look was long after the write's beginning
	b.take(watch.Hint{Path: "f"})
	if err := b.lookOnce(t.Context(), "f"); err != nil {
		t.Fatal(err)
	}
	if batch := b.batch(); batch != nil {
		t.Fatalf("%v is sent, though nothing says that it was written to", said(batch))
	}
	b.take(watch.Hint{Path: "f", Written: true})
	wantSent(t, b.settle(), "put f")
	if got := b.find("f").base.Hash; got != sha256.Sum256(whole) {
		t.Errorf("what is saved is another content: %x", got)
	}
}

// TestPatternsThatCannotBeRead are none, and are not looked for without end.
func TestPatternsThatCannotBeRead(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"link":   func(path string) error { return os.Symlink("f", path) },
		"folder": func(path string) error { return os.Mkdir(path, 0o755) },
		"pipe":   func(path string) error { return unix.Mkfifo(path, 0o644) },
	} {
		b := newBench(t, entry("f", 1))
		if err := put(b.disk(ignoreFile)); err != nil {
			t.Fatal(err)
		}
		b.look()
		b.look()
		if b.overflowed {
			t.Errorf("%s: everything is looked at once more", name)
		}
	}
}

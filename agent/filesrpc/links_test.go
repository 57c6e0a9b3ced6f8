package filesrpc_test

import (
	"os"
	"testing"

	"codingplatform/agent/workspace"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// TestHardLinks: the kernel tells of the name through which a file was written to, and of no other.
func TestHardLinks(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.restore(1)
	c := w.open(1)
	w.write("dir/a", "first")
	c.until(has("dir/a"))
	for _, name := range []string{"b", "dir/c"} {
		if err := os.Link(w.disk("dir/a"), w.disk(name)); err != nil {
			t.Fatal(err)
		}
		c.until(has(name))
	}
	size := func(n uint64, paths ...string) func(map[string]*agentv1.FileEntry) bool {
		return func(db map[string]*agentv1.FileEntry) bool {
			for _, path := range paths {
				if db[path].GetSize() != n {
					return false
				}
			}
			return true
		}
	}
	w.write("dir/a", "the second")
	c.until(size(10, "dir/a", "b", "dir/c"))
	// With one of them gone, the others are still known.
	if err := os.Remove(w.disk("dir/a")); err != nil {
		t.Fatal(err)
	}
	w.write("b", "number three")
	c.until(size(12, "b", "dir/c"))
}

// TestWordsAboutANameThatIsNoUTF8: a problem with such a name must not keep a restore from ending.
func TestWordsAboutANameThatIsNoUTF8(t *testing.T) {
	w := newWorld(t)
	name := "bad\xff\xfename"
	w.write(name, "of the disk")
	w.folder(workspace.Escape(name))
	w.save(workspace.Escape(name)+"/file", "of the database")
	w.start()
	if done := w.restore(1); len(done.GetProblems()) == 0 {
		t.Error("nothing is told of a file that cannot be written")
	}
}

package filesrpc_test

import (
	"os"
	"testing"

	agentv1 "codingplatform/proto/gen/agent/v1"
)

// TestPatternsThatAreBrought: the workspace's own patterns hold from the moment on that they are on the disk, however they
// came there.
func TestPatternsThatAreBrought(t *testing.T) {
	w := newWorld(t)
	w.save(".syncignore", "secret/\n")
	w.start()
	w.restore(1)
	c := w.open(1)
	w.write("secret/key", "restored")
	w.write("mark", "x")
	c.until(has("mark"))
	c.settle(1)
	if w.db["secret"].GetUnsavedReason() != agentv1.UnsavedReason_UNSAVED_REASON_IGNORED || w.db["secret/key"] != nil {
		t.Errorf("what the restored patterns name is %v, %v", w.db["secret"], w.db["secret/key"])
	}
	w.apply1(t, put(w.save(".syncignore", "secret/\nlogs/\n"), w))
	w.write("logs/new", "applied")
	w.write("mark2", "x")
	c.until(has("mark2"))
	c.settle(1)
	if w.db["logs"].GetUnsavedReason() != agentv1.UnsavedReason_UNSAVED_REASON_IGNORED || w.db["logs/new"] != nil {
		t.Errorf("what the saved patterns name is %v, %v", w.db["logs"], w.db["logs/new"])
	}
}

// TestPatternsThatAreGone: what they named is saved again.
func TestPatternsThatAreGone(t *testing.T) {
	w := newWorld(t)
	w.save(".syncignore", "secret\n")
	w.start()
	w.restore(1)
	c := w.open(1)
	w.write("secret", "kept")
	c.until(has("secret"))
	if err := os.Remove(w.disk(".syncignore")); err != nil {
		t.Fatal(err)
	}
	c.until(func(db map[string]*agentv1.FileEntry) bool { return db["secret"].GetUnsavedReason() == 0 })
	c.settle(1)
}

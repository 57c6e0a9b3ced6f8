package filesrpc_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	agentv1 "codingplatform/proto/gen/agent/v1"
)

func has(path string) func(map[string]*agentv1.FileEntry) bool {
	return func(db map[string]*agentv1.FileEntry) bool { return db[path] != nil }
}

func TestChangesFollowTheDisk(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.restore(1)
	c := w.open(1)

	w.write("a.txt", "one")
	c.until(func(db map[string]*agentv1.FileEntry) bool { return db["a.txt"].GetSize() == 3 })
	w.write("a.txt", "changed")
	c.until(func(db map[string]*agentv1.FileEntry) bool { return db["a.txt"].GetSize() == 7 })
	if err := os.Rename(w.disk("a.txt"), w.disk("b.txt")); err != nil {
		t.Fatal(err)
	}
	c.until(func(db map[string]*agentv1.FileEntry) bool { return db["a.txt"] == nil && db["b.txt"] != nil })
	if last := c.log[len(c.log)-1]; last.GetOp() != agentv1.ChangeOp_CHANGE_OP_MOVE || last.GetFromPath() != "a.txt" {
		t.Errorf("a rename came as %v", last)
	}
	w.write("d/e/f", "deep")
	c.until(has("d/e/f"))
	if err := os.Symlink("/etc", w.disk("d/link")); err != nil {
		t.Fatal(err)
	}
	c.until(has("d/link"))
	if e := w.db["d/link"]; e.GetType() != agentv1.FileType_FILE_TYPE_SYMLINK || e.GetLinkTarget() != "/etc" {
		t.Errorf("a link came as %v", e)
	}
	if err := os.Rename(w.disk("d"), w.disk("moved")); err != nil {
		t.Fatal(err)
	}
	c.until(has("moved/e/f"))
	if last := c.log[len(c.log)-1]; last.GetOp() != agentv1.ChangeOp_CHANGE_OP_MOVE || last.GetFromPath() != "d" {
		t.Errorf("a folder's rename came as %v", last)
	}
	w.write("moved/e/new", "watched under its new name")
	c.until(has("moved/e/new"))
	if err := os.Chmod(w.disk("b.txt"), 0o755); err != nil {
		t.Fatal(err)
	}
	c.until(func(db map[string]*agentv1.FileEntry) bool { return db["b.txt"].GetMode() == 0o755 })
	if err := os.RemoveAll(w.disk("moved")); err != nil {
		t.Fatal(err)
	}
	c.until(func(db map[string]*agentv1.FileEntry) bool { return db["moved"] == nil })
	c.settle(1)
	if len(w.db) != 1 {
		t.Errorf("the database has %v", w.db)
	}
}

func TestNamesOfEveryKind(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.restore(1)
	c := w.open(1)
	for _, name := range []string{"new\nline", "\xff\xfe", strings.Repeat("n", 255), " ", "\U0010FF41", "ü", "u\u0308", "..."} {
		if err := os.WriteFile(w.disk("x"), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(w.disk("x"), w.root+"/"+name); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"new\nline", "\U0010FFFF\U0010FFFE", strings.Repeat("n", 255), " ", "\U0010FFF4\U0010FF8F\U0010FFBD\U0010FF81", "ü", "u\u0308", "..."} {
		c.until(has(path))
	}
	c.settle(1)
}

func TestTwoThousandFilesOfOneContent(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.restore(1)
	c := w.open(1)
	for i := range 2000 {
		w.write(fmt.Sprintf("t/%d/f%d", i%20, i), "the same")
	}
	c.until(func(db map[string]*agentv1.FileEntry) bool { return len(db) == 2021 })
	c.settle(1)
}

func TestWhatIsNotSavedIsListed(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.restore(1)
	c := w.open(1)
	w.write("node_modules/m/index.js", "x")
	w.write("big", strings.Repeat("b", 11<<20))
	c.until(has("node_modules"))
	c.until(func(db map[string]*agentv1.FileEntry) bool { return db["big"].GetSize() == 11<<20 })
	if r := w.db["big"].GetUnsavedReason(); r != agentv1.UnsavedReason_UNSAVED_REASON_TOO_LARGE || w.db["big"].GetSha256() != nil {
		t.Errorf("an over-large file is %v", w.db["big"])
	}
	if r := w.db["node_modules"].GetUnsavedReason(); r != agentv1.UnsavedReason_UNSAVED_REASON_IGNORED {
		t.Errorf("an ignored folder is %v", w.db["node_modules"])
	}
	c.settle(1)
	if w.db["node_modules/m"] != nil {
		t.Error("an ignored folder's content is listed")
	}
	w.write(".syncignore", "*.log\n")
	c.until(has(".syncignore"))
	w.write("x.log", "x")
	c.until(has("x.log"))
	c.settle(1)
	if r := w.db["x.log"].GetUnsavedReason(); r != agentv1.UnsavedReason_UNSAVED_REASON_IGNORED {
		t.Errorf("a file that .syncignore names is %v", w.db["x.log"])
	}
}

func TestLargeContentsAreSentOnNeed(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.restore(1)
	c := w.open(1)
	big := strings.Repeat("0123456789abcdef", 1<<16)
	w.write("big", big)
	c.until(func(db map[string]*agentv1.FileEntry) bool { return db["big"].GetSize() == 1<<20 })
	c.settle(1)
}

package workspace_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"codingplatform/agent/workspace"
)

// TestStage: what is made in a stage is moved to the root as it is, but not over anything, and nothing else of it is left.
func TestStage(t *testing.T) {
	root := t.TempDir()
	tree, err := workspace.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tree.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(filepath.Join(root, "taken"), []byte("by a program"), 0o600); err != nil {
		t.Fatal(err)
	}
	stage, err := tree.Stage()
	if err != nil {
		t.Fatal(err)
	}
	top, err := stage.Dir("")
	if err != nil {
		t.Fatal(err)
	}
	defer top.Close()
	const mtime = 1_700_000_000_123_456_789
	for _, name := range []string{"taken", "free"} {
		if err := top.Mkdir(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	free, err := stage.Dir("free")
	if err != nil {
		t.Fatal(err)
	}
	defer free.Close()
	// The process's mask takes the second mode's last bits away.
	for name, mode := range map[string]uint32{"f": 0o640, "open": 0o666} {
		stat, err := free.Create(name, []byte(name), mode, mtime)
		if err != nil || stat.Mode != mode || stat.Mtime != mtime || stat.Size != int64(len(name)) {
			t.Errorf("a file was made as %+v: %v", stat, err)
		}
		if again, err := free.Create(name, nil, mode, 0); err == nil {
			t.Errorf("a file was made over another: %+v", again)
		}
	}
	if err := top.Link("link", "free/f"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"free", "link"} {
		if stat, err := stage.Place(name); err != nil || stat.Type == workspace.None {
			t.Errorf("%+v: %v", stat, err)
		}
	}
	if _, err := stage.Place("taken"); !errors.Is(err, workspace.ErrChanged) {
		t.Errorf("a folder was moved over a file: %v", err)
	}
	if err := stage.Drop(); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"taken": "by a program", "free/f": "f", "free/open": "open", "link": "f"} {
		if got, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(got) != want {
			t.Errorf("%s holds %q: %v", name, got, err)
		}
	}
	if entries, err := os.ReadDir(root); err != nil || len(entries) != 3 {
		t.Errorf("the root has %v: %v", entries, err)
	}
}

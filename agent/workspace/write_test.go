package workspace_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"codingplatform/agent/workspace"
)

func place(t *testing.T, dir *workspace.Dir, content string, expect workspace.Stat) error {
	t.Helper()
	temp, err := dir.TempFile()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := temp.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := temp.Finish(0o640, 0, true); err != nil {
		t.Fatal(err)
	}
	err = temp.Place("f", expect)
	if err != nil {
		temp.Drop()
	}
	return err
}

func TestPlaceReplacesOnlyWhatWasExpected(t *testing.T) {
	root := t.TempDir()
	tree, err := workspace.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tree.Close() }()
	dir, err := tree.Dir("")
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := place(t, dir, "one", workspace.Stat{}); err != nil {
		t.Fatal(err)
	}
	if err := place(t, dir, "two", workspace.Stat{}); !errors.Is(err, workspace.ErrChanged) {
		t.Errorf("placed where something is: %v", err)
	}
	stat, err := dir.Stat("f")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "f"), []byte("by a program"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := place(t, dir, "two", stat); !errors.Is(err, workspace.ErrChanged) {
		t.Errorf("placed over a changed file: %v", err)
	}
	if b, err := os.ReadFile(filepath.Join(root, "f")); err != nil || string(b) != "by a program" {
		t.Errorf("the program's version is %q, %v", b, err)
	}
	if stat, err = dir.Stat("f"); err != nil {
		t.Fatal(err)
	}
	if err := place(t, dir, "two", stat); err != nil {
		t.Error(err)
	}
	names, err := filepath.Glob(filepath.Join(root, ".*"))
	if err != nil || len(names) > 0 {
		t.Errorf("left behind: %v %v", names, err)
	}
}

func TestNoLinkIsOpened(t *testing.T) {
	root := t.TempDir()
	for name, target := range map[string]string{"out": "/etc", "in": "folder"} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	tree, err := workspace.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tree.Close() }()
	for _, path := range []string{"out", "in", "../etc", "folder/../out"} {
		if dir, err := tree.Dir(path); err == nil {
			dir.Close()
			if path != "folder/../out" {
				t.Errorf("%q was opened", path)
			}
		} else if !workspace.Gone(err) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

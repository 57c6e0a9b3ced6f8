package workspace_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

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

// TestAFileThatIsBeingWrittenIsNotReplaced: by descriptor and by mapping, and not by who only reads.
func TestAFileThatIsBeingWrittenIsNotReplaced(t *testing.T) {
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
	path := filepath.Join(root, "f")
	if err := os.WriteFile(path, []byte("a line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tries := 0
	replace := func() error {
		t.Helper()
		stat, err := dir.Stat("f")
		if err != nil {
			t.Fatal(err)
		}
		tries++
		return place(t, dir, fmt.Sprint("by the editor ", tries), stat)
	}
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	if err := replace(); err != nil {
		t.Errorf("with a reader: %v", err)
	}
	writer, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := replace(); !errors.Is(err, workspace.ErrOpen) {
		t.Errorf("with a writer: %v", err)
	}
	if _, err := writer.WriteString(", and a program"); err != nil {
		t.Fatal(err)
	}
	mapped, err := unix.Mmap(int(writer.Fd()), 0, 4, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := replace(); !errors.Is(err, workspace.ErrOpen) {
		t.Errorf("with a mapping: %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "by the editor 1, and a program" {
		t.Errorf("the program's file holds %q, %v", b, err)
	}
	if err := unix.Munmap(mapped); err != nil {
		t.Fatal(err)
	}
	if err := replace(); err != nil {
		t.Errorf("after all have closed it: %v", err)
	}
	names, err := filepath.Glob(filepath.Join(root, ".*"))
	if err != nil || len(names) > 0 {
		t.Errorf("left behind: %v %v", names, err)
	}
}

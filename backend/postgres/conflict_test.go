package postgres_test

import (
	"crypto/sha256"
	"testing"

	"codingplatform/backend"
)

// TestConflictAfterAMove: a conflict names versions that can be found at its path, and no other file's.
func TestConflictAfterAMove(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lease := w.lease("one")
	move := func(from, to string, base int64) backend.BatchEntry {
		return backend.BatchEntry{Op: backend.OpMove, From: from, BaseRevision: base, Item: backend.Item{Path: to}}
	}
	meets := func(result backend.BatchResult, path, base, other string) {
		t.Helper()
		if len(result.Conflicts) != 1 || result.Conflicts[0].Path != path {
			t.Fatalf("conflicts %+v", result.Conflicts)
		}
		c := result.Conflicts[0]
		for revision, want := range map[int64]string{c.BaseRevision: base, c.OtherRevision: other} {
			if want == "" && revision == 0 {
				continue
			}
			item, err := w.VersionAt(t.Context(), w.session, path, revision)
			if err != nil || item.Hash != sha256.Sum256([]byte(want)) {
				t.Errorf("%s at %d is not %q: %+v, %v", path, revision, want, item, err)
			}
		}
	}
	base := w.commit(lease, 1, putFolder("old"), putFile("old/f", "base", 0), putFile("old/g", "base of g", 0), putFile("a", "base of a", 0), putFile("b", "another", 0)).Revision

	// What the editor has changed comes along with the folder.
	w.save("old/f", "editor")
	w.commit(lease, 2, move("old", "new", base))
	meets(w.commit(lease, 3, putFile("new/f", "disk", base)), "new/f", "", "editor")
	// What it changes afterwards has the base at its former place.
	w.save("new/g", "editor of g")
	meets(w.commit(lease, 4, putFile("new/g", "disk", base)), "new/g", "base of g", "editor of g")
	// Something else was at the place before.
	w.commit(lease, 5, deletion("b", base))
	w.commit(lease, 6, move("a", "b", base))
	w.save("b", "editor of b")
	meets(w.commit(lease, 7, putFile("b", "disk", base)), "b", "base of a", "editor of b")

	// A move that the disk did not know of.
	base = w.commit(lease, 8, putFile("p", "base of p", 0), putFile("r", "r", 0)).Revision
	for _, m := range [][2]string{{"p", "q"}, {"r", "p"}} {
		if _, err := w.MovePath(t.Context(), w.path(m[0]), m[1]); err != nil {
			t.Fatal(err)
		}
	}
	meets(w.commit(lease, 9, putFile("p", "disk", base)), "p", "base of p", "r")
}

// TestAConflictFollowsItsFile: it is open where the file is now, and its versions are where the file was then.
func TestAConflictFollowsItsFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lease := w.lease("one")
	base := w.commit(lease, 1, putFolder("d"), putFolder("d/e"), putFile("d/e/f", "base", 0), putFile("d/e/ff", "another", 0)).Revision
	w.save("d/e/f", "editor")
	w.save("d/e/ff", "editor of another")
	w.commit(lease, 2, putFile("d/e/f", "disk", base), putFile("d/e/ff", "disk of another", base))
	follows := func(to map[string]string) {
		t.Helper()
		open, err := w.OpenConflicts(t.Context(), w.session)
		if err != nil || len(open) != len(to) {
			t.Fatalf("open are %+v, %v", open, err)
		}
		for _, c := range open {
			if to[c.Path] != c.VersionsPath {
				t.Errorf("it is at %q and its versions at %q, want one of %v", c.Path, c.VersionsPath, to)
			}
			item, err := w.VersionAt(t.Context(), w.session, c.VersionsPath, c.OtherRevision)
			if err != nil || c.VersionsPath == "d/e/f" && item.Hash != sha256.Sum256([]byte("editor")) {
				t.Errorf("the other version of %s: %+v, %v", c.Path, item, err)
			}
		}
	}
	follows(map[string]string{"d/e/f": "d/e/f", "d/e/ff": "d/e/ff"})
	w.commit(lease, 3, backend.BatchEntry{Op: backend.OpMove, From: "d/e/f", BaseRevision: base, Item: backend.Item{Path: "d/e/g"}})
	w.commit(lease, 4, backend.BatchEntry{Op: backend.OpMove, From: "d/e/g", BaseRevision: base, Item: backend.Item{Path: "d/h"}})
	follows(map[string]string{"d/h": "d/e/f", "d/e/ff": "d/e/ff"})
	if _, err := w.MovePath(t.Context(), w.path("d"), "x"); err != nil {
		t.Fatal(err)
	}
	follows(map[string]string{"x/h": "d/e/f", "x/e/ff": "d/e/ff"})
	w.save("x/h", "merged")
	follows(map[string]string{"x/e/ff": "d/e/ff"})
}

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

package postgres_test

import (
	"fmt"
	"testing"

	"codingplatform/backend"
)

// TestWhatTheServerRefusesHoldsNothingUp: entries that no check has foreseen. A zero byte is in no text of Postgres.
func TestWhatTheServerRefusesHoldsNothingUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lease := w.lease("a")
	link := func(path, target string) backend.BatchEntry {
		return backend.BatchEntry{Op: backend.OpPut, Item: backend.Item{Path: path, Type: backend.TypeSymlink, Mode: 0o777, LinkTarget: target}}
	}
	entries := []backend.BatchEntry{putFolder("d"), putFile("d/f", "one", 0), link("d/bad", "to\x00nothing"), link("good", "d/f"), putFile("no\x00path", "x", 0)}
	for i := range 100 {
		entries = append(entries, putFile(fmt.Sprintf("d/%d", i), "many", 0))
	}
	batch := backend.Batch{Incarnation: "i", Sequence: 1, Entries: entries}
	for range 2 { // the second one is a replay
		result, err := w.CommitBatch(t.Context(), lease, batch, backend.Limits{})
		if err != nil || len(result.Rejected) != 1 {
			t.Fatalf("rejected %v (%v)", result.Rejected, err)
		}
	}
	if n := len(w.paths()); n != 104 {
		t.Errorf("%d entries are there", n)
	}
	for path, want := range map[string]backend.UnsavedReason{"d/bad": backend.UnsavedUnreadable, "good": backend.Saved, "d/99": backend.Saved} {
		if item, err := w.Item(t.Context(), w.session, path); err != nil || item.Unsaved != want {
			t.Errorf("%s is unsaved as %q (%v)", path, item.Unsaved, err)
		}
	}
	w.commit(lease, 2, link("d/bad", "d"), putFile("after", "x", 0))
	if item, err := w.Item(t.Context(), w.session, "d/bad"); err != nil || item.Unsaved != backend.Saved {
		t.Errorf("what was mended is unsaved as %q (%v)", item.Unsaved, err)
	}
}

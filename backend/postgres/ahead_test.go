package postgres_test

import (
	"fmt"
	"testing"

	"codingplatform/backend"
)

const aheadFiles = 200

// aheadBatch is a batch whose contents are stored.
func (w *world) aheadBatch(name string) []backend.BatchEntry {
	w.t.Helper()
	var entries []backend.BatchEntry
	for i := range aheadFiles {
		entries = append(entries, putFile(fmt.Sprintf("%s/%d", name, i), fmt.Sprintf("%s %d", name, i), 0))
	}
	if err := w.StoreAhead(w.t.Context(), backend.Batch{Incarnation: "i", Sequence: 1, Entries: entries}); err != nil {
		w.t.Fatal(err)
	}
	for i := range entries {
		if !entries[i].Stored {
			w.t.Fatalf("content %d is not marked as stored", i)
		}
	}
	return entries
}

func (w *world) checkAhead(name string) {
	w.t.Helper()
	for i := range aheadFiles {
		want := fmt.Sprintf("%s %d", name, i)
		if got := w.read(fmt.Sprintf("%s/%d", name, i)); got != want {
			w.t.Fatalf("file %d holds %q, not %q", i, got, want)
		}
	}
}

// What happened to a content between its being stored ahead and its batch does not matter.
func TestContentsStoredAhead(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(w *world){
		"nothing": func(*world) {},
		"a server that had lost some took over": func(w *world) {
			w.exec(`DELETE FROM blobs WHERE hash IN (SELECT hash FROM blobs LIMIT 3)`)
		},
		"the backend stood still until the collector came": func(w *world) {
			w.exec(`UPDATE blobs SET touched_at = now() - interval '2 hours'`)
			if n, err := w.CollectBlobs(w.t.Context()); err != nil || n != aheadFiles {
				w.t.Fatalf("%d were collected: %v", n, err)
			}
		},
		"they are old enough to be collected soon": func(w *world) {
			w.exec(`UPDATE blobs SET touched_at = now() - interval '50 minutes'`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			lease := w.lease("a")
			entries := w.aheadBatch("new")
			meanwhile(w)
			if result := w.commit(lease, 1, entries...); result.Changed != aheadFiles+1 {
				t.Errorf("%d changes were committed", result.Changed)
			}
			w.checkAhead("new")
			if result := w.commit(lease, 1, entries...); !result.Replayed {
				t.Error("the batch was committed twice")
			}
		})
	}
}

// Of contents that are there already, as another session's, nothing is marked, and their batch is committed all the same.
func TestContentsStoredAheadByAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	entries := w.aheadBatch("same")
	for i := range entries {
		entries[i].Stored = false
	}
	if err := w.StoreAhead(t.Context(), backend.Batch{Entries: entries}); err == nil {
		t.Error("the same contents were stored twice")
	}
	w.commit(w.lease("a"), 1, entries...)
	w.checkAhead("same")
}

// A content that is not what its hash says is not stored ahead, and is rejected by the commit.
func TestWrongContentIsNotStoredAhead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var entries []backend.BatchEntry
	for i := range aheadFiles {
		entries = append(entries, putFile(fmt.Sprint(i), fmt.Sprint("content ", i), 0))
	}
	entries[7].Content = []byte("another")
	batch := backend.Batch{Incarnation: "i", Sequence: 1, Entries: entries}
	if err := w.StoreAhead(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if entries[7].Stored || !entries[8].Stored {
		t.Error("the wrong content is marked as stored, or the right one is not")
	}
	result, err := w.CommitBatch(t.Context(), w.lease("a"), batch, backend.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Rejected) != 1 || result.Rejected["7"] == "" {
		t.Errorf("rejected: %v", result.Rejected)
	}
}

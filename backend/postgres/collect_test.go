package postgres_test

import (
	"fmt"
	"sync"
	"testing"

	"codingplatform/backend"
	"codingplatform/backend/postgres"
)

// TestContentsAreCollectedWhileWritten: the collector meets writers of the contents that nothing has referred to for long.
func TestContentsAreCollectedWhileWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var writing sync.WaitGroup
	for writer := range 4 {
		writing.Go(func() {
			path := fmt.Sprint("f", writer)
			// Sessions of their own, since those of one take turns.
			s, err := w.CreateSession(t.Context(), w.user, path, nil)
			if err != nil {
				t.Error(err)
				return
			}
			for i := range 150 {
				content := fmt.Sprint("content ", (7*i+13*writer)%50)
				if _, _, err := w.SaveFile(t.Context(), postgres.SaveRequest{
					SessionID: s.ID, UserID: w.user, Path: path, Content: []byte(content), Source: backend.SourceEditor,
				}); err != nil {
					t.Error(err)
					return
				}
				if _, got, err := w.ReadFile(t.Context(), s.ID, path); err != nil || string(got) != content {
					t.Errorf("%s holds %q, saved was %q (%v)", path, got, content, err)
					return
				}
			}
		})
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		writing.Wait()
	}()
	for {
		if _, err := w.TrimHistory(t.Context(), 0, 1); err != nil {
			t.Error(err)
		}
		w.exec(`UPDATE blobs SET touched_at = '-infinity' WHERE touched_at > '-infinity'`)
		if _, err := w.CollectBlobs(t.Context()); err != nil {
			t.Error(err)
		}
		select {
		case <-written:
			return
		default:
		}
	}
}

// TestTrimLeavesOpenConflicts: what an open conflict is about stays, however old.
func TestTrimLeavesOpenConflicts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	base, other := w.save("f", "base").Revision, w.save("f", "other").Revision
	w.save("f", "superseded")
	last := w.save("f", "present").Revision
	w.exec(`INSERT INTO workspace_conflicts (session_id, path, revision, other_revision, base_revision) VALUES ($1, 'f', $2, $3, $4)`, string(w.session), last, other, base)
	if n, err := w.TrimHistory(t.Context(), 0, 1); err != nil || n != 0 {
		t.Errorf("with an open conflict it drops %d, %v", n, err)
	}
	if err := w.ResolveConflict(t.Context(), w.session, "f"); err != nil {
		t.Fatal(err)
	}
	if n, err := w.TrimHistory(t.Context(), 0, 1); err != nil || n != 3 {
		t.Errorf("resolved, it drops %d, %v", n, err)
	}
}

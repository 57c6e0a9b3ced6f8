package postgres_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"codingplatform/backend"
)

// Sessions that store the same contents at the same moment, by the hundred, do not stand in each other's way.
func TestLargeBatchesOfTheSameContents(t *testing.T) {
	t.Parallel()
	const sessions, batches, files = 4, 10, 300
	w := newWorld(t)
	var g errgroup.Group
	for i := range sessions {
		session, err := w.CreateSession(t.Context(), w.user, fmt.Sprintf("session %d", i), nil)
		if err != nil {
			t.Fatal(err)
		}
		lease, err := w.AcquireLease(t.Context(), session.ID, "holder", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		g.Go(func() error {
			for sequence := range batches {
				batch := backend.Batch{Incarnation: "i", Sequence: int64(sequence + 1)}
				for j := range files {
					content := fmt.Appendf(nil, "content %d of batch %d", j, sequence)
					entry := backend.BatchEntry{Op: backend.OpPut, HasContent: true, Content: content}
					entry.Item = backend.Item{
						Path: fmt.Sprintf("folder/%d/%d", sequence, j), Type: backend.TypeFile, Mode: 0o644, Hash: sha256.Sum256(content),
					}
					batch.Entries = append(batch.Entries, entry)
				}
				result, err := w.CommitBatch(t.Context(), lease, batch, backend.Limits{})
				if err != nil {
					return err
				}
				if len(result.Rejected)+len(result.Missing) > 0 || result.Changed < files {
					return fmt.Errorf("batch %d: %+v", sequence, result)
				}
			}
			items, _, err := w.Tree(t.Context(), session.ID, "", 0)
			if err != nil {
				return err
			}
			// The files, and the folders that they lie in.
			if want := batches*files + batches + 1; len(items) != want {
				return fmt.Errorf("%d items are there, not %d", len(items), want)
			}
			_, content, err := w.ReadFile(t.Context(), session.ID, "folder/9/299")
			if err == nil && string(content) != "content 299 of batch 9" {
				err = fmt.Errorf("the last file holds %q", content)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// Contents that are too large for a row do not hold up the batch that they come with.
func TestLargeBatchWithALargeContent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	large := strings.Repeat("0123456789abcdef", 40_000)
	entries := []backend.BatchEntry{putFile("large", large, 0)}
	for i := range 300 {
		entries = append(entries, putFile(fmt.Sprintf("small-%d", i), fmt.Sprint("small ", i), 0))
	}
	w.commit(w.lease("a"), 1, entries...)
	for path, want := range map[string]string{"large": large, "small-0": "small 0", "small-299": "small 299"} {
		if _, content, err := w.ReadFile(t.Context(), w.session, path); err != nil || string(content) != want {
			t.Errorf("%s holds %d bytes, not %d (%v)", path, len(content), len(want), err)
		}
	}
}

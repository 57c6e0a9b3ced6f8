package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"codingplatform/backend"
)

// refused says whether the server refuses the data themselves, now and at every other time: a value that a column does not
// take (classes 22 and 23), or a row that is beyond a limit (54).
func refused(err error) bool {
	pe, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (strings.HasPrefix(pe.Code, "22") || strings.HasPrefix(pe.Code, "23") || strings.HasPrefix(pe.Code, "54"))
}

// quarantine commits a batch that the server has refused without what it refuses, so that the rest does not wait for ever.
// What is left out is listed as not saved; where not even that can be, it is rejected. cause is the refusal.
func (s *Store) quarantine(ctx context.Context, lease backend.Lease, batch backend.Batch, limits backend.Limits, cause error) (backend.BatchResult, error) {
	batch.Entries = slices.Clone(batch.Entries)
	rejected := map[string]string{}
	whole := true
	for _, mend := range []func(entry *backend.BatchEntry, words string) bool{unsave, func(entry *backend.BatchEntry, words string) bool {
		rejected[entry.Path] = words
		return false
	}} {
		bad := map[int]string{}
		if err := s.findRefused(ctx, lease, batch, limits, 0, len(batch.Entries), bad); err != nil {
			return backend.BatchResult{}, err
		}
		var left []backend.BatchEntry
		for i, entry := range batch.Entries {
			words, is := bad[i]
			if !is || mend(&entry, words) {
				left = append(left, entry)
			}
		}
		batch.Entries = left
		whole = whole && len(bad) == 0
	}
	if whole {
		return backend.BatchResult{}, cause // each is taken by itself
	}
	return s.commitBatch(ctx, lease, batch, limits, rejected, plain)
}

// unsave makes a put one of what is only listed.
func unsave(entry *backend.BatchEntry, _ string) bool {
	if entry.Op != backend.OpPut {
		return true // it is looked at once more
	}
	entry.Unsaved, entry.Hash, entry.LinkTarget, entry.HasContent, entry.Content = backend.UnsavedUnreadable, backend.Hash{}, "", false, nil
	return true
}

// findRefused tries ever smaller parts, of which nothing is kept.
func (s *Store) findRefused(ctx context.Context, lease backend.Lease, batch backend.Batch, limits backend.Limits, from, to int, bad map[int]string) error {
	part := batch
	part.Entries = batch.Entries[from:to]
	_, err := s.commitBatch(ctx, lease, part, limits, nil, dry)
	if !refused(err) || from == to {
		return err
	}
	if to-from == 1 {
		pe, _ := errors.AsType[*pgconn.PgError](err)
		bad[from] = "the database does not take it: " + pe.Message
		return nil
	}
	middle := from + (to-from)/2
	return errors.Join(s.findRefused(ctx, lease, batch, limits, from, middle, bad), s.findRefused(ctx, lease, batch, limits, middle, to, bad))
}

// storable is rejected as the cursor keeps it: a text of the database has no zero byte.
func storable(rejected map[string]string) map[string]string {
	kept := make(map[string]string, len(rejected))
	for path, words := range rejected {
		kept[strings.ReplaceAll(path, "\x00", "\ufffd")] = strings.ReplaceAll(words, "\x00", "\ufffd")
	}
	return kept
}

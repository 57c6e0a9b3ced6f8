package relay

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"codingplatform/backend"
)

// heard notes until when a replica counts as alive, and when it tells of its viewers. Between 41 and 100 s the database is
// away.
type heard struct {
	Store
	began       time.Time
	beats, told []time.Duration
}

// Beat implements Store.
func (h *heard) Beat(_ context.Context, _ string, ttl time.Duration) error {
	since := time.Since(h.began)
	if since > 41*time.Second && since < 100*time.Second {
		return errors.New("the database is away")
	}
	h.beats = append(h.beats, since+ttl)
	return nil
}

// KeepViewers implements Store.
func (h *heard) KeepViewers(context.Context, string, []backend.Viewer, time.Duration) error {
	h.told = append(h.told, time.Since(h.began))
	return nil
}

// TestReplicaSaysThatItLives from its start on, before the former word of it has run out; and again after the database
// was away.
func TestReplicaSaysThatItLives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &heard{began: time.Now()}
		h := NewHandler(Config{Store: store, Replica: "a", Logger: slog.New(slog.DiscardHandler)})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.Run(ctx) }()
		time.Sleep(110 * time.Second)
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if len(store.told) != 8 || store.told[0] != 0 {
			t.Errorf("of its viewers it tells after %v", store.told)
		}
		until := time.Duration(0)
		for _, next := range store.beats {
			if said := next - beatTTL; said > until && (until < 41*time.Second || said > 100*time.Second+beatInterval) {
				t.Errorf("until %v it counts as alive, and says so next at %v", until, said)
			}
			until = next
		}
		if until < 110*time.Second {
			t.Errorf("after 110 s it counts as alive until %v", until)
		}
	})
}

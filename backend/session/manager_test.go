package session

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"codingplatform/backend"
)

// othersLease is a store with one session, whose lease another replica has and renews no more.
type othersLease struct {
	Store
	expires time.Time
	tried   []time.Time
}

// SessionsToRun implements Store.
func (s *othersLease) SessionsToRun(context.Context) ([]backend.ToRun, error) {
	if time.Now().Before(s.expires) {
		return []backend.ToRun{{ID: "s", Wanted: true, Holder: "a", LeaseEnds: s.expires}}, nil
	}
	return []backend.ToRun{{ID: "s", Wanted: true}}, nil
}

// AcquireLease implements Store.
func (s *othersLease) AcquireLease(context.Context, backend.SessionID, string, time.Duration) (backend.Lease, error) {
	s.tried = append(s.tried, time.Now())
	return backend.Lease{}, backend.Errorf(backend.CodeNotFound, "what comes then is another test's")
}

// Elect implements Store: another is.
func (s *othersLease) Elect(context.Context, string, string, time.Duration) (bool, error) {
	return false, nil
}

// noEnvironments is a runtime with none.
type noEnvironments struct{ backend.Runtime }

// Watch implements backend.Runtime.
func (noEnvironments) Watch(ctx context.Context, _ func(backend.Environment)) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// List implements backend.Runtime.
func (noEnvironments) List(context.Context) ([]backend.Environment, error) { return nil, nil }

// Find implements backend.Runtime.
func (noEnvironments) Find(context.Context, backend.SessionID) (backend.Environment, error) {
	return backend.Environment{}, backend.Errorf(backend.CodeNotFound, "there is none")
}

type noWakes struct{ Wakes }

// SubscribeAll implements Wakes.
func (noWakes) SubscribeAll() (<-chan struct{}, func()) { return nil, func() {} }

// SubscribeChanged implements Wakes.
func (noWakes) SubscribeChanged() (<-chan struct{}, func() ([]backend.SessionID, bool), func()) {
	return nil, func() ([]backend.SessionID, bool) { return nil, false }, func() {}
}

// TestADeadReplicasLeaseIsTakenWhenItEnds, and not at the next look at everything.
func TestADeadReplicasLeaseIsTakenWhenItEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &othersLease{expires: time.Now().Add(8 * time.Second)}
		m := NewManager(Config{Store: store, Runtime: noEnvironments{}, Wakes: noWakes{}, Replica: "b", LeaseTTL: 8 * time.Second, Logger: slog.New(slog.DiscardHandler)})
		ctx, stop := context.WithTimeout(t.Context(), reconcileInterval-time.Millisecond)
		defer stop()
		if err := m.Run(ctx); err == nil {
			t.Error("Run ended by itself")
		}
		if n := len(store.tried); n != 1 || !store.tried[0].Equal(store.expires) {
			t.Errorf("tried %d times, at %v; the lease ended at %v", n, store.tried, store.expires)
		}
	})
}

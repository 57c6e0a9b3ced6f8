package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
)

// crowded is a store of many sessions, all wanted, with environments whose agents do not answer. It counts what it is
// asked for.
type crowded struct {
	Store
	sessions int

	mu     sync.Mutex
	asked  map[string]int
	stale  backend.SessionID // its lease has passed to another
	locked backend.SessionID // its row is in use
}

func (c *crowded) count(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[what]++
}

// since is what was asked for in a span of time.
func (c *crowded) since(span time.Duration) map[string]int {
	c.mu.Lock()
	c.asked = map[string]int{}
	c.mu.Unlock()
	time.Sleep(span)
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	asked := c.asked
	c.asked = map[string]int{}
	return asked
}

func (c *crowded) toRun(id backend.SessionID) backend.ToRun {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id == c.stale {
		return backend.ToRun{ID: id, Wanted: true, Holder: "b", LeaseEnds: time.Now().Add(time.Minute)}
	}
	return backend.ToRun{ID: id, Wanted: true}
}

func crowdID(i int) backend.SessionID { return backend.SessionID(fmt.Sprint(i)) }

// SessionsToRun implements Store.
func (c *crowded) SessionsToRun(context.Context) ([]backend.ToRun, error) {
	c.count("all sessions")
	all := make([]backend.ToRun, c.sessions)
	for i := range all {
		all[i] = c.toRun(crowdID(i))
	}
	return all, nil
}

// SessionsToRunOf implements Store.
func (c *crowded) SessionsToRunOf(_ context.Context, ids []backend.SessionID) ([]backend.ToRun, error) {
	c.count("some sessions")
	some := make([]backend.ToRun, len(ids))
	for i, id := range ids {
		some[i] = c.toRun(id)
	}
	return some, nil
}

// SessionByID implements Store.
func (c *crowded) SessionByID(_ context.Context, id backend.SessionID) (backend.Session, error) {
	c.count("one session")
	return backend.Session{ID: id, Wanted: true}, nil
}

// AcquireLease implements Store.
func (c *crowded) AcquireLease(_ context.Context, id backend.SessionID, holder string, _ time.Duration) (backend.Lease, error) {
	c.count("acquire")
	return backend.Lease{SessionID: id, Holder: holder}, nil
}

// AcquireLeases implements Store.
func (c *crowded) AcquireLeases(_ context.Context, ids []backend.SessionID, holder string, _ time.Duration) (leases []backend.Lease, busy []backend.SessionID, err error) {
	c.count("acquire together")
	for _, id := range ids {
		if id == c.locked {
			busy = append(busy, id)
		} else {
			leases = append(leases, backend.Lease{SessionID: id, Holder: holder})
		}
	}
	return leases, busy, nil
}

// RenewLeases implements Store.
func (c *crowded) RenewLeases(_ context.Context, leases []backend.Lease, _ time.Duration) ([]backend.SessionID, error) {
	c.count("renew together")
	c.mu.Lock()
	defer c.mu.Unlock()
	var renewed []backend.SessionID
	for _, l := range leases {
		if l.SessionID != c.stale && l.SessionID != c.locked {
			renewed = append(renewed, l.SessionID)
		}
	}
	return renewed, nil
}

// RenewLease implements Store.
func (c *crowded) RenewLease(_ context.Context, lease backend.Lease, _ time.Duration) (backend.Lease, error) {
	c.count("renew " + string(lease.SessionID))
	c.mu.Lock()
	defer c.mu.Unlock()
	if lease.SessionID == c.stale {
		return lease, backend.Errorf(backend.CodeStaleLease, "another has it")
	}
	return lease, nil
}

// ReleaseLease implements Store.
func (c *crowded) ReleaseLease(_ context.Context, lease backend.Lease) error {
	c.count("release " + string(lease.SessionID))
	return nil
}

// ReleaseLeases implements Store.
func (c *crowded) ReleaseLeases(_ context.Context, leases []backend.Lease) (done []backend.SessionID, err error) {
	c.count("release together")
	time.Sleep(time.Second) // the others come meanwhile
	for _, l := range leases {
		if l.SessionID != c.locked {
			done = append(done, l.SessionID)
		}
	}
	return done, nil
}

// SetWanted implements Store.
func (*crowded) SetWanted(context.Context, backend.SessionID, bool, string) error { return nil }

// SetPhase implements Store.
func (*crowded) SetPhase(context.Context, backend.Lease, backend.Phase, string, backend.EnvironmentID) error {
	return nil
}

// Elect implements Store: another is.
func (*crowded) Elect(context.Context, string, string, time.Duration) (bool, error) {
	return false, nil
}

// starting has an environment for each session, which nobody can connect to.
type starting struct{ noEnvironments }

// Find implements backend.Runtime.
func (starting) Find(_ context.Context, id backend.SessionID) (backend.Environment, error) {
	return backend.Environment{ID: backend.EnvironmentID("e" + id), SessionID: id, Phase: backend.EnvironmentStarting}, nil
}

// told is Wakes whose changes the test tells of.
type told struct {
	Wakes
	wake    chan struct{}
	mu      sync.Mutex
	changed []backend.SessionID
}

// SubscribeChanged implements Wakes.
func (w *told) SubscribeChanged() (<-chan struct{}, func() ([]backend.SessionID, bool), func()) {
	return w.wake, func() ([]backend.SessionID, bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		changed := w.changed
		w.changed = nil
		return changed, false
	}, func() {}
}

func (w *told) tell(id backend.SessionID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changed = append(w.changed, id)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// crowdedManager runs until the test of it ends.
func crowdedManager(t *testing.T, store *crowded, wakes Wakes, do func(*Manager)) {
	t.Helper()
	m := NewManager(Config{
		Store: store, Runtime: starting{}, Wakes: wakes, Pool: agentconn.NewPool(noEnvironments{}, nil, "a"), Replica: "a",
		LeaseTTL: 9 * time.Second, Logger: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	synctest.Wait()
	do(m)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestAChangeOfOneSessionCostsNoLookAtOthers: neither is the list of all sessions read, nor does any that runs look at
// itself.
func TestAChangeOfOneSessionCostsNoLookAtOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, wakes := &crowded{sessions: 300, asked: map[string]int{}}, &told{wake: make(chan struct{}, 1)}
		crowdedManager(t, store, wakes, func(m *Manager) {
			if n := m.Driven(); n != store.sessions {
				t.Fatalf("%d sessions are driven, want %d", n, store.sessions)
			}
			wakes.tell(crowdID(7))
			asked := store.since(0)
			if asked["all sessions"] != 0 || asked["some sessions"] != 1 || asked["one session"] > 1 || asked["acquire"] != 0 {
				t.Errorf("for a session that has changed it was asked for %v", asked)
			}
			wakes.tell(crowdID(1000))
			asked = store.since(othersFirst)
			if asked["all sessions"] != 0 || asked["some sessions"] != 1 || asked["one session"] > 1 || asked["acquire"] != 1 {
				t.Errorf("for a session that came it was asked for %v", asked)
			}
			if n := m.Driven(); n != store.sessions+1 {
				t.Errorf("%d sessions are driven, want %d", n, store.sessions+1)
			}
			// What nobody told is looked for now and then, with one question for all.
			asked = store.since(reconcileInterval)
			if asked["all sessions"] != 1 || asked["one session"] != 0 || asked["acquire"] != 0 {
				t.Errorf("while nothing changes it was asked for %v", asked)
			}
		})
	})
}

// TestWhoIsAskedForASessionDrivesIt: the replica that serves its user has a start over the others, which are told at the same
// moment.
func TestWhoIsAskedForASessionDrivesIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, wakes := &crowded{asked: map[string]int{}}, &told{wake: make(chan struct{}, 1)}
		crowdedManager(t, store, wakes, func(m *Manager) {
			store.since(0)
			for i := range 3 {
				wakes.tell(crowdID(i))
			}
			if asked := store.since(othersFirst - time.Millisecond); len(asked) != 0 {
				t.Errorf("for what another was asked it was asked for %v", asked)
			}
			if err := m.Start(t.Context(), crowdID(1)); err != nil {
				t.Fatal(err)
			}
			if asked := store.since(0); asked["acquire"] != 1 || m.Driven() != 1 {
				t.Errorf("for what it was asked itself: %v, and it drives %d", asked, m.Driven())
			}
			// The other has not come, so it does.
			if asked := store.since(time.Millisecond); asked["some sessions"] != 1 || m.Driven() != 3 {
				t.Errorf("then it was asked for %v, and it drives %d", asked, m.Driven())
			}
		})
	})
}

// TestLeasesAreAcquiredTogether, and alone where a row is in use.
func TestLeasesAreAcquiredTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, wakes := &crowded{sessions: 5 * acquireTogether, asked: map[string]int{}, locked: crowdID(1)}, &told{wake: make(chan struct{}, 1)}
		crowdedManager(t, store, wakes, func(m *Manager) {
			if n := m.Driven(); n != store.sessions {
				t.Errorf("%d sessions are driven, want %d", n, store.sessions)
			}
			store.mu.Lock()
			defer store.mu.Unlock()
			if store.asked["acquire together"] != 5 || store.asked["acquire"] != 1 {
				t.Errorf("for %d leases it was asked for %v", store.sessions, store.asked)
			}
		})
	})
}

// TestLeasesAreRenewedTogether, and alone where that tells nothing of one.
func TestLeasesAreRenewedTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, wakes := &crowded{sessions: renewTogether + 1, asked: map[string]int{}}, &told{wake: make(chan struct{}, 1)}
		crowdedManager(t, store, wakes, func(m *Manager) {
			const third = 3 * time.Second // of the lease's time
			if asked := store.since(third); asked["renew together"] != 2 {
				t.Errorf("%d leases were renewed with %v", store.sessions, asked)
			}
			store.mu.Lock()
			store.locked, store.stale = crowdID(1), crowdID(2)
			store.mu.Unlock()
			asked := store.since(third)
			if asked["renew 1"] != 1 || asked["renew 2"] != 1 {
				t.Errorf("of two that were not renewed with the others it was asked for %v", asked)
			}
			if n := m.Driven(); n != store.sessions-1 {
				t.Errorf("%d sessions are driven when the lease of one went to another replica, want %d", n, store.sessions-1)
			}
		})
	})
}

// TestLeasesAreReleasedTogether at the end of a replica, and alone where that does nothing to one.
func TestLeasesAreReleasedTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, wakes := &crowded{sessions: releaseTogether, asked: map[string]int{}, locked: crowdID(1)}, &told{wake: make(chan struct{}, 1)}
		crowdedManager(t, store, wakes, func(*Manager) {})
		if n := store.asked["release together"]; n < 1 || n > 2 {
			t.Errorf("%d leases were released with %d statements", store.sessions, n)
		}
		if n := store.asked["release 1"]; n != 1 {
			t.Errorf("the one that was in use was released %d times by itself", n)
		}
	})
}

// TestAnEnvironmentsChangeWakesNobodyElse, and one that ended elsewhere is not remembered for ever.
func TestAnEnvironmentsChangeWakesNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnvironments()
		_, _, moved := e.get("a")
		_, _, other := e.get("b")
		e.set(backend.Environment{ID: "a", Phase: backend.EnvironmentEnded})
		select {
		case <-moved:
		default:
			t.Error("who waits for an environment is not woken by its change")
		}
		select {
		case <-other:
			t.Error("who waits for another environment is woken")
		default:
		}
		e.leave("b")
		time.Sleep(endedLife + time.Second)
		e.set(backend.Environment{ID: "c", Phase: backend.EnvironmentRunning})
		if len(e.byID) != 1 || len(e.moved) != 0 || len(e.ended) != 0 {
			t.Errorf("remembered are %v; waited for are %d", e.byID, len(e.moved))
		}
	})
}

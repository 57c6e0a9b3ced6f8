package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"codingplatform/backend"
)

// runner is a session that wants to run, and its lease.
type runner struct {
	w     *world
	lease backend.Lease
}

// wants makes a session of a user that is wanted and driven by a replica whose lease lasts for a minute.
func (w *world) wants(user backend.UserID, replica string) runner {
	w.t.Helper()
	s, err := w.CreateSession(w.t.Context(), user, "s", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.SetWanted(w.t.Context(), s.ID, true, ""); err != nil {
		w.t.Fatal(err)
	}
	lease, err := w.AcquireLease(w.t.Context(), s.ID, replica, time.Minute)
	if err != nil {
		w.t.Fatal(err)
	}
	return runner{w, lease}
}

func (r runner) take(perUser, total int) backend.RunPlace {
	r.w.t.Helper()
	place, err := r.w.TakePlace(r.w.t.Context(), r.lease, backend.RunLimits{PerUser: perUser, Total: total})
	if err != nil {
		r.w.t.Fatal(err)
	}
	return place
}

func (r runner) phase(phase backend.Phase, environment backend.EnvironmentID) {
	r.w.t.Helper()
	if err := r.w.SetPhase(r.w.t.Context(), r.lease, phase, "", environment); err != nil {
		r.w.t.Fatal(err)
	}
}

func TestPlacesGoInTurnAndFairly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bob := w.newUser("bob")
	var ada []runner
	for range 4 {
		ada = append(ada, w.wants(w.user, "one"))
	}
	if p := ada[0].take(0, 1); !p.Granted {
		t.Fatalf("the first: %+v", p)
	}
	if p := ada[0].take(0, 1); !p.Granted {
		t.Fatalf("a place is held: %+v", p)
	}
	for i, r := range ada[1:] {
		if p := r.take(0, 1); p.Granted || p.Turn != i+1 || p.Running != 1 {
			t.Fatalf("waiting number %d: %+v", i+1, p)
		}
	}
	// Who has nothing running comes before who has, though later; of one user, who came first.
	last := w.wants(bob, "two")
	if p := last.take(0, 1); p.Granted || p.Turn != 1 || p.Length != 4 {
		t.Fatalf("another user's first: %+v", p)
	}
	if p := ada[1].take(0, 1); p.Turn != 2 {
		t.Fatalf("behind another user's first: %+v", p)
	}
	if p := ada[1].take(0, 2); p.Granted {
		t.Fatalf("out of turn: %+v", p)
	}
	if p := last.take(0, 2); !p.Granted {
		t.Fatalf("in turn: %+v", p)
	}
	// A failure gives the place back, and so does a stop.
	last.phase(backend.PhaseFailed, "")
	if p := ada[1].take(0, 2); !p.Granted {
		t.Fatalf("after a failure: %+v", p)
	}
	ada[0].phase(backend.PhaseReady, "e")
	ada[0].phase(backend.PhaseStopped, "")
	if p := ada[3].take(0, 2); p.Granted {
		t.Fatalf("before one that came earlier: %+v", p)
	}
	if p := ada[2].take(0, 2); !p.Granted {
		t.Fatalf("after a stop: %+v", p)
	}
}

func TestPlacesOfAUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bob := w.newUser("bob")
	a, b, c := w.wants(w.user, "one"), w.wants(w.user, "two"), w.wants(bob, "one")
	if p := a.take(1, 2); !p.Granted {
		t.Fatalf("the first: %+v", p)
	}
	if p := b.take(1, 2); p.Granted || !p.UserFull || p.UserRunning != 1 {
		t.Fatalf("the second of a user: %+v", p)
	}
	// It stands in nobody's way.
	if p := c.take(1, 2); !p.Granted {
		t.Fatalf("another user's: %+v", p)
	}
	a.phase(backend.PhaseStopped, "")
	if p := b.take(1, 2); !p.Granted {
		t.Fatalf("when the first has stopped: %+v", p)
	}
}

func TestADeadReplicasSessionsHoldNobodyUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bob := w.newUser("bob")
	runs := w.wants(w.user, "one")
	runs.take(0, 1)
	// The lease of a replica that died has run out: nobody drives its session, which was the first to come.
	dead := w.wants(bob, "dead")
	if p := dead.take(0, 1); p.Turn != 1 {
		t.Fatalf("before the death: %+v", p)
	}
	next := w.wants(w.newUser("eve"), "two")
	if p := next.take(0, 1); p.Turn != 2 {
		t.Fatalf("behind it: %+v", p)
	}
	if _, err := w.RenewLease(t.Context(), dead.lease, -time.Second); err != nil {
		t.Fatal(err)
	}
	runs.phase(backend.PhaseStopped, "")
	if p := next.take(0, 1); !p.Granted {
		t.Fatalf("after the death: %+v", p)
	}
	// Another replica takes it over, at its place in the queue.
	lease, err := w.AcquireLease(t.Context(), dead.lease.SessionID, "two", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if p := (runner{w, lease}).take(0, 1); p.Turn != 1 {
		t.Fatalf("taken over: %+v", p)
	}
	_, err = w.TakePlace(t.Context(), dead.lease, backend.RunLimits{})
	wantCode(t, err, backend.CodeStaleLease)
	wantCode(t, w.Queued(t.Context(), dead.lease, 1, ""), backend.CodeStaleLease)
	wantCode(t, w.WarnStop(t.Context(), dead.lease, time.Now(), true, ""), backend.CodeStaleLease)
}

func TestPlacesAreNeverMoreThanTheLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const sessions, limit = 12, 5
	runners := make([]runner, sessions)
	for i := range runners {
		runners[i] = w.wants(w.user, fmt.Sprint("replica ", i%2))
	}
	granted := make([]bool, sessions)
	for range 2 {
		var wg sync.WaitGroup
		for i, r := range runners {
			wg.Go(func() {
				place, err := w.TakePlace(t.Context(), r.lease, backend.RunLimits{Total: limit})
				if err != nil {
					t.Error(err)
				}
				granted[i] = place.Granted
			})
		}
		wg.Wait()
	}
	n := 0
	for _, g := range granted {
		if g {
			n++
		}
	}
	if n != limit {
		t.Errorf("%d sessions were let in, the limit is %d", n, limit)
	}
}

func TestWarningAndStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.wants(w.user, "one")
	r.phase(backend.PhaseReady, "e")
	at := time.Now().Add(time.Minute).Truncate(time.Second)
	if err := w.WarnStop(t.Context(), r.lease, at, true, "soon"); err != nil {
		t.Fatal(err)
	}
	before, err := w.SessionByID(t.Context(), r.lease.SessionID)
	if err != nil || !before.StopsAt.Equal(at) || !before.MayStay || before.Reason != "soon" {
		t.Fatalf("warned: %+v, %v", before, err)
	}
	if err := w.Stay(t.Context(), r.lease.SessionID); err != nil {
		t.Fatal(err)
	}
	after, err := w.SessionByID(t.Context(), r.lease.SessionID)
	if err != nil || !after.LastActivityAt.After(before.LastActivityAt) {
		t.Fatalf("staying is no use: %+v, %v", after, err)
	}
	r.phase(backend.PhaseStopped, "")
	if s, err := w.SessionByID(t.Context(), r.lease.SessionID); err != nil || !s.StopsAt.IsZero() || s.MayStay {
		t.Fatalf("stopped: %+v, %v", s, err)
	}
	if err := w.SetWanted(t.Context(), r.lease.SessionID, false, "stopped: nobody used it"); err != nil {
		t.Fatal(err)
	}
	wantCode(t, w.Stay(t.Context(), r.lease.SessionID), backend.CodeUnavailable)
}

// TestNobodyIsWaitedForWithoutLimits: places are given under one lock of all replicas, which a start without limits leaves
// alone.
func TestNobodyIsWaitedForWithoutLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conn := connect(t, w.url)
	const queueLock = 0x706c616365
	if _, err := conn.Exec(t.Context(), `SELECT pg_advisory_lock($1)`, queueLock); err != nil {
		t.Fatal(err)
	}
	patience, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if p, err := w.TakePlace(patience, w.wants(w.user, "one").lease, backend.RunLimits{}); err != nil || !p.Granted {
		t.Errorf("without limits: %+v, %v", p, err)
	}
	if _, err := conn.Exec(t.Context(), `SELECT pg_advisory_unlock($1)`, queueLock); err != nil {
		t.Fatal(err)
	}
	// Who has a place counts for those that have limits.
	if p := w.wants(w.user, "two").take(1, 0); p.Granted || p.UserRunning != 1 {
		t.Errorf("beside it, with a limit: %+v", p)
	}
}

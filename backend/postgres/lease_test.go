package postgres_test

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"testing"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/postgres"
)

// listen has a listener run until the test ends.
func listen(t *testing.T, listener *postgres.Listener) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- listener.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	})
}

// TestALeaseIsHandedOver: who could not have it is told when it ends, and woken when it is released.
func TestALeaseIsHandedOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	listener := postgres.NewListener(w.url, slog.New(slog.DiscardHandler))
	wake, unsubscribe := listener.SubscribeAll()
	defer unsubscribe()
	listen(t, listener)
	<-wake // it listens

	asked := time.Now()
	lease := w.lease("a")
	refused, err := w.AcquireLease(t.Context(), w.session, "b", time.Hour)
	wantCode(t, err, backend.CodeConflict)
	if refused.ExpiresAt.Before(asked.Add(30*time.Second)) || refused.ExpiresAt.After(time.Now().Add(time.Minute)) {
		t.Errorf("it is said to end at %v, %v from now", refused.ExpiresAt, time.Until(refused.ExpiresAt))
	}
	if err := w.ReleaseLease(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	<-wake
	if _, err := w.AcquireLease(t.Context(), w.session, "b", time.Minute); err != nil {
		t.Error(err)
	}
	// What is held no more wakes nobody, and takes nothing away.
	if err := w.ReleaseLease(t.Context(), lease); err != nil {
		t.Error(err)
	}
	_, err = w.AcquireLease(t.Context(), w.session, "c", time.Minute)
	wantCode(t, err, backend.CodeConflict)
}

// lockRow has another transaction lock a workspace's row until it is told to unlock it.
func (w *world) lockRow(session backend.SessionID) (unlock func()) {
	w.t.Helper()
	tx, err := connect(w.t, w.url).Begin(w.t.Context())
	if err == nil {
		_, err = tx.Exec(w.t.Context(), `SELECT FROM workspaces WHERE session_id = $1 FOR UPDATE`, string(session))
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return func() {
		w.t.Helper()
		if err := tx.Rollback(w.t.Context()); err != nil {
			w.t.Error(err)
		}
	}
}

// Of a world's four leases of a, one has passed to b, and the row of another is locked.
const passed, locked = 1, 2

func (w *world) leases() (leases []backend.Lease, unlock func()) {
	w.t.Helper()
	for range 4 {
		leases = append(leases, w.wants(w.user, "a").lease)
	}
	if err := w.ReleaseLease(w.t.Context(), leases[passed]); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.AcquireLease(w.t.Context(), leases[passed].SessionID, "b", time.Minute); err != nil {
		w.t.Fatal(err)
	}
	return leases, w.lockRow(leases[locked].SessionID)
}

// TestLeasesAreRenewedTogether, without waiting for who has one of the rows, and none that has passed to another holder.
func TestLeasesAreRenewedTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	leases, unlock := w.leases()
	renewed, err := w.RenewLeases(t.Context(), leases, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	want := []backend.SessionID{leases[0].SessionID, leases[3].SessionID}
	slices.Sort(want)
	if slices.Sort(renewed); !slices.Equal(renewed, want) {
		t.Errorf("renewed are %v, want %v", renewed, want)
	}
	unlock()
	ends := map[backend.SessionID]backend.ToRun{}
	run, err := w.SessionsToRun(t.Context())
	if err != nil || len(run) != len(leases) {
		t.Fatalf("%d sessions are to run, %v; want %d", len(run), err, len(leases))
	}
	for _, r := range run {
		ends[r.ID] = r
	}
	for i, lease := range leases {
		r, holder, hour := ends[lease.SessionID], "a", i == 0 || i == 3
		if i == passed {
			holder = "b"
		}
		if r.Holder != holder || !r.Wanted || (time.Until(r.LeaseEnds) > 30*time.Minute) != hour {
			t.Errorf("lease %d: %+v, for an hour: want %v", i, r, hour)
		}
	}
	// Of those that are named, what is not to run is left out.
	some, err := w.SessionsToRunOf(t.Context(), []backend.SessionID{w.session, leases[passed].SessionID, "none"})
	if err != nil || len(some) != 1 || some[0].ID != leases[passed].SessionID || some[0].Holder != "b" {
		t.Errorf("of the named: %+v, %v", some, err)
	}
}

// TestTheListenerNamesWhatChanged, once for each who asks.
func TestTheListenerNamesWhatChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	listener := postgres.NewListener(w.url, slog.New(slog.DiscardHandler))
	wake, changed, end := listener.SubscribeChanged()
	defer end()
	phases, endPhases := listener.SubscribeAll()
	defer endPhases()
	listen(t, listener)
	<-wake
	<-phases
	if sessions, all := changed(); !all || len(sessions) != 0 {
		t.Errorf("when it begins to listen: %v, any: %v", sessions, all)
	}
	// Of no interest to who drives sessions: a save, and the phase, which is told by another who does.
	w.save("f", "x")
	if err := w.SetPhase(t.Context(), w.lease("another"), backend.PhaseStarting, "", ""); err != nil {
		t.Fatal(err)
	}
	<-phases
	if sessions, all := changed(); all || len(sessions) != 0 {
		t.Errorf("after a phase: %v, any: %v", sessions, all)
	}
	if err := w.SetWanted(t.Context(), w.session, true, ""); err != nil {
		t.Fatal(err)
	}
	<-wake
	if sessions, all := changed(); all || !slices.Equal(sessions, []backend.SessionID{w.session}) {
		t.Errorf("after a change of one: %v, any: %v", sessions, all)
	}
	if sessions, all := changed(); all || len(sessions) != 0 {
		t.Errorf("the second time: %v, any: %v", sessions, all)
	}
}

// TestLeasesAreReleasedTogether, without waiting for who has one of the rows, and none that has passed to another holder.
func TestLeasesAreReleasedTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	leases, unlock := w.leases()
	listener := postgres.NewListener(w.url, slog.New(slog.DiscardHandler))
	wake, changed, unsubscribe := listener.SubscribeChanged()
	defer unsubscribe()
	listen(t, listener)
	<-wake // it listens
	changed()
	released, err := w.ReleaseLeases(t.Context(), leases)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(released)
	want := []backend.SessionID{leases[0].SessionID, leases[3].SessionID}
	slices.Sort(want)
	if !slices.Equal(released, want) {
		t.Errorf("released were %v, want %v", released, want)
	}
	var told []backend.SessionID
	for len(told) < len(want) {
		<-wake
		some, _ := changed()
		told = append(told, some...)
	}
	slices.Sort(told)
	if !slices.Equal(told, want) {
		t.Errorf("told was of %v, want %v", told, want)
	}
	unlock()
	for i, lease := range leases {
		_, err := w.AcquireLease(t.Context(), lease.SessionID, "c", time.Minute)
		if want := i == passed || i == locked; want != (backend.CodeOf(err) == backend.CodeConflict) {
			t.Errorf("the lease of %s: %v", lease.SessionID, err)
		}
	}
	if err := w.ReleaseLease(t.Context(), leases[locked]); err != nil {
		t.Error(err)
	}
}

// TestLeasesAreAcquiredTogether: those that nobody has, without waiting for who has one of the rows.
func TestLeasesAreAcquiredTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var ids []backend.SessionID
	var epochs []int64
	for range 5 {
		lease := w.wants(w.user, "a").lease
		if err := w.ReleaseLease(t.Context(), lease); err != nil {
			t.Fatal(err)
		}
		ids, epochs = append(ids, lease.SessionID), append(epochs, lease.Epoch)
	}
	const free, others, ours, ended = 0, 1, 3, 4
	for i, ttl := range map[int]time.Duration{others: time.Minute, ended: 0} {
		if _, err := w.AcquireLease(t.Context(), ids[i], "b", ttl); err != nil {
			t.Fatal(err)
		}
		epochs[i]++
	}
	if _, err := w.AcquireLease(t.Context(), ids[ours], "c", time.Minute); err != nil {
		t.Fatal(err)
	}
	epochs[ours]++
	unlock := w.lockRow(ids[locked])
	unknown := backend.SessionID("00000000-0000-0000-0000-000000000000")
	leases, busy, err := w.AcquireLeases(t.Context(), append(slices.Clone(ids), unknown, "none"), "c", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(busy, []backend.SessionID{ids[locked]}) {
		t.Errorf("busy are %v, want the session whose row is locked, %s", busy, ids[locked])
	}
	got := map[backend.SessionID]backend.Lease{}
	for _, lease := range leases {
		got[lease.SessionID] = lease
	}
	if len(got) != 3 {
		t.Errorf("acquired were %v", leases)
	}
	for _, i := range []int{free, ours, ended} {
		lease := got[ids[i]]
		if lease.Epoch != epochs[i]+1 || lease.Holder != "c" || lease.ExpiresAt.Before(time.Now().Add(30*time.Second)) {
			t.Errorf("lease %d is %+v, after epoch %d", i, lease, epochs[i])
		}
		if _, err := w.RenewLease(t.Context(), lease, time.Minute); err != nil {
			t.Errorf("lease %d cannot be renewed: %v", i, err)
		}
	}
	unlock()
}

// TestLeasesAreKeptBesideAllElse: while requests have all connections, and others wait for one.
func TestLeasesAreKeptBesideAllElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	waits, other := w.wants(w.user, "a").lease, w.wants(w.user, "a").lease
	narrow, err := postgres.Open(t.Context(), postgres.Config{URL: w.url, MaxConns: 1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(narrow.Close)
	unlock := w.lockRow(waits.SessionID)
	waited := make(chan error, 1)
	go func() {
		_, err := narrow.RenewLease(t.Context(), waits, time.Minute)
		waited <- err
	}()
	for narrow.Connections().InUse == 0 {
		runtime.Gosched()
	}
	renewed, err := narrow.RenewLeases(t.Context(), []backend.Lease{waits, other}, time.Minute)
	if err != nil || !slices.Equal(renewed, []backend.SessionID{other.SessionID}) {
		t.Errorf("renewed was the lease of %v, want that of %s: %v", renewed, other.SessionID, err)
	}
	if elected, err := narrow.Elect(t.Context(), "work", "a", time.Minute); err != nil || !elected {
		t.Errorf("an election beside it: %v, %v", elected, err)
	}
	if err := narrow.Beat(t.Context(), "a", time.Minute); err != nil {
		t.Error(err)
	}
	released, err := narrow.ReleaseLeases(t.Context(), []backend.Lease{waits, other})
	if err != nil || !slices.Equal(released, []backend.SessionID{other.SessionID}) {
		t.Errorf("released was the lease of %v, want that of %s: %v", released, other.SessionID, err)
	}
	acquired, busy, err := narrow.AcquireLeases(t.Context(), []backend.SessionID{other.SessionID}, "b", time.Minute)
	if err != nil || len(acquired) != 1 || len(busy) != 0 {
		t.Errorf("acquired were %v, busy %v: %v", acquired, busy, err)
	}
	select {
	case err := <-waited:
		t.Errorf("the row was not waited for: %v", err)
	default:
	}
	unlock()
	if err := <-waited; err != nil {
		t.Error(err)
	}
}

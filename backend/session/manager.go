package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	"codingplatform/backend/filesync"
	"codingplatform/backend/recording"
)

// Store is what the manager needs of the database.
type Store interface {
	filesync.Store
	recording.Store
	CreateRecording(ctx context.Context, recording backend.NewRecording) (backend.Recording, error)
	StopRecording(ctx context.Context, session backend.SessionID, terminal string) (backend.Recording, error)
	EndRecording(ctx context.Context, session backend.SessionID, id backend.RecordingID, reason string) (backend.Recording, error)
	SessionByID(ctx context.Context, id backend.SessionID) (backend.Session, error)
	// SessionsToRun returns sessions that want an environment, are in an active phase, or are deleted.
	SessionsToRun(ctx context.Context) ([]backend.ToRun, error)
	// SessionsToRunOf is SessionsToRun of those that are named.
	SessionsToRunOf(ctx context.Context, ids []backend.SessionID) ([]backend.ToRun, error)
	AcquireLease(ctx context.Context, id backend.SessionID, holder string, ttl time.Duration) (backend.Lease, error)
	// AcquireLeases acquires those that nobody else has. Busy are those of which a transaction has the row.
	AcquireLeases(ctx context.Context, ids []backend.SessionID, holder string, ttl time.Duration) (leases []backend.Lease, busy []backend.SessionID, err error)
	RenewLease(ctx context.Context, lease backend.Lease, ttl time.Duration) (backend.Lease, error)
	// RenewLeases renews those of one holder that can be renewed at once, and returns whose these are. Of the others nothing
	// is known.
	RenewLeases(ctx context.Context, leases []backend.Lease, ttl time.Duration) ([]backend.SessionID, error)
	ReleaseLease(ctx context.Context, lease backend.Lease) error
	// ReleaseLeases gives up those of one holder that can be at once, and returns whose these are. Of the others nothing is
	// known.
	ReleaseLeases(ctx context.Context, leases []backend.Lease) ([]backend.SessionID, error)
	SetWanted(ctx context.Context, id backend.SessionID, wanted bool, reason string) error
	SetPhase(ctx context.Context, lease backend.Lease, phase backend.Phase, reason string, environment backend.EnvironmentID) error
	// WarnStop tells that the session will stop by itself; a zero time takes it back. CodeStaleLease.
	WarnStop(ctx context.Context, lease backend.Lease, at time.Time, mayStay bool, reason string) error
	// Stay counts as use. CodeUnavailable when the session does not run.
	Stay(ctx context.Context, id backend.SessionID) error
	// TakePlace lets a session run, or says where it waits. CodeStaleLease.
	TakePlace(ctx context.Context, lease backend.Lease, limits backend.RunLimits) (backend.RunPlace, error)
	// Queued tells where it waits. CodeStaleLease.
	Queued(ctx context.Context, lease backend.Lease, turn int, reason string) error
	PurgeSession(ctx context.Context, id backend.SessionID) error
	// Elect makes holder the one that does the work of that name for ttl, or keeps it so; false while it is another.
	Elect(ctx context.Context, name, holder string, ttl time.Duration) (bool, error)
	// Resign lets another do it at once.
	Resign(ctx context.Context, name, holder string) error
}

// Auditor records what happened to environments.
type Auditor interface {
	AuditSession(ctx context.Context, action string, session backend.SessionID, detail map[string]any) error
}

// Wakes tells of changed rows; the rows are the truth.
type Wakes interface {
	// Subscribe wakes after changes of one session. The channel has capacity 1.
	Subscribe(session backend.SessionID) (<-chan struct{}, func())
	// SubscribeAll wakes after changes of any.
	SubscribeAll() (<-chan struct{}, func())
	// SubscribeChanged wakes after any starts or stops being wanted, or its lease is given up; changed returns which since it
	// was called last, or that it may have been any.
	SubscribeChanged() (wake <-chan struct{}, changed func() (sessions []backend.SessionID, all bool), end func())
}

// Config is what a Manager is made of. All fields but Env and Started are needed.
type Config struct {
	Store   Store
	Audit   Auditor
	Wakes   Wakes
	Runtime backend.Runtime
	Pool    *agentconn.Pool
	// Replica names this process; the same name after a restart takes over its own leases at once, so it must
	// be unique among the living.
	Replica string
	Policy  filesync.Policy
	Idle    IdlePolicy
	// Limits are how many sessions may run at once, on all replicas together.
	Limits backend.RunLimits
	// LeaseTTL is how long a dead replica's sessions wait for another.
	LeaseTTL time.Duration
	// StopEnvironments on Run's end, for a runtime whose environments nobody else can reach.
	StopEnvironments bool
	// StopGrace is how long an environment's programs have to end.
	StopGrace time.Duration
	// MaxRecordingBytes is the largest size of a recording.
	MaxRecordingBytes int64
	// Env is added to the environment of users' programs.
	Env map[string]string
	// Started is told of each environment that was started and has said hello, how, and how long that took; it may be nil.
	Started func(strategy string, took time.Duration)
	Logger  *slog.Logger
}

const (
	// Notifications may be lost; this finds what they would have told.
	reconcileInterval = 10 * time.Second
	// othersFirst is how long the replica that has been asked for a session, and serves who looks at it, has a start over those
	// that are told of it.
	othersFirst = 50 * time.Millisecond
	// expiryLeast is how soon it is looked again whether another replica's lease has ended.
	expiryLeast = 200 * time.Millisecond
	// drainTimeout bounds the flush and stop of all environments at the end of Run.
	drainTimeout = 25 * time.Second
)

// Manager drives the sessions of this replica.
type Manager struct {
	cfg          Config
	environments *environments
	status       *statusBoard

	// elected says whether this replica does the upkeep; orphans asks for a look when it begins to. Capacity 1.
	elected atomic.Bool
	orphans chan struct{}

	// again asks for a look at the sessions in left, whose supervisors have ended or that have been asked for here. Capacity 1.
	again chan struct{}

	releases    releases
	mu          sync.Mutex
	supervisors map[backend.SessionID]*supervisor
	left        []backend.SessionID
	draining    bool
	flushes     map[backend.SessionID]filesync.Flushed
}

// NewManager makes a Manager; it starts nothing.
func NewManager(cfg Config) *Manager {
	return &Manager{
		cfg: cfg, releases: releases{store: cfg.Store}, environments: newEnvironments(), status: newStatusBoard(), orphans: make(chan struct{}, 1), again: make(chan struct{}, 1),
		supervisors: map[backend.SessionID]*supervisor{}, flushes: map[backend.SessionID]filesync.Flushed{},
	}
}

// Driven is how many sessions this replica drives.
func (m *Manager) Driven() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.supervisors)
}

// Run reconciles until ctx is done, then drains, and returns ctx's cause or what made it impossible to go on.
func (m *Manager) Run(ctx context.Context) error {
	// Supervisors outlive ctx: they end by draining, within drainTimeout.
	work, stopWork := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopWork(nil)
	var supervisors sync.WaitGroup

	g, watching := errgroup.WithContext(ctx)
	g.Go(func() error {
		return m.cfg.Runtime.Watch(watching, m.environments.set)
	})
	g.Go(func() error { return m.lead(watching) })
	g.Go(func() error { return m.follow(watching, work, &supervisors) })
	renewing := make(chan struct{})
	go func() {
		defer close(renewing)
		m.renewLeases(work)
	}()
	err := g.Wait()
	m.drain(work, stopWork, &supervisors)
	stopWork(nil)
	<-renewing
	return err
}

// follow reconciles all sessions now and then, and those that have changed at once, until ctx is done. What it costs that
// one session starts does not depend on how many others there are.
func (m *Manager) follow(ctx, work context.Context, supervisors *sync.WaitGroup) error {
	wake, changed, unsubscribe := m.cfg.Wakes.SubscribeChanged()
	defer unsubscribe()
	ticker := time.NewTicker(reconcileInterval)
	defer ticker.Stop()
	expiry := time.NewTimer(reconcileInterval)
	defer expiry.Stop()
	var named, waiting []backend.SessionID
	turn := time.NewTimer(othersFirst)
	turn.Stop() // until somebody waits
	defer turn.Stop()
	var expires time.Time
	all, orphans := true, false
	for {
		ends, err := m.reconcile(ctx, work, supervisors, named, all, orphans)
		if err != nil && ctx.Err() == nil {
			m.cfg.Logger.ErrorContext(ctx, "reconciling sessions failed; trying again", "error", err)
		}
		if all {
			expires = time.Time{}
		}
		expires = earlier(expires, ends)
		// Of whom a failed look was is not kept: the next one is at all of them.
		all, orphans = err != nil, false
		// A replica that has died tells nobody: its leases are looked at when they can have ended.
		expiry.Stop() // with none, the ticker is enough
		if !expires.IsZero() {
			expiry.Reset(max(time.Until(expires), expiryLeast))
		}
		named = nil
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-wake:
		case <-m.again:
		case <-turn.C:
			named, waiting = waiting, nil
		case <-expiry.C:
			all = true
		case <-m.orphans:
			all, orphans = true, true
		case <-ticker.C:
			all, orphans = true, m.elected.Load()
		}
		sessions, lost := changed()
		all = all || lost
		for _, id := range sessions {
			switch {
			case m.drives(id):
				named = append(named, id)
			case waiting == nil:
				turn.Reset(othersFirst)
				fallthrough
			default:
				waiting = append(waiting, id)
			}
		}
		named = append(named, m.takeLeft()...)
	}
}

// earlier is the first of two times that are not zero.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// drives says whether this replica drives a session.
func (m *Manager) drives(id backend.SessionID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.supervisors[id] != nil
}

// lookAt has a session looked at, before what is told of it comes.
func (m *Manager) lookAt(id backend.SessionID) {
	m.mu.Lock()
	m.left = append(m.left, id)
	m.mu.Unlock()
	select {
	case m.again <- struct{}{}:
	default:
	}
}

func (m *Manager) takeLeft() []backend.SessionID {
	m.mu.Lock()
	defer m.mu.Unlock()
	left := m.left
	m.left = nil
	return left
}

// reconcile starts a supervisor for each session, of all or of those named, that needs one and whose lease is free. It
// returns when the first lease of another replica ends unless it is renewed; zero: there is none.
func (m *Manager) reconcile(
	ctx, work context.Context, supervisors *sync.WaitGroup, named []backend.SessionID, all, orphans bool,
) (expires time.Time, err error) {
	var sessions []backend.ToRun
	switch {
	case all:
		sessions, err = m.cfg.Store.SessionsToRun(ctx)
	case len(named) > 0:
		sessions, err = m.cfg.Store.SessionsToRunOf(ctx, named)
	}
	if err != nil {
		return expires, err
	}
	expires, serr := m.supervise(ctx, work, supervisors, sessions...)
	err = errors.Join(err, serr)
	if orphans {
		err = errors.Join(err, m.findOrphans(ctx, work, supervisors, sessions))
	}
	return expires, err
}

// findOrphans looks after environments of sessions that need none.
func (m *Manager) findOrphans(ctx, work context.Context, supervisors *sync.WaitGroup, sessions []backend.ToRun) error {
	known := make(map[backend.SessionID]bool, len(sessions))
	for _, s := range sessions {
		known[s.ID] = true
	}
	environments, err := m.cfg.Runtime.List(ctx)
	if err != nil {
		return err
	}
	for _, env := range environments {
		if known[env.SessionID] {
			continue
		}
		_, err := m.cfg.Store.SessionByID(ctx, env.SessionID)
		switch {
		case backend.CodeOf(err) == backend.CodeNotFound:
			m.cfg.Logger.WarnContext(ctx, "stopping an environment that belongs to no session", "session_id", env.SessionID, "environment_id", env.ID)
			err = errors.Join(m.cfg.Runtime.Stop(ctx, env.SessionID, env.ID, 0), m.cfg.Runtime.Remove(ctx, env.SessionID))
		case err == nil:
			// The supervisor finds that it is not wanted, and stops it.
			_, err = m.supervise(ctx, work, supervisors, backend.ToRun{ID: env.SessionID})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// acquireTogether is how many leases are acquired with one statement. Those of a replica that has gone are many, and all
// others want them: a few at a time, so that each gets some.
const acquireTogether = 32

// supervise starts a supervisor for each of these sessions, or wakes the one that there is when it has something to end. It
// returns when the first lease ends that another replica has.
func (m *Manager) supervise(ctx, work context.Context, supervisors *sync.WaitGroup, sessions ...backend.ToRun) (expires time.Time, err error) {
	var free []backend.SessionID
	m.mu.Lock()
	for _, session := range sessions {
		s, running := m.supervisors[session.ID]
		switch {
		case m.draining:
		case running:
			if !session.Wanted {
				s.wake()
			}
		case session.Holder != "" && session.Holder != m.cfg.Replica:
			expires = earlier(expires, session.LeaseEnds)
		default:
			free = append(free, session.ID)
		}
	}
	m.mu.Unlock()
	// In an order of one's own: all replicas look at the same moment.
	rand.Shuffle(len(free), func(i, j int) { free[i], free[j] = free[j], free[i] })
	for some := range slices.Chunk(free, acquireTogether) {
		alone := some
		if len(some) > 1 {
			var leases []backend.Lease
			asked := time.Now()
			leases, alone, err = m.cfg.Store.AcquireLeases(ctx, some, m.cfg.Replica, m.cfg.LeaseTTL)
			if err != nil {
				return expires, fmt.Errorf("acquire the leases of sessions: %w", err)
			}
			for _, lease := range leases {
				m.start(work, supervisors, lease)
			}
			if len(leases)+len(alone) < len(some) {
				// Another replica has the rest, for as long at most unless it renews them.
				expires = earlier(expires, asked.Add(m.cfg.LeaseTTL))
			}
		}
		for _, id := range alone {
			lease, err := m.cfg.Store.AcquireLease(ctx, id, m.cfg.Replica, m.cfg.LeaseTTL)
			switch code := backend.CodeOf(err); {
			case err == nil:
				m.start(work, supervisors, lease)
			case code == backend.CodeConflict || code == backend.CodeNotFound:
				// Another replica has it, or it has just been purged.
				expires = earlier(expires, lease.ExpiresAt)
			default:
				return expires, fmt.Errorf("acquire the lease of session %s: %w", id, err)
			}
		}
	}
	return expires, nil
}

// start has a session supervised under a lease.
func (m *Manager) start(work context.Context, supervisors *sync.WaitGroup, lease backend.Lease) {
	s := newSupervisor(m, lease)
	working, lose := context.WithCancelCause(work)
	s.lose = lose
	m.mu.Lock()
	m.supervisors[s.id] = s
	m.mu.Unlock()
	supervisors.Go(func() {
		s.run(working)
		m.mu.Lock()
		delete(m.supervisors, s.id)
		m.mu.Unlock()
		// What was told of it since the supervisor looked last, nobody has seen.
		m.lookAt(s.id)
	})
}

// drain ends all supervisors.
func (m *Manager) drain(work context.Context, stopWork context.CancelCauseFunc, supervisors *sync.WaitGroup) {
	m.mu.Lock()
	m.draining = true
	for _, s := range m.supervisors {
		s.drain()
	}
	m.mu.Unlock()
	timeout, cancel := context.WithTimeout(work, drainTimeout)
	defer cancel()
	stop := context.AfterFunc(timeout, func() { stopWork(errors.New("the drain took too long")) })
	defer stop()
	supervisors.Wait()
}

package postgres

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
)

const (
	listenRetryFirst = 100 * time.Millisecond
	listenRetryMost  = 5 * time.Second
)

// Listener wakes subscribers after rows have changed. It has a connection of its own, which must not go through a
// transaction-pooling proxy. After a lost connection everybody is woken, since notifications may have been lost.
type Listener struct {
	url    string
	logger *slog.Logger

	mu       sync.Mutex
	sessions map[backend.SessionID]map[*subscription]struct{}
	users    map[backend.UserID]map[*subscription]struct{}
	all      map[*subscription]struct{}
}

type subscription struct {
	wake chan struct{}
	// about says what it is for.
	about func(kind) bool
	// changed gathers the sessions, if it is not nil; all says that it may have been any. Listener.mu guards both.
	changed map[backend.SessionID]struct{}
	all     bool
}

func newSubscription(about func(kind) bool) *subscription {
	return &subscription{wake: make(chan struct{}, 1), about: about}
}

func aboutAccess(k kind) bool  { return k == kindShare || k == kindWanted }
func aboutViewers(k kind) bool { return k == kindViewers }

// aboutSession leaves out who looks on: they come and go, and nothing of the session is another for that.
func aboutSession(k kind) bool { return k != kindViewers }
func aboutAccount(kind) bool   { return true }
func aboutSignIns(k kind) bool { return k == kindSignIn }
func aboutAll(k kind) bool     { return k == kindPhase || aboutDriver(k) }

// aboutDriver leaves out phases: they are told by who drives the session, and to the others it makes no difference.
func aboutDriver(k kind) bool { return k == kindWanted || k == kindLease }

func (s *subscription) tell() {
	select {
	case s.wake <- struct{}{}:
	default: // it has not looked since the last time, and will
	}
}

// NewListener makes a Listener; Run makes it listen.
func NewListener(url string, logger *slog.Logger) *Listener {
	return &Listener{
		url: url, logger: logger, sessions: map[backend.SessionID]map[*subscription]struct{}{},
		users: map[backend.UserID]map[*subscription]struct{}{}, all: map[*subscription]struct{}{},
	}
}

// Subscribe wakes after changes of one session: its files, conflicts, phase, recordings, or whether it is wanted. The channel has
// capacity 1 and is not closed. The returned function ends it.
func (l *Listener) Subscribe(session backend.SessionID) (<-chan struct{}, func()) {
	return subscribe(&l.mu, l.sessions, session, newSubscription(aboutSession))
}

// SubscribeAccess is Subscribe for changes of what others may do with the session, and its deletion.
func (l *Listener) SubscribeAccess(session backend.SessionID) (<-chan struct{}, func()) {
	return subscribe(&l.mu, l.sessions, session, newSubscription(aboutAccess))
}

// SubscribeViewers wakes after somebody has opened the session or left it, as Subscribe does.
func (l *Listener) SubscribeViewers(session backend.SessionID) (<-chan struct{}, func()) {
	return subscribe(&l.mu, l.sessions, session, newSubscription(aboutViewers))
}

// SubscribeAccount wakes after changes of a user's settings, layouts, list of sessions or sign-ins, as Subscribe does.
func (l *Listener) SubscribeAccount(user backend.UserID) (<-chan struct{}, func()) {
	return subscribe(&l.mu, l.users, user, newSubscription(aboutAccount))
}

// SubscribeSignIns wakes after a sign-in of the user was ended by another.
func (l *Listener) SubscribeSignIns(user backend.UserID) (<-chan struct{}, func()) {
	return subscribe(&l.mu, l.users, user, newSubscription(aboutSignIns))
}

func subscribe[K comparable](mu *sync.Mutex, all map[K]map[*subscription]struct{}, key K, s *subscription) (<-chan struct{}, func()) {
	mu.Lock()
	defer mu.Unlock()
	of := all[key]
	if of == nil {
		of = map[*subscription]struct{}{}
		all[key] = of
	}
	of[s] = struct{}{}
	return s.wake, func() {
		mu.Lock()
		defer mu.Unlock()
		delete(of, s)
		if len(of) == 0 && len(all[key]) == 0 {
			delete(all, key)
		}
	}
}

// SubscribeAll wakes after any session starts or stops being wanted, changes its phase, or can be driven by another.
func (l *Listener) SubscribeAll() (<-chan struct{}, func()) {
	s := newSubscription(aboutAll)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all[s] = struct{}{}
	return s.wake, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.all, s)
	}
}

// SubscribeChanged wakes one who drives sessions, after any starts or stops being wanted or can be driven by another: changed
// returns which since it was called last, or that it may have been any of them.
func (l *Listener) SubscribeChanged() (wake <-chan struct{}, changed func() (sessions []backend.SessionID, all bool), end func()) {
	s := newSubscription(aboutDriver)
	s.changed = map[backend.SessionID]struct{}{}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all[s] = struct{}{}
	changed = func() (sessions []backend.SessionID, all bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		sessions, all = slices.Collect(maps.Keys(s.changed)), s.all
		s.changed, s.all = map[backend.SessionID]struct{}{}, false
		return sessions, all
	}
	return s.wake, changed, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.all, s)
	}
}

// Run listens until ctx is done, and returns its cause.
func (l *Listener) Run(ctx context.Context) error {
	delay := listenRetryFirst
	for {
		connected, err := l.listen(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if connected {
			delay = listenRetryFirst
		}
		l.logger.WarnContext(ctx, "listening to the database failed; trying again", "error", err, "delay", delay)
		timer := time.NewTimer(delay/2 + rand.N(delay))
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
		delay = min(2*delay, listenRetryMost)
	}
}

func (l *Listener) listen(ctx context.Context) (connected bool, err error) {
	config, err := pgx.ParseConfig(l.url)
	if err != nil {
		return false, backend.Errorf(backend.CodeInvalid, "read the database URL: %w", err)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false, wrap(err, "connect to listen")
	}
	defer func() {
		timeout, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
		defer cancel()
		// Nothing is lost with it.
		_ = conn.Close(timeout)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return false, wrap(err, "listen")
	}
	l.wakeEverybody()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return true, wrap(err, "wait for notifications")
		}
		var told notification
		if err := json.Unmarshal([]byte(n.Payload), &told); err != nil {
			l.logger.WarnContext(ctx, "a notification cannot be read; waking everybody", "payload", n.Payload, "error", err)
			l.wakeEverybody()
			continue
		}
		l.wake(told)
	}
}

func (l *Listener) wake(told notification) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, of := range []map[*subscription]struct{}{l.sessions[told.Session], l.users[told.User], l.all} {
		for s := range of {
			if !s.about(told.Kind) {
				continue
			}
			if s.changed != nil {
				s.changed[told.Session] = struct{}{}
			}
			s.tell()
		}
	}
}

func (l *Listener) wakeEverybody() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, of := range l.sessions {
		for s := range of {
			s.tell()
		}
	}
	for _, of := range l.users {
		for s := range of {
			s.tell()
		}
	}
	for s := range l.all {
		s.all = true
		s.tell()
	}
}

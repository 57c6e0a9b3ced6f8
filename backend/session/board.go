package session

import (
	"sync"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/filesync"
)

// endedLife is how long it is remembered that an environment has ended: for the supervisor that is about to ask, on this
// replica or on none.
const endedLife = 10 * time.Minute

// environments is what the runtime's watch has told.
type environments struct {
	mu   sync.Mutex
	byID map[backend.EnvironmentID]backend.Environment
	// moved has a channel for each that is waited for, closed after its next change: a change of one wakes nobody else.
	moved map[backend.EnvironmentID]chan struct{}
	// ended are those that have, the first one first.
	ended []endedEnvironment
}

type endedEnvironment struct {
	id backend.EnvironmentID
	at time.Time
}

func newEnvironments() *environments {
	return &environments{byID: map[backend.EnvironmentID]backend.Environment{}, moved: map[backend.EnvironmentID]chan struct{}{}}
}

func (e *environments) set(env backend.Environment) {
	now := time.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	for len(e.ended) > 0 && now.Sub(e.ended[0].at) > endedLife {
		delete(e.byID, e.ended[0].id)
		e.ended = e.ended[1:]
	}
	if env.Phase == backend.EnvironmentEnded {
		e.ended = append(e.ended, endedEnvironment{env.ID, now})
	}
	e.byID[env.ID] = env
	e.release(env.ID)
}

// get returns what is known of an environment, and a channel that closes after its next change.
func (e *environments) get(id backend.EnvironmentID) (env backend.Environment, known bool, moved <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	env, known = e.byID[id]
	if e.moved[id] == nil {
		e.moved[id] = make(chan struct{})
	}
	return env, known, e.moved[id]
}

// leave says that an environment is waited for no more.
func (e *environments) leave(id backend.EnvironmentID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.release(id)
}

func (e *environments) forget(id backend.EnvironmentID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.byID, id)
	e.release(id)
}

// release wakes who waits; the caller holds the lock.
func (e *environments) release(id backend.EnvironmentID) {
	if moved, waited := e.moved[id]; waited {
		close(moved)
		delete(e.moved, id)
	}
}

// statusBoard holds the sync status of the sessions that this replica drives.
type statusBoard struct {
	mu       sync.Mutex
	statuses map[backend.SessionID]filesync.Status
	watchers map[backend.SessionID]map[chan struct{}]struct{}
}

func newStatusBoard() *statusBoard {
	return &statusBoard{
		statuses: map[backend.SessionID]filesync.Status{},
		watchers: map[backend.SessionID]map[chan struct{}]struct{}{},
	}
}

func (b *statusBoard) set(id backend.SessionID, status filesync.Status) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if status == (filesync.Status{}) {
		delete(b.statuses, id)
	} else {
		b.statuses[id] = status
	}
	for c := range b.watchers[id] {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func (b *statusBoard) get(id backend.SessionID) filesync.Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.statuses[id]
}

func (b *statusBoard) watch(id backend.SessionID) (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.watchers[id] == nil {
		b.watchers[id] = map[chan struct{}]struct{}{}
	}
	b.watchers[id][c] = struct{}{}
	return c, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.watchers[id], c)
		if len(b.watchers[id]) == 0 {
			delete(b.watchers, id)
		}
	}
}

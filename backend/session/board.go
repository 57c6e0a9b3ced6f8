package session

import (
	"sync"

	"codingplatform/backend"
	"codingplatform/backend/filesync"
)

// environments is what the runtime's watch has told.
type environments struct {
	mu    sync.Mutex
	byID  map[backend.EnvironmentID]backend.Environment
	moved chan struct{} // closed and replaced after each change
}

func newEnvironments() *environments {
	return &environments{byID: map[backend.EnvironmentID]backend.Environment{}, moved: make(chan struct{})}
}

func (e *environments) set(env backend.Environment) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.byID[env.ID] = env
	close(e.moved)
	e.moved = make(chan struct{})
}

// get returns what is known of an environment, and a channel that closes after the next change of any.
func (e *environments) get(id backend.EnvironmentID) (env backend.Environment, known bool, moved <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	env, known = e.byID[id]
	return env, known, e.moved
}

func (e *environments) forget(id backend.EnvironmentID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.byID, id)
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

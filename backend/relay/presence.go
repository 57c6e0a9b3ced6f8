package relay

import (
	"slices"
	"strings"
	"sync"

	"codingplatform/backend"
)

// presence is who has a workspace open on this replica.
type presence struct {
	mu       sync.Mutex
	sessions map[backend.SessionID]map[string]*watcher
}

type watcher struct {
	viewer viewer
	wake   chan struct{} // capacity 1
}

func newPresence() *presence {
	return &presence{sessions: map[backend.SessionID]map[string]*watcher{}}
}

// join adds a viewer; wake fires after each change, this one included.
func (p *presence) join(id backend.SessionID, v viewer) (wake <-chan struct{}, leave func()) {
	w := &watcher{viewer: v, wake: make(chan struct{}, 1)}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sessions[id] == nil {
		p.sessions[id] = map[string]*watcher{}
	}
	p.sessions[id][v.Connection] = w
	p.wakeLocked(id)
	return w.wake, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.sessions[id], v.Connection)
		if len(p.sessions[id]) == 0 {
			delete(p.sessions, id)
			return
		}
		p.wakeLocked(id)
	}
}

func (p *presence) wakeLocked(id backend.SessionID) {
	for _, w := range p.sessions[id] {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// list returns the viewers by name.
func (p *presence) list(id backend.SessionID) []viewer {
	p.mu.Lock()
	defer p.mu.Unlock()
	viewers := make([]viewer, 0, len(p.sessions[id]))
	for _, w := range p.sessions[id] {
		viewers = append(viewers, w.viewer)
	}
	slices.SortFunc(viewers, func(a, b viewer) int {
		return strings.Compare(a.Username+"\x00"+a.Connection, b.Username+"\x00"+b.Connection)
	})
	return viewers
}

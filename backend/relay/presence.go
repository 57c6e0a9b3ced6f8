package relay

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"codingplatform/backend"
)

const (
	// viewersInterval is between renewals of this replica's viewers, viewersTTL how long a row stays without.
	viewersInterval = 15 * time.Second
	viewersTTL      = 3 * viewersInterval
	// beatInterval is between this replica's signs of life, beatTTL how long one holds: the viewers of a dead replica are
	// dropped by another at its next beat after that. A beat is one row, however many viewers there are.
	beatInterval = 3 * time.Second
	beatTTL      = 10 * time.Second
	// leaveTimeout bounds how long a socket's end waits for the row to go; what stays is dropped by the next renewal.
	leaveTimeout = 2 * time.Second
)

// presence is who has a workspace open on this replica. The other replicas learn of it from the rows, as this one does
// of them.
type presence struct {
	replica string

	mu       sync.Mutex
	sessions map[backend.SessionID]map[string]*watcher
}

type watcher struct {
	viewer viewer
	wake   chan struct{} // capacity 1
}

func newPresence(replica string) *presence {
	return &presence{replica: replica, sessions: map[backend.SessionID]map[string]*watcher{}}
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
		signal(w.wake)
	}
}

// with adds the viewers of this replica to rows, whose own are left out: they come later than what they tell. The list
// is by name.
func (p *presence) with(id backend.SessionID, rows []backend.Viewer) []viewer {
	viewers := []viewer{}
	for _, row := range rows {
		if row.Replica != p.replica {
			viewers = append(viewers, viewer{Connection: row.Connection, Username: row.Username})
		}
	}
	p.mu.Lock()
	for _, w := range p.sessions[id] {
		viewers = append(viewers, w.viewer)
	}
	p.mu.Unlock()
	slices.SortFunc(viewers, func(a, b viewer) int {
		return strings.Compare(a.Username+"\x00"+a.Connection, b.Username+"\x00"+b.Connection)
	})
	return viewers
}

// all lists the viewers of this replica as rows.
func (p *presence) all() []backend.Viewer {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []backend.Viewer
	for id, of := range p.sessions {
		for _, w := range of {
			list = append(list, p.row(id, w.viewer))
		}
	}
	return list
}

func (p *presence) row(id backend.SessionID, v viewer) backend.Viewer {
	return backend.Viewer{SessionID: id, Connection: v.Connection, Replica: p.replica, Username: v.Username}
}

// enter adds a viewer here and for the other replicas. A database that is away is told by the next renewal.
func (h *Handler) enter(ctx context.Context, id backend.SessionID, v viewer) (wake <-chan struct{}, leave func()) {
	wake, left := h.presence.join(id, v)
	row := h.presence.row(id, v)
	if err := h.cfg.Store.AddViewer(ctx, row, viewersTTL); err != nil && ctx.Err() == nil {
		h.cfg.Logger.WarnContext(ctx, "the other replicas are told of a viewer later", "session_id", id, "error", err)
	}
	return wake, func() {
		left()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
		defer cancel()
		if err := h.cfg.Store.RemoveViewer(ctx, row); err != nil {
			h.cfg.Logger.WarnContext(ctx, "the other replicas are told later that a viewer left", "session_id", id, "error", err)
		}
	}
}

// Run keeps the rows of this replica's viewers, and says that it lives, until ctx ends, and returns its cause. What a
// former process of this name has left goes at once.
func (h *Handler) Run(ctx context.Context) error {
	keep, beat := time.NewTicker(viewersInterval), time.NewTicker(beatInterval)
	defer keep.Stop()
	defer beat.Stop()
	h.keepViewers(ctx)
	h.beat(ctx)
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-keep.C:
			h.keepViewers(ctx)
		case <-beat.C:
			h.beat(ctx)
		}
	}
}

func (h *Handler) keepViewers(ctx context.Context) {
	try, cancel := context.WithTimeout(ctx, beatTTL/2)
	defer cancel()
	if err := h.cfg.Store.KeepViewers(try, h.cfg.Replica, h.presence.all(), viewersTTL); err != nil && ctx.Err() == nil {
		h.cfg.Logger.WarnContext(ctx, "the viewers could not be told to the other replicas; it is tried again", "error", err)
	}
}

func (h *Handler) beat(ctx context.Context) {
	try, cancel := context.WithTimeout(ctx, beatInterval)
	defer cancel()
	if err := h.cfg.Store.Beat(try, h.cfg.Replica, beatTTL); err != nil && ctx.Err() == nil {
		// With the database away this comes often, and others have said so.
		h.cfg.Logger.DebugContext(ctx, "the other replicas cannot be told that this one lives; it is tried again", "error", err)
	}
}

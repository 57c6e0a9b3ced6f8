package relay

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"connectrpc.com/connect"
	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"

	"codingplatform/backend"
	"codingplatform/backend/filesync"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

const (
	// changesPerMessage is asked of the feed at once; more follows at once.
	changesPerMessage = 1000
	// Notifications may be lost; this finds what they would have told.
	lookInterval = 15 * time.Second
)

// events is one client's event stream. Its state is what the client has been told.
type events struct {
	h  *Handler
	s  *socket
	id backend.SessionID
	// guest may see the terminals that are shared and whether anything runs, no files.
	guest bool

	status    statusMessage
	revision  int64
	sync      filesync.Status
	conflicts map[backend.Conflict]bool
	viewers   []viewer
}

// errGone is the end of a client that left.
var errGone = &closeError{websocket.StatusNormalClosure, "the client left"}

func (h *Handler) serveEvents(ctx context.Context, s *socket, user backend.User, q query) error {
	// The client sends nothing; reading notices its leaving and answers pings.
	gone := s.conn.CloseRead(s.open)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(gone, func() { cancel(errGone) })()
	defer s.keepAlive(alive).Stop()
	e := &events{h: h, s: s, id: q.session, guest: !q.access.CanView(), conflicts: map[backend.Conflict]bool{}}

	wake, unsubscribe := h.cfg.Wakes.Subscribe(q.session)
	defer unsubscribe()
	viewersWake, unfollow := h.cfg.Wakes.SubscribeViewers(q.session)
	defer unfollow()
	syncWake, unwatch := h.cfg.Sessions.WatchSyncStatus(q.session)
	defer unwatch()
	presenceWake, leave := h.enter(ctx, q.session, viewer{Connection: rand.Text()[:8], Username: user.Username})
	defer leave()

	if err := e.begin(ctx, q); err != nil {
		return err
	}
	terminals := make(chan []*agentv1.TerminalInfo)
	ready := make(chan struct{}, 1)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return h.watchTerminals(ctx, q.session, ready, terminals) })
	g.Go(func() error {
		ticker := time.NewTicker(lookInterval)
		defer ticker.Stop()
		for {
			if e.status.Phase == backend.PhaseReady {
				signal(ready)
			}
			var err error
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-wake:
				err = e.look(ctx)
			case <-ticker.C:
				if err = e.look(ctx); err == nil {
					err = e.tellPresence(ctx)
				}
			case <-syncWake:
				err = e.tellSync(ctx)
			case <-presenceWake: // on this replica
				err = e.tellPresence(ctx)
			case <-viewersWake:
				err = e.tellPresence(ctx)
			case list := <-terminals:
				err = s.send(ctx, terminalsMessage{"terminals", TerminalsFor(q.access, NewTerminals(list))})
			}
			if err != nil {
				return err
			}
		}
	})
	return g.Wait()
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// begin tells where everything stands.
func (e *events) begin(ctx context.Context, q query) error {
	session, err := e.h.cfg.Store.SessionByID(ctx, e.id)
	if err != nil {
		return err
	}
	e.status = newStatus(session)
	if err := e.s.send(ctx, e.status); err != nil {
		return err
	}
	if e.guest {
		return nil
	}
	if e.revision = q.revision; !q.hasRevision {
		if err := e.reset(ctx); err != nil {
			return err
		}
	}
	if err := e.look(ctx); err != nil {
		return err
	}
	if q.hasRevision && e.revision == q.revision {
		// Nothing has changed: say so, since the client waits for where it stands.
		if err := e.s.send(ctx, filesMessage{Type: "files", Revision: e.revision, Changes: []changeEntry{}}); err != nil {
			return err
		}
	}
	return e.tellSync(ctx)
}

// reset has the client fetch the tree.
func (e *events) reset(ctx context.Context) error {
	revision, err := e.h.cfg.Store.Revision(ctx, e.id)
	if err != nil {
		return err
	}
	e.revision = revision
	return e.s.send(ctx, filesMessage{Type: "files", Revision: revision, Reset: true, Changes: []changeEntry{}})
}

// look compares the rows with what the client has been told.
func (e *events) look(ctx context.Context) error {
	session, err := e.h.cfg.Store.SessionByID(ctx, e.id)
	if err != nil {
		return err
	}
	if !session.TrashedAt.IsZero() {
		return backend.Errorf(backend.CodeNotFound, "this session was deleted")
	}
	if m := newStatus(session); m != e.status {
		e.status = m
		if err := e.s.send(ctx, m); err != nil {
			return err
		}
	}
	if e.guest {
		return nil
	}
	for {
		changes, last, reaches, err := e.h.cfg.Store.ChangesSince(ctx, e.id, e.revision, changesPerMessage)
		if err != nil {
			return err
		}
		if !reaches {
			if err := e.reset(ctx); err != nil {
				return err
			}
			break
		}
		if len(changes) == 0 {
			break
		}
		e.revision = last
		m := filesMessage{Type: "files", Revision: last, Changes: make([]changeEntry, 0, len(changes))}
		for _, c := range changes {
			m.Changes = append(m.Changes, newChange(c))
		}
		if err := e.s.send(ctx, m); err != nil {
			return err
		}
	}
	return e.tellConflicts(ctx)
}

func (e *events) tellConflicts(ctx context.Context) error {
	open, err := e.h.cfg.Store.OpenConflicts(ctx, e.id)
	if err != nil {
		return err
	}
	for c := range e.conflicts {
		if slices.Contains(open, c) {
			continue
		}
		delete(e.conflicts, c)
		if err := e.s.send(ctx, newConflict(c, true, "")); err != nil {
			return err
		}
	}
	for _, c := range open {
		if e.conflicts[c] {
			continue
		}
		e.conflicts[c] = true
		err := e.s.send(ctx, newConflict(c, false, "The editor and the environment changed this file at the same time. Both versions are kept in its history."))
		if err != nil {
			return err
		}
	}
	return nil
}

// tellPresence tells who has the workspace open, on all replicas.
func (e *events) tellPresence(ctx context.Context) error {
	rows, err := e.h.cfg.Store.Viewers(ctx, e.id)
	if err != nil {
		return err
	}
	viewers := e.h.presence.with(e.id, rows)
	if slices.Equal(viewers, e.viewers) {
		return nil
	}
	e.viewers = viewers
	return e.s.send(ctx, presenceMessage{"presence", viewers})
}

func (e *events) tellSync(ctx context.Context) error {
	status := e.h.cfg.Sessions.SyncStatus(e.id)
	if status == e.sync || e.guest {
		return nil
	}
	e.sync = status
	return e.s.send(ctx, newSync(status))
}

// watchTerminals follows the agent's list while there is an agent.
func (h *Handler) watchTerminals(ctx context.Context, id backend.SessionID, ready <-chan struct{}, out chan<- []*agentv1.TerminalInfo) error {
	tell := func(list []*agentv1.TerminalInfo) bool {
		select {
		case out <- list:
			return true
		case <-ctx.Done():
			return false
		}
	}
	if !tell(nil) {
		return context.Cause(ctx)
	}
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ready:
		}
		conn, err := h.cfg.Sessions.Conn(ctx, id)
		if err != nil {
			h.cfg.Logger.DebugContext(ctx, "no agent to list terminals", "session_id", id, "error", err)
			continue
		}
		stream, err := conn.Terminals.WatchTerminals(ctx, connect.NewRequest(&agentv1.WatchTerminalsRequest{}))
		if err != nil {
			h.cfg.Logger.DebugContext(ctx, "the terminals cannot be watched", "session_id", id, "error", err)
			continue
		}
		for stream.Receive() {
			if !tell(stream.Msg().GetTerminals()) {
				break
			}
		}
		h.cfg.Logger.DebugContext(ctx, "the list of terminals ended", "session_id", id, "error", stream.Err())
		_ = stream.Close()
		if !tell(nil) {
			return context.Cause(ctx)
		}
	}
}

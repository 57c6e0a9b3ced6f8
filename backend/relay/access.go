package relay

import (
	"context"
	"slices"
	"time"

	"github.com/coder/websocket"

	"codingplatform/backend"
	"codingplatform/backend/postgres"
	"codingplatform/backend/reqctx"
)

// closeForbidden: access was never given, was revoked, or has expired. The client leaves.
const closeForbidden websocket.StatusCode = 4403

// accessTimeout is how long the database has to say what a user may still do, once a share has run out.
const accessTimeout = 5 * time.Second

// mode is what a socket may do: with a terminal, or for an event stream with the workspace.
func (q *query) mode(a backend.Access) backend.ShareMode {
	mode := a.Workspace()
	if q.terminal != "" {
		mode = a.Terminal(q.terminal)
	}
	if mode != "" && q.wantsView {
		mode = backend.ShareView
	}
	return mode
}

// allow settles what a socket may do of what it asks for.
func (q *query) allow(a backend.Access) error {
	mode := q.mode(a)
	if q.terminal != "" && mode == "" {
		return &closeError{closeForbidden, "this terminal is not shared with you"}
	}
	q.access, q.view, q.canCreate = a, mode == backend.ShareView, a.CanWrite()
	return nil
}

// guard cuts a guest's socket when what it may do has become less, and has it reconnect when it has become something
// else. Owners have no guard: what is theirs stays theirs until the session is gone, which other parts notice.
func (h *Handler) guard(ctx context.Context, s *socket, user backend.User, q query) {
	if q.access.Owner {
		return
	}
	wake, unsubscribe := h.cfg.Wakes.SubscribeAccess(q.session)
	defer unsubscribe()
	known := q.access
	// A notification may be lost, and a clock may differ from the database's.
	ticker := time.NewTicker(lookInterval)
	defer ticker.Stop()
	for {
		if end := h.recheck(ctx, user, q, &known); end != nil {
			s.cancel(end)
			return
		}
		// At least a little, for a clock that is ahead of the database's.
		expiry := time.NewTimer(max(time.Until(known.NextExpiry()), 100*time.Millisecond))
		select {
		case <-ctx.Done():
		case <-wake:
		case <-ticker.C:
		case <-expiry.C:
		}
		expiry.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// recheck says how a guest's socket has to end, nil: it goes on.
func (h *Handler) recheck(ctx context.Context, user backend.User, q query, known *backend.Access) *closeError {
	asked, cancel := context.WithTimeout(ctx, accessTimeout)
	defer cancel()
	_, now, err := h.cfg.Store.Access(asked, user.ID, q.session)
	expired := !time.Now().Before(known.NextExpiry())
	switch {
	case backend.CodeOf(err) == backend.CodeNotFound, err == nil && q.mode(now) == "" && q.mode(*known) != "", err == nil && !now.Any():
		if expired {
			return &closeError{closeForbidden, "access has expired"}
		}
		return &closeError{closeForbidden, "access was revoked"}
	case err != nil && expired:
		// The database does not answer: what is known says that it is over, or may be.
		return &closeError{websocket.StatusServiceRestart, "access has to be looked at again"}
	case err != nil:
		if ctx.Err() == nil {
			h.cfg.Logger.WarnContext(ctx, "a guest's access could not be looked at; trying again", "session_id", q.session, "error", err)
		}
		return nil
	case q.mode(now) != q.mode(*known) || now.CanWrite() != known.CanWrite() || q.terminal == "" && !slices.Equal(scope(now), scope(*known)):
		return &closeError{websocket.StatusServiceRestart, "what is shared with you has changed"}
	}
	*known = now
	return nil
}

// scope is what the grants of an event stream's guest are for.
func scope(a backend.Access) []string {
	names := make([]string, 0, len(a.Grants))
	for _, g := range a.Grants {
		names = append(names, g.Terminal)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// auditGuest notes that a guest has attached a terminal.
func (h *Handler) auditGuest(ctx context.Context, user backend.User, q query) error {
	if q.access.Owner {
		return nil
	}
	return h.cfg.Store.Audit(ctx, postgres.AuditEntry{
		Action: "terminal.attach", UserID: user.ID, SessionID: q.session,
		RemoteAddr: reqctx.ClientOf(ctx).Addr, RequestID: reqctx.RequestID(ctx),
		Detail: map[string]any{"terminal": q.terminal, "mode": q.mode(q.access)},
	})
}

// TerminalsFor are those of a list that a user may see, never nil. Whom a terminal was shared with before it was renamed
// sees it by the name that is shared, by which it can be attached.
func TerminalsFor(a backend.Access, all []Terminal) []Terminal {
	seen := make([]Terminal, 0, len(all))
	for _, t := range all {
		if a.Terminal(t.Name) == "" {
			if at := slices.IndexFunc(t.FormerNames, func(name string) bool { return a.Terminal(name) != "" }); at >= 0 {
				t.Name, t.FormerNames = t.FormerNames[at], []string{}
			}
		}
		if a.Terminal(t.Name) != "" {
			if t.Watchers == nil {
				t.Watchers = []terminalWatcher{}
			}
			seen = append(seen, t)
		}
	}
	return seen
}

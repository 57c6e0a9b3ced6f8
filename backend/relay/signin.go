package relay

import (
	"context"
	"time"

	"codingplatform/backend"
)

// signInGuard watches over one sign-in, for all sockets that were opened with it. Handler.mu guards the set.
type signInGuard struct {
	sockets map[*socket]struct{}
	stop    context.CancelFunc
	stopped chan struct{}
}

// guardSignIn ends a socket when the sign-in that it was opened with ends, until release is called.
func (h *Handler) guardSignIn(ctx context.Context, s *socket, user backend.UserID, signIn backend.SignInID) (release func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := h.signIns[signIn]
	if g == nil {
		// The socket that came first may go first.
		ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
		g = &signInGuard{sockets: map[*socket]struct{}{}, stop: stop, stopped: make(chan struct{})}
		h.signIns[signIn] = g
		go func() {
			defer close(g.stopped)
			h.watchSignIn(ctx, g, user, signIn)
		}()
	}
	g.sockets[s] = struct{}{}
	return func() {
		if h.unguard(g, s, signIn) {
			g.stop()
			<-g.stopped
		}
	}
}

// unguard takes a socket away, and says whether it was the last.
func (h *Handler) unguard(g *signInGuard, s *socket, signIn backend.SignInID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(g.sockets, s)
	if len(g.sockets) > 0 {
		return false
	}
	h.forgetGuard(g, signIn)
	return true
}

// forgetGuard leaves a sign-in's later guard alone. The caller holds h.mu.
func (h *Handler) forgetGuard(g *signInGuard, signIn backend.SignInID) {
	if h.signIns[signIn] == g {
		delete(h.signIns, signIn)
	}
}

func (h *Handler) watchSignIn(ctx context.Context, g *signInGuard, user backend.UserID, signIn backend.SignInID) {
	wake, unsubscribe := h.cfg.Wakes.SubscribeSignIns(user)
	defer unsubscribe()
	ticker := time.NewTicker(signInInterval)
	defer ticker.Stop()
	for {
		err := h.cfg.Store.CheckSignIn(ctx, signIn)
		switch {
		case ctx.Err() != nil:
			return
		case backend.CodeOf(err) == backend.CodeUnauthenticated:
			h.endSignIn(g, signIn)
			return
		case err != nil:
			h.cfg.Logger.WarnContext(ctx, "a sign-in could not be looked at; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-ticker.C:
		}
	}
}

// endSignIn ends the sockets of a sign-in. One that comes later has a guard of its own, which looks again.
func (h *Handler) endSignIn(g *signInGuard, signIn backend.SignInID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forgetGuard(g, signIn)
	for s := range g.sockets {
		s.cancel(&closeError{closeUnauthenticated, "signed out"})
	}
}

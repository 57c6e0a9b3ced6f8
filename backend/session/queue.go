package session

import (
	"context"
	"fmt"
	"time"

	"codingplatform/backend"
)

// place waits until the session may run, by the limits of running sessions. errUnwanted and errDrained as in serve.
func (s *supervisor) place(ctx context.Context) error {
	limits := s.m.cfg.Limits
	// Any replica's sessions that stop make room; what a lost notification would have told is found by the ticker.
	wake, unsubscribe := s.m.cfg.Wakes.SubscribeAll()
	defer unsubscribe()
	ticker := time.NewTicker(reconcileInterval)
	defer ticker.Stop()
	told := backend.RunPlace{}
	for {
		place, err := s.m.cfg.Store.TakePlace(ctx, s.lease, limits)
		if err != nil {
			return cause(ctx, err)
		}
		if place.Granted {
			return nil
		}
		if place != told {
			told = place
			if err := s.m.cfg.Store.Queued(ctx, s.lease, place.Turn, queueReason(place, limits)); err != nil {
				return cause(ctx, err)
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.drained:
			return errLeaving
		case <-s.woken:
		case <-wake:
		case <-ticker.C:
		}
		session, err := s.m.cfg.Store.SessionByID(ctx, s.id)
		if backend.CodeOf(err) == backend.CodeNotFound || err == nil && !session.Wanted {
			return errUnwanted
		}
		if err != nil {
			return cause(ctx, err)
		}
	}
}

// queueReason names the limit, the place, and what to do.
func queueReason(p backend.RunPlace, limits backend.RunLimits) string {
	if p.UserFull {
		return fmt.Sprintf("Waiting: you have %s running, as many as are allowed at once. Stop one of them and this one starts", sessions(p.UserRunning))
	}
	where := "it is the next to start"
	if p.Turn > 1 {
		where = fmt.Sprintf("it is number %d of %d that wait", p.Turn, p.Length)
	}
	return fmt.Sprintf("Waiting for room: %s run here, as many as are allowed at once (%d); %s. It starts by itself when others stop",
		sessions(p.Running), limits.Total, where)
}

func sessions(n int) string {
	if n == 1 {
		return "1 session"
	}
	return fmt.Sprintf("%d sessions", n)
}

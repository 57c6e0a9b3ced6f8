package session

import (
	"context"
	"errors"
	"time"

	"codingplatform/backend"
)

// upkeep is what one replica does for all: environments that belong to no session are stopped, and a runtime that has
// something to look after does so.
const upkeep = "upkeep"

var errNotElected = errors.New("another replica was elected, or may have been")

// lead has this replica stand for election until ctx is done, and do the upkeep as long as it is elected. Two that
// believe so for a moment do no harm: each step is right whoever takes it.
func (m *Manager) lead(ctx context.Context) error {
	ttl := m.cfg.LeaseTTL
	ticker := time.NewTicker(ttl / 3)
	defer ticker.Stop()
	var stop context.CancelCauseFunc
	ended := make(chan struct{})
	resign := func() {
		if stop != nil {
			stop(errNotElected)
			<-ended
			stop = nil
		}
	}
	var good time.Time
	for {
		started := time.Now()
		try, cancel := context.WithTimeout(ctx, ttl/3)
		elected, err := m.cfg.Store.Elect(try, upkeep, m.cfg.Replica, ttl)
		cancel()
		switch {
		case err == nil && elected:
			good = started
			if stop == nil {
				m.cfg.Logger.InfoContext(ctx, "elected to look after what belongs to no session")
				var working context.Context
				working, stop = context.WithCancelCause(ctx)
				ended = make(chan struct{})
				go func() {
					defer close(ended)
					m.upkeep(working)
				}()
			}
		case err == nil || time.Since(good) > ttl:
			// The row says so, or it cannot be known any more.
			resign()
		}
		if err != nil && ctx.Err() == nil {
			m.cfg.Logger.WarnContext(ctx, "standing for election failed; trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			was := stop != nil
			resign()
			if !was {
				return context.Cause(ctx)
			}
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), ttl/3)
			defer cancel()
			if err := m.cfg.Store.Resign(last, upkeep, m.cfg.Replica); err != nil {
				m.cfg.Logger.WarnContext(ctx, "the election could not be given up; it ends by itself", "error", err)
			}
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// upkeep does the work until ctx is done. The environments of no session are Run's to look for, since it alone starts
// supervisors.
func (m *Manager) upkeep(ctx context.Context) {
	m.elected.Store(true)
	defer m.elected.Store(false)
	select {
	case m.orphans <- struct{}{}:
	default:
	}
	if tender, needs := m.cfg.Runtime.(backend.Tender); needs {
		tender.Tend(ctx, m.exists)
	}
	<-ctx.Done()
}

// exists says whether there is such a session, one in the trash included.
func (m *Manager) exists(ctx context.Context, id backend.SessionID) (bool, error) {
	_, err := m.cfg.Store.SessionByID(ctx, id)
	if backend.CodeOf(err) == backend.CodeNotFound {
		return false, nil
	}
	return err == nil, err
}

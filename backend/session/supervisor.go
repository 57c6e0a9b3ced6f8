package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/filesync"
)

var (
	errLeaseLost = errors.New("the lease went to another replica")
	errDrained   = errors.New("this replica is going")
	// errLeaving is a drain before there is anything to flush.
	errLeaving  = errors.New("this replica is going, before anything has started")
	errUnwanted = errors.New("the environment is no longer wanted")
)

// endedError says that an environment ended by itself.
type endedError struct{ reason string }

// Error implements error.
func (e endedError) Error() string { return e.reason }

// supervisor drives one session under one lease.
type supervisor struct {
	m      *Manager
	id     backend.SessionID
	logger *slog.Logger
	lease  backend.Lease
	// epoch is the lease's, which stays the same when it is renewed.
	epoch uint64
	// resync asks for a restore.
	resync  chan struct{}
	woken   chan struct{} // capacity 1
	drained chan struct{} // closed by drain
	// lose ends all that is done under the lease.
	lose context.CancelCauseFunc
}

func newSupervisor(m *Manager, lease backend.Lease) *supervisor {
	return &supervisor{
		m: m, id: lease.SessionID, lease: lease, epoch: uint64(max(lease.Epoch, 0)), resync: make(chan struct{}, 1),
		logger: m.cfg.Logger.With("session_id", lease.SessionID, "epoch", lease.Epoch),
		woken:  make(chan struct{}, 1), drained: make(chan struct{}),
	}
}

func (s *supervisor) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// drain is called once, by the manager.
func (s *supervisor) drain() { close(s.drained) }

// run drives the session until nothing is left to do, the lease is lost or the replica drains. lose ends ctx.
func (s *supervisor) run(ctx context.Context) {
	defer s.lose(nil)
	err := s.steps(ctx)
	s.m.status.set(s.id, filesync.Status{})
	if errors.Is(err, errLeaseLost) || backend.CodeOf(err) == backend.CodeStaleLease {
		s.logger.WarnContext(ctx, "lost the lease; the session goes on elsewhere")
		return
	}
	if err != nil {
		s.logger.ErrorContext(ctx, "supervising the session failed; the next reconcile tries again", "error", err)
	}
	if err := s.m.releases.release(ctx, s.lease); err != nil && backend.CodeOf(err) != backend.CodeNotFound && backend.CodeOf(err) != backend.CodeStaleLease {
		s.logger.WarnContext(ctx, "the lease could not be released; it expires by itself", "error", err)
	}
}

// steps looks at the session and does what it needs, again and again.
func (s *supervisor) steps(ctx context.Context) error {
	for {
		session, err := s.m.cfg.Store.SessionByID(ctx, s.id)
		deleted := backend.CodeOf(err) == backend.CodeNotFound
		if err != nil && !deleted {
			return cause(ctx, err)
		}
		switch {
		case deleted:
			return s.remove(ctx)
		case !session.Wanted:
			if s.over(ctx, session) {
				return nil
			}
			return s.stop(ctx, "", nil)
		}
		select {
		case <-s.drained:
			return s.leave(ctx, nil)
		default:
		}
		err = s.serve(ctx)
		var ended endedError
		switch {
		case errors.Is(err, errUnwanted), errors.Is(err, errLeaving):
			// Look again.
		case errors.Is(err, errDrained):
			return nil
		case errors.As(err, &ended):
			return s.fail(ctx, ended.reason)
		case err == nil:
		case backend.CodeOf(err) == backend.CodeStaleLease || ctx.Err() != nil:
			return cause(ctx, err)
		default:
			return s.fail(ctx, err.Error())
		}
	}
}

// over says whether a session has stopped or failed already and nothing of it runs: what it said of that then is kept.
func (s *supervisor) over(ctx context.Context, session backend.Session) bool {
	if session.Phase.Active() {
		return false
	}
	_, err := s.m.cfg.Runtime.Find(ctx, s.id)
	return backend.CodeOf(err) == backend.CodeNotFound
}

// cause prefers why ctx ended over what that did to err.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (s *supervisor) phase(ctx context.Context, phase backend.Phase, reason string, env backend.EnvironmentID) error {
	return s.m.cfg.Store.SetPhase(ctx, s.lease, phase, reason, env)
}

// fail shows the reason and leaves nothing running. The next use starts anew.
func (s *supervisor) fail(ctx context.Context, reason string) error {
	s.logger.WarnContext(ctx, "the environment failed", "reason", reason)
	if env, err := s.m.cfg.Runtime.Find(ctx, s.id); err == nil {
		if err := s.m.cfg.Runtime.Stop(ctx, s.id, env.ID, s.m.cfg.StopGrace); err != nil {
			return err
		}
		s.m.environments.forget(env.ID)
	}
	s.audit(ctx, "environment.failed", map[string]any{"reason": reason})
	if err := s.m.cfg.Store.SetWanted(ctx, s.id, false, reason); err != nil {
		return err
	}
	return s.phase(ctx, backend.PhaseFailed, reason, "")
}

// flushFunc commits what is on the disk and not in the database.
type flushFunc func() (filesync.Flushed, error)

// stop flushes, if there is something that can, and stops what runs.
func (s *supervisor) stop(ctx context.Context, reason string, flush flushFunc) error {
	env, err := s.m.cfg.Runtime.Find(ctx, s.id)
	if err != nil && backend.CodeOf(err) != backend.CodeNotFound {
		return cause(ctx, err)
	}
	if err == nil {
		if err := s.phase(ctx, backend.PhaseStopping, "Saving the last changes", env.ID); err != nil {
			return err
		}
		var flushed filesync.Flushed
		if flush != nil {
			flushed, err = flush()
			if err != nil {
				// Nothing is lost: what is not committed stays on the volume and is found at the next start.
				s.logger.WarnContext(ctx, "not all changes could be saved before the stop", "error", err)
				reason = joinReason(reason, "not all changes could be saved before the stop; they are saved at the next start")
			}
		}
		if err := s.m.cfg.Runtime.Stop(ctx, s.id, env.ID, s.m.cfg.StopGrace); err != nil {
			return cause(ctx, fmt.Errorf("stop environment %s: %w", env.ID, err))
		}
		s.m.environments.forget(env.ID)
		s.audit(ctx, "environment.stopped", map[string]any{"environment_id": env.ID, "reason": reason})
		s.m.recordFlush(s.id, flushed)
	}
	return s.phase(ctx, backend.PhaseStopped, reason, "")
}

const flushTimeout = 15 * time.Second

func (s *supervisor) flush(ctx context.Context, syncer *filesync.Syncer) (filesync.Flushed, error) {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	return syncer.Flush(ctx)
}

// remove deletes what is left of a deleted session.
func (s *supervisor) remove(ctx context.Context) error {
	env, err := s.m.cfg.Runtime.Find(ctx, s.id)
	if err == nil {
		if err := s.m.cfg.Runtime.Stop(ctx, s.id, env.ID, 0); err != nil {
			return cause(ctx, err)
		}
		s.m.environments.forget(env.ID)
	} else if backend.CodeOf(err) != backend.CodeNotFound {
		return cause(ctx, err)
	}
	if err := s.m.cfg.Runtime.Remove(ctx, s.id); err != nil {
		return cause(ctx, err)
	}
	s.audit(ctx, "environment.removed", nil)
	return s.m.cfg.Store.PurgeSession(ctx, s.id)
}

// leave is the drain: on a runtime of one machine the environment stops with this process.
func (s *supervisor) leave(ctx context.Context, flush flushFunc) error {
	if !s.m.cfg.StopEnvironments {
		return nil
	}
	const reason = "the server was shut down"
	if err := s.m.cfg.Store.SetWanted(ctx, s.id, false, reason); err != nil {
		return err
	}
	return s.stop(ctx, reason, flush)
}

func (s *supervisor) audit(ctx context.Context, action string, detail map[string]any) {
	if err := s.m.cfg.Audit.AuditSession(ctx, action, s.id, detail); err != nil {
		s.logger.ErrorContext(ctx, "the audit log could not be written", "action", action, "error", err)
	}
}

func joinReason(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

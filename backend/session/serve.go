package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	"codingplatform/backend/filesync"
	"codingplatform/backend/recording"
)

const (
	// startTimeout is how long a start may wait for what the runtime says that it waits for: a node, a volume, an image.
	startTimeout = 10 * time.Minute
	// answerTimeout is how long a new agent may take to answer once its environment runs. One that was there before is
	// waited for longer: its programs go on where the network is cut, and a stop would end them.
	answerTimeout  = 30 * time.Second
	silenceTimeout = 10 * time.Minute
	// tellSilence is after how long of that it is told.
	tellSilence = 5 * time.Second
	// recordingsTimeout is how long a stop waits for recordings to end with what has been printed.
	recordingsTimeout = 5 * time.Second
)

// serve starts or adopts the environment and keeps it in step, until an error of the list in this package, or
// one that says in words why it failed.
func (s *supervisor) serve(ctx context.Context) error {
	env, asked, err := s.environment(ctx)
	if err != nil {
		return err
	}
	defer s.m.environments.leave(env.ID)
	patience := answerTimeout
	if asked.IsZero() {
		patience = silenceTimeout
	}
	readySince := time.Now()
	resync := false
	for {
		conn, err := s.connect(ctx, env, patience)
		if err != nil {
			return err
		}
		patience = silenceTimeout
		if !asked.IsZero() && s.m.cfg.Started != nil {
			s.m.cfg.Started(env.Strategy, time.Since(asked))
		}
		asked = time.Time{}
		err = s.sync(ctx, conn, resync, &readySince)
		// The agent may have lost its place, or we ours: only a restore finds it again.
		resync = errors.Is(err, filesync.ErrResync) || backend.CodeOf(err) == backend.CodePreconditionFailed
		switch {
		case errors.Is(err, errUnwanted), errors.Is(err, errDrained), errors.As(err, new(endedError)):
			return err
		case backend.CodeOf(err) == backend.CodeStaleLease || ctx.Err() != nil:
			return cause(ctx, err)
		case errors.Is(err, filesync.ErrResync):
			s.logger.InfoContext(ctx, "restoring anew")
		case backend.CodeOf(err) == backend.CodeUnavailable, backend.CodeOf(err) == backend.CodePreconditionFailed, backend.CodeOf(err) == backend.CodeConflict:
			s.logger.InfoContext(ctx, "connecting to the agent anew", "error", err)
			s.m.cfg.Pool.Drop(conn)
		default:
			return err
		}
	}
}

// environment finds or starts it. It returns when that was asked of the runtime; zero: it was there.
func (s *supervisor) environment(ctx context.Context) (env backend.Environment, asked time.Time, err error) {
	env, err = s.m.cfg.Runtime.Find(ctx, s.id)
	if err == nil {
		s.logger.InfoContext(ctx, "adopting an environment", "environment_id", env.ID)
		return env, asked, nil
	}
	if backend.CodeOf(err) != backend.CodeNotFound {
		return env, asked, err
	}
	if err := s.place(ctx); err != nil {
		return env, asked, err
	}
	if err := s.phase(ctx, backend.PhaseStarting, "Starting the environment", ""); err != nil {
		return env, asked, err
	}
	asked = time.Now()
	env, err = s.m.cfg.Runtime.Start(ctx, backend.EnvironmentSpec{SessionID: s.id, Env: s.m.cfg.Env})
	if err != nil {
		return env, asked, err
	}
	s.audit(ctx, "environment.started", map[string]any{"environment_id": env.ID, "strategy": env.Strategy})
	s.logger.InfoContext(ctx, "started an environment", "environment_id", env.ID, "strategy", env.Strategy)
	return env, asked, nil
}

// connect waits for the agent's hello while the environment lives, from when it runs for as long as patience says.
func (s *supervisor) connect(ctx context.Context, env backend.Environment, patience time.Duration) (*agentconn.Conn, error) {
	if err := s.phase(ctx, backend.PhaseStarting, "Connecting to the environment", env.ID); err != nil {
		return nil, err
	}
	made, begun, silent := time.Now(), time.Now(), false
	told := ""
	for delay := 5 * time.Millisecond; ; delay = min(2*delay, 500*time.Millisecond) {
		state, known, moved := s.m.environments.get(env.ID)
		if known && state.Phase == backend.EnvironmentEnded {
			s.m.environments.forget(env.ID)
			return nil, endedError{state.Reason}
		}
		stopping := known && state.Phase == backend.EnvironmentStopping
		if known && (stopping || state.Phase == backend.EnvironmentStarting) && state.Reason != "" && state.Reason != told {
			told = state.Reason
			if err := s.phase(ctx, backend.PhaseStarting, told, env.ID); err != nil {
				return nil, err
			}
		}
		if known && state.Phase == backend.EnvironmentStarting {
			if begun = time.Now(); begun.Sub(made) > startTimeout {
				return nil, fmt.Errorf("the environment has not started within %s: %s", startTimeout, orElse(state.Reason, "the runtime does not say why"))
			}
		}
		conn, err := s.m.cfg.Pool.Get(ctx, s.id)
		switch {
		case err == nil && conn.Environment.ID == env.ID:
			return conn, nil
		case err == nil:
			s.m.cfg.Pool.Drop(conn)
			err = backend.Errorf(backend.CodeUnavailable, "the connection was to a former environment")
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case backend.CodeOf(err) == backend.CodeNotFound:
			// It has gone; the watch tells why in a moment.
		case backend.CodeOf(err) != backend.CodeUnavailable:
			return nil, err
		}
		if time.Since(begun) > patience {
			return nil, fmt.Errorf("the environment did not answer within %s: %w", patience, err)
		}
		if patience == silenceTimeout && !silent && !stopping && time.Since(begun) > tellSilence {
			silent = true
			if err := s.phase(ctx, backend.PhaseStarting, "The environment cannot be reached at present; its programs go on", env.ID); err != nil {
				return nil, err
			}
		}
		timer := time.NewTimer(delay)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, context.Cause(ctx)
		case <-s.drained:
			timer.Stop()
			return nil, errors.Join(errDrained, s.leave(ctx, nil))
		case <-s.woken:
			timer.Stop()
			if err := s.unwanted(ctx, nil); err != nil {
				return nil, err
			}
		case <-moved:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// sync restores if needed or if resync says so, and then runs the syncer beside those who may end it.
func (s *supervisor) sync(ctx context.Context, conn *agentconn.Conn, resync bool, readySince *time.Time) error {
	wake, unsubscribe := s.m.cfg.Wakes.Subscribe(s.id)
	defer unsubscribe()
	syncWake := make(chan struct{}, 1)
	syncer := filesync.New(filesync.Config{
		Store: s.m.cfg.Store, Conn: conn, Lease: s.lease, Policy: s.m.cfg.Policy, Wake: syncWake,
		OnStatus: func(st filesync.Status) { s.m.status.set(s.id, st) }, Logger: s.logger,
	})
	needs, err := syncer.NeedsRestore(ctx)
	if err != nil {
		return err
	}
	if needs || resync {
		if err := s.restore(ctx, conn, syncer); err != nil {
			return err
		}
	}
	if err := s.phase(ctx, backend.PhaseReady, "", conn.Environment.ID); err != nil {
		return err
	}
	*readySince = time.Now()

	// A stop ends the syncer, so it must not depend on the group's context; its flush must, so that it ends
	// when the syncer has failed.
	g, running := errgroup.WithContext(ctx)
	var ended error
	recordings := recording.New(recording.Config{
		Store: s.m.cfg.Store, Wakes: s.m.cfg.Wakes, Conn: conn, Lease: s.lease, MaxBytes: s.m.cfg.MaxRecordingBytes, Logger: s.logger,
	})
	g.Go(func() error {
		recordings.Run(running)
		return nil
	})
	g.Go(func() error { return syncer.Run(running) })
	g.Go(func() error {
		select {
		case <-s.resync:
			return filesync.ErrResync
		case <-running.Done():
			return context.Cause(running)
		}
	})
	g.Go(func() error {
		flush := func() (filesync.Flushed, error) {
			finish, cancel := context.WithTimeout(running, recordingsTimeout)
			defer cancel()
			recordings.Finish(finish)
			return s.flush(running, syncer)
		}
		ended = s.guard(ctx, running, conn, flush, wake, syncWake, *readySince)
		return ended
	})
	err = g.Wait()
	if ended != nil && !errors.Is(ended, context.Canceled) {
		return ended
	}
	// When the environment ends, the agent's connection breaks a moment before the runtime tells why.
	if backend.CodeOf(err) == backend.CodeUnavailable && ctx.Err() == nil {
		env, ferr := s.m.cfg.Runtime.Find(ctx, s.id)
		// A pod that is deleted from outside goes on stopping for a while after its agent is gone.
		stopping := ferr == nil && (env.Phase == backend.EnvironmentStopping || env.ID != conn.Environment.ID)
		if stopping || backend.CodeOf(ferr) == backend.CodeNotFound {
			return s.ended(ctx, conn.Environment.ID)
		}
	}
	return err
}

const (
	// endWordTimeout is how long a runtime may take to say why an environment ended of which it says nothing: a node tells
	// of a pod's end late.
	endWordTimeout = 5 * time.Second
	// stopWordTimeout is that while it says that the environment is stopping: a pod has its grace (30 s by itself), and its
	// node has to confirm the end.
	stopWordTimeout = 90 * time.Second
)

// ended waits for the runtime's word on why an environment has ended whose agent is gone, and returns it as an endedError;
// another error when there is something else to do.
func (s *supervisor) ended(ctx context.Context, id backend.EnvironmentID) error {
	begun, told := time.Now(), ""
	for {
		state, known, moved := s.m.environments.get(id)
		patience, reason := endWordTimeout, "the environment ended, and the runtime does not say why"
		switch {
		case known && state.Phase == backend.EnvironmentEnded:
			s.m.environments.forget(id)
			return endedError{state.Reason}
		case known && state.Phase == backend.EnvironmentStopping:
			patience, reason = stopWordTimeout, orElse(state.Reason, "the environment was stopped from outside, and its end is not confirmed")
			if words := orElse(state.Reason, "The environment is being stopped from outside"); words != told {
				told = words
				if err := s.phase(ctx, backend.PhaseStopping, words, id); err != nil {
					return err
				}
			}
		}
		left := patience - time.Since(begun)
		if left <= 0 {
			return endedError{reason}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.drained:
			return errors.Join(errDrained, s.leave(ctx, nil))
		case <-s.woken:
			if err := s.unwanted(ctx, nil); err != nil {
				return err
			}
		case <-moved:
		case <-time.After(left):
		}
	}
}

func (s *supervisor) restore(ctx context.Context, conn *agentconn.Conn, syncer *filesync.Syncer) error {
	if err := s.phase(ctx, backend.PhaseRestoring, "Bringing the files", conn.Environment.ID); err != nil {
		return err
	}
	last := time.Now()
	restored, err := syncer.Restore(ctx, func(p filesync.Progress) {
		if time.Since(last) < time.Second {
			return
		}
		last = time.Now()
		reason := fmt.Sprintf("Bringing the files: %d of %d", p.FilesDone, p.FilesTotal)
		if err := s.phase(ctx, backend.PhaseRestoring, reason, conn.Environment.ID); err != nil {
			s.logger.WarnContext(ctx, "the progress could not be told", "error", err)
		}
	})
	if err != nil {
		return err
	}
	s.logger.InfoContext(ctx, "restored the files", "revision", restored.Revision, "written", restored.Written,
		"deleted", restored.Deleted, "unchanged", restored.Unchanged, "kept", restored.Kept, "problems", len(restored.Problems))
	return nil
}

// guard returns why the sync has to end; context.Canceled when the syncer ended first.
func (s *supervisor) guard(ctx, running context.Context, conn *agentconn.Conn, flush flushFunc, wake <-chan struct{}, syncWake chan<- struct{}, readySince time.Time) error {
	watch := newIdleWatch(s, conn, readySince)
	idle := time.NewTicker(watch.interval())
	defer idle.Stop()
	for {
		state, known, moved := s.m.environments.get(conn.Environment.ID)
		if known && state.Phase == backend.EnvironmentEnded {
			s.m.environments.forget(conn.Environment.ID)
			return endedError{state.Reason}
		}
		select {
		case <-running.Done():
			return context.Canceled
		case <-s.drained:
			return errors.Join(errDrained, s.leave(ctx, flush))
		case <-moved:
		case <-s.woken:
			if err := s.unwanted(ctx, flush); err != nil {
				return err
			}
		case <-wake:
			select {
			case syncWake <- struct{}{}:
			default:
			}
			if err := s.unwanted(ctx, flush); err != nil {
				return err
			}
			// Somebody may have asked it to stay.
			if watch.warned() {
				if err := watch.look(running); err != nil {
					return err
				}
			}
		case <-idle.C:
			if err := watch.look(running); err != nil {
				return err
			}
		}
	}
}

// unwanted stops the environment when nobody wants it any more.
func (s *supervisor) unwanted(ctx context.Context, flush flushFunc) error {
	session, err := s.m.cfg.Store.SessionByID(ctx, s.id)
	switch {
	case backend.CodeOf(err) == backend.CodeNotFound:
		return errUnwanted
	case err != nil:
		// The database is away: the files wait, and so does this.
		s.logger.WarnContext(ctx, "the session could not be looked at", "error", err)
		return nil
	case session.Wanted:
		return nil
	}
	if err := s.stop(ctx, session.Reason, flush); err != nil {
		return err
	}
	return errUnwanted
}

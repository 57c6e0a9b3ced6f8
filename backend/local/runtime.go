package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/pidfd"
	"codingplatform/backend/runas"
)

// killTimeout is how long the kernel may take to end a killed sandbox.
const killTimeout = 20 * time.Second

// Runtime runs sandboxes on this machine. It implements backend.Runtime.
type Runtime struct {
	cfg      Config
	user     runas.User
	sessions string
	dirMode  fs.FileMode
	registry registry

	// awaiting counts the goroutines that follow environments; closing ends them.
	closing struct {
		sync.Mutex
		done    chan struct{}
		cancels map[*live]context.CancelFunc
		group   sync.WaitGroup
	}
}

func (r *Runtime) closed() bool {
	select {
	case <-r.closing.done:
		return true
	default:
		return false
	}
}

var _ backend.Runtime = (*Runtime)(nil)

// Start implements backend.Runtime.
func (r *Runtime) Start(ctx context.Context, spec backend.EnvironmentSpec) (backend.Environment, error) {
	l, err := r.layout(spec.SessionID)
	if err != nil {
		return backend.Environment{}, err
	}
	unlock, err := l.lock(ctx, r.dirMode)
	if err != nil {
		return backend.Environment{}, err
	}
	defer unlock()
	e, err := r.find(ctx, spec.SessionID)
	if err == nil {
		return r.registry.environment(e), nil
	}
	if backend.CodeOf(err) != backend.CodeNotFound {
		return backend.Environment{}, err
	}
	began := time.Now()
	e, err = r.launch(ctx, l, spec)
	if err != nil {
		return backend.Environment{}, backend.Errorf(backend.CodeUnavailable, "start a sandbox: %w", err)
	}
	r.follow(ctx, e)
	r.cfg.Logger.InfoContext(ctx, "environment started", "session_id", e.rec.SessionID, "environment_id", e.rec.ID, "pid", e.rec.Init.PID,
		"limits", e.rec.Limits, "took", time.Since(began))
	return r.registry.environment(e), nil
}

// Find implements backend.Runtime.
func (r *Runtime) Find(ctx context.Context, session backend.SessionID) (backend.Environment, error) {
	e, err := r.find(ctx, session)
	if err != nil {
		return backend.Environment{}, err
	}
	return r.registry.environment(e), nil
}

// find returns the live environment, adopting one that another process started.
func (r *Runtime) find(ctx context.Context, session backend.SessionID) (*live, error) {
	for {
		if r.closed() {
			return nil, backend.Errorf(backend.CodeUnavailable, "the runtime is closed")
		}
		e := r.registry.bySession(session)
		if e == nil {
			break
		}
		if e.init.Signal(0) == nil {
			return e, nil
		}
		// Its process has ended, and it is being cleaned: it must not be in the way of the next one.
		select {
		case <-e.ended:
		case <-r.closing.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	l, err := r.layout(session)
	if err != nil {
		return nil, err
	}
	return r.adopt(ctx, l)
}

// adopt finds an environment by its record. CodeNotFound when there is none, or it is dead, and then cleaned.
func (r *Runtime) adopt(ctx context.Context, l layout) (*live, error) {
	rec, err := l.readRecord()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, backend.Errorf(backend.CodeNotFound, "the session has no environment")
	}
	if err != nil {
		return nil, err
	}
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	e := &live{rec: rec, layout: l, phase: backend.EnvironmentRunning, ended: make(chan struct{})}
	err = pidfd.ErrGone
	if rec.BootID == boot {
		e.init, err = pidfd.Open(rec.Init.PID, rec.Init.Start)
	}
	if errors.Is(err, pidfd.ErrGone) {
		r.cfg.Logger.InfoContext(ctx, "an environment ended without a backend", "session_id", rec.SessionID, "environment_id", rec.ID,
			"reason", endReason(rec, l, false, ""))
		if err := cleanUp(ctx, rec, l); err != nil {
			r.cfg.Logger.WarnContext(ctx, "an ended environment left something behind", "environment_id", rec.ID, "error", err)
		}
		return nil, backend.Errorf(backend.CodeNotFound, "the session has no environment")
	}
	if err != nil {
		return nil, err
	}
	if e.outer, err = pidfd.Open(rec.Outer.PID, rec.Outer.Start); err != nil && !errors.Is(err, pidfd.ErrGone) {
		return nil, errors.Join(err, e.init.Close())
	}
	if !r.follow(ctx, e) {
		// Another call was first.
		err := e.init.Close()
		if e.outer != nil {
			err = errors.Join(err, e.outer.Close())
		}
		if known := r.registry.get(rec.ID); known != nil {
			return known, err
		}
		return nil, errors.Join(backend.Errorf(backend.CodeNotFound, "the session has no environment"), err)
	}
	r.cfg.Logger.InfoContext(ctx, "environment adopted", "session_id", rec.SessionID, "environment_id", rec.ID, "pid", rec.Init.PID)
	return e, nil
}

// follow registers an environment and awaits its end; false when it is registered already.
func (r *Runtime) follow(ctx context.Context, e *live) bool {
	r.closing.Lock()
	defer r.closing.Unlock()
	if !r.registry.add(e) {
		return false
	}
	if r.closed() {
		return true // it is found again by the next backend
	}
	// An environment outlives the call that starts it.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.closing.cancels[e] = cancel
	r.closing.group.Go(func() {
		r.await(ctx, e)
		cancel()
		r.closing.Lock()
		defer r.closing.Unlock()
		delete(r.closing.cancels, e)
	})
	return true
}

// Close lets go of the environments, which go on: another Runtime finds them. This one then serves no more.
func (r *Runtime) Close() {
	r.closing.Lock()
	if !r.closed() {
		close(r.closing.done)
	}
	for _, cancel := range r.closing.cancels {
		cancel()
	}
	r.closing.Unlock()
	r.closing.group.Wait()
}

// List implements backend.Runtime.
func (r *Runtime) List(ctx context.Context) ([]backend.Environment, error) {
	if err := r.scan(ctx); err != nil {
		return nil, err
	}
	return r.registry.all(), nil
}

// scan adopts all that lives, and cleans what does not.
func (r *Runtime) scan(ctx context.Context) error {
	records, err := filepath.Glob(filepath.Join(r.sessions, "*", filepath.Base(layout{}.record())))
	if err != nil {
		return fmt.Errorf("look for environments: %w", err)
	}
	for _, path := range records {
		session := backend.SessionID(filepath.Base(filepath.Dir(path)))
		if _, err := r.find(ctx, session); err != nil && backend.CodeOf(err) != backend.CodeNotFound {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			// One that cannot be read must not hide the others.
			r.cfg.Logger.ErrorContext(ctx, "an environment cannot be adopted", "session_id", session, "error", err)
		}
	}
	return nil
}

// Stop implements backend.Runtime.
func (r *Runtime) Stop(ctx context.Context, session backend.SessionID, id backend.EnvironmentID, grace time.Duration) error {
	l, err := r.layout(session)
	if err != nil {
		return err
	}
	if _, err := os.Stat(l.dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	unlock, err := l.lock(ctx, r.dirMode)
	if err != nil {
		return err
	}
	defer unlock()
	e, err := r.find(ctx, session)
	if backend.CodeOf(err) == backend.CodeNotFound || err == nil && e.rec.ID != id {
		return nil
	}
	if err != nil {
		return err
	}
	r.registry.move(e, backend.EnvironmentStopping, "")
	catches, err := pidfd.Catches(e.rec.Init.PID, syscall.SIGTERM)
	if err != nil && !errors.Is(err, pidfd.ErrGone) {
		return err
	}
	if catches {
		if err := e.init.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, pidfd.ErrGone) {
			return err
		}
		if ended(ctx, e, grace) {
			return nil
		}
	}
	// An agent that has not begun would never see the signal, and has nothing to finish.
	//
	// The kernel ends a pid namespace with its first process. Also when the caller waits no more: who asked
	// for an end must not leave half of one.
	words := fmt.Sprintf("killed: it did not stop within %s", grace)
	switch {
	case !catches:
		words = "stopped"
	case ctx.Err() != nil:
		words = "killed: nobody waited for its end"
	}
	r.registry.force(e, words)
	if err := e.init.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, pidfd.ErrGone) {
		return err
	}
	if !ended(context.WithoutCancel(ctx), e, killTimeout) {
		return fmt.Errorf("stop environment %s: its process %d was killed and does not end", id, e.rec.Init.PID)
	}
	return nil
}

func ended(ctx context.Context, e *live, within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-e.ended:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// Remove implements backend.Runtime.
func (r *Runtime) Remove(ctx context.Context, session backend.SessionID) error {
	l, err := r.layout(session)
	if err != nil {
		return err
	}
	if _, err := os.Stat(l.dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	unlock, err := l.lock(ctx, r.dirMode)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := r.find(ctx, session); err == nil {
		return backend.Errorf(backend.CodeConflict, "the session's environment must be stopped first")
	} else if backend.CodeOf(err) != backend.CodeNotFound {
		return err
	}
	return l.remove()
}

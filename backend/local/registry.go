package local

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/pidfd"
)

// live is an environment whose first process was seen alive.
type live struct {
	rec    record
	layout layout
	init   *pidfd.Process
	// outer is bwrap, which writes the exit code; nil when it has ended already.
	outer *pidfd.Process
	// ended is closed when nothing is left of it.
	ended chan struct{}

	// Guarded by the registry.
	phase  backend.EnvironmentPhase
	reason string
	// forced says in words that this runtime killed it; empty: it did not.
	forced string
}

// registry holds the live environments and tells the watchers of changes.
type registry struct {
	mu       sync.Mutex
	byID     map[backend.EnvironmentID]*live
	watchers map[*watcher]struct{}
}

// watcher is a queue for one call of Watch: whoever reports never waits for who is told.
type watcher struct {
	queue []backend.Environment
	wake  chan struct{}
}

func (g *registry) init() {
	g.byID, g.watchers = map[backend.EnvironmentID]*live{}, map[*watcher]struct{}{}
}

func (g *registry) get(id backend.EnvironmentID) *live {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.byID[id]
}

func (g *registry) bySession(session backend.SessionID) *live {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range g.byID {
		if e.rec.SessionID == session {
			return e
		}
	}
	return nil
}

func (g *registry) all() []backend.Environment {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.snapshot()
}

func (g *registry) snapshot() []backend.Environment {
	environments := make([]backend.Environment, 0, len(g.byID))
	for _, e := range g.byID {
		environments = append(environments, e.rec.environment(e.phase, e.reason))
	}
	return environments
}

// environment is its present state.
func (g *registry) environment(e *live) backend.Environment {
	g.mu.Lock()
	defer g.mu.Unlock()
	return e.rec.environment(e.phase, e.reason)
}

// add returns false when it is known already.
func (g *registry) add(e *live) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.byID[e.rec.ID]; known {
		return false
	}
	g.byID[e.rec.ID] = e
	g.tell(e)
	return true
}

func (g *registry) move(e *live, phase backend.EnvironmentPhase, reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e.phase, e.reason = phase, reason
	if phase == backend.EnvironmentEnded {
		delete(g.byID, e.rec.ID)
	}
	g.tell(e)
}

func (g *registry) force(e *live, words string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e.forced = words
}

func (g *registry) tell(e *live) {
	for w := range g.watchers {
		w.queue = append(w.queue, e.rec.environment(e.phase, e.reason))
		w.signal()
	}
}

func (w *watcher) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (g *registry) watch() *watcher {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := &watcher{queue: g.snapshot(), wake: make(chan struct{}, 1)}
	w.signal()
	g.watchers[w] = struct{}{}
	return w
}

func (g *registry) unwatch(w *watcher) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.watchers, w)
}

func (g *registry) take(w *watcher) []backend.Environment {
	g.mu.Lock()
	defer g.mu.Unlock()
	queue := w.queue
	w.queue = nil
	return queue
}

// Watch implements backend.Runtime.
func (r *Runtime) Watch(ctx context.Context, fn func(backend.Environment)) error {
	if err := r.scan(ctx); err != nil {
		return err
	}
	w := r.registry.watch()
	defer r.registry.unwatch(w)
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-w.wake:
		}
		for _, environment := range r.registry.take(w) {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			fn(environment)
		}
	}
}

// exitCodeTimeout is how long bwrap may take to write the exit code after its child has ended.
const exitCodeTimeout = 5 * time.Second

// await follows an environment to its end, cleans up, and reports why it ended.
func (r *Runtime) await(ctx context.Context, e *live) {
	defer func() {
		err := e.init.Close()
		if e.outer != nil {
			err = errors.Join(err, e.outer.Close())
		}
		if err != nil {
			r.cfg.Logger.WarnContext(ctx, "a handle of a process could not be closed", "error", err)
		}
	}()
	if err := e.init.Wait(ctx); err != nil {
		if ctx.Err() == nil {
			r.cfg.Logger.ErrorContext(ctx, "an environment's end cannot be awaited", "environment_id", e.rec.ID, "error", err)
		}
		return
	}
	if e.outer != nil {
		timeout, cancel := context.WithTimeout(ctx, exitCodeTimeout)
		err := e.outer.Wait(timeout)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			r.cfg.Logger.WarnContext(ctx, "bwrap outlives its sandbox", "environment_id", e.rec.ID, "pid", e.outer.PID, "error", err)
		}
	}
	r.registry.mu.Lock()
	asked, forced := e.phase == backend.EnvironmentStopping, e.forced
	r.registry.mu.Unlock()
	reason := endReason(e.rec, e.layout, asked, forced)
	if err := cleanUp(ctx, e.rec, e.layout); err != nil {
		r.cfg.Logger.WarnContext(ctx, "an ended environment left something behind", "environment_id", e.rec.ID, "error", err)
	}
	r.cfg.Logger.InfoContext(ctx, "environment ended", "session_id", e.rec.SessionID, "environment_id", e.rec.ID, "reason", reason)
	r.registry.move(e, backend.EnvironmentEnded, reason)
	close(e.ended)
}

// cleanUp removes what an ended environment left; nothing that belongs to a later one.
func cleanUp(ctx context.Context, rec record, l layout) error {
	err := removeCgroups(ctx, rec.Cgroups)
	if now, rerr := l.readRecord(); rerr == nil && now.ID == rec.ID {
		err = errors.Join(err, os.RemoveAll(l.run()), l.removeRecord(rec.ID))
	}
	return err
}

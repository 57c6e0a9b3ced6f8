package filesync_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	"codingplatform/backend/filesync"
	"codingplatform/backend/postgres"
)

// leaseTTL is longer than any test: leases end when a test says so.
const leaseTTL = time.Hour

// gate is a store whose commits a test can hold up, and that tells of them.
type gate struct {
	*postgres.Store
	w *world

	mu sync.Mutex
	// around is called instead of a commit, when it is set, and does the commit itself.
	around aroundCommit
}

type aroundCommit func(lease backend.Lease, commit func() (backend.BatchResult, error)) (backend.BatchResult, error)

func (g *gate) hook(around aroundCommit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.around = around
}

// CommitBatch implements filesync.Store.
func (g *gate) CommitBatch(ctx context.Context, lease backend.Lease, batch backend.Batch, limits backend.Limits) (backend.BatchResult, error) {
	defer g.w.progress()
	g.mu.Lock()
	around := g.around
	g.mu.Unlock()
	commit := func() (backend.BatchResult, error) {
		result, err := g.Store.CommitBatch(ctx, lease, batch, limits)
		for path, reason := range result.Rejected {
			g.w.logger.Warn("rejected", "path", path, "reason", reason)
		}
		return result, err
	}
	if around != nil {
		return around(lease, commit)
	}
	return commit()
}

// SetApplied implements filesync.Store.
func (g *gate) SetApplied(ctx context.Context, lease backend.Lease, revision int64) error {
	defer g.w.progress()
	return g.Store.SetApplied(ctx, lease, revision)
}

// replica syncs the world's session whenever it can have the lease, as a backend's supervisor does.
type replica struct {
	w     *world
	name  string
	store *gate
	stop  func()

	mu     sync.Mutex
	status filesync.Status
	holds  bool
	syncer *filesync.Syncer
}

func (w *world) startReplica(name string) *replica {
	r := &replica{w: w, name: name, store: &gate{Store: w.store, w: w}}
	r.stop = w.background(r.run)
	return r
}

func (r *replica) run(ctx context.Context) error {
	for ctx.Err() == nil {
		moved := r.w.movement()
		lease, err := r.store.AcquireLease(ctx, r.w.session, r.name, leaseTTL)
		if err != nil {
			r.w.pause(ctx, moved, 100*time.Millisecond)
			continue
		}
		r.set(func() { r.holds = true })
		r.w.logger.Info("has the lease", "replica", r.name, "epoch", lease.Epoch)
		err = r.hold(ctx, lease)
		r.w.logger.Info("gives the lease up", "replica", r.name, "epoch", lease.Epoch, "error", err)
		r.set(func() { r.holds, r.syncer = false, nil })
		if ctx.Err() != nil {
			// As on a drain: the next one need not wait.
			return r.store.ReleaseLease(context.WithoutCancel(ctx), lease)
		}
	}
	return nil
}

func (r *replica) set(f func()) {
	r.mu.Lock()
	f()
	r.mu.Unlock()
	r.w.progress()
}

// pause waits until something happens, for a while at most.
func (w *world) pause(ctx context.Context, moved <-chan struct{}, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-moved:
	case <-timer.C:
	}
}

// hold syncs until the lease is another's.
func (r *replica) hold(ctx context.Context, lease backend.Lease) error {
	resync := false
	for ctx.Err() == nil {
		moved := r.w.movement()
		err := r.sync(ctx, lease, resync)
		if ctx.Err() != nil {
			break
		}
		resync = errors.Is(err, filesync.ErrResync) || backend.CodeOf(err) == backend.CodePreconditionFailed
		if backend.CodeOf(err) == backend.CodeStaleLease {
			return err
		}
		// As the supervisor's renewal finds out.
		if _, rerr := r.store.RenewLease(ctx, lease, leaseTTL); backend.CodeOf(rerr) == backend.CodeStaleLease {
			return rerr
		}
		r.w.logger.Info("syncing anew", "replica", r.name, "error", err, "resync", resync)
		r.w.pause(ctx, moved, 10*time.Millisecond)
	}
	return context.Cause(ctx)
}

func (r *replica) sync(ctx context.Context, lease backend.Lease, resync bool) error {
	conn, err := r.w.connect(ctx, r.name)
	if err != nil {
		return err
	}
	defer conn.Close()
	wake, unsubscribe := r.w.listener.Subscribe(r.w.session)
	defer unsubscribe()
	syncer := filesync.New(filesync.Config{
		Store: r.store, Conn: conn, Lease: lease, Policy: r.w.policy, Wake: wake, Logger: r.w.logger.With("replica", r.name),
		OnStatus: func(st filesync.Status) { r.set(func() { r.status = st }) },
	})
	needs, err := syncer.NeedsRestore(ctx)
	if err != nil {
		return err
	}
	if needs || resync {
		if _, err := syncer.Restore(ctx, func(filesync.Progress) {}); err != nil {
			return err
		}
	}
	r.set(func() { r.syncer = syncer })
	return syncer.Run(ctx)
}

func (r *replica) state() (status filesync.Status, holds bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status, r.holds
}

// connect greets the present agent.
func (w *world) connect(ctx context.Context, name string) (*agentconn.Conn, error) {
	w.mu.Lock()
	p := w.agent
	w.mu.Unlock()
	if p == nil {
		return nil, backend.Errorf(backend.CodeUnavailable, "no agent runs")
	}
	return agentconn.Connect(ctx, dialer{w: w}, w.authority, name, p.env)
}

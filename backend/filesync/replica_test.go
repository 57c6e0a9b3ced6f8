package filesync_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	"codingplatform/backend/filesync"
	"codingplatform/backend/identity"
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
	// lost is how many of the next reads of contents end in the middle.
	lost int
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
			g.w.logger.WarnContext(ctx, "rejected", "path", path, "reason", reason)
		}
		return result, err
	}
	if around != nil {
		return around(lease, commit)
	}
	return commit()
}

// lose has the next n reads of contents end in the middle, as when the connection to the database breaks.
func (g *gate) lose(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lost = n
}

func (g *gate) reading() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.lost == 0 {
		return nil
	}
	g.lost--
	return backend.Errorf(backend.CodeUnavailable, "the database's connection broke")
}

// Contents implements filesync.Store.
func (g *gate) Contents(ctx context.Context, items []backend.Item, each func([]backend.Item, [][]byte) error) error {
	if err := g.reading(); err != nil {
		return err
	}
	return g.Store.Contents(ctx, items, each)
}

// CopyBlob implements filesync.Store.
func (g *gate) CopyBlob(ctx context.Context, session backend.SessionID, hash backend.Hash, w io.Writer) error {
	if err := g.reading(); err != nil {
		// A part of it has been read already.
		_, werr := w.Write(make([]byte, 100_000))
		return errors.Join(err, werr)
	}
	return g.Store.CopyBlob(ctx, session, hash, w)
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

	mu     sync.Mutex
	status filesync.Status
	holds  bool
	syncer *filesync.Syncer
}

func (w *world) startReplica(name string) {
	r := &replica{w: w, name: name, store: &gate{Store: w.store, w: w}}
	w.replicas = append(w.replicas, r)
	w.background(r.run)
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
		r.w.logger.InfoContext(ctx, "has the lease", "replica", r.name, "epoch", lease.Epoch)
		err = r.hold(ctx, lease)
		r.w.logger.InfoContext(ctx, "gives the lease up", "replica", r.name, "epoch", lease.Epoch, "error", err)
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
		r.w.logger.InfoContext(ctx, "syncing anew", "replica", r.name, "error", err, "resync", resync)
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

func (r *replica) state() filesync.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
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

// asReplica makes the test's binary a replica, so that it can be stopped.
const asReplica = "TEST_RUN_AS_REPLICA"

// replicaSpec is what a child needs to be a replica, as JSON on its standard input.
type replicaSpec struct {
	Name, URL, Session, Identity, Socket, Environment string
}

// replicaMain runs until its standard input ends.
func replicaMain(stdin io.Reader, stderr io.Writer) int {
	logger := slog.New(slog.NewTextHandler(stderr, nil))
	if err := replicaServe(stdin, logger); err != nil {
		logger.Error("the replica ended", "error", err)
		return 1
	}
	return 0
}

func replicaServe(stdin io.Reader, logger *slog.Logger) error {
	var spec replicaSpec
	if err := json.NewDecoder(stdin).Decode(&spec); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, stdin) // it ends with the test
	}()
	w := &world{
		url: spec.URL, logger: logger, session: backend.SessionID(spec.Session), moved: make(chan struct{}), conns: map[net.Conn]struct{}{},
		cutAfter: func() int { return 0 },
	}
	w.agent = &process{socket: spec.Socket, env: backend.Environment{ID: backend.EnvironmentID(spec.Environment), SessionID: w.session}}
	var err error
	if w.store, err = postgres.Open(ctx, postgres.Config{URL: spec.URL, Logger: logger}); err != nil {
		return err
	}
	defer w.store.Close()
	if w.authority, err = identity.Open(spec.Identity); err != nil {
		return err
	}
	w.listener = postgres.NewListener(spec.URL, logger)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.listener.Run(ctx) })
	g.Go(func() error { return (&replica{w: w, name: spec.Name, store: &gate{Store: w.store, w: w}}).run(ctx) })
	if err := g.Wait(); ctx.Err() == nil {
		return err
	}
	return nil
}

// replicaProcess is a replica that can be stopped.
type replicaProcess struct {
	cmd    *exec.Cmd
	mu     sync.Mutex
	log    bytes.Buffer
	killed bool
}

// Write implements io.Writer.
func (p *replicaProcess) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *replicaProcess) output() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.log.Bytes())
}

// kill ends it at once.
func (p *replicaProcess) kill(tb testing.TB) {
	tb.Helper()
	p.killed = true
	if err := p.cmd.Process.Kill(); err != nil {
		tb.Fatal(err)
	}
	_ = p.cmd.Wait() // it was killed
}

func (w *world) startReplicaProcess(name string) *replicaProcess {
	w.tb.Helper()
	spec, err := json.Marshal(replicaSpec{
		Name: name, URL: w.url, Session: string(w.session), Identity: filepath.Join(w.dir, "identity"),
		Socket: w.agent.socket, Environment: string(w.agent.env.ID),
	})
	if err != nil {
		w.tb.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		w.tb.Fatal(err)
	}
	p := &replicaProcess{cmd: exec.Command(self)} // it ends with its standard input
	p.cmd.Env = append(os.Environ(), asReplica+"=1")
	p.cmd.Stdout, p.cmd.Stderr = p, p
	stdin, err := p.cmd.StdinPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err == nil {
		_, err = stdin.Write(append(spec, '\n'))
	}
	if err != nil {
		w.tb.Fatal(err)
	}
	w.tb.Cleanup(func() {
		if p.killed {
			return
		}
		err := errors.Join(p.cmd.Process.Signal(syscall.SIGCONT), stdin.Close(), p.cmd.Wait())
		if err != nil || bytes.Contains(p.output(), []byte("DATA RACE")) {
			w.tb.Errorf("the replica %s ended with: %v\n%s", name, err, p.output())
		}
	})
	return p
}

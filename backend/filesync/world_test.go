package filesync_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect"

	"codingplatform/backend"
	"codingplatform/backend/filesync"
	"codingplatform/backend/identity"
	"codingplatform/backend/postgres"
	"codingplatform/backend/postgrestest"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// patience is how long a world may take to become quiet: far more than it needs, so that only what hangs fails.
const patience = 30 * time.Second

// world is one session with a real database, a real agent in a process of its own, and replicas that sync the two.
type world struct {
	tb         testing.TB
	dir        string // short, since sockets have short names
	root       string
	state      string
	url        string
	store      *postgres.Store
	listener   *postgres.Listener
	authority  *identity.Authority
	logger     *slog.Logger
	user       backend.UserID
	session    backend.SessionID
	policy     filesync.Policy
	credential *syscall.Credential

	// How agents are started: what comes before the program and after it, and its limits.
	wrap, after  []string
	program      string // empty: this one
	watches      int
	pollInterval time.Duration

	replicas []*replica

	mu     sync.Mutex
	moved  chan struct{} // closed and replaced when something has happened
	agent  *process
	agents int
	conns  map[net.Conn]struct{}
	// cutAfter decides how many bytes the next connection carries; 0: all.
	cutAfter func() int
	problems []error
}

// shortDir is a folder of the test's own with a name that is short, as those of sockets must be.
func shortDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "w-") //nolint:usetesting // its names are long
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	return dir
}

// newWorld makes a world whose database is at url; empty: one of its own. Nothing runs yet.
func newWorld(tb testing.TB, url string) *world {
	tb.Helper()
	dir := shortDir(tb)
	if url == "" {
		url = postgrestest.New(tb)
	}
	w := &world{
		tb: tb, dir: dir, root: filepath.Join(dir, "app"), state: filepath.Join(dir, "state"), url: url,
		logger: slog.New(slog.NewTextHandler(tb.Output(), nil)), moved: make(chan struct{}), conns: map[net.Conn]struct{}{},
		policy: filesync.Policy{
			Ignore: []string{"node_modules/", ".venv/", "__pycache__/"},
			Limits: backend.Limits{MaxFileBytes: 10 << 20, MaxWorkspaceBytes: 1 << 30, MaxFiles: 100_000},
		},
		cutAfter: func() int { return 0 },
	}
	for _, dir := range []string{w.root, filepath.Join(dir, "sockets")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	var err error
	w.store, err = postgres.Open(tb.Context(), postgres.Config{URL: url, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(w.store.Close)
	if w.authority, err = identity.Open(filepath.Join(dir, "identity")); err != nil {
		tb.Fatal(err)
	}
	user, err := w.store.CreateUser(tb.Context(), "ada", "ada@example.org", "hash")
	if err != nil {
		tb.Fatal(err)
	}
	s, err := w.store.CreateSession(tb.Context(), user.ID, "model", nil)
	if err != nil {
		tb.Fatal(err)
	}
	w.user, w.session = user.ID, s.ID
	w.listener = postgres.NewListener(url, slog.New(slog.DiscardHandler))
	w.background(w.listener.Run)
	tb.Cleanup(func() { w.endAgent(syscall.SIGTERM) })
	return w
}

// background runs something until the end of the test.
func (w *world) background(run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.tb.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := run(ctx); err != nil && ctx.Err() == nil {
			w.tb.Error(err)
		}
	}()
	w.tb.Cleanup(func() {
		cancel()
		<-done
	})
}

// progress tells waiters that something has happened.
func (w *world) progress() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.moved)
	w.moved = make(chan struct{})
}

func (w *world) movement() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.moved
}

// problem notes what must not be, from any goroutine.
func (w *world) problem(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problems = append(w.problems, err)
}

// until waits for something to become true. It looks again after each commit, each call that has ended, and now and then
// for what nobody tells of.
func (w *world) until(what string, is func() (bool, string)) {
	w.tb.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		moved := w.movement()
		ok, why := is()
		if ok {
			return
		}
		select {
		case <-moved:
		case <-tick.C:
		case <-deadline.C:
			var stacks strings.Builder
			_ = pprof.Lookup("goroutine").WriteTo(&stacks, 1) // a Builder takes all
			w.tb.Fatalf("%s: not within %s: %s\n%s\n%s", what, patience, why, w.agentStatus(), stacks.String())
		}
	}
}

// agentStatus is what the agent says of itself, for a failure's report.
func (w *world) agentStatus() string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.tb.Context()), 5*time.Second)
	defer cancel()
	conn, err := w.connect(ctx, "observer")
	if err != nil {
		return err.Error()
	}
	defer conn.Close()
	status, err := conn.Files.FileStatus(ctx, connect.NewRequest(&agentv1.FileStatusRequest{}))
	if err != nil {
		return err.Error()
	}
	return status.Msg.String()
}

// dialer is all of a backend.Runtime that is needed to reach the agent.
type dialer struct {
	backend.Runtime
	w *world
}

// Dial implements backend.Runtime.
func (d dialer) Dial(ctx context.Context, env backend.Environment) (net.Conn, error) {
	w := d.w
	w.mu.Lock()
	p, budget := w.agent, w.cutAfter()
	w.mu.Unlock()
	if p == nil || p.env.ID != env.ID {
		return nil, backend.Errorf(backend.CodeUnavailable, "the agent has ended")
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", p.socket)
	if err != nil {
		return nil, backend.Errorf(backend.CodeUnavailable, "dial: %w", err)
	}
	c := &cutConn{Conn: conn, w: w, budget: budget}
	w.mu.Lock()
	w.conns[c] = struct{}{}
	w.mu.Unlock()
	return c, nil
}

// cut ends all connections to the agent.
func (w *world) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		delete(w.conns, c)
		_ = c.(*cutConn).Conn.Close() //nolint:errcheck // it may have ended already
	}
}

// cutConn is a connection that ends after a number of bytes.
type cutConn struct {
	net.Conn
	w      *world
	mu     sync.Mutex
	budget int // 0: none
}

var errCut = errors.New("the test has cut the connection")

func (c *cutConn) spend(n int) (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.budget == 0 {
		return n, false
	}
	if n < c.budget {
		c.budget -= n
		return n, false
	}
	n, c.budget = c.budget, 1
	return n, true
}

// Write implements net.Conn. It writes a part of what is too much.
func (c *cutConn) Write(p []byte) (int, error) {
	n, cut := c.spend(len(p))
	written, err := c.Conn.Write(p[:n])
	if cut && err == nil {
		err = errors.Join(errCut, c.Conn.Close())
	}
	return written, err
}

// Close implements net.Conn.
func (c *cutConn) Close() error {
	c.w.mu.Lock()
	delete(c.w.conns, c)
	c.w.mu.Unlock()
	return c.Conn.Close()
}

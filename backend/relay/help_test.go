package relay_test

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	"codingplatform/backend/filesync"
	"codingplatform/backend/postgres"
	"codingplatform/backend/relay"
	"codingplatform/backend/reqctx"
)

const session = "6b2f7f0e-54a5-4c8e-9f63-0a2f35a4a001"

// rows stand for the database: what a user may do, until the test says otherwise.
type rows struct {
	mu      sync.Mutex
	access  backend.Access
	down    bool
	asked   int
	audited []postgres.AuditEntry
	// wakes are the guards that listen.
	wakes map[chan struct{}]struct{}
	// signedOut: the sign-in has ended; looks is how often that was asked.
	signedOut bool
	looks     int
}

// set changes what the user may do, and says so if it is not lost.
func (r *rows) set(access backend.Access, told bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.access = access
	if told {
		r.wake()
	}
}

func (r *rows) wake() {
	for wake := range r.wakes {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// fail makes the database unreachable, or reachable again as a listener that comes back tells it.
func (r *rows) fail(down bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = down
	r.wake()
}

func (r *rows) questions() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// Access implements relay.Store, as does what follows.
func (r *rows) Access(context.Context, backend.UserID, backend.SessionID) (backend.Session, backend.Access, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if r.down {
		return backend.Session{}, backend.Access{}, backend.Errorf(backend.CodeUnavailable, "the database cannot be reached")
	}
	if !r.access.Any() {
		return backend.Session{}, backend.Access{}, backend.Errorf(backend.CodeNotFound, "there is no such session")
	}
	return backend.Session{ID: session}, r.access, nil
}

func (r *rows) Audit(_ context.Context, e postgres.AuditEntry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.audited = append(r.audited, e)
	return nil
}

func (r *rows) SessionByID(context.Context, backend.SessionID) (backend.Session, error) {
	return backend.Session{ID: session, Phase: backend.PhaseStopped}, nil
}

func (r *rows) Revision(context.Context, backend.SessionID) (int64, error) { return 7, nil }

func (r *rows) ChangesSince(_ context.Context, _ backend.SessionID, revision int64, _ int) ([]backend.Change, int64, bool, error) {
	return nil, revision, true, nil
}

func (r *rows) OpenConflicts(context.Context, backend.SessionID) ([]backend.Conflict, error) {
	return nil, nil
}

// Subscribe implements relay.Wakes.
func (r *rows) Subscribe(backend.SessionID) (<-chan struct{}, func()) {
	return make(chan struct{}), func() {}
}

// SubscribeViewers implements relay.Wakes.
func (*rows) SubscribeViewers(backend.SessionID) (<-chan struct{}, func()) { return nil, func() {} }

// SubscribeAccess implements relay.Wakes.
func (r *rows) SubscribeAccess(backend.SessionID) (<-chan struct{}, func()) {
	wake := make(chan struct{}, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wakes == nil {
		r.wakes = map[chan struct{}]struct{}{}
	}
	r.wakes[wake] = struct{}{}
	return wake, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.wakes, wake)
	}
}

// starting is a session whose environment is about to run, for ever.
type starting struct{}

// WaitReady implements relay.Sessions, as does what follows.
func (starting) WaitReady(ctx context.Context, _ backend.SessionID, _ bool, onPhase func(backend.Session)) (*agentconn.Conn, error) {
	onPhase(backend.Session{ID: session, Phase: backend.PhaseStarting, Wanted: true})
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

func (starting) Conn(context.Context, backend.SessionID) (*agentconn.Conn, error) {
	return nil, backend.Errorf(backend.CodeUnavailable, "the environment is not running")
}

func (starting) SyncStatus(backend.SessionID) filesync.Status { return filesync.Status{} }

func (starting) WatchSyncStatus(backend.SessionID) (<-chan struct{}, func()) {
	return make(chan struct{}), func() {}
}

// memory is a network of net.Pipe, for a synctest bubble.
type memory struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	close(m.closed)
	return nil
}

func (m *memory) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

func (m *memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case m.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// world is a relay in memory.
type world struct {
	*rows
	t       *testing.T
	handler *relay.Handler
	client  *http.Client
	// transport is the client's.
	transport *http.Transport
}

// newWorld must be called in the bubble of its test.
func newWorld(t *testing.T, access backend.Access) *world {
	t.Helper()
	w := &world{rows: &rows{access: access}, t: t}
	handler := relay.NewHandler(relay.Config{
		Sessions: starting{}, Store: w.rows, Wakes: w.rows, Logger: slog.New(slog.DiscardHandler),
		Authenticate: func(r *http.Request) (backend.User, error) {
			return backend.User{ID: "bea", Username: "bea"}, nil
		},
	})
	network := &memory{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Hour, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(rw, r.WithContext(reqctx.WithClient(r.Context(), reqctx.Client{Addr: "192.0.2.1"})))
	})}
	done := make(chan error, 1)
	go func() { done <- server.Serve(network) }()
	transport := &http.Transport{DialContext: network.dial, DisableKeepAlives: true}
	w.handler, w.client, w.transport = handler, &http.Client{Transport: transport}, transport
	t.Cleanup(func() {
		handler.Drain(context.WithoutCancel(t.Context()))
		_ = server.Close() // says what closing the network says
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
		transport.CloseIdleConnections()
	})
	return w
}

// end is how a socket ended, and when.
type end struct {
	code   websocket.StatusCode
	reason string
	after  time.Duration
}

// open opens a socket and reads it, as a client that is there does.
func (w *world) open(query string) <-chan end {
	w.t.Helper()
	begun := time.Now()
	ws, _, err := websocket.Dial(w.t.Context(), "ws://relay/ws?session="+session+query, &websocket.DialOptions{HTTPClient: w.client})
	if err != nil {
		w.t.Fatal(err)
	}
	ended := make(chan end, 1)
	go func() {
		defer func() { _ = ws.CloseNow() }()
		for {
			if _, _, err := ws.Read(w.t.Context()); err != nil {
				var told websocket.CloseError
				if !errors.As(err, &told) {
					told.Reason = err.Error()
				}
				ended <- end{told.Code, told.Reason, time.Since(begun)}
				return
			}
		}
	}()
	return ended
}

func (*rows) Viewers(context.Context, backend.SessionID) ([]backend.Viewer, error) { return nil, nil }

func (*rows) AddViewer(context.Context, backend.Viewer, time.Duration) error { return nil }

func (*rows) RemoveViewer(context.Context, backend.Viewer) error { return nil }

func (*rows) KeepViewers(context.Context, string, []backend.Viewer, time.Duration) error { return nil }

func (*rows) Beat(context.Context, string, time.Duration) error { return nil }

func (*rows) AccountState(context.Context, backend.UserID) (backend.AccountState, error) {
	return backend.AccountState{}, nil
}

func (r *rows) CheckSignIn(context.Context, backend.SignInID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looks++
	if r.signedOut {
		return backend.Errorf(backend.CodeUnauthenticated, "signed out")
	}
	return nil
}

func (r *rows) looksAtSignIn() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.looks
}

// signOut ends the sign-in, and says so.
func (r *rows) signOut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.signedOut = true
	r.wake()
}

func (*rows) SubscribeAccount(backend.UserID) (<-chan struct{}, func()) { return nil, func() {} }

func (r *rows) SubscribeSignIns(backend.UserID) (<-chan struct{}, func()) {
	return r.SubscribeAccess(session)
}

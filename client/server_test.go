package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// memory is a network of net.Pipe, so that it works in a synctest bubble. Each connection may break after a number of
// bytes in either direction.
type memory struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
	// budget is how many bytes the nth connection carries; negative: all. refuse is the answer to the nth dial.
	budget func(n int) (up, down int)
	refuse func(n int) error

	mu    sync.Mutex
	dials []time.Time
}

func newMemory() *memory {
	return &memory{
		conns: make(chan net.Conn), closed: make(chan struct{}),
		budget: func(int) (int, int) { return -1, -1 }, refuse: func(int) error { return nil },
	}
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
	m.once.Do(func() { close(m.closed) })
	return nil
}

func (m *memory) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

func (m *memory) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	m.mu.Lock()
	n := len(m.dials)
	m.dials = append(m.dials, time.Now())
	m.mu.Unlock()
	if err := m.refuse(n); err != nil {
		return nil, err
	}
	here, there := net.Pipe()
	up, down := m.budget(n)
	select {
	case m.conns <- &frail{Conn: there, up: up, down: down}:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// attempts are the times of all dials.
func (m *memory) attempts() []time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]time.Time(nil), m.dials...)
}

// frail breaks when its bytes are used up, in the middle of whatever is being said.
type frail struct {
	net.Conn
	mu       sync.Mutex
	up, down int
}

func spend(budget *int, n int) int {
	if *budget < 0 {
		return n
	}
	n = min(n, *budget)
	*budget -= n
	return n
}

func (f *frail) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	f.mu.Lock()
	defer f.mu.Unlock()
	if left := spend(&f.up, n); left < n {
		_ = f.Close()
		return left, io.ErrUnexpectedEOF
	}
	return n, err
}

func (f *frail) Write(p []byte) (int, error) {
	f.mu.Lock()
	n := spend(&f.down, len(p))
	f.mu.Unlock()
	if n < len(p) {
		_, _ = f.Conn.Write(p[:n])
		_ = f.Close()
		return n, io.ErrUnexpectedEOF
	}
	return f.Conn.Write(p)
}

// serve runs an HTTP server on the network and makes a client of it. Both end with the test.
func serve(t *testing.T, m *memory, handler http.Handler) *API {
	t.Helper()
	server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Hour}
	done := make(chan error, 1)
	go func() { done <- server.Serve(m) }()
	transport := &http.Transport{DialContext: m.dial, DisableKeepAlives: true}
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the server ended with %v", err)
		}
		transport.CloseIdleConnections()
	})
	api, err := New("http://server/base", "secret")
	if err != nil {
		t.Fatal(err)
	}
	return api.WithHTTP(&http.Client{Transport: transport})
}

// socket is the server's side of a WebSocket, and what was asked for.
type socket struct {
	*websocket.Conn
	n     uint64
	query url.Values
	// pong answers pings.
	pong func() bool
}

// sockets hands each accepted WebSocket to script, by its number. The socket breaks when script returns.
func sockets(t *testing.T, script func(ctx context.Context, s *socket)) http.Handler {
	t.Helper()
	var mu sync.Mutex
	count := uint64(0)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		s := &socket{n: count, query: r.URL.Query(), pong: func() bool { return true }}
		count++
		mu.Unlock()
		if r.URL.Path != "/base/ws" || r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("the client asks for %s as %q", r.URL.Path, r.Header.Get("Authorization"))
		}
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
			OnPingReceived: func(context.Context, []byte) bool { return s.pong() },
		})
		if err != nil {
			return // The client broke off.
		}
		defer func() { _ = conn.CloseNow() }()
		conn.SetReadLimit(1 << 20)
		s.Conn = conn
		script(r.Context(), s)
	})
}

// say sends a message; the client may be gone.
func (s *socket) say(ctx context.Context, format string, args ...any) bool {
	return s.Write(ctx, websocket.MessageText, fmt.Appendf(nil, format, args...)) == nil
}

func (s *socket) print(ctx context.Context, data []byte) bool {
	return len(data) == 0 || s.Write(ctx, websocket.MessageBinary, data) == nil
}

// attached is the simplest answer to an attach.
func (s *socket) attached(ctx context.Context) bool {
	return s.say(ctx, `{"type":"attached","terminal":"1","incarnation":"i","cols":80,"rows":24,"reset":true,"created":%t}`, s.n == 0)
}

// drain reads until the client is gone, and answers why.
func (s *socket) drain(ctx context.Context) error {
	for {
		if _, _, err := s.Read(ctx); err != nil {
			return err
		}
	}
}

// gone reads until the client is gone.
func (s *socket) gone(ctx context.Context) <-chan struct{} {
	left := make(chan struct{})
	go func() {
		defer close(left)
		_ = s.drain(ctx)
	}()
	return left
}

// control is any text frame of the client.
type control struct {
	Type       string
	Offset     uint64
	Cols, Rows int
}

func parseControl(t *testing.T, data []byte) control {
	t.Helper()
	var c control
	if err := json.Unmarshal(data, &c); err != nil {
		t.Errorf("the client sent %q: %v", data, err)
	}
	return c
}

// resumeAt is the offset that the query asks for.
func (s *socket) resumeAt(t *testing.T, incarnation string) (offset int, ok bool) {
	t.Helper()
	if s.query.Get("incarnation") != incarnation {
		return 0, false
	}
	offset, err := strconv.Atoi(s.query.Get("offset"))
	if err != nil {
		t.Errorf("offset: %v", err)
	}
	return offset, true
}

// nothing is a handler for what does not matter.
func nothing(Event) error { return nil }

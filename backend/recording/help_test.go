package recording_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"

	"codingplatform/agent"
	"codingplatform/agent/agenttest"
	"codingplatform/agent/identity"
	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	"codingplatform/backend/postgres"
	"codingplatform/backend/postgrestest"
	"codingplatform/backend/recording"
	"codingplatform/proto/attach"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// world is a session with a real agent and a real database.
type world struct {
	*postgres.Store
	t        *testing.T
	agent    *agenttest.Agent
	conn     *agentconn.Conn
	listener *postgres.Listener
	session  backend.SessionID
	lease    backend.Lease
	maxBytes int64
}

// runtime reaches the one agent of the test.
type runtime struct {
	backend.Runtime

	socket string
}

func (r runtime) Dial(ctx context.Context, _ backend.Environment) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", r.socket)
}

type credentials struct{ config *tls.Config }

func (c credentials) ClientConfig(backend.SessionID, backend.EnvironmentID) (*tls.Config, error) {
	return c.config, nil
}

// newWorld starts an agent whose terminals keep resume bytes of output.
func newWorld(t *testing.T, resume int) *world {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	url := postgrestest.New(t)
	store, err := postgres.Open(t.Context(), postgres.Config{URL: url, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	user, err := store.CreateUser(t.Context(), "ada", "ada@example.org", "hash")
	if err != nil {
		t.Fatal(err)
	}
	session, err := store.CreateSession(t.Context(), user.ID, "recorded", nil)
	if err != nil {
		t.Fatal(err)
	}
	a := agenttest.Start(t, func(o *agent.Options) { o.Terminals.Resume = resume })
	env := backend.Environment{ID: agenttest.EnvironmentID, SessionID: agenttest.SessionID}
	conn, err := agentconn.Connect(t.Context(), runtime{socket: a.Socket}, credentials{a.Authority.Client(identity.BackendURI)}, "test", env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	w := &world{
		Store: store, t: t, agent: a, conn: conn, session: session.ID, maxBytes: 64 << 20,
		listener: postgres.NewListener(url, slog.New(slog.DiscardHandler)),
	}
	ctx, listened := t.Context(), make(chan struct{})
	go func() { defer close(listened); _ = w.listener.Run(ctx) }() // ends with the test
	t.Cleanup(func() { <-listened })
	w.takeOver("first")
	if err := store.SetPhase(t.Context(), w.lease, backend.PhaseReady, "", env.ID); err != nil {
		t.Fatal(err)
	}
	return w
}

// takeOver gives the session to another replica, as when the former one has died.
func (w *world) takeOver(replica string) {
	w.t.Helper()
	if w.lease.Holder != "" {
		if err := w.ReleaseLease(w.t.Context(), w.lease); err != nil {
			w.t.Fatal(err)
		}
	}
	lease, err := w.AcquireLease(w.t.Context(), w.session, replica, time.Minute)
	if err != nil {
		w.t.Fatal(err)
	}
	w.lease = lease
}

// replica runs recorders until it is killed. Its store may be another one.
type replica struct {
	*recording.Session
	cancel context.CancelFunc
	done   chan struct{}
}

func (w *world) replica(store recording.Store) *replica {
	w.t.Helper()
	r := &replica{done: make(chan struct{}), Session: recording.New(recording.Config{
		Store: store, Wakes: w.listener, Conn: w.conn, Lease: w.lease, MaxBytes: w.maxBytes, Logger: slog.New(slog.NewTextHandler(w.t.Output(), nil)),
	})}
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(w.t.Context())
	go func() { defer close(r.done); r.Run(ctx) }()
	w.t.Cleanup(r.kill)
	return r
}

// kill ends the replica.
func (r *replica) kill() {
	r.cancel()
	<-r.done
}

// terminal is one that runs a program, with a viewer who types and reads.
type terminal struct {
	t      *testing.T
	stream *attach.Client
	typed  uint64
	shown  strings.Builder
}

// start runs a shell's script in a terminal of 80x24.
func (w *world) start(name, script string) *terminal {
	w.t.Helper()
	_, err := w.agent.Terminals.CreateTerminal(w.t.Context(), connect.NewRequest(&agentv1.CreateTerminalRequest{Spec: &agentv1.TerminalSpec{
		Name: name, Cols: 80, Rows: 24, Command: []string{"/bin/sh", "-c", "stty -echo -opost; " + script},
	}}))
	if err != nil {
		w.t.Fatal(err)
	}
	t := &terminal{t: w.t, stream: w.agent.Attach(w.t.Context(), w.t, &agentv1.AttachOpen{
		Terminal: name, ClientId: "typist", Mode: agentv1.TerminalMode_TERMINAL_MODE_WRITE, Cols: 80, Rows: 24,
	})}
	w.t.Cleanup(func() { _ = t.stream.Close() })
	return t
}

func (t *terminal) line(text string) {
	t.t.Helper()
	if err := t.stream.Input(t.typed, []byte(text+"\n")); err != nil {
		t.t.Fatal(err)
	}
	t.typed += uint64(len(text) + 1)
}

// until reads until the terminal has shown text, or its program has ended ("").
func (t *terminal) until(text string) {
	t.t.Helper()
	for text == "" || !strings.Contains(t.shown.String(), text) {
		m, err := t.stream.Receive()
		if err != nil {
			t.t.Fatalf("read the terminal: %v; it showed %q", err, t.shown.String())
		}
		t.shown.Write(m.GetAttached().GetSnapshot())
		t.shown.Write(m.GetOutput().GetData())
		if m.GetExit() != nil && text == "" {
			return
		}
	}
}

func (w *world) record(terminal string) backend.Recording {
	w.t.Helper()
	r, err := w.CreateRecording(w.t.Context(), backend.NewRecording{SessionID: w.session, Terminal: terminal, Cols: 80, Rows: 24})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// until waits for a recording's row to be as wanted; a change of it wakes.
func (w *world) until(id backend.RecordingID, done func(backend.Recording) bool) backend.Recording {
	w.t.Helper()
	wake, unsubscribe := w.listener.Subscribe(w.session)
	defer unsubscribe()
	for {
		r, err := w.Recording(w.t.Context(), w.session, id)
		if err != nil {
			w.t.Fatal(err)
		}
		if done(r) {
			return r
		}
		select {
		case <-wake:
		case <-w.t.Context().Done():
			w.t.Fatalf("the recording stays as it is: %+v", r)
		}
	}
}

func begun(r backend.Recording) bool { return r.Cursor.Chunks > 0 }
func ended(r backend.Recording) bool { return !r.Active() }

// stop asks for the end and waits for it.
func (w *world) stop(r backend.Recording) backend.Recording {
	w.t.Helper()
	if _, err := w.StopRecording(w.t.Context(), w.session, r.Terminal); err != nil {
		w.t.Fatal(err)
	}
	return w.until(r.ID, ended)
}

// played is what a player makes of a recording.
type played struct {
	// printed is what follows the last time that the screen was drawn anew, screens how often that was.
	printed string
	screens int
	sizes   []string
	bytes   int
}

func (w *world) play(id backend.RecordingID) played {
	w.t.Helper()
	var file bytes.Buffer
	if err := w.CopyRecording(w.t.Context(), w.session, id, func(backend.Recording) (io.Writer, error) { return &file, nil }); err != nil {
		w.t.Fatal(err)
	}
	p := played{bytes: file.Len()}
	last := 0.0
	var printed strings.Builder
	for line := range bytes.Lines(file.Bytes()) {
		var at float64
		var kind, data string
		if err := json.Unmarshal(line, &[]any{&at, &kind, &data}); err != nil || at < last {
			w.t.Fatalf("%q after %v: %v", line, last, err)
		}
		last = at
		switch kind {
		case "o":
			if strings.HasPrefix(data, "\x1bc") {
				p.screens++
				printed.Reset()
			}
			printed.WriteString(data)
		case "r":
			p.sizes = append(p.sizes, data)
		}
	}
	p.printed = printed.String()
	return p
}

// faulty is a store that fails as a database does whose connection breaks.
type faulty struct {
	*postgres.Store

	mu sync.Mutex
	// fault says of an append, counted from 0, what goes wrong.
	fault func(n int) fault
	n     int
}

type fault int

const (
	// before the append is done, after it is committed: its caller cannot tell them apart. 0 is no fault.
	before fault = iota + 1
	after
)

func (f *faulty) AppendRecording(ctx context.Context, lease backend.Lease, chunk backend.RecordingChunk) error {
	f.mu.Lock()
	wrong := f.fault(f.n)
	f.n++
	f.mu.Unlock()
	broken := backend.Errorf(backend.CodeUnavailable, "the connection to the database broke")
	if wrong == before {
		return broken
	}
	if err := f.Store.AppendRecording(ctx, lease, chunk); err != nil {
		return err
	}
	if wrong == after {
		return broken
	}
	return nil
}

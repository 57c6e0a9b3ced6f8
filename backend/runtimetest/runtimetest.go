package runtimetest

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// Fixture is a runtime under test. Its environments, and what it keeps, end with the test.
type Fixture struct {
	Runtime backend.Runtime
	// Credentials prove a backend to the runtime's agents.
	Credentials agentconn.Credentials
	// Again makes another Runtime of the same place: that of a backend after a restart, or of another replica.
	Again func(testing.TB) backend.Runtime
	// Volatile says that what an environment keeps ends with it.
	Volatile bool
	// Broken makes a Runtime whose environments cannot start; the reason must hold words.
	Broken func(testing.TB) (broken backend.Runtime, words string)
}

const stopGrace = 20 * time.Second

// Run runs the suite; newFixture is called for each test of it.
func Run(t *testing.T, newFixture func(*testing.T) Fixture) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Fixture){
		"StartAndHello":         startAndHello,
		"StartOfALiveOne":       startOfALiveOne,
		"FindAndList":           findAndList,
		"Watch":                 watch,
		"Stop":                  stop,
		"StopOfAnother":         stopOfAnother,
		"VolumeOutlivesAndEnds": volumeOutlivesAndEnds,
		"DialOfAnother":         dialOfAnother,
		"Adoption":              adoption,
		"FailingStart":          failingStart,
		"Environment":           environment,
		"Install":               install,
	} {
		t.Run(name, func(t *testing.T) { test(t, newFixture(t)) })
	}
}

// NewSession makes a session's ID.
func NewSession() backend.SessionID { return backend.SessionID(uuid.NewString()) }

// Start starts an environment, which is stopped and removed at the end of the test.
func Start(tb testing.TB, r backend.Runtime, spec backend.EnvironmentSpec) backend.Environment {
	tb.Helper()
	env, err := r.Start(tb.Context(), spec)
	if err != nil {
		tb.Fatalf("Start: %v", err)
	}
	tb.Cleanup(func() {
		ctx := context.WithoutCancel(tb.Context())
		if err := r.Stop(ctx, env.SessionID, env.ID, stopGrace); err != nil {
			tb.Errorf("Stop at the end: %v", err)
		}
	})
	return env
}

// Connect says hello to an environment's agent, once it listens.
func Connect(tb testing.TB, r backend.Runtime, credentials agentconn.Credentials, env backend.Environment) *agentconn.Conn {
	tb.Helper()
	retry := time.NewTicker(5 * time.Millisecond)
	defer retry.Stop()
	for {
		conn, err := agentconn.Connect(tb.Context(), r, credentials, "runtimetest", env)
		if err == nil {
			tb.Cleanup(conn.Close)
			return conn
		}
		if backend.CodeOf(err) != backend.CodeUnavailable {
			tb.Fatalf("hello: %v", err)
		}
		if _, ferr := r.Find(tb.Context(), env.SessionID); ferr != nil {
			tb.Fatalf("the environment ended before its hello: %v, %v", err, ferr)
		}
		select {
		case <-retry.C:
		case <-tb.Context().Done():
			tb.Fatalf("hello: %v", err)
		}
	}
}

// Command runs a program in the environment, and returns its output and exit code.
func Command(tb testing.TB, conn *agentconn.Conn, argv ...string) (output string, code int32) {
	tb.Helper()
	stream, err := conn.Processes.RunProcess(tb.Context(), connect.NewRequest(&agentv1.RunProcessRequest{Command: argv}))
	if err != nil {
		tb.Fatalf("run %q: %v", argv, err)
	}
	defer func() {
		if err := stream.Close(); err != nil {
			tb.Errorf("run %q: %v", argv, err)
		}
	}()
	var out strings.Builder
	code = -1
	for stream.Receive() {
		switch event := stream.Msg().GetEvent().(type) {
		case *agentv1.RunProcessResponse_Stdout:
			out.Write(event.Stdout)
		case *agentv1.RunProcessResponse_Stderr:
			out.Write(event.Stderr)
		case *agentv1.RunProcessResponse_Exit:
			code = event.Exit.GetCode()
		}
	}
	if err := stream.Err(); err != nil {
		tb.Fatalf("run %q: %v", argv, err)
	}
	return out.String(), code
}

// Watcher collects what a Watch reports.
type Watcher struct {
	mu     sync.Mutex
	events []backend.Environment
	moved  chan struct{}
	done   chan error
}

// Watch starts a watch, which ends with the test.
func Watch(t *testing.T, r backend.Runtime) *Watcher {
	t.Helper()
	w := &Watcher{moved: make(chan struct{}), done: make(chan error, 1)}
	ended := errors.New("the test ended")
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(t.Context()))
	go func() { w.done <- r.Watch(ctx, w.add) }()
	t.Cleanup(func() {
		cancel(ended)
		if err := <-w.done; !errors.Is(err, ended) {
			t.Errorf("Watch returned %v, want its context's cause", err)
		}
	})
	return w
}

func (w *Watcher) add(env backend.Environment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, env)
	close(w.moved)
	w.moved = make(chan struct{})
}

// Until waits for an event of an environment in a phase, and returns all of its events so far.
func (w *Watcher) Until(t *testing.T, id backend.EnvironmentID, phase backend.EnvironmentPhase) []backend.Environment {
	t.Helper()
	for {
		w.mu.Lock()
		moved := w.moved
		events := slices.DeleteFunc(slices.Clone(w.events), func(e backend.Environment) bool { return e.ID != id })
		w.mu.Unlock()
		if slices.ContainsFunc(events, func(e backend.Environment) bool { return e.Phase == phase }) {
			return events
		}
		select {
		case <-moved:
		case <-t.Context().Done():
			t.Fatalf("no event %s of %s: %+v", phase, id, events)
		}
	}
}

// redirected dials another environment than it is asked to, like an address that was given to another pod.
type redirected struct {
	backend.Runtime
	to backend.Environment
}

// Dial implements backend.Runtime.
func (r redirected) Dial(ctx context.Context, _ backend.Environment) (net.Conn, error) {
	return r.Runtime.Dial(ctx, r.to)
}

package agenttest

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"connectrpc.com/connect"

	"codingplatform/agent"
	"codingplatform/agent/identity"
	"codingplatform/agent/sysinfo"
	"codingplatform/proto/attach"
	agentv1 "codingplatform/proto/gen/agent/v1"
	"codingplatform/proto/gen/agent/v1/agentv1connect"
)

// The names of every agent that Start starts.
const (
	SessionID     = "test-session"
	EnvironmentID = "test-environment"
)

// Agent is a running agent and clients for it.
type Agent struct {
	Authority *Authority
	// Root is the workspace directory; Socket where the agent listens; Health the address of its health checks.
	Root, Socket, Health string
	Incarnation          string

	Agent     agentv1connect.AgentServiceClient
	Terminals agentv1connect.TerminalServiceClient
	Processes agentv1connect.ProcessServiceClient

	stop context.CancelFunc
	done chan error
	err  error
}

// Start starts an agent that ends with the test. change may set options; nil: none.
func Start(tb testing.TB, change func(*agent.Options)) *Agent {
	tb.Helper()
	// As cmd/agent does: what nohup or a background start ignores, programs in terminals must not. It stays so for the
	// tests that run beside this one.
	if _, err := sysinfo.HandleIgnoredSignals(); err != nil {
		tb.Fatal(err)
	}
	// A socket's path has 107 bytes at most, which the names of tests may need by themselves.
	dir, err := os.MkdirTemp("", "agent-") //nolint:usetesting // see above
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Errorf("remove the agent's directory: %v", err)
		}
	})
	a := &Agent{
		Authority: NewAuthority(tb), Root: filepath.Join(dir, "app"), Socket: filepath.Join(dir, "agent.sock"),
		Incarnation: agent.NewIncarnation(), done: make(chan error, 1),
	}
	if err := os.Mkdir(a.Root, 0o755); err != nil {
		tb.Fatal(err)
	}
	opts := agent.Options{
		Logger: slog.New(slog.NewTextHandler(tb.Output(), nil)), Identity: a.Authority.Agent(SessionID, EnvironmentID),
		Version: "test", Incarnation: a.Incarnation, Root: a.Root, State: filepath.Join(dir, "state"),
	}
	if change != nil {
		change(&opts)
	}
	server, err := agent.New(opts)
	if err != nil {
		tb.Fatal(err)
	}
	var config net.ListenConfig
	listener, err := config.Listen(tb.Context(), "unix", a.Socket)
	if err != nil {
		tb.Fatal(err)
	}
	health, err := config.Listen(tb.Context(), "tcp", "localhost:0")
	if err != nil {
		tb.Fatal(err)
	}
	a.Health = "http://" + health.Addr().String()
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	a.stop = cancel
	go func() {
		a.done <- server.Run(ctx, listener, health)
		close(a.done)
	}()
	client := a.Client(tb, a.Authority.Client(identity.BackendURI))
	tb.Cleanup(func() {
		client.CloseIdleConnections()
		if err := a.Stop(); err != nil && !errors.Is(err, agent.ErrOrphaned) {
			tb.Errorf("the agent ended with: %v", err)
		}
	})
	const base = "https://agent"
	// Compression costs more than it saves here too.
	plain := connect.WithAcceptCompression("gzip", nil, nil)
	a.Agent = agentv1connect.NewAgentServiceClient(client, base, plain)
	a.Terminals = agentv1connect.NewTerminalServiceClient(client, base, plain)
	a.Processes = agentv1connect.NewProcessServiceClient(client, base, plain)
	return a
}

// Client calls the agent with a TLS configuration of one's own.
func (a *Agent) Client(tb testing.TB, config *tls.Config) *http.Client {
	tb.Helper()
	var protocols http.Protocols
	protocols.SetHTTP2(true)
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: config, Protocols: &protocols, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", a.Socket)
		},
	}}
}

// Attach opens the stream of a terminal. It ends with ctx; the caller closes it.
func (a *Agent) Attach(ctx context.Context, tb testing.TB, open *agentv1.AttachOpen) *attach.Client {
	tb.Helper()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", a.Socket)
	if err != nil {
		tb.Fatalf("dial the agent: %v", err)
	}
	stream, err := attach.Dial(ctx, conn, attach.Config(a.Authority.Client(identity.BackendURI)), attach.Buffers(), open)
	if err != nil {
		tb.Fatalf("attach a terminal: %v", err)
	}
	return stream
}

// Stop ends the agent and returns what it ended with. Calling it again returns the same.
func (a *Agent) Stop() error {
	a.stop()
	return a.Wait()
}

// Wait waits until the agent has ended by itself.
func (a *Agent) Wait() error {
	if err, ok := <-a.done; ok {
		a.err = err
	}
	return a.err
}

package agentconn

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"connectrpc.com/connect"

	"codingplatform/backend"
	"codingplatform/proto/attach"
	agentv1 "codingplatform/proto/gen/agent/v1"
	"codingplatform/proto/gen/agent/v1/agentv1connect"
)

// The versions of the contract with agents that a backend speaks: those that run are served as well as new ones.
const (
	OldestProtocol = 1
	NewestProtocol = 1
)

const (
	helloTimeout = 10 * time.Second
	// Go's defaults would hide 4 MiB a stream in HTTP/2's windows.
	terminalStreamWindow = 256 << 10
	fileStreamWindow     = 1 << 20
	connectionWindow     = 16 << 20
	// maxFrame is four times the default: a sixth less of the agent's CPU for large contents. A connection keeps a buffer of
	// the largest frame that came.
	maxFrame        = 64 << 10
	maxMessageBytes = 32 << 20
)

// Conn is a pair of connections to one agent. Its clients may be used at once from many goroutines.
type Conn struct {
	Environment backend.Environment
	// Incarnation of the agent that said hello.
	Incarnation string
	Version     string
	// Fills says that the agent tells whether its workspace is empty, and takes contents with their entries then.
	Fills bool

	Agent     agentv1connect.AgentServiceClient
	Terminals agentv1connect.TerminalServiceClient
	Files     agentv1connect.FileServiceClient
	Processes agentv1connect.ProcessServiceClient

	// What terminals' streams are made of.
	dial    func(context.Context, string, string) (net.Conn, error)
	tls     *tls.Config
	buffers *sync.Pool

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]struct{}
}

// Credentials make the TLS configuration that proves the backend to an agent and accepts only the agent of
// this session and environment.
type Credentials interface {
	ClientConfig(session backend.SessionID, environment backend.EnvironmentID) (*tls.Config, error)
}

// Connect dials the agent of env and says hello. CodeUnavailable: it does not answer (yet).
// CodePreconditionFailed or CodeUnauthenticated: somebody else answers.
func Connect(ctx context.Context, runtime backend.Runtime, credentials Credentials, replica string, env backend.Environment) (*Conn, error) {
	config, err := credentials.ClientConfig(env.SessionID, env.ID)
	if err != nil {
		return nil, err
	}
	c := &Conn{Environment: env, tls: attach.Config(config), buffers: attach.Buffers()}
	c.dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := runtime.Dial(ctx, env)
		if err != nil {
			return nil, err
		}
		return c.track(conn)
	}
	terminals, files := newTransport(c.dial, config, terminalStreamWindow), newTransport(c.dial, config, fileStreamWindow)
	options := []connect.ClientOption{
		// Compression costs five to ten times what it saves on a local network.
		connect.WithAcceptCompression("gzip", nil, nil),
		connect.WithReadMaxBytes(maxMessageBytes),
	}
	const base = "https://agent"
	c.Terminals = agentv1connect.NewTerminalServiceClient(&http.Client{Transport: terminals}, base, options...)
	fileClient := &http.Client{Transport: files}
	c.Agent = agentv1connect.NewAgentServiceClient(fileClient, base, options...)
	c.Files = agentv1connect.NewFileServiceClient(fileClient, base, options...)
	c.Processes = agentv1connect.NewProcessServiceClient(fileClient, base, options...)

	ctx, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	hello, err := c.Agent.Hello(ctx, connect.NewRequest(&agentv1.HelloRequest{
		MinProtocol: OldestProtocol, MaxProtocol: NewestProtocol,
		SessionId: string(env.SessionID), EnvironmentId: string(env.ID), Replica: replica,
	}))
	if err != nil {
		c.Close()
		return nil, Error("greet the environment's agent", err)
	}
	if hello.Msg.GetSessionId() != string(env.SessionID) || hello.Msg.GetEnvironmentId() != string(env.ID) {
		c.Close()
		return nil, backend.Errorf(backend.CodePreconditionFailed, "the agent is of another session or environment")
	}
	if spoken := hello.Msg.GetProtocol(); spoken < OldestProtocol || spoken > NewestProtocol {
		c.Close()
		return nil, backend.Errorf(backend.CodePreconditionFailed, "the agent (%s) speaks version %d of its contract with backends, and this backend %d to %d: "+
			"stop the session and start it again", hello.Msg.GetVersion(), spoken, OldestProtocol, NewestProtocol)
	}
	c.Incarnation, c.Version = hello.Msg.GetIncarnation(), hello.Msg.GetVersion()
	c.Fills = slices.Contains(hello.Msg.GetFeatures(), "fill")
	return c, nil
}

func newTransport(dial func(context.Context, string, string) (net.Conn, error), config *tls.Config, streamWindow int) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP2(true)
	return &http.Transport{
		DialContext:       dial,
		TLSClientConfig:   config.Clone(), // the transport changes it
		ForceAttemptHTTP2: true,
		Protocols:         &protocols,
		HTTP2: &http.HTTP2Config{
			MaxReadFrameSize:              maxFrame,
			MaxReceiveBufferPerStream:     streamWindow,
			MaxReceiveBufferPerConnection: connectionWindow,
			SendPingTimeout:               15 * time.Second,
			PingTimeout:                   10 * time.Second,
		},
		DisableCompression:  true,
		TLSHandshakeTimeout: helloTimeout,
		// Terminals stay attached for hours without a byte; the pings above notice a dead peer.
		IdleConnTimeout: 0,
		// A stream more than the agent's limit waits instead of failing.
		MaxConnsPerHost: 0,
	}
}

// track remembers a connection: http.Transport closes idle ones only, and Close must end streams too.
func (c *Conn) track(conn net.Conn) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	if c.conns == nil {
		c.conns = map[net.Conn]struct{}{}
	}
	tracked := &trackedConn{Conn: conn, forget: c.forget}
	c.conns[tracked] = struct{}{}
	return tracked, nil
}

func (c *Conn) forget(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.conns, conn)
}

type trackedConn struct {
	net.Conn
	forget func(net.Conn)
}

// Close implements net.Conn.
func (t *trackedConn) Close() error {
	t.forget(t)
	return t.Conn.Close()
}

// Attach opens the stream of a terminal, which ends with ctx. The caller closes it.
func (c *Conn) Attach(ctx context.Context, open *agentv1.AttachOpen) (*attach.Client, error) {
	conn, err := c.dial(ctx, "", "")
	if err != nil {
		return nil, Error("reach the terminal", connect.NewError(connect.CodeUnavailable, err))
	}
	if tracked, ok := conn.(*trackedConn); ok {
		if err := attach.Bound(tracked.Conn); err != nil {
			return nil, errors.Join(Error("reach the terminal", connect.NewError(connect.CodeUnavailable, err)), conn.Close())
		}
	}
	stream, err := attach.Dial(ctx, conn, c.tls, c.buffers, open)
	return stream, Error("attach the terminal", err)
}

// Close ends the connections. Streams on them end with CodeUnavailable.
func (c *Conn) Close() {
	c.mu.Lock()
	c.closed = true
	conns := slices.Collect(maps.Keys(c.conns))
	c.mu.Unlock()
	for _, conn := range conns {
		// An error here says that it is closed already.
		_ = conn.Close()
	}
}

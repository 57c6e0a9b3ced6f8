package agent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"codingplatform/agent/figures"
	"codingplatform/agent/health"
	"codingplatform/agent/process"
	"codingplatform/agent/program"
	"codingplatform/agent/rpc"
	"codingplatform/agent/sysinfo"
	"codingplatform/agent/terminal"
)

// HTTP/2's windows on what a backend sends. Small, so that one stream whose receiver waits holds little; the
// connection's is large enough that such streams do not block their neighbours.
const (
	streamWindow     = 128 << 10
	connectionWindow = 3 << 20
	maxFrame         = 64 << 10
	maxStreams       = 1000
)

// stopGrace is how long streams have to end by themselves when the agent stops.
const stopGrace = 2 * time.Second

// ErrOrphaned is why Run ended when no backend had called for Options.OrphanTimeout.
var ErrOrphaned = errors.New("no backend has called for too long")

// Server is the agent.
type Server struct {
	opts      Options
	logger    *slog.Logger
	terminals *terminal.Manager
	processes *process.Runner
	http      *http.Server
	calls     *callCounter
	serving   atomic.Bool
}

// NewIncarnation is a random name for one start of an agent.
func NewIncarnation() string { return rand.Text() }

// New makes an agent; it starts nothing, and writes the shell's start file to the state folder.
func New(opts Options) (*Server, error) {
	if err := opts.complete(); err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	tlsConfig, err := opts.Identity.ServerTLS()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(opts.State, 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	shell, err := terminal.ShellCommand(opts.Shell, opts.State)
	if err != nil {
		return nil, err
	}
	plots, err := figures.Install(opts.State, opts.Root)
	if err != nil {
		return nil, err
	}
	env := program.Environment(opts.Root, opts.Home, opts.Shell, opts.Path, slices.Concat(plots, []string{
		// Histories belong to the environment, not among the user's files.
		"NODE_REPL_HISTORY=" + filepath.Join(opts.State, "node_history"),
		"PYTHON_HISTORY=" + filepath.Join(opts.State, "python_history"),
		"LESSHISTFILE=-",
	}, opts.Env))
	base := program.Base{Root: opts.Root, Env: env}
	cgroup := sysinfo.FindCgroup("/")

	s := &Server{opts: opts, logger: opts.Logger, calls: newCallCounter()}
	limits := opts.Terminals
	limits.Logger, limits.Base, limits.Shell = opts.Logger, base, shell
	limits.Incarnation, limits.Cgroup = opts.Incarnation, cgroup
	s.terminals = terminal.NewManager(limits)
	s.processes = process.NewRunner(opts.Logger, base, opts.MaxProcesses)

	service := rpc.Config{
		Logger: opts.Logger, SessionID: opts.Identity.SessionID, EnvironmentID: opts.Identity.EnvironmentID,
		Incarnation: opts.Incarnation, Version: opts.Version, StartedAt: time.Now(),
		Terminals: s.terminals, Processes: s.processes, Cgroup: cgroup, Usage: opts.Usage,
	}
	if opts.Files != nil {
		service.Files = opts.Files
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	s.http = &http.Server{
		Handler:           s.calls.wrap(rpc.NewHandler(service)),
		TLSConfig:         tlsConfig,
		Protocols:         protocols,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(opts.Logger.Handler(), slog.LevelWarn),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          maxStreams,
			MaxReadFrameSize:              maxFrame,
			MaxReceiveBufferPerStream:     streamWindow,
			MaxReceiveBufferPerConnection: connectionWindow,
			// A backend that vanished without a word is noticed, so that its viewers stop pacing.
			SendPingTimeout:  15 * time.Second,
			PingTimeout:      15 * time.Second,
			WriteByteTimeout: 60 * time.Second,
		},
	}
	return s, nil
}

// Run serves on listener, and health checks on checks unless that is nil, until ctx ends; it closes both. A stop that
// was asked for answers nil. ErrOrphaned; the first error of a part that failed.
func (s *Server) Run(ctx context.Context, listener, checks net.Listener) error {
	group, failed := errgroup.WithContext(ctx)
	stop, stopNow := context.WithCancelCause(failed)
	defer stopNow(nil)
	// The parts end one after the other, so each has a context of its own that outlives ctx.
	lasting := context.WithoutCancel(ctx)
	terminalsCtx, stopTerminals := context.WithCancel(lasting)
	defer stopTerminals()
	filesCtx, stopFiles := context.WithCancel(lasting)
	defer stopFiles()
	streams, endStreams := context.WithCancel(lasting)
	defer endStreams()
	s.http.BaseContext = func(net.Listener) context.Context { return streams }

	terminalsDone, filesDone := make(chan struct{}), make(chan struct{})
	group.Go(func() error {
		defer close(terminalsDone)
		return s.terminals.Run(terminalsCtx)
	})
	group.Go(func() error {
		defer close(filesDone)
		if s.opts.Files == nil {
			return nil
		}
		if err := s.opts.Files.Run(filesCtx); err != nil && filesCtx.Err() == nil {
			return fmt.Errorf("keep the workspace: %w", err)
		}
		return nil
	})
	group.Go(func() error { return served(s.http.ServeTLS(listener, "", "")) })
	healthServer := health.NewServer(s.serving.Load, s.logger)
	if checks != nil {
		group.Go(func() error { return served(healthServer.Serve(checks)) })
	}
	if s.opts.OrphanTimeout > 0 {
		group.Go(func() error {
			if s.calls.waitOrphaned(stop, s.opts.OrphanTimeout) {
				stopNow(ErrOrphaned)
			}
			return nil
		})
	}
	s.serving.Store(true)
	group.Go(func() error {
		<-stop.Done()
		s.serving.Store(false)
		s.logger.InfoContext(ctx, "stopping", "reason", context.Cause(stop).Error())
		stopTerminals()
		<-terminalsDone
		stopFiles()
		<-filesDone
		grace, cancel := context.WithTimeout(lasting, stopGrace)
		defer cancel()
		// Streams that watch have no end of their own.
		endStreams()
		// Not Shutdown, which waits a second for HTTP/2 clients to say farewell: all that counts is that calls end.
		s.calls.waitIdle(grace)
		return errors.Join(s.http.Close(), healthServer.Close())
	})
	err := group.Wait()
	if err == nil && errors.Is(context.Cause(stop), ErrOrphaned) {
		return ErrOrphaned
	}
	return err
}

func served(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve: %w", err)
}

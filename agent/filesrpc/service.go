// Package filesrpc is FileService: it puts agent/files on the wire. It converts (convert.go), gives errors their codes,
// and decides nothing else.
//
// Every stream has the handler's goroutine, which sends, and at most one more, which receives. When the handler returns,
// its request body is closed, which ends the other.
package filesrpc

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"connectrpc.com/connect"

	"codingplatform/agent/files"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// Config is what a Service is made of.
type Config struct {
	// Root is the workspace directory, State a folder outside of it for the agent's own files: absolute paths.
	Root, State string
	Logger      *slog.Logger
	// Incarnation is random per start of the agent.
	Incarnation string
	// SessionID and EnvironmentID are for logs.
	SessionID, EnvironmentID string
	// PollInterval is how often what cannot be watched is looked at; default 2 s.
	PollInterval time.Duration
	// NewWatcher may replace the kernel's watch; see files.Config.
	NewWatcher func(root string) (files.Watcher, error)
}

// Service implements agentv1connect.FileServiceHandler.
type Service struct {
	incarnation string
	logger      *slog.Logger
	engine      *files.Engine
}

// New opens the workspace; it starts nothing.
func New(cfg Config) (*Service, error) {
	logger := cfg.Logger.With("session_id", cfg.SessionID, "environment_id", cfg.EnvironmentID)
	engine, err := files.New(files.Config{
		Root: cfg.Root, State: cfg.State, Logger: logger, PollInterval: cfg.PollInterval, NewWatcher: cfg.NewWatcher,
	})
	if err != nil {
		return nil, err
	}
	return &Service{incarnation: cfg.Incarnation, logger: logger, engine: engine}, nil
}

// Run looks after the workspace until ctx ends. It is called once.
func (s *Service) Run(ctx context.Context) error { return s.engine.Run(ctx) }

// PrepareStop scans once more, and answers with the last sequence that must be committed and with up to 100 paths that
// could not be read. It needs a stream of changes that commits; ctx bounds the wait for it.
func (s *Service) PrepareStop(ctx context.Context, epoch uint64) (flushedThrough uint64, unreadable []string, err error) {
	through, unreadable, err := s.engine.PrepareStop(ctx, epoch)
	return through, unreadable, asConnect(err)
}

// LastChange is when the workspace was last seen to change but by the backend; zero: never.
func (s *Service) LastChange() time.Time { return s.engine.LastChange() }

// Rescan implements FileService.
func (s *Service) Rescan(
	ctx context.Context, req *connect.Request[agentv1.RescanRequest],
) (*connect.Response[agentv1.RescanResponse], error) {
	if err := s.engine.CheckEpoch(req.Msg.GetLeaseEpoch()); err != nil {
		return nil, asConnect(err)
	}
	generation, err := s.engine.Rescan(ctx, req.Msg.GetPath())
	if err != nil {
		return nil, asConnect(err)
	}
	return connect.NewResponse(&agentv1.RescanResponse{ScanGeneration: generation}), nil
}

// ReleaseBrake implements FileService.
func (s *Service) ReleaseBrake(
	_ context.Context, req *connect.Request[agentv1.ReleaseBrakeRequest],
) (*connect.Response[agentv1.ReleaseBrakeResponse], error) {
	if err := s.engine.ReleaseBrake(req.Msg.GetLeaseEpoch(), req.Msg.GetDeleteFiles()); err != nil {
		return nil, asConnect(err)
	}
	return connect.NewResponse(&agentv1.ReleaseBrakeResponse{}), nil
}

// FileStatus implements FileService.
func (s *Service) FileStatus(
	context.Context, *connect.Request[agentv1.FileStatusRequest],
) (*connect.Response[agentv1.FileStatusResponse], error) {
	return connect.NewResponse(statusToWire(s.engine.Status())), nil
}

// asConnect gives an error its code. Errors that have one already keep it.
func asConnect(err error) error {
	if err == nil {
		return nil
	}
	if _, coded := errors.AsType[*connect.Error](err); coded {
		return err
	}
	for _, m := range []struct {
		is   error
		code connect.Code
	}{
		{files.ErrStaleEpoch, connect.CodeFailedPrecondition},
		{files.ErrNotRestored, connect.CodeFailedPrecondition},
		{files.ErrReplaced, connect.CodeAborted},
		{files.ErrMovedOn, connect.CodeAborted},
		{files.ErrInvalid, connect.CodeInvalidArgument},
		{context.Canceled, connect.CodeCanceled},
		{context.DeadlineExceeded, connect.CodeDeadlineExceeded},
	} {
		if errors.Is(err, m.is) {
			return connect.NewError(m.code, err)
		}
	}
	return connect.NewError(connect.CodeInternal, err)
}

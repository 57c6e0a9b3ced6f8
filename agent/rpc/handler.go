package rpc

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"connectrpc.com/connect"

	"codingplatform/agent/process"
	"codingplatform/agent/sysinfo"
	"codingplatform/agent/terminal"
	"codingplatform/proto/attach"
	"codingplatform/proto/gen/agent/v1/agentv1connect"
)

// maxMessageBytes bounds what is read as one message; the largest one of the contract is a part of a tree.
const maxMessageBytes = 8 << 20

// Files is FileService and what AgentService needs of it.
type Files interface {
	agentv1connect.FileServiceHandler
	PrepareStop(ctx context.Context, epoch uint64) (flushedThrough uint64, unreadable []string, err error)
	LastChange() time.Time
}

// Config is what the handlers serve.
type Config struct {
	Logger                   *slog.Logger
	SessionID, EnvironmentID string
	Incarnation, Version     string
	StartedAt                time.Time
	Terminals                *terminal.Manager
	Processes                *process.Runner
	Cgroup                   sysinfo.Cgroup
	Usage                    func() (sysinfo.Usage, error)
	// Files may be nil: then FileService and PrepareStop are not offered.
	Files Files
}

// NewHandler serves all services of the agent. The caller authenticates.
func NewHandler(cfg Config) http.Handler {
	options := []connect.HandlerOption{
		connect.WithCompression("gzip", nil, nil),
		connect.WithReadMaxBytes(maxMessageBytes),
		connect.WithRecover(func(ctx context.Context, spec connect.Spec, _ http.Header, reason any) error {
			cfg.Logger.ErrorContext(ctx, "a handler panicked", "procedure", spec.Procedure, "reason", fmt.Sprint(reason))
			return connect.NewError(connect.CodeInternal, fmt.Errorf("internal error in %s", spec.Procedure))
		}),
	}
	mux := http.NewServeMux()
	mux.Handle(agentv1connect.NewAgentServiceHandler(&agentService{cfg: cfg}, options...))
	mux.Handle(agentv1connect.NewTerminalServiceHandler(&terminalService{terminals: cfg.Terminals}, options...))
	mux.Handle("GET "+attach.Path, newAttachHandler(cfg))
	mux.Handle(agentv1connect.NewProcessServiceHandler(&processService{cfg: cfg}, options...))
	if cfg.Files != nil {
		mux.Handle(agentv1connect.NewFileServiceHandler(cfg.Files, options...))
	}
	return mux
}

package api

import (
	"context"
	"log/slog"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/relay"
	"codingplatform/backend/session"
)

// statusTimeout is how long an environment has to tell how it is doing.
const statusTimeout = 2 * time.Second

// NewControl makes a Control of a session manager.
func NewControl(manager *session.Manager, logger *slog.Logger) Control {
	return &control{manager: manager, logger: logger}
}

type control struct {
	manager *session.Manager
	logger  *slog.Logger
}

func (c *control) Start(ctx context.Context, id backend.SessionID) error {
	return c.manager.Start(ctx, id)
}

func (c *control) Stay(ctx context.Context, id backend.SessionID) error {
	return c.manager.Stay(ctx, id)
}

func (c *control) Shutdown(ctx context.Context, id backend.SessionID) (Flushed, error) {
	f, err := c.manager.Shutdown(ctx, id)
	return Flushed{Batches: f.Batches, Entries: f.Entries, Revision: f.Revision}, err
}

func (c *control) Status(ctx context.Context, s backend.Session) (EnvironmentStatus, error) {
	sync := c.manager.SyncStatus(s.ID)
	status := EnvironmentStatus{Sync: SyncStatus{
		WatchMode: sync.WatchMode, Pending: sync.Pending, Unsaved: sync.Unsaved, Braked: sync.Braked, Message: sync.Message,
	}}
	if s.Phase != backend.PhaseReady {
		return status, nil
	}
	asked, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	r, err := c.manager.Resources(asked, s.ID)
	if err != nil {
		if ctx.Err() != nil {
			return status, context.Cause(ctx)
		}
		// What is known without it is worth an answer.
		c.logger.WarnContext(ctx, "an environment does not tell how it is doing", "session_id", s.ID, "error", err)
		return status, nil
	}
	status.Limits, status.MemoryBytes, status.MemoryLimitBytes = r.Limits, r.MemoryBytes, r.MemoryLimitBytes
	status.Strategy = r.Strategy
	status.CPUSeconds = r.CPU.Seconds()
	status.Processes, status.ProcessLimit = r.Processes, r.ProcessLimit
	return status, nil
}

func (c *control) Terminals(ctx context.Context, id backend.SessionID) ([]relay.Terminal, error) {
	infos, err := c.manager.Terminals(ctx, id)
	if err != nil {
		return nil, err
	}
	return relay.NewTerminals(infos), nil
}

func (c *control) ReleaseBrake(ctx context.Context, id backend.SessionID, deleteFiles bool) error {
	return c.manager.ReleaseBrake(ctx, id, deleteFiles)
}

func (c *control) UpdateTerminal(ctx context.Context, id backend.SessionID, name, newName string, position *uint32) ([]relay.Terminal, error) {
	infos, err := c.manager.UpdateTerminal(ctx, id, name, newName, position)
	if err != nil {
		return nil, err
	}
	return relay.NewTerminals(infos), nil
}

func (c *control) CloseTerminal(ctx context.Context, id backend.SessionID, name string) error {
	return c.manager.CloseTerminal(ctx, id, name)
}

func (c *control) StartRecording(ctx context.Context, id backend.SessionID, terminal string) (backend.Recording, error) {
	return c.manager.StartRecording(ctx, id, terminal)
}

func (c *control) StopRecording(ctx context.Context, id backend.SessionID, terminal string) (backend.Recording, error) {
	return c.manager.StopRecording(ctx, id, terminal)
}

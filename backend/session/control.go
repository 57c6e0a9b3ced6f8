package session

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	"codingplatform/backend/filesync"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// Start says that an environment is wanted. It returns at once; phases tell the rest.
func (m *Manager) Start(ctx context.Context, id backend.SessionID) error {
	if err := m.cfg.Store.SetWanted(ctx, id, true, ""); err != nil {
		return err
	}
	m.lookAt(id)
	return nil
}

// Stay keeps an environment from stopping for lack of use, for as long as one that has just been used. CodeUnavailable when
// it has stopped already; nothing is started.
func (m *Manager) Stay(ctx context.Context, id backend.SessionID) error {
	return m.cfg.Store.Stay(ctx, id)
}

// Shutdown stops the session's environment after its last change is committed, and returns what was flushed.
func (m *Manager) Shutdown(ctx context.Context, id backend.SessionID) (filesync.Flushed, error) {
	m.recordFlush(id, filesync.Flushed{})
	if err := m.cfg.Store.SetWanted(ctx, id, false, "stopped by the user"); err != nil {
		return filesync.Flushed{}, err
	}
	if _, err := m.await(ctx, id, func(s backend.Session) bool { return !s.Phase.Active() }, nil); err != nil {
		return filesync.Flushed{}, err
	}
	return m.takeFlush(id), nil
}

// WaitReady wants an environment, if start says so, and waits until it is ready, telling each phase on the way. It returns the
// connection to its agent. CodeUnavailable with the reason when it failed or was stopped meanwhile.
func (m *Manager) WaitReady(ctx context.Context, id backend.SessionID, start bool, onPhase func(backend.Session)) (*agentconn.Conn, error) {
	if start {
		if err := m.Start(ctx, id); err != nil {
			return nil, err
		}
	}
	for {
		s, err := m.await(ctx, id, func(s backend.Session) bool { return s.Phase == backend.PhaseReady || !s.Wanted }, onPhase)
		if err != nil {
			return nil, err
		}
		if s.Phase != backend.PhaseReady {
			return nil, backend.Errorf(backend.CodeUnavailable, "the environment is not running: %s", orElse(s.Reason, "it was stopped"))
		}
		conn, err := m.cfg.Pool.Get(ctx, id)
		if err == nil || backend.CodeOf(err) != backend.CodeUnavailable && backend.CodeOf(err) != backend.CodeNotFound {
			return conn, err
		}
		// The row is older than what the supervisor is about to find out: wait for its next word.
		wake, unsubscribe := m.cfg.Wakes.Subscribe(id)
		timer := time.NewTimer(time.Second)
		select {
		case <-ctx.Done():
		case <-wake:
		case <-timer.C:
		}
		timer.Stop()
		unsubscribe()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// await waits until the session's row is as wanted.
func (m *Manager) await(ctx context.Context, id backend.SessionID, done func(backend.Session) bool, onPhase func(backend.Session)) (backend.Session, error) {
	wake, unsubscribe := m.cfg.Wakes.Subscribe(id)
	defer unsubscribe()
	ticker := time.NewTicker(reconcileInterval)
	defer ticker.Stop()
	for {
		s, err := m.cfg.Store.SessionByID(ctx, id)
		if err != nil {
			return s, err
		}
		if onPhase != nil {
			onPhase(s)
		}
		if done(s) {
			return s, nil
		}
		select {
		case <-ctx.Done():
			return s, context.Cause(ctx)
		case <-wake:
		case <-ticker.C:
		}
	}
}

// Conn returns the connection to the agent of a session that is ready. CodeUnavailable when it is not; nothing
// is started.
func (m *Manager) Conn(ctx context.Context, id backend.SessionID) (*agentconn.Conn, error) {
	s, err := m.cfg.Store.SessionByID(ctx, id)
	if err != nil {
		return nil, err
	}
	if s.Phase != backend.PhaseReady {
		return nil, errNotRunning
	}
	return m.cfg.Pool.Get(ctx, id)
}

// errNotRunning is that of a session without an environment.
var errNotRunning = backend.Errorf(backend.CodeUnavailable, "the environment is not running")

// reach returns the connection to the agent of a session that has an environment: that its terminals go on does not wait for
// another replica to take the session over. errNotRunning; CodeUnavailable when the agent cannot be reached at present.
func (m *Manager) reach(ctx context.Context, id backend.SessionID) (*agentconn.Conn, error) {
	s, err := m.cfg.Store.SessionByID(ctx, id)
	if err != nil {
		return nil, err
	}
	if !s.Phase.Active() || s.EnvironmentID == "" {
		return nil, errNotRunning
	}
	return m.cfg.Pool.Get(ctx, id)
}

// SyncStatus returns how the files' sync goes; empty when no environment runs or another replica drives it.
func (m *Manager) SyncStatus(id backend.SessionID) filesync.Status { return m.status.get(id) }

// WatchSyncStatus wakes after each change of SyncStatus. The channel has capacity 1.
func (m *Manager) WatchSyncStatus(id backend.SessionID) (<-chan struct{}, func()) {
	return m.status.watch(id)
}

// Resources are what an environment uses, in bytes, what limits it, in words, and how it was started. 0: not known.
type Resources struct {
	Limits, Strategy              string
	MemoryBytes, MemoryLimitBytes int64
	Processes, ProcessLimit       int64
	CPU                           time.Duration
}

// Resources asks the agent. All zero when no environment runs.
func (m *Manager) Resources(ctx context.Context, id backend.SessionID) (Resources, error) {
	conn, err := m.Conn(ctx, id)
	if err != nil {
		if backend.CodeOf(err) == backend.CodeUnavailable || backend.CodeOf(err) == backend.CodeNotFound {
			return Resources{}, nil
		}
		return Resources{}, err
	}
	response, err := conn.Agent.Status(ctx, connect.NewRequest(&agentv1.StatusRequest{}))
	if err != nil {
		return Resources{}, agentconn.Error("ask the environment for its status", err)
	}
	r := response.Msg
	limits := conn.Environment.Limits
	if limits == "" {
		limits = r.GetLimits()
	}
	return Resources{
		Limits: limits, Strategy: conn.Environment.Strategy, MemoryBytes: clamp(r.GetMemoryBytes()), MemoryLimitBytes: clamp(r.GetMemoryLimitBytes()),
		Processes: int64(r.GetProcesses()), ProcessLimit: int64(r.GetProcessLimit()), CPU: time.Duration(clamp(r.GetCpuNanos())),
	}, nil
}

// Terminals lists the terminals of a session; none when no environment runs.
func (m *Manager) Terminals(ctx context.Context, id backend.SessionID) ([]*agentv1.TerminalInfo, error) {
	conn, err := m.reach(ctx, id)
	if err != nil {
		if backend.CodeOf(err) == backend.CodeUnavailable || backend.CodeOf(err) == backend.CodeNotFound {
			return nil, nil
		}
		return nil, err
	}
	response, err := conn.Terminals.ListTerminals(ctx, connect.NewRequest(&agentv1.ListTerminalsRequest{}))
	if err != nil {
		return nil, agentconn.Error("list the terminals", err)
	}
	return response.Msg.GetTerminals(), nil
}

// ReleaseBrake answers the question of a braked workspace: the files that vanished at once are deleted in the database
// too, or brought back to the environment. CodeUnavailable when the environment does not run, or another replica drives
// it.
func (m *Manager) ReleaseBrake(ctx context.Context, id backend.SessionID, deleteFiles bool) error {
	m.mu.Lock()
	s := m.supervisors[id]
	m.mu.Unlock()
	if s == nil {
		return errNotRunning
	}
	conn, err := m.Conn(ctx, id)
	if err != nil {
		return err
	}
	_, err = conn.Files.ReleaseBrake(ctx, connect.NewRequest(&agentv1.ReleaseBrakeRequest{LeaseEpoch: s.epoch, DeleteFiles: deleteFiles}))
	if err != nil {
		return agentconn.Error("release the brake", err)
	}
	if !deleteFiles {
		select {
		case s.resync <- struct{}{}:
		default: // it is on its way already
		}
	}
	return nil
}

// CloseTerminal hangs a terminal up and forgets it. CodeNotFound when there is none of that name.
func (m *Manager) CloseTerminal(ctx context.Context, id backend.SessionID, name string) error {
	conn, err := m.reach(ctx, id)
	if err != nil {
		if errors.Is(err, errNotRunning) || backend.CodeOf(err) == backend.CodeNotFound {
			return backend.Errorf(backend.CodeNotFound, "there is no terminal %q: no environment runs", name)
		}
		return err
	}
	_, err = conn.Terminals.CloseTerminal(ctx, connect.NewRequest(&agentv1.CloseTerminalRequest{Name: name}))
	return agentconn.Error("close the terminal", err)
}

// UpdateTerminal renames a terminal, if newName is not empty, and moves it in the order, if position is not nil. It returns
// all terminals. CodeNotFound when there is none of that name, CodeAlreadyExists when another one has the new name.
func (m *Manager) UpdateTerminal(ctx context.Context, id backend.SessionID, name, newName string, position *uint32) ([]*agentv1.TerminalInfo, error) {
	conn, err := m.reach(ctx, id)
	if err != nil {
		if errors.Is(err, errNotRunning) || backend.CodeOf(err) == backend.CodeNotFound {
			return nil, backend.Errorf(backend.CodeNotFound, "there is no terminal %q: no environment runs", name)
		}
		return nil, err
	}
	response, err := conn.Terminals.UpdateTerminal(ctx, connect.NewRequest(&agentv1.UpdateTerminalRequest{
		Name: name, NewName: newName, Position: position,
	}))
	if err != nil {
		return nil, agentconn.Error("change the terminal", err)
	}
	return response.Msg.GetTerminals(), nil
}

// recordFlush keeps what a stop flushed for the call that asked for the stop.
func (m *Manager) recordFlush(id backend.SessionID, f filesync.Flushed) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f.Revision == 0 {
		delete(m.flushes, id)
		return
	}
	m.flushes[id] = f
}

func (m *Manager) takeFlush(id backend.SessionID) filesync.Flushed {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.flushes[id]
	delete(m.flushes, id)
	return f
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func clamp(n uint64) int64 {
	return int64(min(n, 1<<62))
}

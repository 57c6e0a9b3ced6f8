package session

import (
	"context"
	"time"

	"codingplatform/backend"
)

// recorderTimeout is how long a recorder has to begin or to end a recording.
const recorderTimeout = 8 * time.Second

// StartRecording records a terminal from now on: when it returns, the recorder has the present screen, or is late.
// CodeNotFound when there is no such terminal or its program has ended, CodeAlreadyExists when it is being recorded.
func (m *Manager) StartRecording(ctx context.Context, id backend.SessionID, terminal string) (backend.Recording, error) {
	infos, err := m.Terminals(ctx, id)
	if err != nil {
		return backend.Recording{}, err
	}
	for _, info := range infos {
		if info.GetName() != terminal || info.GetExit() != nil {
			continue
		}
		if info.GetRecording() && len(info.GetFormerNames()) > 0 {
			// Perhaps since before it was renamed: the store knows it by another name then.
			return backend.Recording{}, backend.Errorf(backend.CodeAlreadyExists, "the terminal %q is being recorded", terminal)
		}
		r, err := m.cfg.Store.CreateRecording(ctx, backend.NewRecording{
			SessionID: id, Terminal: terminal, Title: info.GetTitle(), Cols: int(info.GetCols()), Rows: int(info.GetRows()),
		})
		if err != nil {
			return r, err
		}
		return m.awaitRecording(ctx, r, func(r backend.Recording) bool { return r.Cursor.Chunks > 0 || !r.Active() })
	}
	return backend.Recording{}, backend.Errorf(backend.CodeNotFound, "no program runs in a terminal %q", terminal)
}

// StopRecording ends the recording of a terminal with all that it has printed until now. CodeNotFound when it is not
// being recorded.
func (m *Manager) StopRecording(ctx context.Context, id backend.SessionID, terminal string) (backend.Recording, error) {
	r, err := m.cfg.Store.StopRecording(ctx, id, terminal)
	if backend.CodeOf(err) == backend.CodeNotFound {
		r, err = m.stopRenamed(ctx, id, terminal, err)
	}
	if err != nil {
		return r, err
	}
	r, err = m.awaitRecording(ctx, r, func(r backend.Recording) bool { return !r.Active() })
	if err != nil || !r.Active() {
		return r, err
	}
	// No replica drives the session at the moment: what is stored is all there will be.
	ended, err := m.cfg.Store.EndRecording(ctx, id, r.ID, "the environment did not answer when the recording was stopped: its last moments may be missing")
	if backend.CodeOf(err) == backend.CodeNotFound {
		return m.cfg.Store.Recording(ctx, id, r.ID) // just now
	}
	return ended, err
}

// stopRenamed is StopRecording for a terminal that was renamed after its recording began. notFound is its error.
func (m *Manager) stopRenamed(ctx context.Context, id backend.SessionID, terminal string, notFound error) (backend.Recording, error) {
	infos, err := m.Terminals(ctx, id)
	if err != nil {
		return backend.Recording{}, err
	}
	for _, info := range infos {
		if info.GetName() != terminal {
			continue
		}
		for _, former := range info.GetFormerNames() {
			if r, err := m.cfg.Store.StopRecording(ctx, id, former); backend.CodeOf(err) != backend.CodeNotFound {
				return r, err
			}
		}
	}
	return backend.Recording{}, notFound
}

// awaitRecording waits for a recording to be as wanted, but not for longer than recorderTimeout.
func (m *Manager) awaitRecording(ctx context.Context, r backend.Recording, done func(backend.Recording) bool) (backend.Recording, error) {
	wake, unsubscribe := m.cfg.Wakes.Subscribe(r.SessionID)
	defer unsubscribe()
	timer := time.NewTimer(recorderTimeout)
	defer timer.Stop()
	for {
		now, err := m.cfg.Store.Recording(ctx, r.SessionID, r.ID)
		if err != nil || done(now) {
			return now, err
		}
		select {
		case <-ctx.Done():
			return now, context.Cause(ctx)
		case <-timer.C:
			return now, nil
		case <-wake:
		}
	}
}

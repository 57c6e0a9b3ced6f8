package recording

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
)

// Store keeps recordings.
type Store interface {
	ActiveRecordings(ctx context.Context, session backend.SessionID) ([]backend.Recording, error)
	Recording(ctx context.Context, session backend.SessionID, id backend.RecordingID) (backend.Recording, error)
	// AppendRecording stores a chunk and its cursor together, under the lease. CodeStaleLease, CodeConflict when the
	// cursor is another, CodeNotFound when the recording has ended or is gone.
	AppendRecording(ctx context.Context, lease backend.Lease, chunk backend.RecordingChunk) error
}

// Wakes tells of changed rows.
type Wakes interface {
	// Subscribe wakes after changes of one session. The channel has capacity 1.
	Subscribe(session backend.SessionID) (<-chan struct{}, func())
}

// Config is what the recorders of a session are made of. All fields are needed.
type Config struct {
	Store Store
	Wakes Wakes
	Conn  *agentconn.Conn
	Lease backend.Lease
	// MaxBytes is the largest size of a recording's events.
	MaxBytes int64
	Logger   *slog.Logger
}

const (
	// Notifications may be lost; this finds what they would have told.
	lookEvery  = 10 * time.Second
	retryLeast = 100 * time.Millisecond
	retryMost  = 5 * time.Second
)

// Session runs the recorders of one session, on one connection to its agent.
type Session struct {
	cfg Config
	// finish is closed by Finish, done by the end of Run.
	finish, done chan struct{}
	finishing    sync.Once
}

// New makes a Session; Run makes it record.
func New(cfg Config) *Session {
	return &Session{cfg: cfg, finish: make(chan struct{}), done: make(chan struct{})}
}

// running is a recorder under way.
type running struct {
	stop    chan struct{}
	cancel  context.CancelFunc
	stopped bool
}

func (r *running) end() {
	if !r.stopped {
		r.stopped = true
		close(r.stop)
	}
}

// Run records what the rows say until ctx is done, or until all has ended after Finish. It is called once. Errors stay
// with the recordings: they are logged and tried again.
func (s *Session) Run(ctx context.Context) {
	defer close(s.done)
	wake, unsubscribe := s.cfg.Wakes.Subscribe(s.cfg.Lease.SessionID)
	defer unsubscribe()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()

	recorders := map[backend.RecordingID]*running{}
	ended := make(chan backend.RecordingID)
	var group sync.WaitGroup
	defer group.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	finish := s.finish
	for look := true; ; {
		if look && finish != nil {
			s.look(ctx, recorders, func(recording context.Context, id backend.RecordingID, stop <-chan struct{}) {
				group.Go(func() {
					s.record(recording, id, stop)
					select {
					case ended <- id:
					case <-ctx.Done():
					}
				})
			})
		}
		if finish == nil && len(recorders) == 0 {
			return
		}
		look = false
		select {
		case <-ctx.Done():
			return
		case <-wake:
			look = true
		case <-ticker.C:
			look = true
		case id := <-ended:
			recorders[id].cancel()
			delete(recorders, id)
		case <-finish:
			finish = nil
			for _, r := range recorders {
				r.end()
			}
		}
	}
}

// look starts recorders for rows that have none, and ends those whose rows say so.
func (s *Session) look(
	ctx context.Context, recorders map[backend.RecordingID]*running, start func(context.Context, backend.RecordingID, <-chan struct{}),
) {
	active, err := s.cfg.Store.ActiveRecordings(ctx, s.cfg.Lease.SessionID)
	if err != nil {
		if ctx.Err() == nil {
			s.cfg.Logger.WarnContext(ctx, "the recordings could not be looked at; trying again", "error", err)
		}
		return
	}
	goesOn := make(map[backend.RecordingID]bool, len(active))
	for _, row := range active {
		goesOn[row.ID] = true
		r := recorders[row.ID]
		if r == nil {
			recording, cancel := context.WithCancel(ctx)
			r = &running{stop: make(chan struct{}), cancel: cancel}
			recorders[row.ID] = r
			start(recording, row.ID, r.stop)
		}
		if row.Stopping {
			r.end()
		}
	}
	for id, r := range recorders {
		if !goesOn[id] {
			r.cancel()
		}
	}
}

// record takes part in a recording until it has ended or ctx is done.
func (s *Session) record(ctx context.Context, id backend.RecordingID, stop <-chan struct{}) {
	for delay := retryLeast; ; delay = min(2*delay, retryMost) {
		row, err := s.cfg.Store.Recording(ctx, s.cfg.Lease.SessionID, id)
		if err == nil {
			if !row.Active() {
				return
			}
			err = newRecorder(s.cfg, row).run(ctx, stop)
		}
		code := backend.CodeOf(err)
		if err == nil || ctx.Err() != nil || code == backend.CodeNotFound || code == backend.CodeStaleLease {
			return
		}
		s.cfg.Logger.WarnContext(ctx, "a recording was interrupted; going on where its chunks end", "recording_id", id, "error", err)
		timer := time.NewTimer(delay)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// Finish ends all recordings with what their terminals have printed by now, before the environment stops, and returns
// when they have ended, Run has, or ctx is done.
func (s *Session) Finish(ctx context.Context) {
	s.finishing.Do(func() { close(s.finish) })
	select {
	case <-s.done:
	case <-ctx.Done():
	}
}

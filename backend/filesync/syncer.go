package filesync

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
)

// ErrResync says that the feed is too old to be followed: Restore, then Run again.
var ErrResync = errors.New("the change feed no longer reaches back to what the environment has")

// Store is what the syncer needs of the database.
type Store interface {
	// ReadTree calls each with all items, parents first, a part at a time while they are read, and returns the revision at which
	// that was so.
	ReadTree(ctx context.Context, session backend.SessionID, each func(items []backend.Item)) (revision int64, err error)
	// Follow reads, as of one moment, the changes after a revision, of those from the disk only moves, and what is at the
	// paths that look names having seen them and below others, parents first. reaches is false when the history does not
	// go back that far.
	Follow(ctx context.Context, session backend.SessionID, after int64,
		look func([]backend.Change) (paths, under []string)) (present backend.Present, reaches bool, err error)
	// OpenFiles returns the paths that people have open in the session's editor, as the browsers have told: those in front
	// first. Nothing says that they exist.
	OpenFiles(ctx context.Context, session backend.SessionID) ([]string, error)
	Cursor(ctx context.Context, session backend.SessionID) (backend.Cursor, error)
	CommitBatch(ctx context.Context, lease backend.Lease, batch backend.Batch, limits backend.Limits) (backend.BatchResult, error)
	// PutBlob stores size bytes of r if their SHA-256 is hash.
	PutBlob(ctx context.Context, lease backend.Lease, hash backend.Hash, size int64, r io.Reader) error
	// BlobSize returns the size in bytes of a content that the session refers to, else CodeNotFound.
	BlobSize(ctx context.Context, session backend.SessionID, hash backend.Hash) (int64, error)
	// CopyBlob writes a content of the session to w.
	CopyBlob(ctx context.Context, session backend.SessionID, hash backend.Hash, w io.Writer) error
	// Contents reads the contents of saved files of the session in batches; nil: it is gone.
	Contents(ctx context.Context, items []backend.Item, each func(items []backend.Item, contents [][]byte) error) error
	SetApplied(ctx context.Context, lease backend.Lease, revision int64) error
}

// Policy is what is saved: patterns in gitignore syntax and caps.
type Policy struct {
	Ignore []string
	backend.Limits
}

// Status tells how the sync goes, for people.
type Status struct {
	// WatchMode is "inotify", "hybrid" or "poll"; empty while there is no environment.
	WatchMode string
	// Pending changes that are on the disk and not committed yet.
	Pending int64
	// Unsaved entries: listed, but their content is not saved.
	Unsaved int64
	// Braked: the workspace emptied at once, and its deletions wait for the user's word.
	Braked bool
	// Message says in words what is degraded; empty when all is well.
	Message string
}

// Flushed is what a flush committed.
type Flushed struct {
	Batches, Entries int
	// Revision of the workspace after it.
	Revision int64
	// Unreadable paths are in no batch.
	Unreadable []string
}

// Config is what a Syncer is made of; all fields are needed.
type Config struct {
	Store  Store
	Conn   *agentconn.Conn
	Lease  backend.Lease
	Policy Policy
	// Wake fires after the session's rows may have changed.
	Wake <-chan struct{}
	// OnStatus is called after each change of the status, never twice at once.
	OnStatus func(Status)
	Logger   *slog.Logger
}

// Syncer syncs one session with one incarnation of its agent.
type Syncer struct {
	cfg     Config
	session backend.SessionID
	logger  *slog.Logger

	// read is how far feed has read the database's changes, hints where it has to look. They are Restore's and feed's alone.
	read  int64
	hints *hints

	mu        sync.Mutex
	status    Status
	words     [topics]string // the message is the first that is not empty
	refused   string         // the last path that was rejected, and why, in words
	committed int64          // sequence
	revision  int64
	batches   int
	entries   int
	moved     chan struct{} // closed and replaced when committed moves
}

// New makes a Syncer; it starts nothing.
func New(cfg Config) *Syncer {
	return &Syncer{
		cfg: cfg, session: cfg.Lease.SessionID, moved: make(chan struct{}), hints: newHints(),
		logger: cfg.Logger.With("session_id", cfg.Lease.SessionID, "epoch", cfg.Lease.Epoch),
	}
}

// Run follows both sides until something of the list in the package comment happens, or ctx is done.
// Restore must have ended well in this incarnation of the agent.
func (s *Syncer) Run(ctx context.Context) error {
	cursor, err := s.cfg.Store.Cursor(ctx, s.session)
	if err != nil {
		return err
	}
	s.mu.Lock()
	if cursor.Incarnation == s.cfg.Conn.Incarnation {
		s.committed = cursor.Sequence
	}
	s.mu.Unlock()
	s.read = cursor.AppliedRevision

	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.pull(ctx) })
	g.Go(func() error { return s.feed(ctx) })
	return g.Wait()
}

// NeedsRestore says whether the agent has not yet had this session's files in its present incarnation.
func (s *Syncer) NeedsRestore(ctx context.Context) (bool, error) {
	cursor, err := s.cfg.Store.Cursor(ctx, s.session)
	if err != nil {
		return false, err
	}
	return cursor.Incarnation != s.cfg.Conn.Incarnation, nil
}

// Status returns the present status.
func (s *Syncer) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// topic is what a message can be about. Each has its own words, so that what is well again says so of itself alone.
type topic uint8

const (
	// ofBrake: the workspace emptied at once.
	ofBrake topic = iota
	// ofContents: the database did not take a content, and nothing has been committed since.
	ofContents
	// ofBatches and ofFeed: the database does not answer those who commit, or those who follow it.
	ofBatches
	ofFeed
	// ofDisk: something could not be written in the environment.
	ofDisk
	// ofRefused: the database does not take something at all.
	ofRefused
	// ofWatches: there are too few.
	ofWatches
	topics
)

// tell says what is degraded; empty: nothing.
func (s *Syncer) tell(about topic, words string) {
	s.setStatus(func(*Status) { s.words[about] = words })
}

// setStatus changes the status, or words, which belong to it.
func (s *Syncer) setStatus(change func(*Status)) {
	s.mu.Lock()
	old := s.status
	change(&s.status)
	s.status.Message = cmp.Or(s.words[:]...)
	status := s.status
	s.mu.Unlock()
	if status != old {
		s.cfg.OnStatus(status)
	}
}

// wait sleeps for d or until ctx is done.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

package files

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"codingplatform/agent/ignore"
	"codingplatform/agent/watch"
	"codingplatform/agent/workspace"
)

// Errors that the wire has codes for.
var (
	// ErrStaleEpoch says that the caller's lease is not the newest.
	ErrStaleEpoch = errors.New("a newer lease has called")
	// ErrNotRestored says that this incarnation has not had a Restore yet.
	ErrNotRestored = errors.New("the workspace has not been restored in this incarnation")
	// ErrReplaced says that a newer stream of changes or a Restore has taken over.
	ErrReplaced = errors.New("another stream of changes has taken over")
	// ErrMovedOn says that a content is no longer what its batch says: a new stream brings the batch made anew.
	ErrMovedOn = errors.New("a file changed before its content was sent")
	// ErrInvalid says that the caller broke the contract.
	ErrInvalid = errors.New("invalid request")
)

// Watcher is what the engine needs of *watch.Watcher.
type Watcher interface {
	Run(ctx context.Context) error
	Hints() <-chan watch.Hint
	Watch(path string, inode uint64) (fresh bool, err error)
	Forget(path string)
	Count() int
	Limit() int
}

// Config is what an Engine is made of.
type Config struct {
	// Root is the workspace, State a folder outside of it: absolute paths.
	Root, State string
	Logger      *slog.Logger
	// PollInterval is how often what cannot be watched is looked at; default 2 s.
	PollInterval time.Duration
	// NewWatcher may replace the kernel's watch; an error that is watch.ErrExhausted means polling.
	NewWatcher func(root string) (Watcher, error)
}

// Engine is one workspace.
type Engine struct {
	cfg    Config
	logger *slog.Logger
	tree   *workspace.Tree

	// disk serialises work on the disk.
	disk    sync.Mutex
	watcher Watcher // nil: poll everything
	// unwatched are the folders that a Restore has made, with their inodes. They are watched at its end: an event for each
	// thing that it does itself would cost as much as the doing. nil: there is no Restore.
	unwatched   map[string]uint64
	unwatchedMu sync.Mutex

	mu      sync.Mutex
	root    *item
	dirty   map[*item]struct{}
	gone    map[uint64]*item              // vanished entries that the base still has, by inode
	inodes  map[uint64]*item              // one name of each file
	links   map[uint64]map[*item]struct{} // all names of files that have several
	pending map[string]hint
	strays  map[string]time.Time // files with names that are not known, and when to look at them
	// intents are what a killed agent was about to write, until the first Restore: of a path several, when it was killed
	// again before it had noted what the disk has of them.
	intents map[string][]record
	full    map[*item]struct{} // not saved since a cap was reached
	// refusals are items whose present state the backend has rejected, or that are below a folder that it has rejected; true:
	// perhaps for want of room.
	refusals map[*item]bool
	known    map[workspace.Hash]int
	batches  []*Batch
	next     uint64
	stream   uint64 // number of the live stream of changes; 0: none
	streams  uint64
	epoch    uint64
	restored bool
	busy     bool // a group of hints is half looked at
	applying bool // no batch is made: what an Apply has found to be settled stays so until its end
	moved    chan struct{}
	log      *baseLog

	policy Policy
	// matcher is of the policy's patterns and of the workspace's own.
	matcher    *ignore.Matcher
	patterns   string // the workspace's own, as they were last read
	overflowed bool
	exhausted  bool
	braked     bool
	release    bool
	deleteDue  time.Time // when deletions may go; extended while they come
	deleteCap  time.Time
	deleteTold bool // streams were woken when it was due
	heldBytes  int64
	counts     counts
	lastChange time.Time
	kick       chan struct{}
}

type counts struct {
	scans, overflows             uint64
	files, bytes, items, unsaved int64 // of the disk: saved files and their bytes, saved entries, entries not saved
	baseItems                    int64 // saved entries of the base
	inFlight                     int64
}

// New opens a workspace; it starts nothing.
func New(cfg Config) (*Engine, error) {
	if cfg.PollInterval == 0 {
		cfg.PollInterval = 2 * time.Second
	}
	if cfg.NewWatcher == nil {
		cfg.NewWatcher = func(root string) (Watcher, error) { return watch.New(root, 0) }
	}
	tree, err := workspace.Open(cfg.Root)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		cfg: cfg, logger: cfg.Logger, tree: tree, root: &item{}, dirty: map[*item]struct{}{}, gone: map[uint64]*item{},
		inodes: map[uint64]*item{}, links: map[uint64]map[*item]struct{}{}, pending: map[string]hint{}, strays: map[string]time.Time{}, full: map[*item]struct{}{}, refusals: map[*item]bool{}, known: map[workspace.Hash]int{}, next: 1,
		intents: map[string][]record{}, moved: make(chan struct{}), matcher: ignore.New(nil), kick: make(chan struct{}, 1),
	}
	if e.log, err = openBase(cfg.State, func(r record, intent bool) {
		if intent {
			e.intents[r.path] = append(e.intents[r.path], r)
			return
		}
		delete(e.intents, r.path)
		e.setBase(e.at(r.path), r.state, r.revision)
	}, func() {
		for path, all := range e.intents {
			last := all[len(all)-1]
			e.setBase(e.at(path), last.state, last.revision)
		}
		clear(e.intents)
	}); err != nil {
		return nil, errors.Join(err, tree.Close())
	}
	watcher, err := cfg.NewWatcher(cfg.Root)
	switch {
	case err == nil:
		e.watcher = watcher
	case errors.Is(err, watch.ErrExhausted):
		e.exhausted = true
	default:
		return nil, errors.Join(err, tree.Close(), e.log.close())
	}
	return e, nil
}

// Run looks after the workspace until ctx ends. It is called once.
func (e *Engine) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	if e.watcher != nil {
		g.Go(func() error { return e.watcher.Run(ctx) })
	}
	g.Go(func() error { return e.loop(ctx) })
	err := g.Wait()
	e.disk.Lock()
	defer e.disk.Unlock()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stream = 0
	e.wake()
	return errors.Join(err, e.log.close(), e.tree.Close())
}

// CheckEpoch refuses a lease older than one that has called before.
func (e *Engine) CheckEpoch(epoch uint64) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.checkEpoch(epoch)
}

func (e *Engine) checkEpoch(epoch uint64) error {
	if epoch < e.epoch {
		return fmt.Errorf("%w: epoch %d, and %d has been seen", ErrStaleEpoch, epoch, e.epoch)
	}
	e.epoch = epoch
	return nil
}

// wake tells all who wait for a change of the state.
func (e *Engine) wake() {
	close(e.moved)
	e.moved = make(chan struct{})
}

// LastChange is when something but the backend was last seen to change the workspace.
func (e *Engine) LastChange() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lastChange
}

// Status is how the watch goes.
type Status struct {
	Watched, Polled                bool // both: some of each
	Watches, WatchLimit            int
	Overflows, Scans               uint64
	Unsaved, Files, Bytes, Pending int64
	Refused                        int64 // entries that are not even listed
	Braked                         bool
}

// Status returns how the watch goes.
func (e *Engine) Status() Status {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.status()
}

func (e *Engine) status() Status {
	s := Status{
		Watched: e.watcher != nil, Polled: e.exhausted, Overflows: e.counts.overflows, Scans: e.counts.scans,
		Unsaved: e.counts.unsaved, Files: e.counts.files, Bytes: e.counts.bytes, Braked: e.braked,
		Pending: int64(len(e.dirty)) + e.counts.inFlight, Refused: int64(len(e.refusals)),
	}
	if e.watcher != nil {
		s.Watches, s.WatchLimit = e.watcher.Count(), e.watcher.Limit()
		s.Watched = s.Watches > 0 || !e.exhausted
	}
	return s
}

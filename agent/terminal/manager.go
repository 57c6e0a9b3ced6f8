package terminal

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// What no event tells is looked at when a terminal prints, and once more lookAfter that: the kernel's count of kills for
// lack of memory, since a shell says that its job was killed, and the jobs in the foreground, since a shell echoes a
// command before it runs it and prompts when it has ended. When nothing happens nothing is looked at. oomRecent is how
// long after a kill the end of a program is put down to it.
const (
	lookAfter = jobCheckEvery
	oomRecent = 3 * time.Second
)

// Manager owns all terminals of a session.
type Manager struct {
	cfg  Config
	work sync.WaitGroup

	lastInput     atomic.Int64 // Unix nanoseconds; 0: never
	lastLeave     atomic.Int64 // of a viewer, likewise
	lastJobOutput atomic.Int64

	mu        sync.Mutex
	terminals []*Terminal // in their order
	started   uint64
	stopping  bool

	changeMu   sync.Mutex
	generation uint64
	changed    chan struct{}

	// happened says that some terminal has printed, or that somebody wants to know; happenedAt is when it last did, in
	// Unix nanoseconds.
	happened   chan struct{}
	happenedAt atomic.Int64
	unseen     atomic.Bool // something has happened since the last look
	oomMu      sync.Mutex
	oomKills   uint64
	oomAt      time.Time
}

// NewManager makes a manager without terminals.
func NewManager(cfg Config) *Manager {
	cfg = cfg.withDefaults()
	return &Manager{cfg: cfg, changed: make(chan struct{}), happened: make(chan struct{}, 1), oomKills: cfg.Cgroup.OOMKills()}
}

// Run looks after the terminals until ctx is done, then hangs all of them up and returns when nothing of them
// is left. It must be called once.
func (m *Manager) Run(ctx context.Context) error {
	again := time.NewTimer(lookAfter)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			m.stop()
			return nil
		case <-m.happened:
			m.unseen.Store(false)
			again.Reset(lookAfter)
		case <-again.C:
			if m.unseen.Swap(false) {
				again.Reset(lookAfter)
			}
		}
		m.look()
	}
}

// look tells of what has changed without an event.
func (m *Manager) look() {
	killed, told := m.countOOM(), false
	for _, t := range m.all() {
		if killed {
			t.notice("[the kernel killed a program of this workspace: out of memory]")
		}
		told = t.lookAtJob() || told
	}
	if told {
		m.notify()
	}
}

// happen makes Run look: once in lookAfter, since it looks again then, however many terminals print.
func (m *Manager) happen() {
	m.unseen.Store(true)
	now, last := time.Now().UnixNano(), m.happenedAt.Load()
	if now-last < int64(lookAfter) || !m.happenedAt.CompareAndSwap(last, now) {
		return
	}
	select {
	case m.happened <- struct{}{}:
	default:
	}
}

func (m *Manager) stop() {
	m.mu.Lock()
	m.stopping = true
	m.mu.Unlock()
	for _, t := range m.all() {
		t.startClose()
	}
	m.work.Wait()
}

func (m *Manager) all() []*Terminal {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.terminals)
}

// Create starts a terminal. The name of an exited one is taken over with its place in the order. Errors:
// ErrExists, ErrInvalid, program.ErrInvalid, ErrTooMany, ErrStopping.
func (m *Manager) Create(spec Spec) (Info, error) {
	m.mu.Lock()
	t, err := m.createLocked(spec)
	m.mu.Unlock()
	if err != nil {
		return Info{}, err
	}
	m.notify()
	return t.info(), nil
}

func (m *Manager) createLocked(spec Spec) (*Terminal, error) {
	if err := spec.validate(); err != nil {
		return nil, err
	}
	if m.stopping {
		return nil, ErrStopping
	}
	at := m.indexLocked(spec.Name)
	if at >= 0 && m.terminals[at].running() {
		return nil, fmt.Errorf("%w: %q", ErrExists, spec.Name)
	}
	if at < 0 && len(m.terminals) >= m.cfg.MaxTerminals {
		return nil, ErrTooMany
	}
	t, err := m.start(spec)
	if err != nil {
		return nil, fmt.Errorf("create terminal %q: %w", spec.Name, err)
	}
	if at >= 0 {
		m.terminals[at].startClose()
		m.terminals[at] = t
	} else {
		m.terminals = append(m.terminals, t)
	}
	m.forgetLocked(spec.Name)
	return t, nil
}

// forgetLocked makes a name, which a terminal has now, nobody's former one.
func (m *Manager) forgetLocked(name string) {
	for _, t := range m.terminals {
		t.forget(name)
	}
}

func (m *Manager) indexLocked(name string) int {
	return slices.IndexFunc(m.terminals, func(t *Terminal) bool { return t.label() == name })
}

// findLocked is indexLocked, or the terminal that had the name before: who holds an old name still reaches it.
func (m *Manager) findLocked(name string) int {
	if at := m.indexLocked(name); at >= 0 {
		return at
	}
	return slices.IndexFunc(m.terminals, func(t *Terminal) bool { return t.wasCalled(name) })
}

// Attach attaches a viewer, and starts the terminal first when there is none of that name and create is not
// nil; an exited one is shown as it is. Errors: ErrNotFound, and those of Create.
func (m *Manager) Attach(name string, a Attach, create *Spec) (*Viewer, error) {
	m.mu.Lock()
	var t *Terminal
	created := false
	if at := m.findLocked(name); at >= 0 {
		t = m.terminals[at]
	} else if create != nil {
		spec := *create
		spec.Name = name
		if spec.Size == (Size{}) {
			spec.Size = a.Size
		}
		var err error
		if t, err = m.createLocked(spec); err != nil {
			m.mu.Unlock()
			return nil, err
		}
		created = true
	}
	m.mu.Unlock()
	if t == nil {
		return nil, fmt.Errorf("%w: %q", ErrNotFound, name)
	}
	v, err := t.attach(a, created)
	m.notify()
	return v, err
}

// List describes all terminals in their order.
func (m *Manager) List() []Info {
	var infos []Info
	for _, t := range m.all() {
		infos = append(infos, t.info())
	}
	return infos
}

// Update renames a terminal (newName is not empty) and moves it (position is not negative; beyond the end: to
// the end). Viewers stay attached, and the former name reaches the terminal until another one has it. ErrNotFound,
// ErrExists, ErrInvalid.
func (m *Manager) Update(name, newName string, position int) (Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := m.findLocked(name)
	if at < 0 {
		return Info{}, fmt.Errorf("%w: %q", ErrNotFound, name)
	}
	t := m.terminals[at]
	if newName != "" && newName != t.label() {
		if err := validName(newName); err != nil {
			return Info{}, err
		}
		if m.indexLocked(newName) >= 0 {
			return Info{}, fmt.Errorf("%w: %q", ErrExists, newName)
		}
		t.rename(newName)
		m.forgetLocked(newName)
	}
	if position >= 0 {
		m.terminals = slices.Delete(m.terminals, at, at+1)
		m.terminals = slices.Insert(m.terminals, min(position, len(m.terminals)), t)
	}
	m.notify()
	return t.info(), nil
}

// Close hangs a terminal up and forgets it: SIGHUP and SIGCONT to all processes of its session, SIGKILL after
// Config.KillAfter to those left. It returns when they have gone; when ctx ends before, the closing goes on. With an
// incarnation it is the terminal of that one, whose name may be another's by now. ErrNotFound.
func (m *Manager) Close(ctx context.Context, name, incarnation string) error {
	m.mu.Lock()
	at := m.findLocked(name)
	if incarnation != "" {
		at = slices.IndexFunc(m.terminals, func(t *Terminal) bool { return t.incarnation == incarnation })
	}
	if at < 0 {
		m.mu.Unlock()
		return fmt.Errorf("%w: %q", ErrNotFound, name)
	}
	t := m.terminals[at]
	t.startClose()
	m.mu.Unlock()
	select {
	case <-t.closed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (m *Manager) remove(t *Terminal) {
	m.mu.Lock()
	if at := slices.Index(m.terminals, t); at >= 0 {
		m.terminals = slices.Delete(m.terminals, at, at+1)
	}
	m.mu.Unlock()
	m.notify()
}

// Changes is the number of the list's present state, and a channel that is closed when it is another.
func (m *Manager) Changes() (generation uint64, changed <-chan struct{}) {
	m.changeMu.Lock()
	defer m.changeMu.Unlock()
	return m.generation, m.changed
}

func (m *Manager) notify() {
	m.changeMu.Lock()
	defer m.changeMu.Unlock()
	m.generation++
	close(m.changed)
	m.changed = make(chan struct{})
}

// Activity is what idle decisions need. Zero times mean never.
type Activity struct {
	LastInput, LastJobOutput time.Time
	// ForegroundJobs are the names of foreground jobs that are not the terminals' own programs.
	ForegroundJobs []string
	// Viewers of all terminals, recordings not among them, and those of them that a person can see.
	Viewers, Visible int
	// ViewerlessSince is when the last viewer left; zero while there is one.
	ViewerlessSince time.Time
}

// Activity tells when the terminals were last used. Viewing is not use.
func (m *Manager) Activity() Activity {
	m.happen()
	a := Activity{LastInput: unixNano(m.lastInput.Load()), LastJobOutput: unixNano(m.lastJobOutput.Load())}
	for _, info := range m.List() {
		if info.Foreground != "" {
			a.ForegroundJobs = append(a.ForegroundJobs, info.Foreground)
		}
		a.Viewers += len(info.Watchers)
		for _, w := range info.Watchers {
			if w.Visible {
				a.Visible++
			}
		}
	}
	if a.Viewers == 0 {
		a.ViewerlessSince = unixNano(m.lastLeave.Load())
	}
	return a
}

func unixNano(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

// countOOM reads the kernel's count and says whether it has risen.
func (m *Manager) countOOM() bool {
	kills := m.cfg.Cgroup.OOMKills()
	m.oomMu.Lock()
	defer m.oomMu.Unlock()
	risen := kills > m.oomKills
	if risen {
		m.oomAt = time.Now()
	}
	m.oomKills = kills
	return risen
}

// outOfMemory says whether the kernel has just killed for lack of memory.
func (m *Manager) outOfMemory() bool {
	m.countOOM()
	m.oomMu.Lock()
	defer m.oomMu.Unlock()
	return !m.oomAt.IsZero() && time.Since(m.oomAt) < oomRecent
}

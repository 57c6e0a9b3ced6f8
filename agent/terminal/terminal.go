package terminal

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"codingplatform/agent/program"
	"codingplatform/agent/screen"
	"codingplatform/agent/sysinfo"
)

// Terminal is one program on a pseudo-terminal.
type Terminal struct {
	m           *Manager
	incarnation string
	created     time.Time
	cmd         *exec.Cmd
	master      *os.File
	readable    *waiter
	input       *input

	// ended is closed when the program has exited; exit is set before that.
	ended chan struct{}
	// closing is closed by the first Close.
	closing   chan struct{}
	closeOnce sync.Once
	// closed is closed when nothing of the session is left after a Close.
	closed chan struct{}
	// pumped is closed when the output has been read to the end.
	pumped chan struct{}
	// resume wakes a paused pump.
	resume chan struct{}
	// leaderGone says that the program has been waited for, and endTicks when, in clock ticks since boot.
	leaderGone atomic.Bool
	endTicks   atomic.Uint64

	mu      sync.Mutex
	name    string
	former  []string // names that it had before, oldest first
	size    Size
	sizes   uint64 // counts changes of size
	resizes []resize
	// bells is how often the bell had been rung when others were told last.
	bells     uint64
	cwd       string // as the program told it last
	bellsTold time.Time
	titles    uint64 // counts changes of the title
	title     string
	rawTitle  string // as the program set it
	ring      *ring
	screen    *screen.Screen
	viewers   []*Viewer // in the order of their coming
	lost      map[string]lost
	paused    bool
	exit      *Exit
	jobCheck  time.Time // when the foreground job was last looked at
	job       string    // its name at the last look of the manager
	// jobAside says that it was told of with another name than that, by the way of something else.
	jobAside bool
}

// start starts a program. The caller holds m.mu.
func (m *Manager) start(spec Spec) (*Terminal, error) {
	argv := spec.Command
	if len(argv) == 0 {
		argv = m.cfg.Shell
	}
	cmd, err := m.cfg.Base.Command(argv, spec.Cwd, spec.Env)
	if err != nil {
		return nil, err
	}
	master, slave, err := openPTY(spec.Size)
	if err != nil {
		return nil, err
	}
	readable, err := newWaiter(master, unix.EPOLLIN)
	if err != nil {
		return nil, errors.Join(err, master.Close(), slave.Close())
	}
	err = startOnPTY(cmd, slave)
	_ = slave.Close() // the program has its own
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", cmd.Path, err), readable.Close(), master.Close())
	}
	m.started++
	t := &Terminal{
		m: m, incarnation: m.cfg.Incarnation + "-" + strconv.FormatUint(m.started, 10),
		created: time.Now(), cmd: cmd, master: master, readable: readable,
		ended: make(chan struct{}), closing: make(chan struct{}), closed: make(chan struct{}),
		pumped: make(chan struct{}), resume: make(chan struct{}, 1),
		name: spec.Name, size: spec.Size, ring: newRing(m.cfg.Resume), lost: map[string]lost{},
		screen: screen.New(spec.Size.Cols, spec.Size.Rows, screen.Config{HistoryLines: m.cfg.Scrollback, HistoryBytes: m.cfg.ScrollbackBytes}),
	}
	t.input = newInput(master, m.cfg.InputQueue, m.work.Go)
	if err := sysinfo.PreferOOMKill(cmd.Process.Pid); err != nil && !errors.Is(err, os.ErrNotExist) {
		m.cfg.Logger.Warn("a program is not the first choice when memory runs out", "terminal", spec.Name, "error", err)
	}
	m.work.Go(t.pump)
	m.work.Go(t.wait)
	return t, nil
}

// wait waits for the program and then for its output.
func (t *Terminal) wait() {
	err := t.cmd.Wait()
	t.endTicks.Store(bootTicks())
	t.leaderGone.Store(true)
	// Wakes the pump if the kernel's hang-up does not.
	deadlineErr := t.readable.SetDeadline(time.Now().Add(t.m.cfg.DrainAfter))
	if deadlineErr != nil && !errors.Is(deadlineErr, os.ErrClosed) {
		t.m.cfg.Logger.Warn("no deadline for the rest of a terminal's output", "terminal", t.label(), "error", deadlineErr)
	}
	<-t.pumped

	exit := Exit{At: time.Now()}
	var exitErr *exec.ExitError
	switch {
	case err == nil || errors.As(err, &exitErr):
		exit.Exit = program.ExitOf(t.cmd.ProcessState)
	default:
		exit.Exit = program.Exit{Code: -1, Reason: err.Error()}
	}
	if exit.Signal == "SIGKILL" && t.m.outOfMemory() {
		exit.Reason = "killed: out of memory"
	}
	t.input.close()
	if err := errors.Join(t.readable.Close(), t.master.Close()); err != nil {
		t.m.cfg.Logger.Warn("a terminal's master did not close", "terminal", t.label(), "error", err)
	}
	t.mu.Lock()
	t.exit = &exit
	t.wakeLocked()
	t.mu.Unlock()
	close(t.ended)
	t.m.notify()
}

func (t *Terminal) label() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.name
}

// maxFormer is how many former names of a terminal are remembered.
const maxFormer = 16

// rename gives the terminal another name and remembers the one before.
func (t *Terminal) rename(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.former = append(t.former, t.name)
	if len(t.former) > maxFormer {
		t.former = slices.Delete(t.former, 0, 1)
	}
	t.name = name
}

// forget says that a former name is another terminal's now.
func (t *Terminal) forget(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.former = slices.DeleteFunc(t.former, func(f string) bool { return f == name })
}

func (t *Terminal) wasCalled(name string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Contains(t.former, name)
}

func (t *Terminal) running() bool {
	select {
	case <-t.ended:
		return false
	default:
		return true
	}
}

// wakeLocked makes all viewers look again.
func (t *Terminal) wakeLocked() {
	for _, v := range t.viewers {
		v.wakeLocked()
	}
}

// resize is a change of size: output before offset was meant for the size before.
type resize struct {
	offset       uint64
	before, size Size
}

// maxResizes is how many changes of size are remembered. A viewer that missed more is told the latest.
const maxResizes = 64

// resizeLocked makes the terminal as small as the smallest visible writer wants it. With none it keeps its
// size: output must not be laid out for nobody.
func (t *Terminal) resizeLocked() {
	size := Size{}
	for _, v := range t.viewers {
		if v.viewOnly || !v.visible || !v.size.valid() {
			continue
		}
		if size == (Size{}) {
			size = v.size
		}
		size = Size{Cols: min(size.Cols, v.size.Cols), Rows: min(size.Rows, v.size.Rows)}
	}
	if size == (Size{}) || size == t.size || t.exit != nil {
		return
	}
	if err := setSize(t.master, size); err != nil {
		if !errors.Is(err, os.ErrClosed) {
			t.m.cfg.Logger.Warn("a terminal keeps its size", "terminal", t.name, "error", err)
		}
		return
	}
	t.resizes = append(t.resizes, resize{offset: t.ring.End(), before: t.size, size: size})
	t.size = size
	t.sizes++
	if len(t.resizes) > maxResizes {
		t.resizes = slices.Delete(t.resizes, 0, 1)
	}
	t.screen.Resize(size.Cols, size.Rows)
	t.wakeLocked()
	t.m.notify()
}

// Info describes the terminal.
func (t *Terminal) info() Info {
	t.mu.Lock()
	info := Info{
		Name: t.name, Former: slices.Clone(t.former), Size: t.size, Title: t.title, Cwd: t.screen.Cwd(), Created: t.created,
		Offset: t.ring.End(), Exit: t.exit, PID: t.cmd.Process.Pid, Bells: t.screen.Bells(),
	}
	for _, v := range t.viewers {
		if v.recorder {
			info.Recording = true
		} else {
			info.Watchers = append(info.Watchers, Watcher{Name: v.name, ViewOnly: v.viewOnly, Visible: v.visible})
		}
	}
	t.mu.Unlock()
	if info.Exit != nil {
		return info
	}
	group, job := t.foregroundJob()
	info.Foreground = job
	t.mu.Lock()
	aside := job != t.job
	t.jobAside = t.jobAside || aside
	t.mu.Unlock()
	if aside {
		t.m.happen()
	}
	if info.Cwd == "" {
		// Best effort: the job may have gone between the two looks.
		if dir, err := sysinfo.WorkingDirectory(group); err == nil {
			info.Cwd = dir
		} else if dir, err := sysinfo.WorkingDirectory(info.PID); err == nil {
			info.Cwd = dir
		}
	}
	if rel, err := filepath.Rel(t.m.cfg.Base.Root, info.Cwd); err == nil && filepath.IsLocal(rel) {
		info.Cwd = filepath.ToSlash(rel)
	}
	return info
}

// foregroundJob is the process group that has the terminal, and its name; the name is empty when that is the terminal's
// own program.
func (t *Terminal) foregroundJob() (group int, name string) {
	own := t.cmd.Process.Pid
	group, err := foregroundGroup(t.master)
	if err != nil || group <= 0 || group == own {
		return own, ""
	}
	return group, commandName(group)
}

// lookAtJob says whether another job has the foreground than at the last look, or than somebody was told since: a job
// that came and went between two looks would else be taken to be there still.
func (t *Terminal) lookAtJob() bool {
	if !t.running() {
		return false // its end is told of by itself
	}
	_, job := t.foregroundJob()
	t.mu.Lock()
	defer t.mu.Unlock()
	changed := job != t.job || t.jobAside
	t.job, t.jobAside = job, false
	return changed
}

// commandName names a job by its leader, or by any of its processes when the leader has gone.
func commandName(group int) string {
	if p, err := sysinfo.ReadProcess(group); err == nil {
		return p.Comm
	}
	all, err := sysinfo.Processes()
	if err != nil {
		return strconv.Itoa(group)
	}
	for _, p := range all {
		if p.Group == group {
			return p.Comm
		}
	}
	return ""
}

// bootTicks is the time since boot in the unit of process start times.
func bootTicks() uint64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0 // no process started before: none is touched
	}
	return uint64(ts.Nano()) / uint64(10*time.Millisecond) //nolint:gosec // time since boot is positive
}

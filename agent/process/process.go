package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"codingplatform/agent/program"
	"codingplatform/agent/sysinfo"
)

// Limits of the contract; see proto/agent/v1/process.proto.
const (
	defaultTimeout   = 30 * time.Second
	maxTimeout       = 10 * time.Minute
	defaultMaxOutput = 10 << 20
	maxStdin         = 1 << 20
	chunkSize        = 32 << 10
	killAfter        = 2 * time.Second
)

// ErrTooMany says that the limit of processes at once is reached.
var ErrTooMany = errors.New("too many processes at once")

// Spec is what to run.
type Spec struct {
	Command []string
	// Cwd is relative to the workspace root.
	Cwd string
	Env map[string]string
	// Stdin is all of standard input, 1 MiB at most.
	Stdin []byte
	// Timeout until SIGTERM; 0: 30 s. 10 minutes at most.
	Timeout time.Duration
	// MaxOutput is how many bytes of both outputs together are handed on; 0: 10 MiB.
	MaxOutput uint64
}

// Exit is how a process ended.
type Exit struct {
	program.Exit
	// Truncated says that there was more output than handed on.
	Truncated bool
}

// Sink takes what a process does. Its methods are never called at once. An error ends the process.
type Sink interface {
	Started(pid int) error
	// Stdout and Stderr must not keep p.
	Stdout(p []byte) error
	Stderr(p []byte) error
}

// Runner runs processes.
type Runner struct {
	logger  *slog.Logger
	base    program.Base
	slots   chan struct{}
	started atomic.Int64 // Unix nanoseconds of the last start
}

// NewRunner makes a Runner of at most limit processes at once.
func NewRunner(logger *slog.Logger, base program.Base, limit int) *Runner {
	return &Runner{logger: logger, base: base, slots: make(chan struct{}, limit)}
}

// LastStart is when a process was last started; zero: never.
func (r *Runner) LastStart() time.Time {
	if ns := r.started.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

// errTimeout is the cause of a context whose process has run too long.
var errTimeout = errors.New("timed out")

// Run runs a process to its end. Errors: program.ErrInvalid for a bad spec, ErrTooMany, those of the sink, and
// the context's cause when it ended before the process did. A process that ends in any way by itself or by
// its time limit is no error.
func (r *Runner) Run(ctx context.Context, spec Spec, sink Sink) (Exit, error) {
	if err := spec.defaults(); err != nil {
		return Exit{}, err
	}
	cmd, err := r.base.Command(spec.Command, spec.Cwd, spec.Env)
	if err != nil {
		return Exit{}, err
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	default:
		return Exit{}, ErrTooMany
	}
	p, err := r.start(cmd, spec, sink)
	if err != nil {
		return Exit{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p.fail = cancel
	timer := time.AfterFunc(spec.Timeout, func() { cancel(errTimeout) })
	defer timer.Stop()
	return p.run(ctx, spec)
}

func (s *Spec) defaults() error {
	switch {
	case len(s.Stdin) > maxStdin:
		return fmt.Errorf("%w: standard input of %d bytes is over %d", program.ErrInvalid, len(s.Stdin), maxStdin)
	case s.Timeout < 0 || s.Timeout > maxTimeout:
		return fmt.Errorf("%w: a timeout of %s is over %s", program.ErrInvalid, s.Timeout, maxTimeout)
	}
	if s.Timeout == 0 {
		s.Timeout = defaultTimeout
	}
	if s.MaxOutput == 0 {
		s.MaxOutput = defaultMaxOutput
	}
	return nil
}

// running is one process.
type running struct {
	cmd            *exec.Cmd
	logger         *slog.Logger
	stdin          *os.File // our ends
	stdout, stderr *os.File
	fail           context.CancelCauseFunc

	mu        sync.Mutex // of the sink, and:
	sink      Sink
	left      uint64
	truncated bool
}

func (r *Runner) start(cmd *exec.Cmd, spec Spec, sink Sink) (*running, error) {
	var files []*os.File
	pipe := func() (reader, writer *os.File, err error) {
		reader, writer, err = os.Pipe()
		if err == nil {
			files = append(files, reader, writer)
		}
		return reader, writer, err
	}
	inR, inW, err1 := pipe()
	outR, outW, err2 := pipe()
	errR, errW, err3 := pipe()
	err := errors.Join(err1, err2, err3)
	if err == nil {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = inR, outW, errW
		cmd.SysProcAttr.Setpgid = true
		err = cmd.Start()
	}
	if err != nil {
		for _, f := range files {
			_ = f.Close() // the start's error is the one to tell
		}
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	for _, f := range []*os.File{inR, outW, errW} {
		_ = f.Close() // the program has its own
	}
	r.started.Store(time.Now().UnixNano())
	if err := sysinfo.PreferOOMKill(cmd.Process.Pid); err != nil && !errors.Is(err, os.ErrNotExist) {
		r.logger.Warn("a process is not the first choice when memory runs out", "error", err)
	}
	return &running{
		cmd: cmd, logger: r.logger, stdin: inW, stdout: outR, stderr: errR, sink: sink, left: spec.MaxOutput,
	}, nil
}

func (p *running) run(ctx context.Context, spec Spec) (Exit, error) {
	if err := p.sink.Started(p.cmd.Process.Pid); err != nil {
		p.fail(err)
	}
	var writer, readers sync.WaitGroup
	writer.Go(func() {
		// A program need not read all of its input: a broken pipe is no error.
		_, err := io.Copy(p.stdin, bytes.NewReader(spec.Stdin))
		if err != nil && !errors.Is(err, unix.EPIPE) && !errors.Is(err, os.ErrClosed) {
			p.fail(fmt.Errorf("write standard input: %w", err))
		}
		_ = p.stdin.Close() // closed again below at the latest
	})
	readers.Go(func() { p.read(p.stdout, p.sink.Stdout) })
	readers.Go(func() { p.read(p.stderr, p.sink.Stderr) })

	ended := make(chan error, 1)
	writer.Go(func() { ended <- p.cmd.Wait() })
	var waitErr error
	select {
	case waitErr = <-ended:
	case <-ctx.Done():
		p.signal(unix.SIGTERM)
		select {
		case waitErr = <-ended:
		case <-time.After(killAfter):
			p.signal(unix.SIGKILL)
			waitErr = <-ended
		}
	}
	// What it left in the background ends with it, so that the pipes end too; what it wrote last is read. Only
	// one that left the process group can hold them longer.
	p.signal(unix.SIGKILL)
	_ = p.stdin.Close() // nobody reads it any more, and it may be closed already
	deadline := time.Now().Add(killAfter)
	if err := errors.Join(p.stdout.SetReadDeadline(deadline), p.stderr.SetReadDeadline(deadline)); err != nil {
		p.logger.WarnContext(ctx, "no deadline for the rest of a process's output", "error", err)
	}
	readers.Wait()
	writer.Wait()
	_, _ = p.stdout.Close(), p.stderr.Close() // read to the end

	cause := context.Cause(ctx)
	var exitErr *exec.ExitError
	if waitErr != nil && !errors.As(waitErr, &exitErr) {
		return Exit{}, fmt.Errorf("wait for %s: %w", p.cmd.Path, waitErr)
	}
	exit := Exit{Exit: program.ExitOf(p.cmd.ProcessState), Truncated: p.truncated}
	switch {
	case errors.Is(cause, errTimeout):
		exit.Reason = fmt.Sprintf("timed out after %s", spec.Timeout)
	case cause != nil:
		return Exit{}, cause
	}
	return exit, nil
}

// read hands on one output. What is over the limit is read and dropped, so that the program goes on.
func (p *running) read(from *os.File, to func([]byte) error) {
	buf := make([]byte, chunkSize)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			p.mu.Lock()
			keep := min(uint64(n), p.left)
			p.left -= keep
			p.truncated = p.truncated || keep < uint64(n)
			if keep > 0 {
				if err := to(buf[:keep]); err != nil {
					p.left = 0
					p.fail(err)
				}
			}
			p.mu.Unlock()
		}
		if err != nil {
			return // the end, or the deadline of the rest
		}
	}
}

// signal signals the process group. The group exists as long as the leader has not been waited for or anyone
// is in it; after that ESRCH is the answer.
func (p *running) signal(sig unix.Signal) {
	if err := unix.Kill(-p.cmd.Process.Pid, sig); err != nil && !errors.Is(err, unix.ESRCH) {
		p.logger.Warn("a process cannot be signalled", "pid", p.cmd.Process.Pid, "error", err)
	}
}

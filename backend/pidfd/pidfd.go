// Package pidfd refers to processes by file descriptor: a number that is used again cannot be mistaken for
// the process that had it, and the end of a process that is nobody's child can be awaited without polling.
package pidfd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Process is a handle of a process, live or ended.
type Process struct {
	PID  int
	file *os.File
}

// ErrGone says that there is no such process (any more).
var ErrGone = errors.New("no such process")

// Open returns a handle. When start is not zero, the process must have that start time (see StartTime);
// otherwise, and when there is no process, the error is ErrGone.
func Open(pid int, start uint64) (*Process, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	switch {
	case errors.Is(err, unix.ESRCH), errors.Is(err, unix.EINVAL):
		return nil, ErrGone
	case err != nil:
		return nil, fmt.Errorf("open process %d: %w", pid, err)
	}
	p := &Process{PID: pid, file: os.NewFile(uintptr(fd), "pidfd")}
	if start == 0 {
		return p, nil
	}
	// Looked at after the handle was opened: if they are equal, the handle is of that process.
	if now, err := StartTime(pid); err != nil || now != start {
		return nil, errors.Join(ErrGone, p.Close())
	}
	return p, nil
}

// Wait returns nil when the process has ended, or ctx's cause.
func (p *Process) Wait(ctx context.Context) error {
	raw, err := p.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("wait for process %d: %w", p.PID, err)
	}
	if err := p.file.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("wait for process %d: %w", p.PID, err)
	}
	stop := context.AfterFunc(ctx, func() {
		// It fails when the handle is closed, which ends the wait too.
		_ = p.file.SetReadDeadline(time.Unix(1, 0))
	})
	defer stop()
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}} //nolint:gosec // a descriptor is an int32
		n, perr := unix.Poll(polled, 0)
		if perr != nil && !errors.Is(perr, unix.EINTR) {
			failed = perr
			return true
		}
		return n > 0
	})
	switch {
	case failed != nil:
		return fmt.Errorf("wait for process %d: %w", p.PID, failed)
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("wait for process %d: %w", p.PID, err)
	}
	return nil
}

// Signal sends a signal; ErrGone when the process has ended.
func (p *Process) Signal(sig syscall.Signal) error {
	raw, err := p.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("send %s to process %d: %w", unix.SignalName(sig), p.PID, err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.PidfdSendSignal(int(fd), sig, nil, 0) })
	if errors.Is(failed, unix.ESRCH) {
		return ErrGone
	}
	if err = errors.Join(err, failed); err != nil {
		return fmt.Errorf("send %s to process %d: %w", unix.SignalName(sig), p.PID, err)
	}
	return nil
}

// Close releases the handle; the process lives on.
func (p *Process) Close() error { return p.file.Close() }

// StartTime is when a process started, in clock ticks since the machine's start: with the PID, it names a
// process for as long as the machine runs. ErrGone when there is none, or it is a zombie.
func StartTime(pid int) (uint64, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			return 0, ErrGone
		}
		return 0, fmt.Errorf("look at process %d: %w", pid, err)
	}
	// The name, in parentheses, may hold anything; proc(5) counts from 1, and the state is the third.
	end := strings.LastIndexByte(string(stat), ')')
	fields := strings.Fields(string(stat[end+1:]))
	if end < 0 || len(fields) < 20 {
		return 0, fmt.Errorf("look at process %d: its stat is not understood", pid)
	}
	if fields[0] == "Z" || fields[0] == "X" {
		return 0, ErrGone
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("look at process %d: %w", pid, err)
	}
	return start, nil
}

// Catches says whether a process has a handler for a signal. The first process of a pid namespace never sees
// the signals that it has none for.
func Catches(pid int, sig syscall.Signal) (bool, error) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return false, ErrGone
	}
	if err != nil {
		return false, fmt.Errorf("look at process %d: %w", pid, err)
	}
	for line := range strings.Lines(string(status)) {
		if mask, ok := strings.CutPrefix(line, "SigCgt:"); ok {
			caught, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
			if err != nil {
				return false, fmt.Errorf("look at process %d: %w", pid, err)
			}
			return caught>>(uint(sig)-1)&1 == 1, nil
		}
	}
	return false, ErrGone // a zombie has no such line
}

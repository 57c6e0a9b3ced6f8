package pgembed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"codingplatform/backend/pidfd"
)

// lock takes the directory for this process. The kernel releases it when the process ends, however it ends.
func lock(dir string) (*os.File, error) {
	path := filepath.Join(dir, "lock")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the data directory: %w", err)
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock the data directory: %w", err), file.Close())
	}
	var locked error
	err = raw.Control(func(fd uintptr) {
		locked = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB)
	})
	switch {
	case errors.Is(locked, unix.EWOULDBLOCK):
		holder := "another process"
		if pid, rerr := io.ReadAll(io.LimitReader(file, 32)); rerr == nil && len(pid) > 0 {
			holder = "process " + strings.TrimSpace(string(pid))
		}
		return nil, errors.Join(fmt.Errorf("the data directory %s is in use by %s: stop that one, or set another data-dir", dir, holder), file.Close())
	case err != nil || locked != nil:
		return nil, errors.Join(fmt.Errorf("lock the data directory: %w", errors.Join(err, locked)), file.Close())
	}
	err = file.Truncate(0)
	if err == nil {
		_, err = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("write the lock of the data directory: %w", err), file.Close())
	}
	return file, nil
}

// endOrphans stops the server that a killed backend left, and any process of it. The lock is held, so there
// is no other backend that it could belong to. Afterwards a postmaster.pid is nobody's.
func (s *Server) endOrphans(ctx context.Context) error {
	found, err := s.orphans()
	if err != nil {
		return err
	}
	pidFile := filepath.Join(s.dataDir(), "postmaster.pid")
	postmaster := 0
	content, err := os.ReadFile(pidFile)
	if err == nil {
		first, _, _ := strings.Cut(string(content), "\n")
		if n, aerr := strconv.Atoi(first); aerr == nil {
			postmaster = n
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read the former server's PID: %w", err)
	}
	if len(found) > 0 {
		s.cfg.Logger.WarnContext(ctx, "stopping a database server that a former backend left", "pid", postmaster, "processes", len(found))
	}
	// The postmaster ends its children in order. What is left after it is ended like after a crash.
	for _, step := range []struct {
		signal     syscall.Signal
		everything bool
		wait       time.Duration
	}{{syscall.SIGINT, false, stopTimeout}, {syscall.SIGQUIT, true, 5 * time.Second}, {syscall.SIGKILL, true, 5 * time.Second}} {
		if err := endProcesses(ctx, found, step.signal, func(pid int) bool { return step.everything || pid == postmaster }, step.wait); err != nil {
			return err
		}
		if found, err = s.orphans(); err != nil {
			return err
		}
		if len(found) == 0 {
			if err := os.Remove(pidFile); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("remove the former server's PID: %w", err)
			}
			return nil
		}
	}
	return fmt.Errorf("a former database server of %s does not end: stop its processes %v", s.cfg.DataDir, found)
}

// orphans are the processes of a server that runs in the data directory: all of them stay in it.
func (s *Server) orphans() ([]int, error) {
	proc, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("look for a former database server: %w", err)
	}
	var found []int
	for _, entry := range proc {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		dir := "/proc/" + entry.Name()
		// Errors: it has ended, or is another user's, and so not ours.
		if cwd, err := os.Readlink(dir + "/cwd"); err != nil || cwd != s.realDataDir() {
			continue
		}
		if exe, err := os.Readlink(dir + "/exe"); err != nil || !strings.HasPrefix(filepath.Base(exe), "postgres") {
			continue
		}
		if _, err := pidfd.StartTime(pid); err == nil {
			found = append(found, pid)
		}
	}
	return found, nil
}

func (s *Server) realDataDir() string {
	if resolved, err := filepath.EvalSymlinks(s.dataDir()); err == nil {
		return resolved
	}
	return s.dataDir()
}

// endProcesses signals those that want says, and waits for them.
func endProcesses(ctx context.Context, pids []int, sig syscall.Signal, want func(int) bool, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for _, pid := range pids {
		if !want(pid) {
			continue
		}
		if err := endProcess(ctx, pid, sig); err != nil && !errors.Is(err, pidfd.ErrGone) && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
	return nil
}

func endProcess(ctx context.Context, pid int, sig syscall.Signal) error {
	p, err := pidfd.Open(pid, 0)
	if err != nil {
		return err
	}
	defer func() { _ = p.Close() }() // nothing can be lost by it
	if err := p.Signal(sig); err != nil {
		return err
	}
	return p.Wait(ctx)
}

// locked says whether another process holds the lock of a data directory.
func locked(dir string) (held bool, err error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("open the lock of the data directory: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	raw, err := file.SyscallConn()
	if err != nil {
		return false, fmt.Errorf("look at the lock of the data directory: %w", err)
	}
	var taken error
	if err := raw.Control(func(fd uintptr) { taken = unix.Flock(int(fd), unix.LOCK_SH|unix.LOCK_NB) }); err != nil {
		return false, fmt.Errorf("look at the lock of the data directory: %w", err)
	}
	if errors.Is(taken, unix.EWOULDBLOCK) {
		return true, nil
	}
	if taken != nil {
		return false, fmt.Errorf("look at the lock of the data directory: %w", taken)
	}
	return false, nil
}

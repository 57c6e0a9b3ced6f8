package reap

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// Init runs argv as a child with this process's files and environment and waits, for it and for all orphans,
// until it has ended; the answer is its exit code, 128 + signal when a signal ended it. SIGTERM, SIGINT,
// SIGQUIT, SIGHUP, SIGUSR1 and SIGUSR2 are passed on to it. The process must have no other children that
// anybody waits for.
func Init(logger *slog.Logger, argv, env []string) (code int, err error) {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGQUIT, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2, unix.SIGCHLD)
	defer signal.Stop(signals)
	child, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{
		Env: env, Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{},
	})
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", argv[0], err)
	}
	for sig := range signals {
		if sig != unix.SIGCHLD {
			number, ok := sig.(syscall.Signal)
			if !ok {
				continue
			}
			if err := unix.Kill(child, number); err != nil && !errors.Is(err, unix.ESRCH) {
				logger.Warn("a signal was not passed on", "signal", sig.String(), "error", err)
			}
			continue
		}
		if code, ended := reapAll(child); ended {
			return code, nil
		}
	}
	return 0, errors.New("no more signals") // the channel is never closed
}

// reapAll waits for all that have ended, since one SIGCHLD may stand for many, and says when child was among
// them.
func reapAll(child int) (code int, ended bool) {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil || pid <= 0:
			return code, ended
		case pid != child:
			continue
		}
		ended, code = true, status.ExitStatus()
		if status.Signaled() {
			code = 128 + int(status.Signal())
		}
	}
}

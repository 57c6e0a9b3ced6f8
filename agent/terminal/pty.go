package terminal

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// openPTY opens a pair of which the master is non-blocking and not watched by the runtime's poller: see waiter.
func openPTY(size Size) (master, slave *os.File, err error) {
	opened, slave, err := pty.Open()
	if err != nil {
		return nil, nil, fmt.Errorf("open a pseudo-terminal: %w", err)
	}
	// creack/pty's own file may be blocking or watched. The duplicate shares its open file description, and the runtime
	// is not told that it is non-blocking.
	defer func() { _ = opened.Close() }() // the duplicate lives on
	fd, err := unix.FcntlInt(opened.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("duplicate the master: %w", err), slave.Close())
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("make the master blocking: %w", err), unix.Close(fd), slave.Close())
	}
	master = os.NewFile(uintptr(fd), "/dev/ptmx")
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("make the master non-blocking: %w", err), master.Close(), slave.Close())
	}
	if err := setSize(master, size); err != nil {
		return nil, nil, errors.Join(err, master.Close(), slave.Close())
	}
	return master, slave, nil
}

// startOnPTY starts a program as the leader of a new session with the slave as its controlling terminal.
func startOnPTY(cmd *exec.Cmd, slave *os.File) error {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	return cmd.Start()
}

func setSize(master *os.File, size Size) error {
	//nolint:gosec // sizes are validated to 4096 at most
	ws := &unix.Winsize{Col: uint16(size.Cols), Row: uint16(size.Rows)}
	if err := control(master, func(fd int) error { return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, ws) }); err != nil {
		return fmt.Errorf("set the terminal's size: %w", err)
	}
	return nil
}

// foregroundGroup is the process group that has the terminal.
func foregroundGroup(master *os.File) (group int, err error) {
	err = control(master, func(fd int) error {
		group, err = unix.IoctlGetInt(fd, unix.TIOCGPGRP)
		return err
	})
	return group, err
}

// tryWrite writes what the terminal takes at once.
func tryWrite(master *os.File, p []byte) (n int, err error) {
	conn, err := master.SyscallConn()
	if err != nil {
		return 0, err
	}
	err = errors.Join(conn.Write(func(fd uintptr) bool {
		n, err = unix.Write(int(fd), p)
		return true // never wait
	}), err)
	n = max(n, 0)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		err = nil
	}
	return n, err
}

// control runs an ioctl without making the file blocking, as File.Fd would.
func control(f *os.File, fn func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	outer := conn.Control(func(fd uintptr) { inner = fn(int(fd)) })
	return errors.Join(outer, inner)
}

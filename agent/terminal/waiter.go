package terminal

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// waiter waits for a master to become readable, or writable.
//
// The runtime's poller would be woken by each piece of output that comes while the one before is being read, for
// nothing: 18,000 times in 100 MB. So it watches an epoll instance of the waiter's own, which tells it once, and only
// when somebody waits.
type waiter struct {
	master syscall.RawConn
	events uint32
	epoll  *os.File
	conn   syscall.RawConn // epoll's
	// armed: the epoll instance may tell of something, or has and it was not taken off.
	armed bool
}

// newWaiter makes a waiter for EPOLLIN or EPOLLOUT. Close must be called.
func newWaiter(master *os.File, events uint32) (*waiter, error) {
	w := &waiter{events: events}
	var err error
	if w.master, err = master.SyscallConn(); err != nil {
		return nil, err
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("watch a terminal: %w", err)
	}
	// The runtime's poller watches files that are non-blocking.
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(fmt.Errorf("watch a terminal: %w", err), unix.Close(fd))
	}
	w.epoll = os.NewFile(uintptr(fd), "epoll")
	if w.conn, err = w.epoll.SyscallConn(); err != nil {
		return nil, errors.Join(err, w.epoll.Close())
	}
	if err := control(w.epoll, func(fd int) error { return w.control(fd, unix.EPOLL_CTL_ADD, 0) }); err != nil {
		return nil, errors.Join(err, w.epoll.Close())
	}
	return w, nil
}

// control tells the epoll instance what to watch for, once.
func (w *waiter) control(epoll, op int, events uint32) error {
	var inner error
	err := w.master.Control(func(master uintptr) {
		inner = unix.EpollCtl(epoll, op, int(master), &unix.EpollEvent{Events: events | unix.EPOLLONESHOT})
	})
	if err := errors.Join(err, inner); err != nil {
		return fmt.Errorf("watch a terminal: %w", err)
	}
	return nil
}

// wait waits until the master may be ready. Errors: os.ErrDeadlineExceeded, os.ErrClosed.
func (w *waiter) wait() error {
	asked := false
	var inner error
	err := w.conn.Read(func(fd uintptr) bool {
		if asked {
			inner = w.settle(int(fd))
			return true
		}
		asked = true
		// The runtime has forgotten by now what it was told before. What was not taken off is, or else the epoll instance
		// would not tell again.
		if w.armed {
			if inner = w.settle(int(fd)); inner != nil {
				return true
			}
		}
		w.armed = true
		inner = w.control(int(fd), unix.EPOLL_CTL_MOD, w.events)
		return inner != nil
	})
	return errors.Join(err, inner)
}

// settle takes off what the epoll instance told, which disarms it, unless the master is not ready after all.
func (w *waiter) settle(epoll int) error {
	var told [1]unix.EpollEvent
	for {
		n, err := unix.EpollWait(epoll, told[:], 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n > 0 {
			w.armed = false
		}
		return err
	}
}

// SetDeadline ends waits, those under way too.
func (w *waiter) SetDeadline(at time.Time) error { return w.epoll.SetReadDeadline(at) }

// Close ends waits.
func (w *waiter) Close() error { return w.epoll.Close() }

// read waits for output and reads it. io.EOF is EIO here. The runtime is not told that the read may block: it does so
// for some microseconds at most, and to hand the processor over meanwhile costs more than the read.
func (w *waiter) read(p []byte) (int, error) {
	for {
		var n uintptr
		var errno syscall.Errno
		err := w.master.Read(func(fd uintptr) bool {
			n, _, errno = unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
			return true
		})
		switch {
		case err != nil:
			return 0, err
		case errno == 0:
			return int(n), nil
		case errno == unix.EAGAIN:
			if err := w.wait(); err != nil {
				return 0, err
			}
		case errno != unix.EINTR:
			return 0, errno
		}
	}
}

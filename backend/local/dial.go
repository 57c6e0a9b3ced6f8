package local

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"codingplatform/backend"
)

// Dial implements backend.Runtime.
func (r *Runtime) Dial(ctx context.Context, env backend.Environment) (net.Conn, error) {
	e, err := r.find(ctx, env.SessionID)
	if err != nil {
		if backend.CodeOf(err) == backend.CodeNotFound {
			return nil, backend.Errorf(backend.CodeUnavailable, "the environment has ended")
		}
		return nil, err
	}
	if e.rec.ID != env.ID {
		return nil, backend.Errorf(backend.CodeUnavailable, "the session has another environment now")
	}
	conn, err := dialSocket(ctx, e.layout.run())
	if err != nil {
		return nil, backend.Errorf(backend.CodeUnavailable, "the agent does not listen: %w", err)
	}
	return conn, nil
}

// dialSocket connects to the agent's socket in dir. The sandbox's user writes there, so what bears the
// socket's name is opened without following a link, and must be a socket. Going through the descriptor has no
// limit on the path's length, either.
func dialSocket(ctx context.Context, dir string) (conn net.Conn, err error) {
	parent, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	defer func() { err = errors.Join(err, unix.Close(parent)) }()
	socket, err := unix.Openat(parent, socketName, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: socketName, Err: err}
	}
	defer func() { err = errors.Join(err, unix.Close(socket)) }()
	var stat unix.Stat_t
	if err := unix.Fstat(socket, &stat); err != nil {
		return nil, &os.PathError{Op: "stat", Path: socketName, Err: err}
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return nil, &os.PathError{Op: "connect to", Path: socketName, Err: unix.ENOTSOCK}
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, "unix", "/proc/self/fd/"+strconv.Itoa(socket))
}

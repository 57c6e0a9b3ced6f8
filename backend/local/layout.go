package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"codingplatform/backend"
	"codingplatform/backend/runas"
)

// layout is the directory of one session.
type layout struct{ dir string }

func (l layout) app() string    { return filepath.Join(l.dir, "app") }
func (l layout) home() string   { return filepath.Join(l.dir, "home") }
func (l layout) state() string  { return filepath.Join(l.dir, "state") }
func (l layout) run() string    { return filepath.Join(l.dir, "run") }
func (l layout) etc() string    { return filepath.Join(l.dir, "etc") }
func (l layout) record() string { return filepath.Join(l.dir, "environment.json") }
func (l layout) status() string { return filepath.Join(l.dir, "status.json") }
func (l layout) log() string    { return filepath.Join(l.dir, "agent.log") }

const socketName = "agent.sock"

const maxSessionID = 64

// layout keeps a session's ID from being a path.
func (r *Runtime) layout(session backend.SessionID) (layout, error) {
	for i, c := range session {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && (i == 0 || c != '-' && c != '_') {
			return layout{}, backend.Errorf(backend.CodeInvalid, "%q is no session's ID", session)
		}
	}
	if session == "" || len(session) > maxSessionID {
		return layout{}, backend.Errorf(backend.CodeInvalid, "%q is no session's ID", session)
	}
	return layout{filepath.Join(r.sessions, string(session))}, nil
}

// make makes the directories that are missing, and empties run.
func (l layout) make(user runas.User, mode fs.FileMode) error {
	if err := os.MkdirAll(l.dir, mode); err != nil {
		return fmt.Errorf("make the session's directory: %w", err)
	}
	if err := os.Chmod(l.dir, mode); err != nil {
		return fmt.Errorf("make the session's directory: %w", err)
	}
	if err := os.RemoveAll(l.run()); err != nil {
		return fmt.Errorf("remove a former socket: %w", err)
	}
	for _, dir := range []string{l.app(), l.home(), l.state(), l.run()} {
		err := os.Mkdir(dir, 0o700)
		if errors.Is(err, fs.ErrExist) {
			// Made before, perhaps while the backend ran as another user.
			err = nil
		}
		if err := errors.Join(err, user.Own(dir)); err != nil {
			return fmt.Errorf("make the session's directory: %w", err)
		}
	}
	return nil
}

// remove deletes everything. A user's program may have left directories that its own user cannot enter.
func (l layout) remove() error {
	err := os.RemoveAll(l.dir)
	if err == nil {
		return nil
	}
	root, rerr := os.OpenRoot(l.dir)
	if rerr != nil {
		return fmt.Errorf("delete the session's directory: %w", err)
	}
	defer func() { _ = root.Close() }() // it is deleted
	if err := openUp(root, "."); err != nil {
		return fmt.Errorf("delete the session's directory: %w", err)
	}
	if err := os.RemoveAll(l.dir); err != nil {
		return fmt.Errorf("delete the session's directory: %w", err)
	}
	return nil
}

// openUp makes directories deletable, from the top, without following links.
func openUp(root *os.Root, dir string) error {
	if err := root.Chmod(dir, 0o700); err != nil {
		return err
	}
	opened, err := root.Open(dir)
	if err != nil {
		return err
	}
	entries, err := opened.ReadDir(-1)
	if err = errors.Join(err, opened.Close()); err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := openUp(root, filepath.Join(dir, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// lock keeps others, in this process or another, from starting, stopping or removing the same session. It makes
// the directory when it is missing. The kernel releases it when the holder ends.
func (l layout) lock(ctx context.Context, mode fs.FileMode) (unlock func(), err error) {
	for {
		if err := os.MkdirAll(l.dir, mode); err != nil {
			return nil, fmt.Errorf("lock the session: %w", err)
		}
		file, err := os.OpenFile(filepath.Join(l.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was removed in between
		}
		if err != nil {
			return nil, fmt.Errorf("lock the session: %w", err)
		}
		if err := flock(ctx, file); err != nil {
			return nil, err
		}
		unlock := func() { _ = file.Close() } // closing a lock that holds no data loses none
		held, err := file.Stat()
		if err == nil {
			if at, aerr := os.Stat(file.Name()); aerr == nil && os.SameFile(held, at) {
				return unlock, nil
			}
		}
		// Whoever held it before has removed the session.
		unlock()
	}
}

// flock closes the file when it fails.
func flock(ctx context.Context, file *os.File) error {
	locked := make(chan error, 1)
	go func() {
		for {
			err := unix.Flock(int(file.Fd()), unix.LOCK_EX)
			if !errors.Is(err, unix.EINTR) {
				locked <- err
				return
			}
		}
	}()
	select {
	case err := <-locked:
		if err != nil {
			return errors.Join(fmt.Errorf("lock the session: %w", err), file.Close())
		}
		return nil
	case <-ctx.Done():
		go func() {
			// Not closed before it is held: the descriptor's number must not be used again meanwhile.
			_ = errors.Join(<-locked, file.Close()) // nobody waits for it any more
		}()
		return fmt.Errorf("lock the session: %w", context.Cause(ctx))
	}
}

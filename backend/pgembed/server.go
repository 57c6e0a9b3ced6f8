package pgembed

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend/pidfd"
	"codingplatform/backend/runas"
)

// Server is a running PostgreSQL server. Its methods may be called at once from many goroutines.
type Server struct {
	cfg      Config
	user     runas.User
	programs programs
	lock     *os.File
	url      string
	socket   string

	pid      int
	process  *pidfd.Process
	done     chan struct{}
	err      error // set before done is closed
	stopping sync.Once
	asking   sync.Once
	asked    chan struct{}
}

// Start starts the server, after it has made the data directory if there is none, and returns when it takes
// connections. ctx is for the start only: stop the server with Stop.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	user, err := runas.Resolve(cfg.RunAs)
	if err != nil {
		return nil, fmt.Errorf("embedded PostgreSQL: %w", err)
	}
	s := &Server{cfg: cfg, user: user, done: make(chan struct{}), asked: make(chan struct{})}
	if err := s.start(ctx); err != nil {
		err = fmt.Errorf("start the embedded PostgreSQL: %w", err)
		if s.lock != nil {
			err = errors.Join(err, s.lock.Close())
		}
		return nil, err
	}
	return s, nil
}

// Running answers the URL of a server that another process has started for a data directory; empty: there is none.
// Whoever asks must be that process's user, or root.
func Running(dataDir string) (string, error) {
	held, err := locked(dataDir)
	if err != nil || !held {
		return "", err
	}
	password, err := readPassword(filepath.Join(dataDir, passwordName))
	if err != nil {
		return "", err
	}
	// Where the directory's name is too long for a socket it is a link to a short one.
	socket, err := filepath.EvalSymlinks(filepath.Join(dataDir, "socket"))
	if err != nil {
		return "", fmt.Errorf("find the running database's socket: %w", err)
	}
	return address(socket, password), nil
}

func address(socket, password string) string {
	return (&url.URL{
		Scheme: "postgres", User: url.UserPassword(roleName, password), Path: "/" + databaseName,
		RawQuery: url.Values{"host": {socket}, "sslmode": {"disable"}}.Encode(),
	}).String()
}

func (s *Server) start(ctx context.Context) error {
	mode := os.FileMode(0o700)
	if s.user.Switch {
		mode = 0o711
	}
	if err := os.MkdirAll(s.cfg.DataDir, 0o755); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if err := os.Chmod(s.cfg.DataDir, mode); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if err := s.user.Reaches(s.cfg.DataDir); err != nil {
		return fmt.Errorf("the server runs as %s, not as root, and does not reach its data: %w: set data-dir to a directory below one that all may enter, for example /var/lib/coding-platform, or chmod o+x what is in the way", s.user.Name, err)
	}
	var err error
	if s.lock, err = lock(s.cfg.DataDir); err != nil {
		return err
	}
	if err := s.endOrphans(ctx); err != nil {
		return err
	}
	if s.programs, err = findPrograms(ctx, s.cfg.BinDir, s.user, filepath.Join(s.cfg.DataDir, "programs")); err != nil {
		return err
	}
	password, err := s.ensureData(ctx)
	if err != nil {
		return err
	}
	if s.socket, err = makeSocketDir(s.cfg.DataDir, s.user); err != nil {
		return err
	}
	s.url = address(s.socket, password)
	began := time.Now()
	if err := s.spawn(ctx); err != nil {
		return errors.Join(err, removeSocketDir(s.cfg.DataDir))
	}
	if err := s.ensureDatabase(ctx); err != nil {
		return errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
	}
	s.cfg.Logger.InfoContext(ctx, "the embedded database is ready", "version", s.programs.major, "user", s.user.Name, "data_dir", s.cfg.DataDir, "took", time.Since(began))
	return nil
}

// spawn starts the server and waits for its word that it is ready.
func (s *Server) spawn(ctx context.Context) error {
	log := newLogWriter(context.WithoutCancel(ctx), s.cfg.Logger)
	cmd := exec.CommandContext(context.WithoutCancel(ctx), s.programs.path("postgres"), append([]string{"-D", s.dataDir()}, s.settings(s.socket)...)...)
	cmd.Env = cleanEnv()
	cmd.Dir = s.dataDir()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{
		// A session of its own: Ctrl-C in the backend's terminal is the backend's to handle, in its order.
		Setsid:     true,
		Credential: s.user.Credential(),
		// A fast shutdown when the backend is killed. It is not relied on: see endOrphans.
		Pdeathsig: syscall.SIGINT,
	}
	started := make(chan error, 1)
	go func() {
		defer close(s.done)
		// The parent of Pdeathsig is the thread: it must live as long as the server.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			s.err = err
			started <- fmt.Errorf("run %s: %w", cmd.Path, err)
			return
		}
		process, err := pidfd.Open(cmd.Process.Pid, 0)
		s.pid, s.process = cmd.Process.Pid, process
		started <- err
		err = cmd.Wait()
		select {
		case <-s.asked:
			if err != nil {
				s.err = fmt.Errorf("the embedded PostgreSQL did not stop cleanly: %w: %s", err, log.tail())
			}
		default:
			s.err = fmt.Errorf("the embedded PostgreSQL ended (%v): %s", cmd.ProcessState, log.tail())
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	var cause error
	select {
	case <-log.ready:
		return nil
	case <-s.done:
		return s.err
	case <-timeout.C:
		cause = fmt.Errorf("it is not ready after %s: %s", startTimeout, log.tail())
	case <-ctx.Done():
		cause = context.Cause(ctx)
	}
	return errors.Join(cause, s.end(context.WithoutCancel(ctx)))
}

// ensureDatabase makes the product's database, apart from the one that PostgreSQL's own tools use.
func (s *Server) ensureDatabase(ctx context.Context) (err error) {
	config, err := pgx.ParseConfig(s.url)
	if err != nil {
		return fmt.Errorf("read the database's URL: %w", err)
	}
	config.Database = "postgres"
	config.ConnectTimeout = 10 * time.Second
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect to the new server: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	var exists bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, databaseName).Scan(&exists); err != nil {
		return fmt.Errorf("look for the database: %w", err)
	}
	if exists {
		return nil
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{databaseName}.Sanitize()); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	return nil
}

// URL is for pgx and libpq. It holds the password: never log it.
func (s *Server) URL() string { return s.url }

// PID of the server's main process.
func (s *Server) PID() int { return s.pid }

// Done is closed when the server has ended, asked or not; Err then tells why.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err is nil while the server runs and after a clean Stop.
func (s *Server) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// Stop ends the server in order, connections included, and returns when nothing of it is left but its data.
// When ctx ends before, the server is cut off, which loses no committed data.
func (s *Server) Stop(ctx context.Context) error {
	err := s.end(ctx)
	s.stopping.Do(func() {
		err = errors.Join(err, s.process.Close(), removeSocketDir(s.cfg.DataDir), s.lock.Close())
	})
	return err
}

func (s *Server) end(ctx context.Context) error {
	select {
	case <-s.done:
		return s.err
	default:
	}
	given := ctx.Done()
	s.asking.Do(func() { close(s.asked) })
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGINT, stopTimeout}, {syscall.SIGQUIT, 5 * time.Second}, {syscall.SIGKILL, 10 * time.Second}} {
		if err := s.process.Signal(step.signal); err != nil && !errors.Is(err, pidfd.ErrGone) {
			return fmt.Errorf("stop the embedded PostgreSQL: %w", err)
		}
		timer := time.NewTimer(step.wait)
		select {
		case <-s.done:
			timer.Stop()
			return s.err
		case <-given:
			// What follows ends soon, and is not to be cut short.
			given = nil
			timer.Stop()
		case <-timer.C:
		}
	}
	return errors.New("stop the embedded PostgreSQL: it does not end")
}

// maxSocketDir leaves room for the socket's name within the kernel's 107 bytes.
const maxSocketDir = 85

// makeSocketDir returns a directory that only the server's user enters, with a name short enough.
func makeSocketDir(dataDir string, user runas.User) (string, error) {
	if err := removeSocketDir(dataDir); err != nil {
		return "", err
	}
	dir := filepath.Join(dataDir, "socket")
	if len(dir) <= maxSocketDir && !strings.Contains(dir, ",") {
		return dir, makePrivateDir(dir, user)
	}
	short, err := os.MkdirTemp("/tmp", "coding-platform-")
	if err != nil {
		return "", fmt.Errorf("make a directory for the database's socket: %w", err)
	}
	return short, errors.Join(makePrivateDir(short, user), os.Symlink(short, dir))
}

// removeSocketDir removes it, also one that a killed backend left.
func removeSocketDir(dataDir string) error {
	dir := filepath.Join(dataDir, "socket")
	if short, err := os.Readlink(dir); err == nil && strings.HasPrefix(short, "/tmp/coding-platform-") {
		if err := os.RemoveAll(short); err != nil {
			return fmt.Errorf("remove the directory of the database's socket: %w", err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the directory of the database's socket: %w", err)
	}
	return nil
}

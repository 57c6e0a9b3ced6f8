// Package postgrestest gives every test a PostgreSQL database of its own, with the schema migrated. One real
// server is started for each test binary, on its first use, and ends with it, also when the binary is killed.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"codingplatform/backend/pgembed"
	"codingplatform/migrations"
)

const template = "template_migrated"

// shared is the binary's one server.
type shared struct {
	once sync.Once
	url  string
	err  error
	// pipe is held open until the process ends, which tells the janitor.
	pipe io.Closer

	mu   sync.Mutex
	next int
}

//nolint:gochecknoglobals // testing has no place to keep what all tests of a binary share
var server shared

// New returns the URL of a fresh database with the migrated schema. It is dropped at the end of the test.
func New(tb testing.TB) string {
	tb.Helper()
	return create(tb, template)
}

// NewEmpty returns the URL of a fresh database without a schema.
func NewEmpty(tb testing.TB) string {
	tb.Helper()
	return create(tb, "template0")
}

func create(tb testing.TB, from string) string {
	tb.Helper()
	// The server outlives the test that starts it.
	ctx := context.WithoutCancel(tb.Context())
	server.once.Do(func() { server.err = server.start(ctx) })
	if server.err != nil {
		tb.Fatalf("start a PostgreSQL server for tests: %v", server.err)
	}
	server.mu.Lock()
	server.next++
	name := "test_" + strconv.Itoa(server.next)
	server.mu.Unlock()
	if err := server.admin(ctx, "CREATE DATABASE "+name+" TEMPLATE "+from); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := server.admin(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			tb.Error(err)
		}
	})
	return withDatabase(server.url, name)
}

func (s *shared) start(ctx context.Context) error {
	bin, err := programs()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "postgrestest-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		return errors.Join(fmt.Errorf("open the directory: %w", err), os.RemoveAll(dir))
	}
	pg, err := pgembed.Start(ctx, pgembed.Config{
		DataDir: filepath.Join(dir, "pg"), BinDir: bin, RunAs: "nobody", Volatile: true, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	s.url = pg.URL()
	if err = s.janitor(ctx, dir, pg.PID()); err == nil {
		err = s.migrate(ctx)
	}
	if err != nil {
		return errors.Join(err, pg.Stop(ctx), os.RemoveAll(dir))
	}
	return nil
}

// janitor starts a process that waits until this one has ended, then stops the server and removes its data:
// testing has no hook for the end of a binary that a panic or a timeout would not skip.
func (s *shared) janitor(ctx context.Context, dir string, pid int) error {
	const script = `read -r _; kill -QUIT "$1"; while kill -0 "$1"; do sleep 0.05; done; rm -rf -- "$2"`
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", script, "janitor", strconv.Itoa(pid), dir)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("start the janitor: %w", err)
	}
	s.pipe = pipe
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the janitor: %w", err)
	}
	return nil
}

// migrate makes the template. It uses goose directly: backend/postgres has tests that use this package.
func (s *shared) migrate(ctx context.Context) (err error) {
	if err := s.admin(ctx, "CREATE DATABASE "+template+" TEMPLATE template0"); err != nil {
		return err
	}
	config, err := pgx.ParseConfig(withDatabase(s.url, template))
	if err != nil {
		return fmt.Errorf("read the URL: %w", err)
	}
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS,
		goose.WithDisableGlobalRegistry(true), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func (s *shared) admin(ctx context.Context, sql string) (err error) {
	conn, err := pgx.Connect(ctx, withDatabase(s.url, "postgres"))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

func withDatabase(databaseURL, name string) string {
	before, rest, _ := strings.Cut(databaseURL, "?")
	u, err := url.Parse(before)
	if err != nil {
		return databaseURL // it was made by url.URL: cannot be
	}
	u.Path, u.RawQuery = "/"+name, rest
	return u.String()
}

// programs of the repository, newest first; empty: let pgembed look for the system's.
func programs() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
			continue
		}
		found, err := filepath.Glob(filepath.Join(dir, "build", "postgres", "*", "bin"))
		if err != nil || len(found) == 0 {
			return "", err
		}
		return found[len(found)-1], nil
	}
	return "", nil
}

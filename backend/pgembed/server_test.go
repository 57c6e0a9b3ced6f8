package pgembed_test

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"codingplatform/backend/pgembed"
	"codingplatform/backend/pidfd"
	"codingplatform/backend/runas"
)

// childEnv makes the test binary a backend that starts a server and waits to be killed.
const childEnv = "PGEMBED_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		child(dir)
	}
	os.Exit(m.Run())
}

func binDir(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("../../build/postgres/*/bin")
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		return ""
	}
	abs, err := filepath.Abs(found[len(found)-1])
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// openTempDir is a directory that the server's user reaches.
func openTempDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

func config(t *testing.T, dir string) pgembed.Config {
	t.Helper()
	return pgembed.Config{DataDir: dir, BinDir: binDir(t), RunAs: "nobody", Volatile: true, Logger: slog.New(slog.DiscardHandler)}
}

func start(t *testing.T, cfg pgembed.Config) *pgembed.Server {
	t.Helper()
	server, err := pgembed.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func stop(t *testing.T, server *pgembed.Server) {
	t.Helper()
	if err := server.Stop(t.Context()); err != nil {
		t.Fatalf("Stop: %v", err)
	}
}

func query(t *testing.T, databaseURL, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	var got string
	if err := conn.QueryRow(t.Context(), sql).Scan(&got); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return got
}

func TestDataSurvivesAndNothingElse(t *testing.T) {
	dir := openTempDir(t)
	server := start(t, config(t, dir))
	for sql, want := range map[string]string{
		`SELECT current_database()`: "platform",
		`SHOW listen_addresses`:     "",
		`SHOW server_encoding`:      "UTF8",
		`SHOW password_encryption`:  "scram-sha-256",
		`SELECT lower('ÄÖ')`:        "äö",
		`SELECT (ARRAY(SELECT unnest('{b,B,a}'::text[]) COLLATE "C" ORDER BY 1))[1]`: "B",
	} {
		if got := query(t, server.URL(), sql); got != want {
			t.Errorf("%s = %q, want %q", sql, got, want)
		}
	}
	conn, err := pgx.Connect(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `CREATE TABLE kept AS SELECT 'here' AS word`); err != nil {
		t.Fatal(err)
	}
	// An open connection does not hold the stop up.
	stop(t, server)
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("the connection outlived the server")
	}
	if err := server.Err(); err != nil {
		t.Errorf("Err after a clean stop: %v", err)
	}
	stop(t, server)
	if _, err := pidfd.StartTime(server.PID()); !errors.Is(err, pidfd.ErrGone) {
		t.Errorf("the server's process is still there: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "socket")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket's directory is still there: %v", err)
	}

	again := start(t, config(t, dir))
	defer stop(t, again)
	if got := query(t, again.URL(), `SELECT word FROM kept`); got != "here" {
		t.Errorf("after a restart: %q", got)
	}
}

func TestOnlyThePasswordOpensIt(t *testing.T) {
	dir := openTempDir(t)
	server := start(t, config(t, dir))
	defer stop(t, server)
	user, err := runas.Resolve("nobody")
	if err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{"", "wrong"} {
		u, err := url.Parse(server.URL())
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(u.User.Username(), password)
		_, err = pgx.Connect(t.Context(), u.String())
		refused, ok := errors.AsType[*pgconn.PgError](err)
		if password != "" && (!ok || refused.Code != "28P01") {
			t.Errorf("password %q: %v, want 28P01", password, err)
		}
		if err == nil {
			t.Errorf("password %q opens the database", password)
		}
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	self, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatal("the directory's owner is not known")
	}
	for path, uid := range map[string]uint32{"password": self.Uid, "data": user.UID, "socket": user.UID} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm() & 0o077; mode != 0 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); !ok || stat.Uid != uid {
			t.Errorf("%s is not owned by %d", path, uid)
		}
	}
}

func TestDirectoryIsExclusive(t *testing.T) {
	dir := openTempDir(t)
	server := start(t, config(t, dir))
	defer stop(t, server)
	if _, err := pgembed.Start(t.Context(), config(t, dir)); err == nil || !strings.Contains(err.Error(), "in use by process") {
		t.Fatalf("a second server: %v, want: in use by process", err)
	}
	if got := query(t, server.URL(), `SELECT 'unharmed'`); got != "unharmed" {
		t.Error(got)
	}
}

func TestOtherVersionIsRefused(t *testing.T) {
	dir := openTempDir(t)
	stop(t, start(t, config(t, dir)))
	if err := os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("12\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := pgembed.Start(t.Context(), config(t, dir))
	if err == nil || !strings.Contains(err.Error(), "written by PostgreSQL 12") || !strings.Contains(err.Error(), "set postgres-bin") {
		t.Fatalf("Start = %v", err)
	}
}

func TestFailureNamesTheCause(t *testing.T) {
	dir := openTempDir(t)
	stop(t, start(t, config(t, dir)))
	if err := os.Remove(filepath.Join(dir, "data", "global", "pg_control")); err != nil {
		t.Fatal(err)
	}
	if _, err := pgembed.Start(t.Context(), config(t, dir)); err == nil || !strings.Contains(err.Error(), "pg_control") {
		t.Fatalf("Start = %v, want the server's own words", err)
	}
	if _, err := pgembed.Start(t.Context(), pgembed.Config{DataDir: openTempDir(t), BinDir: t.TempDir(), RunAs: "nobody", Logger: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), "set postgres-bin") {
		t.Fatalf("Start without programs = %v", err)
	}
}

func TestLongPath(t *testing.T) {
	dir := filepath.Join(openTempDir(t), strings.Repeat("long", 30))
	server := start(t, config(t, dir))
	short, err := os.Readlink(filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	if got := query(t, server.URL(), `SELECT 'ok'`); got != "ok" {
		t.Error(got)
	}
	stop(t, server)
	if _, err := os.Stat(short); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", short, err)
	}
}

// A server that runs on without its backend is ended, and the data is whole.
func TestOrphanIsStopped(t *testing.T) {
	dir := openTempDir(t)
	cfg := config(t, dir)
	stop(t, start(t, cfg))
	if cfg.BinDir == "" {
		t.Fatal("build/postgres is missing: run scripts/setup-postgres.sh")
	}
	user, err := runas.Resolve("nobody")
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	orphan := exec.CommandContext(t.Context(), filepath.Join(cfg.BinDir, "postgres"), "-D", data, "-c", "listen_addresses=", "-c", "unix_socket_directories="+data, "-c", "fsync=off")
	orphan.Dir = data
	orphan.SysProcAttr = &syscall.SysProcAttr{Credential: user.Credential()}
	stderr, err := orphan.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := orphan.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	ready := false
	for !ready && lines.Scan() {
		ready = strings.Contains(lines.Text(), "ready to accept")
	}
	if !ready {
		t.Fatal("the orphan did not start")
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for lines.Scan() {
		}
	}()

	server := start(t, cfg)
	defer stop(t, server)
	<-drained
	if err := orphan.Wait(); err != nil {
		t.Errorf("the orphan did not end in order: %v", err)
	}
	if got := query(t, server.URL(), `SELECT 'ok'`); got != "ok" {
		t.Error(got)
	}
}

func child(dir string) {
	bin, err := filepath.Glob("../../build/postgres/*/bin")
	if err != nil || len(bin) == 0 {
		os.Exit(3)
	}
	abs, err := filepath.Abs(bin[len(bin)-1])
	if err != nil {
		os.Exit(3)
	}
	ctx := context.Background()
	server, err := pgembed.Start(ctx, pgembed.Config{DataDir: dir, BinDir: abs, RunAs: "nobody", Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(4)
	}
	if _, err := os.Stdout.WriteString(server.URL() + "\n"); err != nil {
		os.Exit(5)
	}
	<-server.Done()
	os.Exit(6)
}

// The backend is killed while a transaction has committed and another has not.
func TestKilledBackend(t *testing.T) {
	dir := openTempDir(t)
	backend := exec.CommandContext(t.Context(), os.Args[0])
	backend.Env = append(os.Environ(), childEnv+"="+dir)
	backend.Stderr = t.Output()
	stdout, err := backend.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := backend.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() {
		t.Fatalf("the child said nothing: %v", lines.Err())
	}
	conn, err := pgx.Connect(t.Context(), lines.Text())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `CREATE TABLE kept AS SELECT 'committed' AS word`); err != nil {
		t.Fatal(err)
	}
	if err := backend.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := backend.Wait(); err == nil {
		t.Error("the killed child ended without an error")
	}
	server := start(t, config(t, dir))
	defer stop(t, server)
	if got := query(t, server.URL(), `SELECT string_agg(word, ',') FROM kept`); got != "committed" {
		t.Errorf("after the kill: %q", got)
	}
}

//go:build cluster

package deploy_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend/pgembed"
	"codingplatform/client"
)

// product is an installation, with one user and one session.
type product struct {
	address, token, session string
	api                     *client.API
	database                *database
}

func newProduct(t *testing.T, overlay string) product {
	t.Helper()
	p := product{database: startDatabase(t)}
	p.address = install(t, overlay, p.database.forPods)
	var user struct{ Token string }
	decode(t, call(t, http.StatusCreated, http.MethodPost, p.address+"/api/users/register", "", map[string]string{
		"username": "ada", "email": "ada@example.org", "password": "correct horse battery",
	}), &user)
	p.token = user.Token
	p.session = p.newSession(t)
	api, err := client.New(p.address, p.token)
	if err != nil {
		t.Fatal(err)
	}
	p.api = api
	return p
}

func (p product) newSession(t *testing.T) string {
	t.Helper()
	var made struct {
		Data struct{ ID string }
	}
	decode(t, call(t, http.StatusCreated, http.MethodPost, p.address+"/api/sessions/", p.token, map[string]string{"name": "faults"}), &made)
	return made.Data.ID
}

func (p product) file(name string) string {
	return p.address + "/api/workspace/" + p.session + "/file/" + name
}

// save saves a file as the editor does, and wants it taken.
func (p product) save(t *testing.T, name, content string) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"content": content})
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := try(t, http.MethodPost, p.file(name), p.token, body); !taken(status) {
		t.Errorf("save %s: %d %s", name, status, answer)
	}
}

// taken says whether a save was: of a new file, or of one that was there.
func taken(status int) bool { return status == http.StatusCreated || status == http.StatusOK }

// saveUntilTaken saves as the editor does while the server cannot: it tries again on a refusal that says so.
func (p product) saveUntilTaken(t *testing.T, name, content string) (refusals int) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"content": content})
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		status, answer := try(t, http.MethodPost, p.file(name), p.token, body)
		if taken(status) {
			return refusals
		}
		if status < 500 {
			t.Fatalf("save %s: %d %s", name, status, answer)
		}
		refusals++
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("save %s: still %d %s", name, status, answer)
		}
	}
}

type status struct{ Phase, Reason string }

// until waits until the session's status is as wanted.
func (p product) until(t *testing.T, want string, is func(status) bool) status {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var now status
		decode(t, call(t, http.StatusOK, http.MethodGet, p.address+"/api/workspace/"+p.session+"/status", p.token, nil), &now)
		if is(now) {
			return now
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("the session is %+v, want %s", now, want)
		}
	}
}

// pod is the name of the session's pod.
func (p product) pod(t *testing.T) string {
	t.Helper()
	pods := strings.Fields(kubectl(t, "get", "pods", "-n", workspaces, "-l", "coding-platform/session="+p.session, "-o", "jsonpath={.items[*].metadata.name}"))
	if len(pods) != 1 {
		t.Fatalf("the session has pods %v, want one", pods)
	}
	return pods[0]
}

// database is a PostgreSQL that pods reach, and that a test may stop.
type database struct {
	config  pgembed.Config
	forPods string

	mu     sync.Mutex
	server *pgembed.Server
}

func startDatabase(t *testing.T) *database {
	t.Helper()
	// Its server runs as nobody, who must reach its data: not all directories for tests let him.
	dir, err := os.MkdirTemp("", "deploytest-") //nolint:usetesting // as said above
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	programs, err := filepath.Glob("../build/postgres/*/bin")
	if err != nil || len(programs) == 0 {
		t.Fatalf("PostgreSQL's programs are not in build/postgres (scripts/setup-postgres.sh): %v", err)
	}
	bin, err := filepath.Abs(programs[len(programs)-1])
	if err != nil {
		t.Fatal(err)
	}
	d := &database{config: pgembed.Config{DataDir: filepath.Join(dir, "pg"), BinDir: bin, RunAs: "nobody", Logger: slog.New(slog.DiscardHandler)}}
	d.start(t)
	t.Cleanup(func() { d.stop(t) })
	d.forPods = expose(t, d.connection)
	return d
}

func (d *database) start(t *testing.T) {
	t.Helper()
	server, err := pgembed.Start(context.WithoutCancel(t.Context()), d.config)
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.server = server
}

func (d *database) stop(t *testing.T) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.server.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

// wipe empties it.
func (d *database) wipe(t *testing.T) {
	t.Helper()
	config, err := d.connection()
	if err != nil {
		t.Fatal(err)
	}
	name := config.Database
	config.Database = "postgres"
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	for _, statement := range []string{"DROP DATABASE " + name + " WITH (FORCE)", "CREATE DATABASE " + name} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// connection is how the server of now is reached.
func (d *database) connection() (*pgx.ConnConfig, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return pgx.ParseConfig(d.server.URL())
}

// query reads one row of the database.
func (p product) query(t *testing.T, sql string, args []any, into ...any) {
	t.Helper()
	config, err := p.database.connection()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(into...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// backendPods are the addresses of the backends, by their pods' names.
func backendPods(t *testing.T) map[string]string {
	t.Helper()
	out := kubectl(t, "get", "pods", "-n", backends, "-l", "app=backend", "--field-selector=status.phase=Running",
		"-o", `jsonpath={range .items[*]}{.metadata.name} {.status.podIP}{"\n"}{end}`)
	pods := map[string]string{}
	for line := range strings.Lines(out) {
		if name, ip, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			pods[name] = "http://" + net.JoinHostPort(ip, "8002")
		}
	}
	return pods
}

// cluster runs a command of the cluster itself.
func cluster(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), os.Getenv("CLUSTER"), append([]string{"--dir", os.Getenv("CLUSTER_DIR")}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cluster %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

package main

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/coder/websocket"
	"github.com/jackc/pgx/v5"

	"codingplatform/backend/postgrestest"
)

// TestDrain ends a backend by SIGTERM with a viewer that answers nothing: it says at once that it takes no more, lives on
// meanwhile, tells sockets to come back elsewhere, and leaves no lease and no change that is not committed.
func TestDrain(t *testing.T) {
	t.Parallel()
	database := postgrestest.New(t)
	p := startProcess(t, dataDir(t), "--database-url", database, "--replica", "one")
	c := &client{t: t, url: p.url}
	c.register("ada")
	session := c.createSession("first")
	shell, events := c.attach(session), c.events(session)
	// Sockets are waited for to end, so this one keeps the backend from going on with what comes after them.
	stuck := c.dial(t.Context(), url.Values{"session": {session}})
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	var holder string
	lease := func() string {
		t.Helper()
		if err := conn.QueryRow(t.Context(), `SELECT lease_holder FROM workspaces WHERE session_id = $1`, session).Scan(&holder); err != nil {
			t.Fatal(err)
		}
		return holder
	}
	if got := lease(); got != "one" {
		t.Errorf("the lease is %q's", got)
	}
	shell.run("echo last >last.txt")

	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for {
		ready := c.do(http.MethodGet, "/api/health/ready", "", nil)
		if ready.status == http.StatusOK {
			continue // the signal has not arrived
		}
		if ready.status != http.StatusServiceUnavailable || !strings.Contains(string(ready.body), "this server is going") {
			t.Errorf("while it drains, its readiness is %d: %s", ready.status, ready.body)
		}
		break
	}
	c.call(http.StatusOK, http.MethodGet, "/api/health/live", nil)
	for err == nil {
		_, _, err = events.ws.Read(t.Context())
	}
	if code := websocket.CloseStatus(err); code != websocket.StatusServiceRestart {
		t.Errorf("the event stream ends with %v, want %d", err, websocket.StatusServiceRestart)
	}
	if err := stuck.CloseNow(); err != nil {
		t.Error(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the backend ended with: %v", err)
	}
	if got := lease(); got != "" {
		t.Errorf("the lease is still %q's", got)
	}
	var files int
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM workspace_items WHERE name = 'last.txt'`).Scan(&files); err != nil || files != 1 {
		t.Errorf("the database has %d of what was written last, %v; want 1", files, err)
	}
}

// TestTerminalsWhileTheSessionPassesOn: another replica that takes a session over says so in its phase. Its terminals go on
// meanwhile, and are listed, renamed and closed.
func TestTerminalsWhileTheSessionPassesOn(t *testing.T) {
	t.Parallel()
	database := postgrestest.New(t)
	c := &client{t: t, url: startProgram(t, dataDir(t), "--database-url", database).url}
	c.register("ada")
	session := c.createSession("first")
	c.attach(session).run("true")
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	if _, err := conn.Exec(t.Context(), `UPDATE sessions SET phase = 'restoring' WHERE id = $1`, session); err != nil {
		t.Fatal(err)
	}
	base := "/api/workspace/" + session + "/terminals"
	if list := string(c.call(http.StatusOK, http.MethodGet, base, nil).body); !strings.Contains(list, `"name":"1"`) {
		t.Errorf("the terminals are %s", list)
	}
	c.call(http.StatusNotFound, http.MethodDelete, base+"/2", nil)
	c.call(http.StatusNoContent, http.MethodDelete, base+"/1", nil)
}

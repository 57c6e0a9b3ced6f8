package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"codingplatform/backend/postgrestest"
)

// guestOf signs up another user.
func (c *client) guestOf(name string) *client {
	c.t.Helper()
	guest := &client{t: c.t, url: c.url}
	guest.register(name)
	return guest
}

// share shares and answers the share's ID and, of a link, its token.
func (c *client) share(session string, body map[string]any) (id, token string) {
	c.t.Helper()
	var out struct{ Data struct{ ID, URL string } }
	c.call(http.StatusCreated, http.MethodPost, "/api/workspace/"+session+"/shares", body).decode(c.t, &out)
	_, token, _ = strings.Cut(out.Data.URL, "/share/#")
	return out.Data.ID, token
}

// closed reads until the server closes the socket and says how.
func closed(tb testing.TB, ws *websocket.Conn) websocket.CloseError {
	tb.Helper()
	for {
		_, _, err := ws.Read(tb.Context())
		if err == nil {
			continue
		}
		var e websocket.CloseError
		if !errors.As(err, &e) {
			tb.Fatalf("the socket broke: %v", err)
		}
		return e
	}
}

func (c *client) terminalQuery(session, name string) url.Values {
	return url.Values{"session": {session}, "terminal": {name}, "cols": {"80"}, "rows": {"24"}, "client": {"guest"}}
}

// seesTerminals reads the event stream until the list of terminals is as wanted, and answers the types of all messages.
func (e *events) seesTerminals(done func([]terminalEntry) bool) []string {
	e.c.t.Helper()
	var types []string
	for {
		_, data, err := e.ws.Read(e.c.t.Context())
		if err != nil {
			e.c.t.Fatalf("read events: %v", err)
		}
		var m struct {
			Type      string          `json:"type"`
			Terminals []terminalEntry `json:"terminals"`
		}
		if err := json.Unmarshal(data, &m); err != nil {
			e.c.t.Fatalf("the server sent %q: %v", data, err)
		}
		types = append(types, m.Type)
		if m.Type == "terminals" && done(m.Terminals) {
			return types
		}
	}
}

type terminalEntry struct {
	Name     string `json:"name"`
	Watchers []struct {
		Name    string `json:"name"`
		Mode    string `json:"mode"`
		Visible bool   `json:"visible"`
	} `json:"watchers"`
}

func (t terminalEntry) watched() []string {
	var all []string
	for _, w := range t.Watchers {
		all = append(all, w.Name+" "+w.Mode)
	}
	slices.Sort(all)
	return all
}

func TestGuests(t *testing.T) {
	t.Parallel()
	database := postgrestest.New(t)
	p := startProgram(t, dataDir(t), "--database-url", database)
	ada := &client{t: t, url: p.url}
	ada.register("ada")
	id := ada.createSession("shared")
	bea, dan, eve := ada.guestOf("bea"), ada.guestOf("dan"), ada.guestOf("eve")
	whole, _ := ada.share(id, map[string]any{"mode": "view", "username": "bea"})
	_, token := ada.share(id, map[string]any{"mode": "view", "terminal": "1"})
	dan.call(http.StatusOK, http.MethodPost, "/api/shares/accept", map[string]string{"token": token})
	typing, _ := ada.share(id, map[string]any{"mode": "write", "terminal": "1", "username": "eve"})

	// A guest starts nothing.
	for _, c := range []*client{bea, dan, eve} {
		if e := closed(t, c.dial(t.Context(), c.terminalQuery(id, "1"))); e.Code != websocket.StatusNormalClosure || e.Reason != "the environment is not running" {
			t.Errorf("%v", e)
		}
	}

	sh, other := ada.attach(id), ada.attachTo(id, "2")
	other.run("true")
	feed := ada.events(id)
	looker, typist := bea.attach(id), eve.attach(id)
	if looker.attached.Mode != "view" || typist.attached.Mode != "write" {
		t.Errorf("bea may %s, eve may %s", looker.attached.Mode, typist.attached.Mode)
	}
	feed.seesTerminals(func(list []terminalEntry) bool {
		i := slices.IndexFunc(list, func(e terminalEntry) bool { return e.Name == "1" })
		return i >= 0 && cmp.Equal(list[i].watched(), []string{"ada write", "bea view", "eve write"})
	})

	// Who may look does not type, whatever the client sends.
	looker.typed("touch hacked\r")
	looker.control(`{"type":"close"}`)
	looker.control(`{`)
	if e := closed(t, looker.ws); e.Code != 4400 { // all before it has been taken
		t.Errorf("%v", e)
	}
	typist.control(`{"type":"close"}`)
	if out := typist.run("echo typed by eve; ls"); out != "typed by eve" {
		t.Errorf("eve sees %q", out)
	}
	sh.until("typed by eve")
	for _, name := range []string{"2", "new"} {
		if e := closed(t, eve.dial(t.Context(), eve.terminalQuery(id, name))); e.Code != 4403 {
			t.Errorf("eve and terminal %s: %v", name, e)
		}
	}

	// Who has one terminal is told of that one, and of no file.
	few := dan.events(id)
	other.run("echo secret > secret.txt")
	feed.untilFile("secret.txt")
	typist.run("true")
	ada.attachTo(id, "3")
	types := few.seesTerminals(func(list []terminalEntry) bool {
		for _, e := range list {
			if e.Name != "1" {
				t.Errorf("dan sees terminal %s", e.Name)
			}
		}
		return len(list) == 1
	})
	if slices.Contains(types, "files") || slices.Contains(types, "sync") {
		t.Errorf("dan is told %v", types)
	}
	if _, ok := bea.tree(id)["secret.txt"]; !ok {
		t.Error("bea does not see a file")
	}

	// Revoked is cut off, on all sockets, and alone.
	bea2, beaFeed := bea.attach(id), bea.events(id)
	// Once something has come, the stream's access has been decided: before that, a stranger is who asks too late.
	beaFeed.until(func(message) bool { return true })
	ada.call(http.StatusNoContent, http.MethodDelete, "/api/workspace/"+id+"/shares/"+whole, nil)
	for _, ws := range []*websocket.Conn{bea2.ws, beaFeed.ws} {
		if e := closed(t, ws); e.Code != 4403 || e.Reason != "access was revoked" {
			t.Errorf("%v", e)
		}
	}
	if e := closed(t, bea.dial(t.Context(), bea.terminalQuery(id, "1"))); e.Code != 4404 {
		t.Errorf("%v", e)
	}
	if out := typist.run("echo still here"); out != "still here" {
		t.Errorf("eve sees %q", out)
	}

	// So is what has expired, though nobody says so.
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	_, err = conn.Exec(t.Context(), `UPDATE shares SET expires_at = now() + interval '1 second' WHERE id = $1`, typing)
	if err != nil {
		t.Fatal(err)
	}
	// The guard learns of the new time as of any change; then only its own clock can tell.
	if _, err := conn.Exec(t.Context(), `SELECT pg_notify('workspace', $1)`, `{"s":"`+id+`","k":"share"}`); err != nil {
		t.Fatal(err)
	}
	if e := closed(t, typist.ws); e.Code != 4403 || e.Reason != "access has expired" {
		t.Errorf("%v", e)
	}

	var audited []string
	rows, err := conn.Query(t.Context(), `SELECT action || ' ' || coalesce(u.username, '') FROM audit_log a LEFT JOIN users u ON u.id = a.user_id
		WHERE action LIKE 'share.%' OR action = 'terminal.attach' GROUP BY 1 ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	if audited, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		t.Fatal(err)
	}
	want := []string{"share.accept dan", "share.create ada", "share.revoke ada", "terminal.attach bea", "terminal.attach dan", "terminal.attach eve"}
	if diff := cmp.Diff(want, audited); diff != "" {
		t.Errorf("audited (-want +got):\n%s", diff)
	}
}

package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/coder/websocket"
)

// accountState is what the account's stream tells.
type accountState struct {
	Type                        string
	Settings, Layouts, Sessions int64
}

func nextAccount(t *testing.T, ws *websocket.Conn) accountState {
	t.Helper()
	for {
		_, data, err := ws.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var m accountState
		if err := json.Unmarshal(data, &m); err != nil || m.Type != "account" && m.Type != "alive" {
			t.Fatalf("%s: %v", data, err)
		}
		if m.Type == "account" {
			return m
		}
	}
}

func TestAccountStream(t *testing.T) {
	t.Parallel()
	p := startProgram(t, dataDir(t))
	ada := &client{t: t, url: p.url}
	ada.register("ada")
	ws := ada.dial(t.Context(), url.Values{"account": {"1"}})
	was := nextAccount(t, ws)
	changed := func(what string, field func(accountState) int64) {
		t.Helper()
		now := nextAccount(t, ws)
		for field(now) == field(was) {
			t.Logf("%s: %+v says nothing of it", what, now)
			now = nextAccount(t, ws)
		}
		was = now
	}
	sessions := func(m accountState) int64 { return m.Sessions }
	ada.call(http.StatusOK, http.MethodPut, "/api/users/me/settings", map[string]any{"version": 0, "settings": map[string]any{"theme": "dark"}})
	changed("settings", func(m accountState) int64 { return m.Settings })
	id := ada.createSession("one")
	changed("a new session", sessions)
	ada.call(http.StatusOK, http.MethodPatch, "/api/workspace/"+id+"/layout", map[string]any{"layout": map[string]any{"side": "files"}})
	changed("a layout", func(m accountState) int64 { return m.Layouts })
	ada.call(http.StatusOK, http.MethodPatch, "/api/sessions/"+id, map[string]any{"name": "two"})
	changed("a name", sessions)
	ada.attach(id)
	changed("a start", sessions)

	// What is deleted stops at once, and comes back with its files.
	events := ada.events(id)
	ada.call(http.StatusCreated, http.MethodPost, "/api/workspace/"+id+"/file/a.txt", map[string]any{"content": "a"})
	ada.call(http.StatusNoContent, http.MethodDelete, "/api/sessions/"+id, nil)
	changed("a deletion", sessions)
	if e := closed(t, events.ws); e.Code != 4404 {
		t.Errorf("the events of a deleted session: %v", e)
	}
	ada.call(http.StatusOK, http.MethodPost, "/api/sessions/deleted/"+id+"/restore", nil)
	changed("a restored session", sessions)
	if got := string(ada.file(id, "a.txt").body); got != "a" {
		t.Errorf("brought back with %s", got)
	}
	ada.attach(id)
}

// TestEndedSignInsCloseTheirSockets ends one sign-in from another: nothing that it has open goes on.
func TestEndedSignInsCloseTheirSockets(t *testing.T) {
	t.Parallel()
	p := startProgram(t, dataDir(t))
	ada := &client{t: t, url: p.url}
	ada.register("ada")
	id := ada.createSession("one")
	ada.attach(id)
	var made struct {
		Token string
		Data  struct{ ID string }
	}
	token := func(readOnly bool) *client {
		t.Helper()
		answer := ada.call(http.StatusCreated, http.MethodPost, "/api/users/me/tokens", map[string]any{"name": "program", "read_only": readOnly})
		if err := json.Unmarshal(answer.body, &made); err != nil {
			t.Fatal(err)
		}
		return &client{t: t, url: p.url, token: made.Token}
	}
	looks := token(true)
	shell := looks.attachTo(id, "1")
	if shell.attached.Mode != "view" {
		t.Errorf("a token that may only look is attached to %q", shell.attached.Mode)
	}
	events, account := looks.events(id), looks.dial(t.Context(), url.Values{"account": {"1"}})
	ada.call(http.StatusNoContent, http.MethodDelete, "/api/users/me/tokens/"+made.Data.ID, nil)
	for what, ws := range map[string]*websocket.Conn{"terminal": shell.ws, "events": events.ws, "account": account} {
		if e := closed(t, ws); e.Code != 4401 {
			t.Errorf("%s: %v", what, e)
		}
	}
	// A program that may all types.
	writes := token(false)
	if shell := writes.attachTo(id, "1"); shell.attached.Mode != "write" {
		t.Errorf("attached to %q", shell.attached.Mode)
	}
}

package main

import (
	"net/http"
	"os"
	"testing"

	"github.com/coder/websocket"

	"codingplatform/backend/postgrestest"
)

// TestRevokedAtAnotherBackend has guests at a process of its own, which learns of what the owner does elsewhere by the
// database alone.
func TestRevokedAtAnotherBackend(t *testing.T) {
	t.Parallel()
	database := postgrestest.New(t)
	here := startProgram(t, dataDir(t), "--database-url", database)
	there := startProcess(t, dataDir(t), "--database-url", database)
	defer there.end(t, os.Interrupt)
	ada := &client{t: t, url: here.url}
	ada.register("ada")
	id, other := ada.createSession("shared"), ada.createSession("other")
	bea, eve := ada.guestOf("bea"), ada.guestOf("eve")
	whole, token := ada.share(id, map[string]any{"mode": "view"})
	_, others := ada.share(other, map[string]any{"mode": "write"})
	for _, link := range []string{token, others} {
		bea.call(http.StatusOK, http.MethodPost, "/api/shares/accept", map[string]string{"token": link})
	}
	left, _ := ada.share(id, map[string]any{"mode": "write", "terminal": "1", "username": "eve"})

	bea.url, eve.url = there.url, there.url
	looks, goesOn, knows := bea.events(id), bea.events(other), eve.events(id)
	for _, e := range []*events{looks, goesOn, knows} {
		e.until(func(m message) bool { return m.Type == "status" })
	}
	revoked := func(who string, ws *websocket.Conn) {
		t.Helper()
		if e := closed(t, ws); e.Code != 4403 || e.Reason != "access was revoked" {
			t.Errorf("%s: %v", who, e)
		}
	}
	ada.call(http.StatusNoContent, http.MethodDelete, "/api/workspace/"+id+"/shares/"+whole, nil)
	revoked("bea, whose share was revoked", looks.ws)
	// What a guest gives back itself closes its other windows just so.
	eve.url = here.url
	eve.call(http.StatusNoContent, http.MethodDelete, "/api/shares/"+left, nil)
	revoked("eve, who left", knows.ws)
	bea.call(http.StatusNotFound, http.MethodGet, "/api/workspace/"+id+"/files", nil)

	bea.call(http.StatusCreated, http.MethodPost, "/api/workspace/"+other+"/folder/made", nil)
	goesOn.untilFile("made")
	ada.call(http.StatusNoContent, http.MethodDelete, "/api/sessions/"+other, nil)
	if e := closed(t, goesOn.ws); e.Code != 4403 && e.Code != 4404 {
		t.Errorf("bea, whose session is gone: %v", e)
	}
}

// TestRevokedInAFlood cuts guests that are in the middle of a frame: they are told why.
func TestRevokedInAFlood(t *testing.T) {
	t.Parallel()
	p := startProgram(t, dataDir(t))
	ada := &client{t: t, url: p.url}
	ada.register("ada")
	id := ada.createSession("flood")
	sh := ada.attach(id)
	sh.typed("yes 'a line of some length, to fill frames with' | head -c 2000000000\r")
	bea := ada.guestOf("bea")
	for range 20 {
		share, _ := ada.share(id, map[string]any{"mode": "view", "username": "bea"})
		looker := bea.attach(id)
		for range 3 {
			looker.read()
		}
		ada.call(http.StatusNoContent, http.MethodDelete, "/api/workspace/"+id+"/shares/"+share, nil)
		if e := closed(t, looker.ws); e.Code != 4403 {
			t.Fatalf("%v", e)
		}
	}
}

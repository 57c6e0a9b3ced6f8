package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A terminal that is renamed while someone works in it is the same one, by its new name and by the one before.
func TestRenameTerminal(t *testing.T) {
	t.Parallel()
	p := startProgram(t, dataDir(t))
	c := &client{t: t, url: p.url}
	c.register("ada")
	id := c.createSession("demo")
	base := "/api/workspace/" + id + "/terminals"
	s := c.attach(id)
	s.run("kept=same")
	bea := c.guestOf("bea")
	c.share(id, map[string]any{"mode": "view", "terminal": "1", "username": "bea"})
	recording := c.startRecording(id, "1")

	type terminal struct {
		Name        string   `json:"name"`
		FormerNames []string `json:"former_names"`
	}
	list := func(c *client, method, path string, body any) []terminal {
		t.Helper()
		var out struct{ Terminals []terminal }
		c.call(http.StatusOK, method, path, body).decode(t, &out)
		return out.Terminals
	}
	want := []terminal{{"the build", []string{"1"}}}
	if diff := cmp.Diff(want, list(c, http.MethodPatch, base+"/1", map[string]any{"name": "the build"})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, list(c, http.MethodGet, base, nil)); diff != "" {
		t.Error(diff)
	}
	if got := s.run("echo $kept"); got != "same" {
		t.Errorf("the shell that was attached has %q", got)
	}
	for name, key := range map[string]string{"the build": "second", "1": "third"} {
		other := &shell{c: c, ws: c.dial(t.Context(), url.Values{
			"session": {id}, "terminal": {name}, "cols": {"200"}, "rows": {"50"}, "client": {key},
		})}
		if got := other.run("echo $kept"); got != "same" || other.attached.Created || other.attached.Incarnation != s.attached.Incarnation {
			t.Errorf("attached as %q it is %+v and has %q", name, other.attached, got)
		}
	}

	// Whom the former name was shared with sees the terminal by that name, and may attach it by that.
	if diff := cmp.Diff([]terminal{{"1", []string{}}}, list(bea, http.MethodGet, base, nil)); diff != "" {
		t.Error(diff)
	}
	bea.attach(id).until("same")

	// The recording goes on, and is that of the terminal of the new name too.
	c.call(http.StatusConflict, http.MethodPost, base+"/the%20build/recording", nil)
	s.run("echo recor''ded")
	if stopped := c.stopRecording(id, "the%20build"); stopped.ID != recording.ID || stopped.Active || stopped.Error != "" {
		t.Errorf("stopped %+v, not %s", stopped, recording.ID)
	}
	cast := c.call(http.StatusOK, http.MethodGet, "/api/workspace/"+id+"/recordings/"+recording.ID+"/cast", nil)
	if !strings.Contains(string(cast.body), "recorded") {
		t.Error("the recording lacks what was printed after the renaming")
	}

	// Another place in the list; a taken name.
	c.attachTo(id, "2")
	if got := list(c, http.MethodPatch, base+"/2", map[string]any{"position": 0}); len(got) != 2 || got[0].Name != "2" {
		t.Errorf("moved: %+v", got)
	}
	c.call(http.StatusConflict, http.MethodPatch, base+"/2", map[string]any{"name": "the build"})

	// Who closes a terminal closes the one that is attached, though its name is another's by now.
	list(c, http.MethodPatch, base+"/2", map[string]any{"name": "1"})
	events := c.dial(t.Context(), url.Values{"session": {id}})
	s.control(`{"type":"close"}`)
	for left := []terminal{}; len(left) != 1; {
		_, data, err := events.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var told struct {
			Type      string
			Terminals []terminal
		}
		if err := json.Unmarshal(data, &told); err != nil {
			t.Fatal(err)
		}
		if told.Type == "terminals" {
			left = told.Terminals
		}
		if len(left) == 1 && left[0].Name != "1" {
			t.Errorf("closed the wrong one: %+v is left", left)
		}
	}
}

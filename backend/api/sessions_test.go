package api_test

import (
	"net/http"
	"strings"
	"testing"

	"codingplatform/backend"
)

func TestSessions(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token := s.register("ada")
	id := s.session(token)
	type list struct {
		Data []struct {
			ID, Name, Phase string
			IsActive        bool `json:"is_active"`
		}
		Count int
	}
	var got list
	s.want(http.StatusOK, request{method: "GET", path: "/api/sessions/?skip=0&limit=1", token: token}, &got)
	if got.Count != 1 || got.Data[0].ID != id || got.Data[0].Phase != "stopped" || got.Data[0].IsActive {
		t.Errorf("%+v", got)
	}
	second := s.session(token)
	got = list{}
	s.want(http.StatusOK, request{method: "GET", path: "/api/sessions?limit=1", token: token}, &got)
	if got.Count != 2 || len(got.Data) != 1 || got.Data[0].ID != second {
		t.Errorf("first page %+v", got)
	}
	got = list{}
	s.want(http.StatusOK, request{method: "GET", path: "/api/sessions?limit=1&skip=1", token: token}, &got)
	if got.Count != 2 || len(got.Data) != 1 || got.Data[0].ID != id {
		t.Errorf("second page %+v", got)
	}
	got = list{}
	s.want(http.StatusOK, request{method: "GET", path: "/api/sessions", token: s.register("bob")}, &got)
	if got.Count != 0 || got.Data == nil {
		t.Errorf("another's list %+v", got)
	}
	for _, query := range []string{"skip=-1", "limit=0", "limit=1001", "limit=many", "skip=99999999999999999999"} {
		s.wantCode(http.StatusUnprocessableEntity, backend.CodeInvalid, request{method: "GET", path: "/api/sessions/?" + query, token: token})
	}

	var renamed struct{ Name string }
	s.want(http.StatusOK, request{method: "PATCH", path: "/api/sessions/" + id + "/", token: token, body: `{"name":" zwei — 二 "}`}, &renamed)
	if renamed.Name != "zwei — 二" {
		t.Errorf("%+v", renamed)
	}
	for _, name := range []string{"", "  ", "a\nb", "nul\x00", strings.Repeat("x", 101)} {
		s.wantCode(http.StatusUnprocessableEntity, backend.CodeInvalid, request{method: "PATCH", path: "/api/sessions/" + id, token: token, body: toJSON(t, map[string]string{"name": name})})
	}
	s.want(http.StatusNotFound, request{method: "GET", path: "/api/sessions/not-a-uuid", token: token}, nil)
	s.want(http.StatusNoContent, request{method: "DELETE", path: "/api/sessions/" + id, token: token}, nil)
	s.want(http.StatusNotFound, request{method: "DELETE", path: "/api/sessions/" + id, token: token}, nil)
	s.want(http.StatusNotFound, request{method: "GET", path: "/api/workspace/" + id + "/files", token: token}, nil)
}

func TestNewSessions(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token := s.register("ada")
	for body, want := range map[string]string{
		"": "", "{}": "", `{"template":"python"}`: "main.py", `{"template":"node","name":"x"}`: "main.js", `{"template":"empty"}`: "",
	} {
		var session struct{ Data struct{ ID, Name string } }
		res := s.want(http.StatusCreated, request{method: "POST", path: "/api/sessions", token: token, body: body}, &session)
		if res.Header.Get("Location") != "/api/sessions/"+session.Data.ID || session.Data.Name == "" {
			t.Errorf("%s: %v %+v", body, res.Header, session)
		}
		if got := strings.Join(s.tree(token, "/api/workspace/"+session.Data.ID), " "); got != want {
			t.Errorf("%s: holds %q, want %q", body, got, want)
		}
	}
	s.wantCode(http.StatusUnprocessableEntity, backend.CodeInvalid, request{method: "POST", path: "/api/sessions", token: token, body: `{"template":"cobol"}`})
	s.wantCode(http.StatusUnprocessableEntity, backend.CodeInvalid, request{method: "POST", path: "/api/sessions", token: token, body: `{"name":7}`})
}

func TestSessionsAreAudited(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token := s.register("ada")
	id := s.session(token)
	s.want(http.StatusNoContent, request{method: "DELETE", path: "/api/sessions/" + id, token: token, header: map[string]string{"X-Request-ID": "my-own"}}, nil)
	var actions string
	s.query(&actions, `SELECT string_agg(action, ' ' ORDER BY at, id) FROM audit_log WHERE session_id = $1 AND user_id IS NOT NULL AND remote_addr = '127.0.0.1'`, id)
	if actions != "session.create session.delete" {
		t.Errorf("the audit log has %q", actions)
	}
	var action string
	s.query(&action, `SELECT action FROM audit_log WHERE request_id = 'my-own'`)
	if action != "session.delete" {
		t.Errorf("the request's entry is %q", action)
	}
}

func TestWorkspaceCalls(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token := s.register("ada")
	var session struct{ Data struct{ ID string } }
	s.want(http.StatusCreated, request{method: "POST", path: "/api/sessions", token: token}, &session)
	base := "/api/workspace/" + session.Data.ID
	type status struct {
		Status      string
		Initialized bool
		FileCount   int   `json:"file_count"`
		Revision    int64 `json:"revision"`
		Limits      struct {
			MaxFileBytes int64 `json:"max_file_bytes"`
		}
	}
	var before, after status
	s.want(http.StatusOK, request{method: "GET", path: base + "/status/", token: token}, &before)
	if before.Status != "empty" || before.Initialized || before.FileCount != 0 || before.Limits.MaxFileBytes != maxFile {
		t.Errorf("%+v", before)
	}
	var ensured struct {
		FilesCreated int `json:"files_created"`
		File         struct{ Path string }
	}
	s.want(http.StatusOK, request{method: "POST", path: base + "/ensure-default/", token: token}, &ensured)
	if ensured.FilesCreated != 1 || ensured.File.Path != "main.py" {
		t.Errorf("%+v", ensured)
	}
	s.want(http.StatusOK, request{method: "POST", path: base + "/ensure-default", token: token}, &ensured)
	if ensured.FilesCreated != 0 {
		t.Errorf("the second time %+v", ensured)
	}
	s.want(http.StatusOK, request{method: "GET", path: base + "/status", token: token}, &after)
	if after.Status != "stopped" || !after.Initialized || after.FileCount != 1 || after.Revision <= before.Revision {
		t.Errorf("%+v", after)
	}
	s.want(http.StatusAccepted, request{method: "POST", path: base + "/start", token: token}, nil)
	var stopped struct {
		Flushed struct{ Batches, Entries, Revision int }
	}
	s.want(http.StatusAccepted, request{method: "POST", path: base + "/shutdown", token: token}, &stopped)
	if stopped.Flushed.Batches != 1 || stopped.Flushed.Entries != 2 || stopped.Flushed.Revision != 3 {
		t.Errorf("%+v", stopped)
	}
	s.want(http.StatusOK, request{method: "GET", path: base + "/terminals", token: token}, nil)
	for _, c := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"a%20b", `{"name":"build"}`, http.StatusOK, "1 build"},
		{"a%20b", `{"position":0}`, http.StatusOK, "a b 1"},
		{"a%20b", `{"name":"build","position":9}`, http.StatusOK, "1 build"},
		{"a%20b", `{}`, http.StatusOK, "1 a b"},
		{"a%20b", `{"name":"1"}`, http.StatusConflict, ""},
		{"c", `{"name":"d"}`, http.StatusNotFound, ""},
		{"a%20b", `{"name":""}`, http.StatusUnprocessableEntity, ""},
		{"a%20b", `{"name":"a/b"}`, http.StatusUnprocessableEntity, ""},
		{"a%20b", `{"position":-1}`, http.StatusUnprocessableEntity, ""},
	} {
		var out struct{ Terminals []struct{ Name string } }
		s.want(c.status, request{method: "PATCH", path: base + "/terminals/" + c.name, token: token, body: c.body}, &out)
		var names []string
		for _, t := range out.Terminals {
			names = append(names, t.Name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s: %q, not %q", c.body, got, c.want)
		}
	}
	s.want(http.StatusNoContent, request{method: "DELETE", path: base + "/terminals/a%20b", token: token}, nil)
	s.want(http.StatusNotFound, request{method: "DELETE", path: base + "/terminals/c", token: token}, nil)
}

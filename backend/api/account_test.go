package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"codingplatform/backend"
)

func TestSettingsOfTwoDevices(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ada, eve := s.register("ada"), s.register("eve")
	const path = "/api/users/me/settings"
	var got struct {
		Version  int64
		Settings map[string]any
	}
	s.want(http.StatusOK, request{method: "GET", path: path, token: ada}, &got)
	if got.Version != 0 || len(got.Settings) != 0 {
		t.Errorf("before any: %+v", got)
	}
	s.want(http.StatusOK, request{method: "PUT", path: path, token: ada, body: `{"version":0,"settings":{"theme":"dark"}}`}, &got)
	first := got.Version
	if first <= 0 || got.Settings["theme"] != "dark" {
		t.Errorf("saved: %+v", got)
	}
	var problem struct {
		Code    backend.Code
		Current int64 `json:"current_revision"`
	}
	for _, stale := range []int64{0, first - 1, first + 1} {
		s.want(http.StatusConflict, request{method: "PUT", path: path, token: ada, body: fmt.Sprintf(`{"version":%d,"settings":{"theme":"light"}}`, stale)}, &problem)
		if problem.Current != first || problem.Code != backend.CodeConflict {
			t.Errorf("a save over %d: %+v", stale, problem)
		}
	}
	s.want(http.StatusOK, request{method: "PUT", path: path, token: ada, body: fmt.Sprintf(`{"version":%d,"settings":{"theme":"light"}}`, first)}, &got)
	if got.Version <= first {
		t.Errorf("the version is %d after %d", got.Version, first)
	}
	s.wantCode(http.StatusConflict, backend.CodeConflict, request{method: "PUT", path: path, token: eve, body: `{"version":7,"settings":{}}`})
	for _, body := range []string{`{}`, `{"version":0}`, `{"version":-1,"settings":{}}`, `{"version":0,"settings":[]}`, `{"version":0,"settings":"x"}`, `{"version":0,"settings":null}`, `{"version":0,"settings":{"a":"\u0000"}}`} {
		s.wantCode(http.StatusUnprocessableEntity, backend.CodeInvalid, request{method: "PUT", path: path, token: ada, body: body})
	}
	s.wantCode(http.StatusRequestEntityTooLarge, backend.CodeTooLarge, request{method: "PUT", path: path, token: ada, body: `{"version":0,"settings":{"a":"` + strings.Repeat("x", 64<<10) + `"}}`})
}

func TestLayoutMergesByField(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ada, base := s.workspace("ada")
	bea := s.register("bea")
	id := strings.TrimPrefix(base, "/api/workspace/")
	s.share(ada, id, `{"mode":"view","username":"bea"}`)
	var got struct {
		Version int64
		Layout  map[string]any
	}
	s.want(http.StatusOK, request{method: "GET", path: base + "/layout", token: ada}, &got)
	if got.Version != 0 || len(got.Layout) != 0 {
		t.Errorf("before any: %+v", got)
	}
	for _, step := range []struct{ body, want string }{
		{`{"layout":{"tabs":["a"],"none":null}}`, `{"tabs":["a"]}`},
		{`{"layout":{"side":"files"}}`, `{"side":"files","tabs":["a"]}`},
		{`{"layout":{"tabs":["b"],"cursor":{"line":null}}}`, `{"cursor":{"line":null},"side":"files","tabs":["b"]}`},
		{`{"layout":{"side":null}}`, `{"cursor":{"line":null},"tabs":["b"]}`},
	} {
		before := got.Version
		got.Layout = nil
		s.want(http.StatusOK, request{method: "PATCH", path: base + "/layout", token: ada, body: step.body}, &got)
		if text := toJSON(t, got.Layout); text != step.want || got.Version <= before {
			t.Errorf("after %s: version %d after %d, %s", step.body, got.Version, before, text)
		}
	}
	// A guest arranges the same session otherwise.
	got.Layout = nil
	s.want(http.StatusOK, request{method: "GET", path: base + "/layout", token: bea}, &got)
	if len(got.Layout) != 0 {
		t.Errorf("the guest has %v", got.Layout)
	}
	half := strings.Repeat("x", 40<<10)
	s.want(http.StatusOK, request{method: "PATCH", path: base + "/layout", token: ada, body: `{"layout":{"a":"` + half + `"}}`}, nil)
	s.wantCode(http.StatusRequestEntityTooLarge, backend.CodeTooLarge, request{method: "PATCH", path: base + "/layout", token: ada, body: `{"layout":{"b":"` + half + `"}}`})
	s.wantCode(http.StatusUnprocessableEntity, backend.CodeInvalid, request{method: "PATCH", path: base + "/layout", token: ada, body: `{"layout":[]}`})
}

// signIn signs ada in once more, as another device.
func (s *server) signIn(password, agent string) string {
	s.t.Helper()
	var in struct{ Token string }
	s.want(http.StatusOK, request{method: "POST", path: "/api/users/login", header: map[string]string{"User-Agent": agent}, body: toJSON(s.t, map[string]string{"username": "ada", "password": password})}, &in)
	return in.Token
}

type signIns struct {
	Data []struct {
		ID, Name   string
		Current    bool
		UserAgent  string `json:"user_agent"`
		RemoteAddr string `json:"remote_addr"`
	}
}

func TestChangingThePasswordEndsOtherSignIns(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	here := s.register("ada")
	there := s.signIn("correct horse", "Phone")
	program := s.token(here, `{"name":"CI"}`)
	const path = "/api/users/me/password"
	var problem struct{ Errors map[string]string }
	s.want(http.StatusUnprocessableEntity, request{method: "POST", path: path, token: here, body: `{"current_password":"wrong horse","password":"battery staple"}`}, &problem)
	if problem.Errors["current_password"] == "" {
		t.Errorf("%v", problem.Errors)
	}
	s.want(http.StatusUnprocessableEntity, request{method: "POST", path: path, token: here, body: `{"current_password":"correct horse","password":"short"}`}, &problem)
	if problem.Errors["password"] == "" {
		t.Errorf("%v", problem.Errors)
	}
	s.want(http.StatusOK, request{method: "GET", path: "/api/users/me", token: there}, nil)
	s.want(http.StatusNoContent, request{method: "POST", path: path, token: here, body: `{"current_password":"correct horse","password":"battery staple"}`}, nil)
	s.want(http.StatusOK, request{method: "GET", path: "/api/users/me", token: here}, nil)
	s.want(http.StatusUnauthorized, request{method: "GET", path: "/api/users/me", token: there}, nil)
	s.want(http.StatusOK, request{method: "GET", path: "/api/users/me", token: program}, nil)
	s.wantCode(http.StatusUnauthorized, backend.CodeUnauthenticated, request{method: "POST", path: "/api/users/login", body: `{"username":"ada","password":"correct horse"}`})
	s.signIn("battery staple", "Phone")
	var actions string
	s.query(&actions, `SELECT string_agg(action, ' ' ORDER BY id) FROM audit_log WHERE action LIKE 'user.password%'`)
	if actions != "user.password_failed user.password" {
		t.Errorf("audited: %q", actions)
	}
}

func TestSignInsAreSeenAndEnded(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	here := s.register("ada")
	there := s.signIn("correct horse", "Phone")
	s.signIn("correct horse", "Tablet")
	eve := s.register("eve")
	const path = "/api/users/me/sign-ins"
	var list signIns
	s.want(http.StatusOK, request{method: "GET", path: path, token: here}, &list)
	byAgent := map[string]string{}
	current := 0
	for _, one := range list.Data {
		byAgent[one.UserAgent] = one.ID
		if one.Current {
			current++
		}
		if one.RemoteAddr != "127.0.0.1" {
			t.Errorf("from %q", one.RemoteAddr)
		}
	}
	if len(list.Data) != 3 || current != 1 || byAgent["Phone"] == "" {
		t.Fatalf("%+v", list)
	}
	s.want(http.StatusNotFound, request{method: "DELETE", path: path + "/" + byAgent["Phone"], token: eve}, nil)
	s.want(http.StatusOK, request{method: "GET", path: "/api/users/me", token: there}, nil)
	s.want(http.StatusNoContent, request{method: "DELETE", path: path + "/" + byAgent["Phone"], token: here}, nil)
	s.want(http.StatusNotFound, request{method: "DELETE", path: path + "/" + byAgent["Phone"], token: here}, nil)
	s.want(http.StatusUnauthorized, request{method: "GET", path: "/api/users/me", token: there}, nil)

	s.want(http.StatusNoContent, request{method: "DELETE", path: path + "?others=1", token: here}, nil)
	s.want(http.StatusOK, request{method: "GET", path: path, token: here}, &list)
	if len(list.Data) != 1 || !list.Data[0].Current {
		t.Errorf("after all others ended: %+v", list)
	}
	s.want(http.StatusNoContent, request{method: "DELETE", path: path, token: here}, nil)
	s.want(http.StatusUnauthorized, request{method: "GET", path: "/api/users/me", token: here}, nil)
	s.want(http.StatusOK, request{method: "GET", path: "/api/users/me", token: eve}, nil)
}

// token makes a token for programs.
func (s *server) token(user, body string) string {
	s.t.Helper()
	var made struct{ Token string }
	s.want(http.StatusCreated, request{method: "POST", path: "/api/users/me/tokens", token: user, body: body}, &made)
	return made.Token
}

func TestTokensForPrograms(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ada, base := s.workspace("ada")
	const path = "/api/users/me/tokens"
	all, looks := s.token(ada, `{"name":" CI ","expires_in":3600}`), s.token(ada, `{"name":"a look","read_only":true}`)
	if !strings.HasPrefix(all, "cpt_") || all == looks {
		t.Errorf("%q %q", all, looks)
	}
	s.write(all, base, "made.txt", "by a program")
	if got := s.raw(looks, base, "made.txt"); got != "by a program" {
		t.Errorf("read %q", got)
	}
	s.wantCode(http.StatusForbidden, backend.CodeForbidden, request{method: "POST", path: base + "/file/other.txt", token: looks, body: `{"content":"x"}`})
	s.wantCode(http.StatusForbidden, backend.CodeForbidden, request{method: "POST", path: base + "/start", token: looks})
	// A token that was lost must not become more than it is.
	for _, r := range []request{
		{method: "POST", path: path, body: `{"name":"more"}`},
		{method: "GET", path: path},
		{method: "POST", path: "/api/users/me/password", body: `{"current_password":"correct horse","password":"battery staple"}`},
		{method: "GET", path: "/api/users/me/sign-ins"},
		{method: "DELETE", path: "/api/users/me/sign-ins"},
	} {
		for _, r.token = range []string{all, looks} {
			s.wantCode(http.StatusForbidden, backend.CodeForbidden, r)
		}
	}
	for _, body := range []string{`{}`, `{"name":" "}`, `{"name":"a\nb"}`, `{"name":"x","expires_in":0}`, `{"name":"x","expires_in":31708800}`, `{"name":"x","expires_in":9223372036854775807}`, `{"name":"` + strings.Repeat("x", 61) + `"}`} {
		s.wantCode(http.StatusUnprocessableEntity, backend.CodeInvalid, request{method: "POST", path: path, token: ada, body: body})
	}
	var list signIns
	s.want(http.StatusOK, request{method: "GET", path: path, token: ada}, &list)
	if len(list.Data) != 2 {
		t.Fatalf("%+v", list)
	}
	for _, one := range list.Data {
		if one.Name == "CI" {
			// A token is not ended as a sign-in.
			s.want(http.StatusNotFound, request{method: "DELETE", path: "/api/users/me/sign-ins/" + one.ID, token: ada}, nil)
			s.want(http.StatusNoContent, request{method: "DELETE", path: path + "/" + one.ID, token: ada}, nil)
		}
	}
	s.want(http.StatusUnauthorized, request{method: "GET", path: base + "/files", token: all}, nil)
	s.want(http.StatusOK, request{method: "GET", path: base + "/files", token: looks}, nil)
	var stored int
	s.query(&stored, `SELECT count(*) FROM auth_tokens t WHERE t::text LIKE '%cpt_%' OR (SELECT count(*) FROM audit_log a WHERE a.detail::text LIKE '%cpt_%') > 0`)
	if stored != 0 {
		t.Error("a token is stored as it is")
	}
}

func TestDeletedSessionsComeBack(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ada, base := s.workspace("ada")
	id := strings.TrimPrefix(base, "/api/workspace/")
	eve := s.register("eve")
	s.write(ada, base, "kept.txt", "kept")
	shown := func(path string) int {
		var list struct {
			Data  []struct{ ID string }
			Count int
		}
		s.want(http.StatusOK, request{method: "GET", path: path, token: ada}, &list)
		if list.Count != len(list.Data) {
			t.Errorf("%s counts %d of %d", path, list.Count, len(list.Data))
		}
		return list.Count
	}
	const trash = "/api/sessions/deleted"
	s.want(http.StatusNotFound, request{method: "POST", path: trash + "/" + id + "/restore", token: ada}, nil)
	s.want(http.StatusNotFound, request{method: "DELETE", path: trash + "/" + id, token: ada}, nil)
	s.want(http.StatusNoContent, request{method: "DELETE", path: "/api/sessions/" + id, token: ada}, nil)
	if shown("/api/sessions") != 0 || shown(trash) != 1 {
		t.Error("a deleted session is in the wrong list")
	}
	for _, path := range []string{"/api/sessions/" + id, base + "/files", base + "/status"} {
		s.want(http.StatusNotFound, request{method: "GET", path: path, token: ada}, nil)
	}
	for _, r := range []request{{method: "POST", path: trash + "/" + id + "/restore"}, {method: "DELETE", path: trash + "/" + id}} {
		r.token = eve
		s.want(http.StatusNotFound, r, nil)
	}
	s.want(http.StatusOK, request{method: "POST", path: trash + "/" + id + "/restore", token: ada}, nil)
	if got := s.raw(ada, base, "kept.txt"); got != "kept" || shown("/api/sessions") != 1 || shown(trash) != 0 {
		t.Errorf("brought back with %q", got)
	}
	s.want(http.StatusNoContent, request{method: "DELETE", path: "/api/sessions/" + id, token: ada}, nil)
	s.want(http.StatusNoContent, request{method: "DELETE", path: trash + "/" + id, token: ada}, nil)
	s.want(http.StatusNotFound, request{method: "POST", path: trash + "/" + id + "/restore", token: ada}, nil)
	if shown(trash) != 0 {
		t.Error("it is still listed")
	}
}

func TestDuplicatesHaveTheFiles(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ada, base := s.workspace("ada")
	id := strings.TrimPrefix(base, "/api/workspace/")
	s.write(ada, base, "src/deep/a.txt", "one")
	s.want(http.StatusOK, request{method: "POST", path: base + "/file/src/deep/a.txt", token: ada, body: `{"content":"two"}`}, nil)
	s.want(http.StatusCreated, request{method: "POST", path: base + "/folder/empty", token: ada}, nil)
	var made struct {
		Data struct {
			ID, Name  string
			Size      int64
			FileCount int64 `json:"file_count"`
		}
		Left int
	}
	s.want(http.StatusCreated, request{method: "POST", path: "/api/sessions/" + id + "/duplicate", token: ada, body: `{}`}, &made)
	copied := "/api/workspace/" + made.Data.ID
	if made.Data.Name != "one copy" || made.Left != 0 || made.Data.FileCount != 2 || made.Data.Size != int64(len("two")+len("print(\"Hello, world!\")\n")) {
		t.Errorf("%+v", made)
	}
	if got, want := strings.Join(s.tree(ada, copied), " "), strings.Join(s.tree(ada, base), " "); got != want {
		t.Errorf("has %q, want %q", got, want)
	}
	if got := s.raw(ada, copied, "src/deep/a.txt"); got != "two" {
		t.Errorf("holds %q", got)
	}
	// Each goes its own way.
	s.want(http.StatusOK, request{method: "POST", path: copied + "/file/src/deep/a.txt", token: ada, body: `{"content":"three"}`}, nil)
	if got := s.raw(ada, base, "src/deep/a.txt"); got != "two" {
		t.Errorf("the first holds %q", got)
	}
	s.want(http.StatusNotFound, request{method: "POST", path: "/api/sessions/" + id + "/duplicate", token: s.register("eve"), body: `{}`}, nil)
	var list struct{ Data []struct{ Size int64 } }
	s.want(http.StatusOK, request{method: "GET", path: "/api/sessions", token: ada}, &list)
	if len(list.Data) != 2 || list.Data[0].Size == 0 {
		t.Errorf("%+v", list)
	}
}

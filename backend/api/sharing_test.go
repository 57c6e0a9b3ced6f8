package api_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/api"
	"codingplatform/backend/relay"
)

type shareBody struct {
	ID       string  `json:"id"`
	Terminal *string `json:"terminal"`
	Mode     string  `json:"mode"`
	Kind     string  `json:"kind"`
	Username *string `json:"username"`
	Accepted []struct {
		Username string `json:"username"`
	} `json:"accepted"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	URL       string    `json:"url"`
}

func (s *server) share(token, session, body string) shareBody {
	s.t.Helper()
	var out struct{ Data shareBody }
	s.want(http.StatusCreated, request{method: "POST", path: "/api/workspace/" + session + "/shares", token: token, body: body}, &out)
	return out.Data
}

func (s *server) accept(token, link string) {
	s.t.Helper()
	_, secret, found := strings.Cut(link, "/share/#")
	if !found {
		s.t.Fatalf("%q is no link", link)
	}
	s.want(http.StatusOK, request{method: "POST", path: "/api/shares/accept", token: token, body: fmt.Sprintf(`{"token":%q}`, secret)}, nil)
}

// least is the least that a call needs, of every call under a session: a new one has to be decided on here.
func least() map[string]string {
	return map[string]string{
		"GET /api/sessions/{session_id}":                                 "terminal",
		"PATCH /api/sessions/{session_id}":                               "owner",
		"DELETE /api/sessions/{session_id}":                              "owner",
		"POST /api/sessions/{session_id}/duplicate":                      "owner",
		"GET /api/workspace/{session_id}/layout":                         "terminal",
		"PATCH /api/workspace/{session_id}/layout":                       "terminal",
		"GET /api/workspace/{session_id}/files":                          "view",
		"GET /api/workspace/{session_id}/file/{path}":                    "view",
		"POST /api/workspace/{session_id}/file/{path}":                   "write",
		"DELETE /api/workspace/{session_id}/file/{path}":                 "write",
		"POST /api/workspace/{session_id}/folder/{path}":                 "write",
		"POST /api/workspace/{session_id}/move":                          "write",
		"GET /api/workspace/{session_id}/history":                        "view",
		"GET /api/workspace/{session_id}/history/{path}":                 "view",
		"GET /api/workspace/{session_id}/deleted":                        "view",
		"GET /api/workspace/{session_id}/version/{revision}/{path}":      "view",
		"GET /api/workspace/{session_id}/diff/{path}":                    "view",
		"GET /api/workspace/{session_id}/stat/{path}":                    "view",
		"GET /api/workspace/{session_id}/changes":                        "view",
		"GET /api/workspace/{session_id}/search":                         "view",
		"GET /api/workspace/{session_id}/search/files":                   "view",
		"GET /api/workspace/{session_id}/conflicts":                      "view",
		"POST /api/workspace/{session_id}/restore":                       "write",
		"POST /api/workspace/{session_id}/conflicts/resolve":             "write",
		"POST /api/workspace/{session_id}/copy":                          "write",
		"POST /api/workspace/{session_id}/replace":                       "write",
		"GET /api/workspace/{session_id}/archive":                        "view",
		"POST /api/workspace/{session_id}/archive":                       "write",
		"GET /api/workspace/{session_id}/status":                         "view",
		"POST /api/workspace/{session_id}/ensure-default":                "write",
		"POST /api/workspace/{session_id}/start":                         "write",
		"POST /api/workspace/{session_id}/stay":                          "write",
		"POST /api/workspace/{session_id}/shutdown":                      "owner",
		"POST /api/workspace/{session_id}/brake":                         "owner",
		"GET /api/workspace/{session_id}/terminals":                      "terminal",
		"PATCH /api/workspace/{session_id}/terminals/{name}":             "write",
		"DELETE /api/workspace/{session_id}/terminals/{name}":            "write",
		"POST /api/workspace/{session_id}/terminals/{name}/recording":    "owner",
		"DELETE /api/workspace/{session_id}/terminals/{name}/recording":  "owner",
		"GET /api/workspace/{session_id}/recordings":                     "owner",
		"GET /api/workspace/{session_id}/recordings/{recording_id}":      "owner",
		"DELETE /api/workspace/{session_id}/recordings/{recording_id}":   "owner",
		"GET /api/workspace/{session_id}/recordings/{recording_id}/cast": "owner",
		"GET /api/workspace/{session_id}/shares":                         "owner",
		"POST /api/workspace/{session_id}/shares":                        "owner",
		"DELETE /api/workspace/{session_id}/shares/{share_id}":           "owner",
	}
}

// ofNoSession are the calls that are about the user alone, or about nobody.
func ofNoSession() []string {
	return []string{
		"GET /api/health", "GET /api/health/live", "GET /api/health/ready", "GET /api/openapi.json",
		"POST /api/users/register", "POST /api/users/login", "POST /api/users/logout", "GET /api/users/me", "GET /api/users/{user_id}",
		"GET /api/users/me/settings", "PUT /api/users/me/settings", "POST /api/users/me/password",
		"GET /api/users/me/sign-ins", "DELETE /api/users/me/sign-ins", "DELETE /api/users/me/sign-ins/{sign_in_id}",
		"GET /api/users/me/tokens", "POST /api/users/me/tokens", "DELETE /api/users/me/tokens/{token_id}",
		"GET /api/sessions", "POST /api/sessions",
		"GET /api/sessions/deleted", "POST /api/sessions/deleted/{deleted_id}/restore", "DELETE /api/sessions/deleted/{deleted_id}",
		"GET /api/shares", "POST /api/shares/accept", "DELETE /api/shares/{share_id}",
	}
}

// guests are one of each kind, by what they have.
func (s *server) guests(ada, id string) map[string][]string {
	s.t.Helper()
	viewer, writer, watcher, typist := s.register("bea"), s.register("cyd"), s.register("dan"), s.register("eve")
	s.share(ada, id, `{"mode":"view","username":"BEA"}`)
	s.accept(writer, s.share(ada, id, `{"mode":"write"}`).URL)
	s.accept(watcher, s.share(ada, id, `{"mode":"view","terminal":"a b"}`).URL)
	s.share(ada, id, `{"mode":"write","terminal":"a b","email":"eve@example.org"}`)
	return map[string][]string{"terminal": {watcher, typist}, "view": {viewer}, "write": {writer}}
}

func TestEveryCallIsDecidedOn(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ada := s.register("ada")
	id := s.session(ada)
	recording := s.record(ada, id)
	guests, stranger := s.guests(ada, id), s.register("fay")
	rank := []string{"terminal", "view", "write", "owner"}
	decided := least()
	for _, route := range s.routes() {
		if !strings.Contains(route, "{session_id}") {
			if !slices.Contains(ofNoSession(), route) {
				t.Errorf("%s: nobody has said that it shows no session but the user's own", route)
			}
			continue
		}
		need, ok := decided[route]
		if !ok {
			t.Errorf("%s: nobody has said who may do that", route)
			continue
		}
		delete(decided, route)
		method, path, _ := strings.Cut(route, " ")
		path = strings.NewReplacer("{session_id}", id, "{path}", "main.py", "{name}", "a%20b", "{recording_id}", recording, "{share_id}", recording, "{revision}", "1").Replace(path)
		r := request{method: method, path: path, token: stranger, body: `{"name":"x","content":"x","from":"main.py","to":"y","mode":"view","revision":1,"path":"main.py","q":"x","replacement":"x"}`}
		s.wantCode(http.StatusNotFound, backend.CodeNotFound, r)
		for has, tokens := range guests {
			for _, token := range tokens {
				r.token = token
				if slices.Index(rank, has) < slices.Index(rank, need) {
					s.wantCode(http.StatusForbidden, backend.CodeForbidden, r)
				} else if res := s.do(r); res.StatusCode == http.StatusForbidden || res.StatusCode == http.StatusUnauthorized {
					t.Errorf("%s: who has %s is told %d: %s", route, has, res.StatusCode, res.body)
				}
			}
		}
	}
	if len(decided) > 0 {
		t.Errorf("there are no such calls: %v", decided)
	}
}

func TestSharesOfOneTerminal(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *api.Config) { c.Control = twoTerminals{c.Control} })
	ada := s.register("ada")
	id := s.session(ada)
	guests := s.guests(ada, id)
	for has, want := range map[string]int{"terminal": 1, "view": 2, "write": 2} {
		for _, token := range guests[has] {
			var out struct{ Terminals []struct{ Name string } }
			s.want(http.StatusOK, request{method: "GET", path: "/api/workspace/" + id + "/terminals", token: token}, &out)
			if len(out.Terminals) != want || out.Terminals[0].Name != "a b" {
				t.Errorf("who has %s sees %v", has, out.Terminals)
			}
		}
	}
	var out struct {
		Access struct {
			Owner     bool
			Mode      string
			Terminal  *string
			ExpiresAt *time.Time `json:"expires_at"`
		}
	}
	s.want(http.StatusOK, request{method: "GET", path: "/api/sessions/" + id, token: guests["terminal"][1]}, &out)
	if a := out.Access; a.Owner || a.Mode != "write" || a.Terminal == nil || *a.Terminal != "a b" || a.ExpiresAt == nil {
		t.Errorf("access is %+v", a)
	}
	s.want(http.StatusOK, request{method: "GET", path: "/api/sessions/" + id, token: ada}, &out)
	if a := out.Access; !a.Owner || a.Mode != "write" || a.Terminal != nil || a.ExpiresAt != nil {
		t.Errorf("the owner's access is %+v", a)
	}
}

// twoTerminals is a control that knows two.
type twoTerminals struct{ api.Control }

func (twoTerminals) Terminals(context.Context, backend.SessionID) ([]relay.Terminal, error) {
	return []relay.Terminal{{Name: "a b", FormerNames: []string{}, Running: true}, {Name: "other", FormerNames: []string{}, Running: true}}, nil
}

func TestLifeOfAShare(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ada, bea := s.register("ada"), s.register("bea")
	id := s.session(ada)
	seen := func(want int) {
		t.Helper()
		var out struct {
			Data  []struct{ ID, Owner, Mode string }
			Count int
		}
		s.want(http.StatusOK, request{method: "GET", path: "/api/shares/", token: bea}, &out)
		if len(out.Data) != want || out.Count != want || want == 1 && (out.Data[0].Owner != "ada" || out.Data[0].Mode != "view") {
			t.Errorf("shared with bea: %+v", out)
		}
	}
	seen(0)
	link := s.share(ada, id, `{"mode":"view","expires_in":60}`)
	if life := link.ExpiresAt.Sub(link.CreatedAt); life != time.Minute || link.Kind != "link" || link.Username != nil || link.Terminal != nil || !strings.HasPrefix(link.URL, s.url+"/share/#") {
		t.Errorf("%+v", link)
	}
	s.accept(bea, link.URL)
	s.accept(bea, link.URL) // twice is once
	seen(1)
	var list struct{ Data []shareBody }
	s.want(http.StatusOK, request{method: "GET", path: "/api/workspace/" + id + "/shares", token: ada}, &list)
	if len(list.Data) != 1 || list.Data[0].URL != "" || len(list.Data[0].Accepted) != 1 || list.Data[0].Accepted[0].Username != "bea" {
		t.Errorf("%+v", list)
	}
	accept := func(token, link string) request {
		return request{method: "POST", path: "/api/shares/accept", token: token, body: fmt.Sprintf(`{"token":%q}`, link[strings.Index(link, "#")+1:])}
	}
	s.wantCode(http.StatusConflict, backend.CodeConflict, accept(ada, link.URL))
	s.wantCode(http.StatusNotFound, backend.CodeNotFound, accept(bea, "#wrong"))
	s.wantCode(http.StatusUnprocessableEntity, backend.CodeInvalid, accept(bea, "#"))

	leave := request{method: "DELETE", path: "/api/shares/" + link.ID, token: bea}
	s.want(http.StatusNoContent, leave, nil)
	s.wantCode(http.StatusNotFound, backend.CodeNotFound, leave)
	seen(0)
	s.accept(bea, link.URL)
	seen(1)
	revoke := request{method: "DELETE", path: "/api/workspace/" + id + "/shares/" + link.ID, token: ada}
	s.want(http.StatusNoContent, revoke, nil)
	s.wantCode(http.StatusNotFound, backend.CodeNotFound, revoke)
	s.wantCode(http.StatusNotFound, backend.CodeNotFound, accept(bea, link.URL))
	s.wantCode(http.StatusNotFound, backend.CodeNotFound, request{method: "GET", path: "/api/sessions/" + id, token: bea})
	seen(0)

	named := s.share(ada, id, `{"mode":"view","username":" bea "}`)
	if named.Kind != "user" || named.Username == nil || *named.Username != "bea" || named.URL != "" || len(named.Accepted) != 1 {
		t.Errorf("%+v", named)
	}
	seen(1)
	var ignored int
	s.query(&ignored, `WITH u AS (UPDATE shares SET expires_at = now() RETURNING 1) SELECT count(*) FROM u`)
	seen(0)
	s.wantCode(http.StatusNotFound, backend.CodeNotFound, request{method: "GET", path: "/api/sessions/" + id, token: bea})
	var actions string
	s.query(&actions, `SELECT string_agg(action, ' ' ORDER BY id) FROM audit_log WHERE action LIKE 'share.%'`)
	if want := "share.create share.accept share.accept share.leave share.accept share.revoke share.create"; actions != want {
		t.Errorf("audited: %s", actions)
	}
	var secrets int
	s.query(&secrets, `SELECT count(*) FROM audit_log WHERE detail::text LIKE '%' || $1 || '%'`, link.URL[strings.Index(link.URL, "#")+1:])
	if secrets != 0 {
		t.Error("the audit log has the link")
	}
}

func TestBadShares(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ada := s.register("ada")
	id := s.session(ada)
	for body, field := range map[string]string{
		`{}`: "mode", `{"mode":"own"}`: "mode",
		`{"mode":"view","expires_in":59}`: "expires_in", `{"mode":"view","expires_in":7776001}`: "expires_in",
		`{"mode":"view","terminal":""}`: "terminal", `{"mode":"view","terminal":"a/b"}`: "terminal",
		`{"mode":"view","username":"nobody"}`: "username", `{"mode":"view","username":"ada"}`: "username", `{"mode":"view","username":"a\u0000"}`: "username",
	} {
		var problem struct{ Errors map[string]string }
		s.want(http.StatusUnprocessableEntity, request{method: "POST", path: "/api/workspace/" + id + "/shares", token: ada, body: body}, &problem)
		if problem.Errors[field] == "" {
			t.Errorf("%s: %v", body, problem.Errors)
		}
	}
	for range 100 {
		s.share(ada, id, `{"mode":"view"}`)
	}
	s.wantCode(http.StatusRequestEntityTooLarge, backend.CodeTooLarge, request{method: "POST", path: "/api/workspace/" + id + "/shares", token: ada, body: `{"mode":"view"}`})
}

func TestGuessingLinksIsSlowedDown(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	bea := s.register("bea")
	for i := range 100 {
		if s.do(request{method: "POST", path: "/api/shares/accept", token: bea, body: fmt.Sprintf(`{"token":"guess %d"}`, i)}).StatusCode == http.StatusTooManyRequests {
			return
		}
	}
	t.Error("a hundred guesses were answered")
}

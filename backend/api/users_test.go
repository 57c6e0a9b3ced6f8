package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/api"
)

func TestUsers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.want(http.StatusCreated, request{method: "POST", path: "/api/users/register/", body: `{"username":"ada","email":"ada@example.org","password":"correct horse"}`}, nil)
	s.wantCode(http.StatusConflict, backend.CodeAlreadyExists, request{method: "POST", path: "/api/users/register", body: `{"username":"ADA","email":"x@example.org","password":"correct horse"}`})
	s.wantCode(http.StatusConflict, backend.CodeAlreadyExists, request{method: "POST", path: "/api/users/register", body: `{"username":"eve","email":"Ada@example.org","password":"correct horse"}`})
	var problem struct{ Errors map[string]string }
	s.want(http.StatusUnprocessableEntity, request{method: "POST", path: "/api/users/register", body: `{"username":"x","email":"x","password":"x"}`}, &problem)
	if len(problem.Errors) != 3 {
		t.Errorf("errors %v", problem.Errors)
	}
	s.wantCode(http.StatusUnauthorized, backend.CodeUnauthenticated, request{method: "POST", path: "/api/users/login", body: `{"username":"ada","password":"wrong horse"}`})
	var in struct {
		Token string
		User  struct{ ID string }
	}
	s.want(http.StatusOK, request{method: "POST", path: "/api/users/login", body: `{"username":"ada@example.org","password":"correct horse"}`}, &in)
	s.want(http.StatusOK, request{method: "GET", path: "/api/users/me/", token: in.Token}, nil)
	s.want(http.StatusOK, request{method: "GET", path: "/api/users/" + in.User.ID, token: in.Token}, nil)
	other := s.register("mallory")
	s.want(http.StatusNotFound, request{method: "GET", path: "/api/users/" + in.User.ID, token: other}, nil)
	s.want(http.StatusNotFound, request{method: "GET", path: "/api/users/nobody", token: other}, nil)
	s.want(http.StatusNoContent, request{method: "POST", path: "/api/users/logout", token: in.Token}, nil)
	s.want(http.StatusUnauthorized, request{method: "GET", path: "/api/users/me", token: in.Token}, nil)
	s.want(http.StatusOK, request{method: "GET", path: "/api/users/me", token: other}, nil)
}

func TestGuessingIsSlowedDown(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.register("ada")
	for range 1000 {
		res := s.do(request{method: "POST", path: "/api/users/login", body: `{"username":"ada","password":"wrong horse"}`})
		if res.StatusCode == http.StatusTooManyRequests {
			if res.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
			return
		}
		if res.StatusCode != http.StatusUnauthorized {
			t.Fatalf("a guess answers %d", res.StatusCode)
		}
	}
	t.Error("a thousand guesses were answered")
}

func TestOneNameForOne(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	codes := make([]int, 5)
	var group sync.WaitGroup
	for i := range codes {
		group.Go(func() {
			codes[i] = s.do(request{method: "POST", path: "/api/users/register", body: `{"username":"ada","email":"ada@example.org","password":"correct horse"}`}).StatusCode
		})
	}
	group.Wait()
	created := 0
	for _, code := range codes {
		switch code {
		case http.StatusCreated:
			created++
		case http.StatusConflict, http.StatusTooManyRequests:
		default:
			t.Errorf("one of many registrations at once answers %d", code)
		}
	}
	if created != 1 {
		t.Errorf("%d of many registrations at once made a user: %v", created, codes)
	}
}

func TestHostileSignIns(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.register("ada")
	for _, body := range []string{
		`{"username":"ada\u0000","email":"a@example.org","password":"correct horse"}`,
		`{"username":"bob","email":"b\u0000@example.org","password":"correct horse"}`,
		`{"username":"bob","email":"bob@example.org","password":"correct\u0000horse"}`,
		`{"username":"` + strings.Repeat("b", 5000) + `","email":"bob@example.org","password":"correct horse"}`,
		`{"username":"bob\n","email":"Bob <bob@example.org>","password":"correct horse"}`,
		`{"username":"' OR 1=1 --","email":"bob@example.org","password":"correct horse"}`,
		`{}`,
	} {
		s.wantCode(http.StatusUnprocessableEntity, backend.CodeInvalid, request{method: "POST", path: "/api/users/register", body: body})
	}
	for _, body := range []string{
		`{"username":"ada\u0000","password":"correct horse"}`, `{"username":"ada","password":"correct horse\u0000"}`,
		`{"username":"` + strings.Repeat("a", 5000) + `","password":"` + strings.Repeat("b", 5000) + `"}`,
	} {
		if res := s.do(request{method: "POST", path: "/api/users/login", body: body}); res.StatusCode != http.StatusUnauthorized && res.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%.60q answers %d %s", body, res.StatusCode, res.body)
		}
	}
	for _, token := range []string{"x", strings.Repeat("x", 5000), "a b c", "%00"} {
		s.want(http.StatusUnauthorized, request{method: "GET", path: "/api/users/me", token: token}, nil)
	}
}

func cookieOf(t *testing.T, res response) *http.Cookie {
	t.Helper()
	cookies := res.Cookies()
	if len(cookies) != 1 || cookies[0].Name != "session_token" {
		t.Fatalf("cookies %v", cookies)
	}
	return cookies[0]
}

func TestCookie(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	cookie := cookieOf(t, s.want(http.StatusCreated, request{method: "POST", path: "/api/users/register", body: `{"username":"ada","email":"ada@example.org","password":"correct horse"}`}, nil))
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure || cookie.Path != "/" || cookie.MaxAge != int(time.Hour.Seconds()) {
		t.Errorf("cookie %+v", cookie)
	}
	with := map[string]string{"Cookie": "session_token=" + cookie.Value}
	s.want(http.StatusOK, request{method: "GET", path: "/api/users/me", header: with}, nil)
	gone := cookieOf(t, s.want(http.StatusNoContent, request{method: "POST", path: "/api/users/logout", header: with}, nil))
	if gone.Value != "" || gone.MaxAge >= 0 {
		t.Errorf("after a logout %+v", gone)
	}
	// One that opens nothing is taken back, so that the browser stops sending it.
	stale := cookieOf(t, s.want(http.StatusUnauthorized, request{method: "GET", path: "/api/users/me", header: with}, nil))
	if stale.Value != "" || stale.MaxAge >= 0 {
		t.Errorf("after a refusal %+v", stale)
	}
}

func TestCookieIsSecureUnderTLS(t *testing.T) {
	t.Parallel()
	login := request{
		method: "POST", path: "/api/users/login", body: `{"username":"ada","password":"correct horse"}`,
		header: map[string]string{"X-Forwarded-Proto": "https"},
	}
	for name, c := range map[string]struct {
		server *server
		secure bool
	}{
		"header of nobody": {newServer(t), false},
		"header of proxy":  {newServer(t, func(c *api.Config) { c.TrustProxy = true }), true},
		"setting":          {newServer(t, func(c *api.Config) { c.SecureCookies = true }), true},
		"TLS":              {start(t, httptest.NewTLSServer), true},
	} {
		c.server.register("ada")
		if cookie := cookieOf(t, c.server.want(http.StatusOK, login, nil)); cookie.Secure != c.secure {
			t.Errorf("%s: cookie %+v", name, cookie)
		}
	}
}

package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"codingplatform/backend"
	"codingplatform/backend/api"
	"codingplatform/backend/relay"
)

func TestBadRequests(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.register("ada")
	login := func(body string, header ...string) request {
		r := request{method: "POST", path: "/api/users/login", body: body, header: map[string]string{}}
		for i := 0; i+1 < len(header); i += 2 {
			r.header[header[i]] = header[i+1]
		}
		return r
	}
	for _, body := range []string{
		`{"username":`, `{"username":"ada"} {"password":"x"}`, `[]`, `"ada"`, `7`, `{"username":"\ud800"}`, "{\"username\":\"\xff\"}", `{'username':1}`,
		strings.Repeat("[", 20_000), "\x00", `{"username":NaN}`,
	} {
		s.wantCode(http.StatusBadRequest, backend.CodeInvalid, login(body))
	}
	var problem struct{ Errors map[string]string }
	s.want(http.StatusUnprocessableEntity, login(`{"username":["ada"],"password":"x"}`), &problem)
	if problem.Errors["username"] == "" {
		t.Errorf("%+v", problem)
	}
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json/x", ";"} {
		s.wantCode(http.StatusUnsupportedMediaType, backend.CodeInvalid, login(`{}`, "Content-Type", kind))
	}
	s.wantCode(http.StatusRequestEntityTooLarge, backend.CodeTooLarge, login(`{"username":"`+strings.Repeat("x", 64<<10)+`"}`))
	// A newer client may say more than this server knows.
	s.want(http.StatusOK, login(`{"username":"ada","password":"correct horse","theme":{"dark":true}}`, "Content-Type", "application/json; charset=utf-8"), nil)
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token := s.register("ada")
	for _, path := range []string{"/api", "/api/", "/api/nothing", "/api/users", "/api/workspace/x", "/api/../api/nothing", "/api//health", "/api/users/me/x"} {
		s.wantCode(http.StatusNotFound, backend.CodeNotFound, request{method: "GET", path: path, token: token})
	}
	for _, c := range []struct{ method, path, allow string }{
		{"PUT", "/api/users/login", "POST"},
		{"DELETE", "/api/users/login/", "POST"},
		{"POST", "/api/health/live", "GET, HEAD"},
		{"PUT", "/api/sessions", "GET, HEAD, POST"},
		{"TRACE", "/api/sessions/00000000-0000-4000-8000-000000000000", "GET, HEAD, PATCH, DELETE"},
	} {
		res := s.wantCode(http.StatusMethodNotAllowed, "method_not_allowed", request{method: c.method, path: c.path, token: token})
		got := strings.Split(res.Header.Get("Allow"), ", ")
		for method := range strings.SplitSeq(c.allow, ", ") {
			if method != http.MethodHead && !slices.Contains(got, method) {
				t.Errorf("%s %s: Allow %v, want %s", c.method, c.path, got, c.allow)
			}
		}
	}
	for _, path := range []string{"/", "/workspace/", "/apiary", "/wsx", "/static/x.js"} {
		if got := s.want(http.StatusOK, request{method: "GET", path: path}, nil); string(got.body) != "frontend" {
			t.Errorf("%s: %q", path, got.body)
		}
	}
}

// The first page is for who has not signed in; the browser of who has is led to their sessions.
func TestFirstPage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, c := range []struct {
		cookie, location string
		status           int
	}{
		{"", "", http.StatusOK},
		{"other=1", "", http.StatusOK},
		{"session_token=anything", "/dashboard/", http.StatusFound},
	} {
		got := s.do(request{method: "GET", path: "/", header: map[string]string{"Cookie": c.cookie}})
		if got.StatusCode != c.status || got.Header.Get("Location") != c.location || !slices.Contains(got.Header.Values("Vary"), "Cookie") {
			t.Errorf("with the cookie %q: %d to %q, Vary %q", c.cookie, got.StatusCode, got.Header.Get("Location"), got.Header.Values("Vary"))
		}
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token, base := s.workspace("ada")
	for _, path := range []string{"/api/health/", "/api/openapi.json", base + "/file/main.py", base + "/file/main.py?raw=1", base + "/files"} {
		get := s.want(http.StatusOK, request{method: "GET", path: path, token: token}, nil)
		head := s.want(http.StatusOK, request{method: "HEAD", path: path, token: token}, nil)
		if len(head.body) != 0 || head.Header.Get("Content-Type") != get.Header.Get("Content-Type") || head.Header.Get("ETag") != get.Header.Get("ETag") {
			t.Errorf("%s: %v is not %v", path, head.Header, get.Header)
		}
	}
	s.want(http.StatusNotFound, request{method: "HEAD", path: base + "/file/nothing", token: token}, nil)
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token, base := s.workspace("ada")
	for _, r := range []request{
		{method: "GET", path: "/api/health"},
		{method: "GET", path: base + "/files", token: token},
		{method: "GET", path: base + "/file/main.py?raw=1", token: token},
		{method: "GET", path: "/api/nothing"},
		{method: "PUT", path: "/api/users/login"},
		{method: "GET", path: "/api/users/me"},
		{method: "POST", path: "/api/sessions", header: map[string]string{"Origin": evil}},
		{method: "GET", path: "/"},
	} {
		res := s.do(r)
		h := res.Header
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" || h.Get("Referrer-Policy") == "" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") || h.Get("X-Request-ID") == "" {
			t.Errorf("%s %s: %v", r.method, r.path, h)
		}
		if strings.HasPrefix(r.path, "/api") && !strings.Contains(h.Get("Cache-Control"), "no-") {
			t.Errorf("%s %s may be cached: %v", r.method, r.path, h)
		}
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var problem struct {
		RequestID string `json:"request_id"`
	}
	for sent, kept := range map[string]bool{
		"abc-123_x.y:z": true, strings.Repeat("x", 64): true, strings.Repeat("x", 65): false, "a b": false, `x"}`: false, "": false, "ü": false,
	} {
		res := s.want(http.StatusUnauthorized, request{method: "GET", path: "/api/users/me", header: map[string]string{"X-Request-ID": sent}}, &problem)
		got := res.Header.Get("X-Request-ID")
		if got == "" || (got == sent) != kept || problem.RequestID != got {
			t.Errorf("%q became %q, and %q in the document", sent, got, problem.RequestID)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	draining, stopped := false, false
	s := newServer(t, func(c *api.Config) {
		c.Draining = func() bool { return draining }
		c.Store = stoppedStore{c.Store, &stopped}
	})
	type health struct {
		Status, Version string
		Checks          map[string]string
	}
	check := func(status int, path, database, drain string) {
		t.Helper()
		var got health
		s.want(status, request{method: "GET", path: path}, &got)
		if got.Version != "test" || got.Checks["database"] != database || got.Checks["draining"] != drain || (got.Status == "ok") != (status == http.StatusOK) {
			t.Errorf("%s: %+v", path, got)
		}
	}
	check(http.StatusOK, "/api/health/ready", "ok", "ok")
	check(http.StatusOK, "/api/health/", "ok", "ok")
	draining = true
	check(http.StatusServiceUnavailable, "/api/health/ready", "ok", "this server is going")
	check(http.StatusOK, "/api/health/live", "", "")

	draining, stopped = false, true
	check(http.StatusServiceUnavailable, "/api/health/ready/", "does not answer", "ok")
	check(http.StatusServiceUnavailable, "/api/health", "does not answer", "ok")
	check(http.StatusOK, "/api/health/live/", "", "")
}

// stoppedStore does not answer when it is stopped.
type stoppedStore struct {
	api.Store
	stopped *bool
}

var errStopped = errors.New("connection refused by db.internal:5432")

func (s stoppedStore) Ping(ctx context.Context) error {
	if *s.stopped {
		return errStopped
	}
	return s.Store.Ping(ctx)
}

// broken is a control whose every call goes wrong in its own way.
type broken struct{ control }

func (broken) Start(context.Context, backend.SessionID) error {
	return backend.Errorf(backend.CodeUnavailable, "no room")
}

func (broken) Shutdown(context.Context, backend.SessionID) (api.Flushed, error) {
	return api.Flushed{}, &backend.Error{Code: backend.CodeStaleLease, Message: "epoch 7 is not 8"}
}

func (broken) Status(context.Context, backend.Session) (api.EnvironmentStatus, error) {
	panic("secret of the server")
}

func (broken) ReleaseBrake(context.Context, backend.SessionID, bool) error { return errStopped }

func (broken) UpdateTerminal(context.Context, backend.SessionID, string, string, *uint32) ([]relay.Terminal, error) {
	return nil, errStopped
}

func (broken) CloseTerminal(context.Context, backend.SessionID, string) error { return errStopped }

func (broken) StartRecording(context.Context, backend.SessionID, string) (backend.Recording, error) {
	return backend.Recording{}, errStopped
}

func (broken) StopRecording(context.Context, backend.SessionID, string) (backend.Recording, error) {
	return backend.Recording{}, errStopped
}

// syncBuffer is a bytes.Buffer for many.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) lines() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Split(strings.TrimSpace(b.b.String()), "\n")
}

// What goes wrong inside is in the log under the request's ID, and the client is told no more than that.
func TestInnerErrors(t *testing.T) {
	t.Parallel()
	var log syncBuffer
	s := newServer(t, func(c *api.Config) {
		c.Control = broken{}
		c.Logger = slog.New(slog.NewJSONHandler(&log, nil))
	})
	token, base := s.workspace("ada")
	for _, c := range []struct {
		method, path string
		status       int
		code         backend.Code
		logged       string
	}{
		{"GET", "/status", http.StatusInternalServerError, backend.CodeInternal, "secret of the server"},
		{"DELETE", "/terminals/1", http.StatusInternalServerError, backend.CodeInternal, "db.internal"},
		{"POST", "/start", http.StatusServiceUnavailable, backend.CodeUnavailable, "no room"},
		{"POST", "/shutdown", http.StatusServiceUnavailable, backend.CodeUnavailable, "epoch 7"},
	} {
		id := "test" + strings.ReplaceAll(c.path, "/", "-")
		res := s.wantCode(c.status, c.code, request{method: c.method, path: base + c.path, token: token, header: map[string]string{"X-Request-ID": id}})
		if c.code == backend.CodeInternal && strings.Contains(string(res.body), c.logged) || strings.Contains(string(res.body), "epoch") {
			t.Errorf("%s tells %s", c.path, res.body)
		}
		if (c.status == http.StatusServiceUnavailable) != (res.Header.Get("Retry-After") != "") {
			t.Errorf("%s: Retry-After %q", c.path, res.Header.Get("Retry-After"))
		}
		if !slices.ContainsFunc(log.lines(), func(line string) bool {
			return strings.Contains(line, c.logged) && strings.Contains(line, `"request_id":"`+id+`"`)
		}) {
			t.Errorf("%s: %q is not in the log", c.path, c.logged)
		}
	}
	// The server goes on.
	s.want(http.StatusOK, request{method: "GET", path: base + "/files", token: token}, nil)
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	var log syncBuffer
	s := newServer(t, func(c *api.Config) {
		c.TrustProxy = true
		c.Logger = slog.New(slog.NewJSONHandler(&log, nil))
	})
	token, base := s.workspace("ada")
	s.want(http.StatusOK, request{
		method: "GET", path: base + "/file/main.py?raw=1", token: token,
		header: map[string]string{"X-Request-ID": "this-one", "X-Forwarded-For": "203.0.113.9, 198.51.100.7"},
	}, nil)
	s.stop() // a line is written after the answer
	var line struct {
		Msg, Method, Route string
		Status             int
		RemoteAddr         string `json:"remote_addr"`
	}
	for _, text := range log.lines() {
		if strings.Contains(text, token) || strings.Contains(text, "correct horse") || strings.Contains(text, "main.py") {
			t.Errorf("the log holds what it must not: %s", text)
		}
		if strings.Contains(text, "this-one") {
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatal(err)
			}
		}
	}
	if line.Msg != "request" || line.Route != "/api/workspace/{session_id}/file/*" || line.Status != http.StatusOK || line.RemoteAddr != "198.51.100.7" {
		t.Errorf("%+v", line)
	}
}

package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
	"codingplatform/backend/api"
	"codingplatform/backend/auth"
	"codingplatform/backend/postgres"
	"codingplatform/backend/postgrestest"
	"codingplatform/backend/relay"
	"codingplatform/backend/reqctx"
)

// control stands for the environments: what these tests are about is HTTP, and cmd/backend tests it with real ones.
type control struct {
	// store has what recorders would store.
	store *postgres.Store
}

func (control) Start(context.Context, backend.SessionID) error { return nil }

func (control) Stay(context.Context, backend.SessionID) error { return nil }

func (control) Shutdown(context.Context, backend.SessionID) (api.Flushed, error) {
	return api.Flushed{Batches: 1, Entries: 2, Revision: 3}, nil
}

func (control) Status(context.Context, backend.Session) (api.EnvironmentStatus, error) {
	return api.EnvironmentStatus{Limits: "none"}, nil
}

func (control) Terminals(context.Context, backend.SessionID) ([]relay.Terminal, error) {
	return []relay.Terminal{{Name: "1", FormerNames: []string{}, Running: true}}, nil
}

func (control) ReleaseBrake(context.Context, backend.SessionID, bool) error { return nil }

func (control) UpdateTerminal(_ context.Context, _ backend.SessionID, name, newName string, position *uint32) ([]relay.Terminal, error) {
	switch {
	case name != "a b":
		return nil, backend.Errorf(backend.CodeNotFound, "there is no terminal %q", name)
	case newName == "1":
		return nil, backend.Errorf(backend.CodeAlreadyExists, "there is a terminal %q", newName)
	}
	first, second := relay.Terminal{Name: "1", FormerNames: []string{}}, relay.Terminal{Name: name, FormerNames: []string{}}
	if newName != "" {
		second.Name, second.FormerNames = newName, []string{name}
	}
	if position != nil && *position == 0 {
		first, second = second, first
	}
	return []relay.Terminal{first, second}, nil
}

func (control) CloseTerminal(_ context.Context, _ backend.SessionID, name string) error {
	if name != "a b" {
		return backend.Errorf(backend.CodeNotFound, "there is no terminal %q", name)
	}
	return nil
}

const (
	maxFile  = 1 << 20
	maxFiles = 100
	friend   = "https://friend.example.org"
	evil     = "https://evil.example.org"
)

// server is the API over HTTP, with a database of its own. Each answer is held against the OpenAPI document.
type server struct {
	t        *testing.T
	url      string
	database string
	handler  http.Handler
	client   *http.Client
	contract *contract
	// stop returns when all requests have ended.
	stop func()
}

// newServer starts a server. The options change its configuration.
func newServer(t *testing.T, options ...func(*api.Config)) *server {
	t.Helper()
	return start(t, httptest.NewServer, options...)
}

func start(t *testing.T, serve func(http.Handler) *httptest.Server, options ...func(*api.Config)) *server {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	database := postgrestest.New(t)
	store, err := postgres.Open(t.Context(), postgres.Config{URL: database, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	service, err := auth.New(auth.Config{Store: store, Cost: 4, TokenTTL: time.Hour, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	cfg := api.Config{
		Logger: logger, Auth: service, Store: store, Control: control{store}, Wakes: listen(t, database, logger), Version: "test", TokenTTL: time.Hour,
		Limits:         backend.Limits{MaxFileBytes: maxFile, MaxWorkspaceBytes: 10 * maxFile, MaxFiles: maxFiles},
		AllowedOrigins: []string{friend},
		TempDir:        t.TempDir(),
		Relay: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, _ := reqctx.User(r.Context())
			_, _ = io.WriteString(w, "relay for "+user.Username)
		}),
		Frontend: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "frontend") }),
	}
	for _, option := range options {
		option(&cfg)
	}
	handler, err := api.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(handler)
	t.Cleanup(s.Close)
	return &server{
		t: t, url: s.URL, database: database, handler: handler, client: s.Client(), contract: newContract(t, handler), stop: s.Close,
	}
}

// listen runs a listener until the test ends.
func listen(t *testing.T, database string, logger *slog.Logger) *postgres.Listener {
	t.Helper()
	listener := postgres.NewListener(database, logger)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- listener.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return listener
}

// query asks the database itself for one value.
func (s *server) query(into any, sql string, args ...any) {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.database)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(context.WithoutCancel(s.t.Context())); err != nil {
			s.t.Error(err)
		}
	}()
	if err := conn.QueryRow(s.t.Context(), sql, args...).Scan(into); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
}

type request struct {
	method, path, token string
	header              map[string]string
	body                string
}

type response struct {
	*http.Response
	body []byte
}

func (s *server) do(r request) response {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), r.method, s.url+r.path, strings.NewReader(r.body))
	if err != nil {
		s.t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	if r.body != "" && r.header["Content-Type"] == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept-Encoding", "identity")
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	res, err := s.client.Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	defer func() {
		if err := res.Body.Close(); err != nil {
			s.t.Error(err)
		}
	}()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	answer := response{res, body}
	s.contract.check(s.t, r, answer)
	return answer
}

// want calls, checks the status and decodes into v, if that is not nil.
func (s *server) want(status int, r request, v any) response {
	s.t.Helper()
	res := s.do(r)
	if res.StatusCode != status {
		s.t.Fatalf("%s %s answers %d, not %d: %s", r.method, r.path, res.StatusCode, status, res.body)
	}
	if v != nil {
		if err := json.Unmarshal(res.body, v); err != nil {
			s.t.Fatalf("%s %s: %v: %s", r.method, r.path, err, res.body)
		}
	}
	return res
}

// wantCode is want for a problem with a code.
func (s *server) wantCode(status int, code backend.Code, r request) response {
	s.t.Helper()
	var problem struct{ Code backend.Code }
	res := s.want(status, r, &problem)
	if problem.Code != code {
		s.t.Fatalf("%s %s answers the code %q, not %q: %s", r.method, r.path, problem.Code, code, res.body)
	}
	return res
}

func (s *server) register(name string) (token string) {
	s.t.Helper()
	var out struct{ Token string }
	s.want(http.StatusCreated, request{method: "POST", path: "/api/users/register", body: toJSON(s.t, map[string]string{
		"username": name, "email": name + "@example.org", "password": "correct horse",
	})}, &out)
	return out.Token
}

// session creates one with a main.py and returns its ID.
func (s *server) session(token string) (id string) {
	s.t.Helper()
	var out struct{ Data struct{ ID string } }
	s.want(http.StatusCreated, request{method: "POST", path: "/api/sessions/", token: token, body: `{"name":"one","template":"python"}`}, &out)
	return out.Data.ID
}

// workspace registers a user, creates a session and returns the path of its workspace.
func (s *server) workspace(user string) (token, base string) {
	s.t.Helper()
	token = s.register(user)
	return token, "/api/workspace/" + s.session(token)
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

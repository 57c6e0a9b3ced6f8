package api_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"codingplatform/backend"
	"codingplatform/backend/api"
	"codingplatform/backend/auth"
	"codingplatform/backend/postgres"
	"codingplatform/backend/postgrestest"
	"codingplatform/backend/relay"
	"codingplatform/backend/reqctx"
)

// control stands for the environments: what these tests are about is HTTP, and cmd/backend tests it with real ones.
type control struct{}

func (control) Start(context.Context, backend.SessionID) error { return nil }

func (control) Shutdown(context.Context, backend.SessionID) (api.Flushed, error) {
	return api.Flushed{Batches: 1, Entries: 2, Revision: 3}, nil
}

func (control) Status(context.Context, backend.Session) (api.EnvironmentStatus, error) {
	return api.EnvironmentStatus{Limits: "none"}, nil
}

func (control) Terminals(context.Context, backend.SessionID) ([]relay.Terminal, error) {
	return []relay.Terminal{{Name: "1", Running: true}}, nil
}

func (control) CloseTerminal(_ context.Context, _ backend.SessionID, name string) error {
	if name != "a b" {
		return backend.Errorf(backend.CodeNotFound, "there is no terminal %q", name)
	}
	return nil
}

const maxFile = 1 << 20

type server struct {
	t       *testing.T
	url     string
	handler http.Handler
	schemas *jsonschema.Compiler
}

func newServer(t *testing.T) *server {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	store, err := postgres.Open(t.Context(), postgres.Config{URL: postgrestest.New(t), Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	service, err := auth.New(auth.Config{Store: store, Cost: 4, TokenTTL: time.Hour, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := api.New(api.Config{
		Logger: logger, Auth: service, Store: store, Control: control{}, Version: "test", TokenTTL: time.Hour,
		Limits:         backend.Limits{MaxFileBytes: maxFile, MaxWorkspaceBytes: 10 * maxFile, MaxFiles: 100},
		AllowedOrigins: []string{"https://friend.example.org"},
		Relay: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, _ := reqctx.User(r.Context())
			_, _ = io.WriteString(w, "relay for "+user.Username)
		}),
		Frontend: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "frontend") }),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return &server{t: t, url: s.URL, handler: handler}
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
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableCompression: true}}).Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	return response{res, body}
}

// want calls, checks the status and decodes into v, if that is not nil.
func (s *server) want(status int, r request, v any) response {
	s.t.Helper()
	res := s.do(r)
	if res.StatusCode != status {
		s.t.Fatalf("%s %s answers %d, not %d: %s", r.method, r.path, res.StatusCode, status, res.body)
	}
	if status >= 400 {
		var p struct{ Type, Title, Detail, Code, RequestID string }
		if err := json.Unmarshal(res.body, &p); err != nil || p.Type == "" || p.Title == "" || p.Detail == "" || p.Code == "" ||
			res.Header.Get("Content-Type") != "application/problem+json" {
			s.t.Fatalf("%s %s: no problem document: %s", r.method, r.path, res.body)
		}
	}
	if v != nil {
		if err := json.Unmarshal(res.body, v); err != nil {
			s.t.Fatalf("%s %s: %v: %s", r.method, r.path, err, res.body)
		}
	}
	return res
}

func (s *server) register(name string) (token string) {
	s.t.Helper()
	var out struct{ Token string }
	s.want(201, request{method: "POST", path: "/api/users/register", body: `{"username":"` + name + `","email":"` + name + `@example.org","password":"correct horse"}`}, &out)
	return out.Token
}

func (s *server) session(token string) (id string) {
	s.t.Helper()
	var out struct{ Data struct{ ID string } }
	s.want(201, request{method: "POST", path: "/api/sessions/", token: token, body: `{"name":"one","template":"python"}`}, &out)
	return out.Data.ID
}

func TestUsers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	res := s.want(201, request{method: "POST", path: "/api/users/register/", body: `{"username":"ada","email":"ada@example.org","password":"correct horse"}`}, nil)
	cookie := res.Cookies()[0]
	if cookie.Name != "session_token" || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure {
		t.Errorf("cookie %+v", cookie)
	}
	var me struct{ ID, Username string }
	s.want(200, request{method: "GET", path: "/api/users/me", header: map[string]string{"Cookie": cookie.String()}}, &me)
	if me.Username != "ada" {
		t.Errorf("%+v", me)
	}
	s.want(409, request{method: "POST", path: "/api/users/register", body: `{"username":"ADA","email":"x@example.org","password":"correct horse"}`}, nil)
	var problem struct{ Errors map[string]string }
	s.want(422, request{method: "POST", path: "/api/users/register", body: `{"username":"x","email":"x","password":"x"}`}, &problem)
	if len(problem.Errors) != 3 {
		t.Errorf("errors %v", problem.Errors)
	}
	s.want(401, request{method: "POST", path: "/api/users/login", body: `{"username":"ada","password":"wrong horse"}`}, nil)
	var in struct{ Token string }
	s.want(200, request{method: "POST", path: "/api/users/login", body: `{"username":"ada@example.org","password":"correct horse"}`}, &in)
	s.want(200, request{method: "GET", path: "/api/users/" + me.ID, token: in.Token}, nil)
	s.want(204, request{method: "POST", path: "/api/users/logout", token: in.Token}, nil)
	s.want(401, request{method: "GET", path: "/api/users/me", token: in.Token}, nil)
	s.want(401, request{method: "GET", path: "/api/users/me"}, nil)
	for {
		res := s.do(request{method: "POST", path: "/api/users/login", body: `{"username":"ada","password":"wrong horse"}`})
		if res.StatusCode == http.StatusTooManyRequests {
			if res.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
			break
		}
		if res.StatusCode != http.StatusUnauthorized {
			t.Fatalf("a guess answers %d", res.StatusCode)
		}
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.want(400, request{method: "POST", path: "/api/users/login", body: `{"username":`}, nil)
	s.want(415, request{method: "POST", path: "/api/users/login", body: `{}`, header: map[string]string{"Content-Type": "text/plain"}}, nil)
	s.want(413, request{method: "POST", path: "/api/users/login", body: `{"username":"` + strings.Repeat("x", 2<<20) + `"}`}, nil)
	s.want(404, request{method: "GET", path: "/api/nothing"}, nil)
	res := s.want(405, request{method: "PUT", path: "/api/users/login"}, nil)
	if res.Header.Get("Allow") == "" {
		t.Error("405 without Allow")
	}
}

func TestSessions(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token := s.register("ada")
	id := s.session(token)
	var list struct {
		Data  []struct{ ID, Name, Phase string }
		Count int
	}
	s.want(200, request{method: "GET", path: "/api/sessions/?skip=0&limit=1", token: token}, &list)
	if list.Count != 1 || list.Data[0].ID != id || list.Data[0].Phase != "stopped" {
		t.Errorf("%+v", list)
	}
	var renamed struct{ Name string }
	s.want(200, request{method: "PATCH", path: "/api/sessions/" + id, token: token, body: `{"name":" two "}`}, &renamed)
	if renamed.Name != "two" {
		t.Errorf("%+v", renamed)
	}
	s.want(422, request{method: "PATCH", path: "/api/sessions/" + id, token: token, body: `{"name":""}`}, nil)
	s.want(404, request{method: "GET", path: "/api/sessions/not-a-uuid", token: token}, nil)
	s.want(204, request{method: "DELETE", path: "/api/sessions/" + id, token: token}, nil)
	s.want(404, request{method: "GET", path: "/api/sessions/" + id, token: token}, nil)
}

func TestFiles(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token := s.register("ada")
	base := "/api/workspace/" + s.session(token)
	var file struct {
		File struct {
			Path     string
			Revision int64
		}
	}
	raw := map[string]string{"Content-Type": "application/octet-stream"}
	bin := string([]byte{0, 0xff, 0xfe, '\n'})
	res := s.want(201, request{method: "POST", path: base + "/file/a/b.bin", token: token, body: bin, header: raw}, &file)
	if file.File.Path != "a/b.bin" || res.Header.Get("ETag") == "" {
		t.Errorf("%+v %v", file, res.Header)
	}
	got := s.want(200, request{method: "GET", path: base + "/file/a/b.bin?raw=1", token: token}, nil)
	if string(got.body) != bin || !strings.HasPrefix(got.Header.Get("Content-Disposition"), "attachment") || got.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%q %v", got.body, got.Header)
	}
	s.want(304, request{method: "GET", path: base + "/file/a/b.bin", token: token, header: map[string]string{"If-None-Match": got.Header.Get("ETag")}}, nil)
	var read struct{ Content, Encoding string }
	s.want(200, request{method: "GET", path: base + "/file/a/b.bin", token: token}, &read)
	if read.Encoding != "base64" {
		t.Errorf("%+v", read)
	}
	s.want(200, request{method: "POST", path: base + "/file/a/b.bin", token: token, body: `{"content":"` + read.Content + `","encoding":"base64"}`}, nil)
	s.want(201, request{method: "POST", path: base + "/file/empty", token: token, body: `{"content":""}`}, nil)
	s.want(200, request{method: "GET", path: base + "/file/empty", token: token}, &read)
	if read.Content != "" || read.Encoding != "utf-8" {
		t.Errorf("%+v", read)
	}

	// A stale base is refused, and says what is there.
	s.want(201, request{method: "POST", path: base + "/file/t", token: token, body: `{"content":"1","base_revision":0}`}, &file)
	first := file.File.Revision
	s.want(200, request{method: "POST", path: base + "/file/t", token: token, body: `{"content":"2"}`}, &file)
	var conflict struct {
		Current int64 `json:"current_revision"`
	}
	body, err := json.Marshal(map[string]any{"content": "3", "base_revision": first})
	if err != nil {
		t.Fatal(err)
	}
	s.want(409, request{method: "POST", path: base + "/file/t", token: token, body: string(body)}, &conflict)
	if conflict.Current != file.File.Revision {
		t.Errorf("conflict with %d, want %d", conflict.Current, file.File.Revision)
	}
	s.want(409, request{method: "POST", path: base + "/file/t", token: token, body: "3", header: map[string]string{"Content-Type": raw["Content-Type"], "If-Match": `"` + "1" + `"`}}, nil)
	s.want(409, request{method: "POST", path: base + "/file/t", token: token, body: "3", header: map[string]string{"Content-Type": raw["Content-Type"], "If-None-Match": "*"}}, nil)
	s.want(413, request{method: "POST", path: base + "/file/big", token: token, body: strings.Repeat("x", maxFile+1), header: raw}, nil)

	s.want(201, request{method: "POST", path: base + "/folder/f/g", token: token}, nil)
	s.want(200, request{method: "POST", path: base + "/move", token: token, body: `{"from":"a","to":"f/g/a"}`}, nil)
	s.want(409, request{method: "POST", path: base + "/move", token: token, body: `{"from":"t","to":"empty"}`}, nil)
	var items []struct{ Path string }
	s.want(200, request{method: "GET", path: base + "/files", token: token}, &items)
	var paths []string
	for _, i := range items {
		paths = append(paths, i.Path)
	}
	if want := []string{"empty", "f", "f/g", "f/g/a", "f/g/a/b.bin", "main.py", "t"}; !slices.Equal(paths, want) {
		t.Errorf("tree %v", paths)
	}
	s.want(200, request{method: "DELETE", path: base + "/file/f", token: token}, nil)
	s.want(404, request{method: "GET", path: base + "/file/f/g/a/b.bin", token: token}, nil)
	s.want(204, request{method: "DELETE", path: base + "/terminals/a%20b", token: token}, nil)
}

func TestHostileNames(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token := s.register("ada")
	base := "/api/workspace/" + s.session(token)
	for _, path := range []string{
		"%2e%2e/%2e%2e/etc/passwd", "..%2f..%2fetc%2fpasswd", "a/%2e%2e/b", strings.Repeat("n", 300), "nul%00", "bad%ff", "a%2fb%2f..%2fc",
	} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			res := s.do(request{method: method, path: base + "/file/" + path, token: token, body: `{"content":"x"}`})
			if res.StatusCode != http.StatusUnprocessableEntity && res.StatusCode != http.StatusBadRequest && res.StatusCode != http.StatusNotFound {
				t.Errorf("%s %s answers %d %s", method, path, res.StatusCode, res.body)
			}
		}
	}
	s.want(201, request{method: "POST", path: base + "/file/new%0Aline", token: token, body: `{"content":"x"}`}, nil)
	var read struct{ Path string }
	s.want(200, request{method: "GET", path: base + "/file/new%0Aline", token: token}, &read)
	if read.Path != "new\nline" {
		t.Errorf("%q", read.Path)
	}
	s.want(422, request{method: "POST", path: base + "/move", token: token, body: `{"from":"main.py","to":"../x"}`}, nil)
}

func TestArchive(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token := s.register("ada")
	base := "/api/workspace/" + s.session(token)
	pack := func(files map[string]string) string {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for name, content := range files {
			f, err := w.Create(name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(f, content); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	upload := func(status int, body string) {
		t.Helper()
		s.want(status, request{method: "POST", path: base + "/archive", token: token, body: body, header: map[string]string{"Content-Type": "application/zip"}}, nil)
	}
	upload(200, pack(map[string]string{"x/y.txt": "one", "z.txt": "two"}))
	upload(422, pack(map[string]string{"../out.txt": "x"}))
	upload(422, pack(map[string]string{"/abs.txt": "x"}))
	upload(413, pack(map[string]string{"bomb": strings.Repeat("\x00", maxFile+1)}))
	upload(400, "no zip")
	res := s.want(200, request{method: "GET", path: base + "/archive", token: token}, nil)
	archive, err := zip.NewReader(bytes.NewReader(res.body), int64(len(res.body)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := archive.Open("x/y.txt")
	if err != nil {
		t.Fatal(err)
	}
	if content, err := io.ReadAll(f); err != nil || string(content) != "one" {
		t.Errorf("%q %v", content, err)
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token := s.register("ada")
	cookie := "session_token=" + token
	send := func(origin, site string) int {
		return s.do(request{method: "POST", path: "/api/sessions/", body: `{}`, header: map[string]string{
			"Cookie": cookie, "Origin": origin, "Sec-Fetch-Site": site,
		}}).StatusCode
	}
	if got := send("https://evil.example.org", "cross-site"); got != 403 {
		t.Errorf("another site's call answers %d", got)
	}
	if got := send("https://friend.example.org", "cross-site"); got != 201 {
		t.Errorf("a listed origin's call answers %d", got)
	}
	if got := send(s.url, "same-origin"); got != 201 {
		t.Errorf("an own call answers %d", got)
	}
	socket := func(origin string) int {
		return s.do(request{method: "GET", path: "/ws", header: map[string]string{
			"Cookie": cookie, "Origin": origin, "Upgrade": "websocket", "Connection": "Upgrade",
		}}).StatusCode
	}
	if got := socket("https://evil.example.org"); got != 403 {
		t.Errorf("another site's socket answers %d", got)
	}
	if got := socket(s.url); got != 200 {
		t.Errorf("an own socket answers %d", got)
	}
	res := s.do(request{method: "OPTIONS", path: "/api/sessions/", header: map[string]string{"Origin": "https://friend.example.org", "Access-Control-Request-Method": "POST"}})
	if res.Header.Get("Access-Control-Allow-Origin") != "https://friend.example.org" {
		t.Errorf("preflight %v", res.Header)
	}
	res = s.do(request{method: "OPTIONS", path: "/api/sessions/", header: map[string]string{"Origin": "https://evil.example.org", "Access-Control-Request-Method": "POST"}})
	if res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight of another site %v", res.Header)
	}
	if got := s.do(request{method: "GET", path: "/ws"}); string(got.body) != "relay for " {
		t.Errorf("/ws without a sign-in: %q", got.body)
	}
}

// routes lists what the router serves of the API, as "METHOD path".
func (s *server) routes() []string {
	s.t.Helper()
	router, ok := s.handler.(chi.Routes)
	if !ok {
		s.t.Fatal("the handler is no router")
	}
	var routes []string
	err := chi.Walk(router, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if strings.HasPrefix(route, "/api") {
			routes = append(routes, method+" "+strings.Replace(route, "/*", "/{path}", 1))
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	slices.Sort(routes)
	return routes
}

func TestAnothersSessionIsNotThere(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	id := s.session(s.register("ada"))
	mallory := s.register("mallory")
	tried := 0
	for _, route := range s.routes() {
		method, path, _ := strings.Cut(route, " ")
		if !strings.Contains(path, "{session_id}") {
			continue
		}
		tried++
		path = strings.NewReplacer("{session_id}", id, "{path}", "main.py", "{name}", "a%20b").Replace(path)
		s.want(404, request{method: method, path: path, token: mallory, body: `{"name":"x","content":"x","from":"main.py","to":"y"}`}, nil)
		s.want(401, request{method: method, path: path, body: `{}`}, nil)
	}
	if tried < 15 {
		t.Errorf("only %d routes were tried", tried)
	}
}

func TestOpenAPIIsWhatIsServed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var document struct {
		OpenAPI string
		Paths   map[string]map[string]json.RawMessage
	}
	res := s.want(200, request{method: "GET", path: "/api/openapi.json"}, &document)
	var documented []string
	for path, operations := range document.Paths {
		for method := range operations {
			documented = append(documented, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(documented)
	if served := s.routes(); !slices.Equal(documented, served) {
		t.Errorf("documented:\n%s\nserved:\n%s", strings.Join(documented, "\n"), strings.Join(served, "\n"))
	}

	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(res.body))
	if err != nil {
		t.Fatal(err)
	}
	s.schemas = jsonschema.NewCompiler()
	if err := s.schemas.AddResource("openapi.json", parsed); err != nil {
		t.Fatal(err)
	}
	token := s.register("ada")
	id := s.session(token)
	for _, c := range []struct {
		status                     int
		method, path, body, schema string
	}{
		{200, "GET", "/api/health/", "", "Health"},
		{200, "GET", "/api/users/me", "", "User"},
		{200, "POST", "/api/users/login", `{"username":"ada","password":"correct horse"}`, "SignedIn"},
		{401, "POST", "/api/users/login", `{"username":"ada","password":"wrong"}`, "Problem"},
		{200, "GET", "/api/sessions/", "", "SessionList"},
		{200, "GET", "/api/sessions/" + id, "", "Session"},
		{200, "GET", "/api/workspace/" + id + "/file/main.py", "", "File"},
		{200, "POST", "/api/workspace/" + id + "/file/main.py", `{"content":"x"}`, "Changed"},
		{409, "POST", "/api/workspace/" + id + "/file/main.py", `{"content":"y","base_revision":0}`, "Problem"},
		{200, "GET", "/api/workspace/" + id + "/status", "", "Status"},
		{202, "POST", "/api/workspace/" + id + "/start", "", "Status"},
		{202, "POST", "/api/workspace/" + id + "/shutdown", "", "Shutdown"},
		{200, "GET", "/api/workspace/" + id + "/terminals", "", "Terminals"},
		{200, "POST", "/api/workspace/" + id + "/ensure-default", "", "Ensured"},
	} {
		res := s.want(c.status, request{method: c.method, path: c.path, token: token, body: c.body}, nil)
		schema, err := s.schemas.Compile("openapi.json#/components/schemas/" + url.PathEscape(c.schema))
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(res.body))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); err != nil {
			t.Errorf("%s %s: %v\n%s", c.method, c.path, err, res.body)
		}
	}
}

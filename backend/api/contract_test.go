package api_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// contract is the OpenAPI document, for holding answers against it.
type contract struct {
	router   chi.Routes
	paths    map[string]map[string]operation
	mu       sync.Mutex
	compiler *jsonschema.Compiler
}

type operation struct {
	OperationID string                    `json:"operationId"`
	Responses   map[string]documentedWith `json:"responses"`
	Security    *[]map[string][]string    `json:"security"`
}

type documentedWith struct {
	Ref     string                     `json:"$ref"`
	Content map[string]json.RawMessage `json:"content"`
}

func newContract(t *testing.T, handler http.Handler) *contract {
	t.Helper()
	router, ok := handler.(chi.Routes)
	if !ok {
		t.Fatal("the handler is no router")
	}
	text, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]operation `json:"paths"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi.json", parsed); err != nil {
		t.Fatal(err)
	}
	return &contract{router: router, paths: document.Paths, compiler: compiler}
}

// schema compiles what stands at a JSON pointer of the document.
func (c *contract) schema(t *testing.T, pointer ...string) *jsonschema.Schema {
	t.Helper()
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	parts := []string{"openapi.json#"}
	for _, part := range pointer {
		parts = append(parts, url.PathEscape(escape.Replace(part)))
	}
	location := strings.Join(parts, "/")
	c.mu.Lock()
	defer c.mu.Unlock()
	schema, err := c.compiler.Compile(location)
	if err != nil {
		t.Fatalf("%s: %v", location, err)
	}
	return schema
}

// check holds an answer against the document: its status is one that the call names, or an error; its type and
// its body are as the document says of that status.
func (c *contract) check(t *testing.T, r request, res response) {
	t.Helper()
	path, _, _ := strings.Cut(r.path, "?")
	if path != "/api" && !strings.HasPrefix(path, "/api/") || r.method == http.MethodOptions || r.method == http.MethodHead {
		return
	}
	kind := ""
	if header := res.Header.Get("Content-Type"); header != "" {
		var err error
		if kind, _, err = mime.ParseMediaType(header); err != nil {
			t.Errorf("%s %s: content type %q: %v", r.method, r.path, header, err)
		}
	}
	if res.StatusCode >= http.StatusBadRequest && (kind != "application/json" || res.StatusCode != http.StatusServiceUnavailable) {
		if kind != "application/problem+json" {
			t.Errorf("%s %s answers %d with %q, no problem document: %s", r.method, r.path, res.StatusCode, kind, res.body)
			return
		}
		c.validate(t, r, res, c.schema(t, "components", "schemas", "Problem"))
	}
	match := chi.NewRouteContext()
	if !c.router.Match(match, r.method, strings.TrimSuffix(path, "/")) {
		if res.StatusCode < http.StatusBadRequest {
			t.Errorf("%s %s answers %d, and no route is there", r.method, r.path, res.StatusCode)
		}
		return
	}
	route, method, status := strings.Replace(match.RoutePattern(), "/*", "/{path}", 1), strings.ToLower(r.method), strconv.Itoa(res.StatusCode)
	answers := c.paths[route][method].Responses
	documented, ok := answers[status]
	if !ok && res.StatusCode >= http.StatusBadRequest {
		documented, ok = answers["default"]
	}
	switch {
	case !ok:
		t.Errorf("%s %s answers %d, which is not documented: %s", r.method, r.path, res.StatusCode, res.body)
		return
	case documented.Ref != "": // the problem document, above
		return
	case len(documented.Content) == 0:
		if len(res.body) != 0 {
			t.Errorf("%s %s answers %d with a body, which is not documented: %s", r.method, r.path, res.StatusCode, res.body)
		}
		return
	}
	if _, ok := documented.Content[kind]; !ok {
		if slices.ContainsFunc(slices.Collect(maps.Keys(documented.Content)), func(k string) bool { return k == "*/*" || strings.HasSuffix(k, "/*") }) {
			return
		}
		t.Errorf("%s %s answers %d as %q, documented are %v", r.method, r.path, res.StatusCode, kind, slices.Collect(maps.Keys(documented.Content)))
		return
	}
	if kind == "application/json" {
		c.validate(t, r, res, c.schema(t, "paths", route, method, "responses", status, "content", kind, "schema"))
	}
}

func (c *contract) validate(t *testing.T, r request, res response, schema *jsonschema.Schema) {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(res.body))
	if err != nil {
		t.Errorf("%s %s: %v: %s", r.method, r.path, err, res.body)
		return
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s %s answers %d: %v\n%s", r.method, r.path, res.StatusCode, err, res.body)
	}
}

// routes lists what the router serves of the API, as "METHOD path".
func (s *server) routes() []string {
	s.t.Helper()
	var routes []string
	err := chi.Walk(s.contract.router, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
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

func TestDocumentedIsServed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	res := s.want(http.StatusOK, request{method: "GET", path: "/api/openapi.json"}, nil)
	if file, err := os.ReadFile("openapi.json"); err != nil || !bytes.Equal(res.body, file) {
		t.Errorf("what is served is not the document (%v)", err)
	}
	var documented, ids []string
	for path, operations := range s.contract.paths {
		for method, operation := range operations {
			documented = append(documented, strings.ToUpper(method)+" "+path)
			ids = append(ids, operation.OperationID)
		}
	}
	slices.Sort(documented)
	slices.Sort(ids)
	if served := s.routes(); !slices.Equal(documented, served) {
		t.Errorf("documented:\n%s\nserved:\n%s", strings.Join(documented, "\n"), strings.Join(served, "\n"))
	}
	if distinct := slices.Compact(slices.Clone(ids)); len(distinct) != len(ids) || distinct[0] == "" {
		t.Errorf("operation IDs are missing or twice: %v", ids)
	}
}

// The document says which calls need no sign-in; each of the others answers 401 without.
func TestSignInIsNeededWhereDocumented(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const id = "00000000-0000-4000-8000-000000000000"
	fill := strings.NewReplacer("{session_id}", id, "{user_id}", id, "{path}", "main.py", "{name}", "1", "{recording_id}", id, "{share_id}", id, "{sign_in_id}", id, "{token_id}", id, "{deleted_id}", id)
	for path, operations := range s.contract.paths {
		for method, operation := range operations {
			open := operation.Security != nil && len(*operation.Security) == 0
			res := s.do(request{method: strings.ToUpper(method), path: fill.Replace(path)})
			if refused := res.StatusCode == http.StatusUnauthorized && res.Header.Get("WWW-Authenticate") != ""; refused == open && !strings.HasSuffix(path, "/login") {
				t.Errorf("%s %s: documented as open: %v, but answers %d", method, path, open, res.StatusCode)
			}
			res = s.do(request{method: strings.ToUpper(method), path: fill.Replace(path), token: "not-a-token"})
			if !open && res.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s %s answers %d to a wrong token", method, path, res.StatusCode)
			}
		}
	}
}

func TestAnothersSessionIsNotThere(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	ada := s.register("ada")
	id := s.session(ada)
	recording := s.record(ada, id)
	mallory := s.register("mallory")
	tried := 0
	for _, route := range s.routes() {
		method, path, _ := strings.Cut(route, " ")
		if !strings.Contains(path, "{session_id}") {
			continue
		}
		tried++
		path = strings.NewReplacer("{session_id}", id, "{path}", "main.py", "{name}", "a%20b", "{recording_id}", recording, "{share_id}", recording).Replace(path)
		got := s.want(http.StatusNotFound, request{method: method, path: path, token: mallory, body: `{"name":"x","content":"x","from":"main.py","to":"y"}`}, nil)
		// Nothing tells it from one that nobody has.
		nobodys := strings.Replace(path, id, "00000000-0000-4000-8000-000000000000", 1)
		want := s.want(http.StatusNotFound, request{method: method, path: nobodys, token: mallory, body: `{}`}, nil)
		if a, b := withoutID(t, got), withoutID(t, want); a != b {
			t.Errorf("%s: another's answers %s, nobody's %s", route, a, b)
		}
	}
	if tried < 15 {
		t.Errorf("only %d routes were tried", tried)
	}
}

func withoutID(t *testing.T, res response) string {
	t.Helper()
	var problem map[string]any
	if err := json.Unmarshal(res.body, &problem); err != nil {
		t.Fatal(err)
	}
	delete(problem, "request_id")
	return toJSON(t, problem)
}

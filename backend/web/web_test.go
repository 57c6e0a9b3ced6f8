package web_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"codingplatform/backend/web"
)

const inline = "self.__next_f=[];if(1<2){\"</scr\"}"

func export() fstest.MapFS {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	return fstest.MapFS{
		".gitkeep":                 file(""),
		"index.html":               file("<!doctype html><title>Home</title><script src=\"/a.js\" async></script><SCRIPT id=x data-a='>'>" + inline + "</SCRIPT>"),
		"login/index.html":         file("<title>Sign in</title>"),
		"about.html":               file("<title>About</title>"),
		"404.html":                 file("<title>Not here</title>"),
		"_next/static/chunks/a.js": file(strings.Repeat("console.log(1);\n", 1000)),
		"icon.svg":                 file("<svg/>"),
	}
}

func newHandler(t *testing.T, files fstest.MapFS) *web.Handler {
	t.Helper()
	h, err := web.New(files, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(t *testing.T, h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPaths(t *testing.T) {
	h := newHandler(t, export())
	for _, c := range []struct {
		method, target string
		status         int
		body           string
		location       string
	}{
		{"GET", "/", 200, "Home", ""},
		{"GET", "/?next=1", 200, "Home", ""},
		{"GET", "/login/", 200, "Sign in", ""},
		{"GET", "/login?next=%2Fx", 308, "", "/login/?next=%2Fx"},
		{"GET", "//login", 308, "", "/login/"},
		{"GET", "//evil.example/", 404, "Not here", ""},
		{"GET", "/about", 200, "About", ""},
		{"GET", "/login/index.html", 200, "Sign in", ""},
		{"GET", "/missing", 404, "Not here", ""},
		{"GET", "/../../etc/passwd", 404, "Not here", ""},
		{"GET", "/.gitkeep", 404, "Not here", ""},
		{"GET", "/_next/static/chunks/a.js", 200, "console.log", ""},
		{"GET", "/_next/static/chunks/a.js/", 404, "Not here", ""},
		{"GET", "/api", 404, "no such page", ""},
		{"GET", "/api/missing", 404, "no such page", ""},
		{"GET", "/ws", 404, "no such page", ""},
		{"GET", "/apis", 404, "Not here", ""},
		{"HEAD", "/missing", 404, "", ""},
		{"POST", "/", 405, "only be read", ""},
	} {
		w := get(t, h, c.method, c.target)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) || w.Header().Get("Location") != c.location {
			t.Errorf("%s %s: %d, location %q, body %.60q; want %d, %q, %q", c.method, c.target, w.Code,
				w.Header().Get("Location"), w.Body.String(), c.status, c.location, c.body)
		}
	}
}

func TestPolicyListsInlineScripts(t *testing.T) {
	h := newHandler(t, export())
	sum := sha256.Sum256([]byte(inline))
	want := "script-src 'self' 'wasm-unsafe-eval' 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"
	policy := get(t, h, "GET", "/").Header().Get("Content-Security-Policy")
	if !strings.Contains(policy, want) {
		t.Errorf("policy %q lacks %q", policy, want)
	}
	if strings.Count(policy, "sha256-") != 1 {
		t.Errorf("policy %q lists more than the page's one inline script", policy)
	}
	for _, target := range []string{"/login/", "/icon.svg", "/_next/static/chunks/a.js"} {
		policy := get(t, h, "GET", target).Header().Get("Content-Security-Policy")
		if !strings.Contains(policy, "script-src 'self' 'wasm-unsafe-eval';") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", target, policy)
		}
	}
}

func TestCachingAndCompression(t *testing.T) {
	h := newHandler(t, export())
	const script = "/_next/static/chunks/a.js"

	plain := get(t, h, "GET", script)
	if got := plain.Header().Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("a hashed file is cached by %q", got)
	}
	if got := plain.Header().Get("Content-Type"); got != "text/javascript; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
	packed := get(t, h, "GET", script, "Accept-Encoding", "br, gzip;q=0.8")
	if packed.Header().Get("Content-Encoding") != "gzip" || packed.Header().Get("Vary") != "Accept-Encoding" {
		t.Fatalf("not compressed: %v", packed.Header())
	}
	reader, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	if string(unpacked) != plain.Body.String() {
		t.Error("the compressed file is another one")
	}
	if plain.Header().Get("ETag") == packed.Header().Get("ETag") {
		t.Error("two encodings share an ETag")
	}
	if w := get(t, h, "GET", script, "Accept-Encoding", "gzip;q=0"); w.Header().Get("Content-Encoding") != "" {
		t.Error("compressed for a client that refused")
	}

	page := get(t, h, "GET", "/")
	if got := page.Header().Get("Cache-Control"); got != "no-cache" {
		t.Errorf("a page is cached by %q", got)
	}
	if w := get(t, h, "GET", "/", "If-None-Match", page.Header().Get("ETag")); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("an unchanged page: %d", w.Code)
	}
}

func TestWithoutFrontend(t *testing.T) {
	h := newHandler(t, fstest.MapFS{".gitkeep": {}})
	if w := get(t, h, "GET", "/"); w.Code != 200 || !strings.Contains(w.Body.String(), "make build") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := get(t, h, "GET", "/login/"); w.Code != 404 {
		t.Errorf("a page that is not there: %d", w.Code)
	}
}

func TestEmbedded(t *testing.T) {
	files, err := web.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := web.New(files, slog.New(slog.DiscardHandler)); err != nil {
		t.Error(err)
	}
}

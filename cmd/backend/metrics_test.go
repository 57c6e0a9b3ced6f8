package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"sync"
	"testing"
)

// lines keeps what is logged.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) find(pattern string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found := regexp.MustCompile(pattern).FindSubmatch(l.all.Bytes()); found != nil {
		return string(found[1])
	}
	return ""
}

// A backend tells Prometheus of itself on an address of its own, and there alone.
func TestMetrics(t *testing.T) {
	t.Parallel()
	cfg, err := parseConfig(append(flags(dataDir(t)), "--metrics-listen", "localhost:0"), none, io.Discard, false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	logged, ready, done := &lines{}, make(chan string, 1), make(chan error, 1)
	go func() {
		done <- serve(ctx, cfg, slog.New(slog.NewTextHandler(io.MultiWriter(logged, t.Output()), nil)), func(url string) { ready <- url })
	}()
	c := &client{t: t}
	select {
	case c.url = <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	c.register("ada")
	id := c.createSession("first")
	c.events(id)
	c.attach(id).run("true")

	if answer := c.do(http.MethodGet, "/metrics", "", nil); bytes.Contains(answer.body, []byte("coding_platform_")) {
		t.Error("the metrics are where everybody sees them")
	}
	address := logged.find(`metrics at (\S+/metrics)`)
	scrape := &client{t: t, url: address[:len(address)-len("/metrics")]}
	answer := scrape.do(http.MethodGet, "/metrics", "", nil)
	if answer.status != http.StatusOK {
		t.Fatalf("the scrape answers %d: %s", answer.status, answer.body)
	}
	for _, want := range []string{
		`coding_platform_sockets 2\n`, `coding_platform_sessions 1\n`, `coding_platform_environment_start_seconds_count\{strategy="cold"\} 1\n`,
		`coding_platform_database_connections [1-9]`,
		`coding_platform_http_request_duration_seconds_count\{method="POST",route="/api/sessions/?",status="201"\} 1\n`,
		`coding_platform_build_info\{version="` + regexp.QuoteMeta(version) + `"\} 1\n`,
	} {
		if !regexp.MustCompile(want).Match(answer.body) {
			t.Errorf("the scrape has no %s:\n%s", want, answer.body)
		}
	}
	if bytes.Contains(answer.body, []byte(id)) {
		t.Error("a session's ID is in the metrics")
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"codingplatform/client"
)

func none(string) string { return "" }

func TestConfig(t *testing.T) {
	t.Parallel()
	c, err := parseConfig("attach", []string{"--view=false", "demo", "--url", "https://a.example", "a b", "--restart", "--", "ls", "--view"}, none, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	want := config{URL: "https://a.example", Restart: true, Escape: '~', args: []string{"demo", "a b"}, command: []string{"ls", "--view"}}
	if diff := cmp.Diff(want, c, cmp.AllowUnexported(config{})); diff != "" {
		t.Error(diff)
	}
	env := func(name string) string {
		return map[string]string{"BACKEND_URL": "http://b.example", "BACKEND_TOKEN": "t", "BACKEND_ESCAPE": "none"}[name]
	}
	if c, err = parseConfig("sessions", nil, env, io.Discard); err != nil || c.URL != "http://b.example" || c.Token != "t" || c.Escape != 0 {
		t.Errorf("from the environment: %+v %v", c, err)
	}
	for _, args := range [][]string{
		{"attach"},
		{"attach", "a", "b", "c"},
		{"attach", "a", "--"},
		{"attach", "--escape", "ab", "a"},
		{"attach", "--url", "localhost", "a"},
		{"attach", "--view", "--restart", "a"},
		{"sessions", "a"},
		{"sessions", "--view"},
		{"login", "--password-stdin"},
		{"login", "--", "x"},
	} {
		if _, err := parseConfig(args[0], args[1:], none, io.Discard); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}

func TestCredentialsAreTheirOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	c, err := loadCredentials()
	if err != nil || len(c.Servers) != 0 {
		t.Fatalf("%+v %v", c, err)
	}
	c.Servers[serverKey("https://A.example/")] = credential{"ada", "secret"}
	if err := c.save(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "coding-platform", "credentials.json")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info, err)
	}
	again, err := loadCredentials()
	if err != nil || again.Servers["https://a.example"].Token != "secret" {
		t.Errorf("%+v %v", again, err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadCredentials(); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a broken file: %v", err)
	}
}

func TestSessionsByWord(t *testing.T) {
	t.Parallel()
	ids := []string{"11111111-1111-4111-8111-111111111111", "11122222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"}
	names := []string{"demo", "twin", "twin"}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/terminals") {
			_, _ = fmt.Fprint(w, `{"terminals":[{"name":"1","cols":80,"rows":24,"running":true,"foreground":"vi\u001b[2J"},{"name":"2","exit":{"code":2}}]}`)
			return
		}
		var data []string
		for i := range ids {
			data = append(data, fmt.Sprintf(`{"id":%q,"name":%q,"phase":%q}`, ids[i], names[i], []string{"ready", "stopped", "failed"}[i]))
		}
		_, _ = fmt.Fprintf(w, `{"data":[%s],"count":3}`, strings.Join(data, ","))
	}))
	t.Cleanup(server.Close)
	api, err := client.New(server.URL, "t")
	if err != nil {
		t.Fatal(err)
	}
	const other = "44444444-4444-4444-8444-444444444444"
	for word, want := range map[string]string{
		"demo": ids[0], "3": ids[2], "111111": ids[0], strings.ToUpper(ids[1]): ids[1], other: other,
		"111": "", "twin": "", "none": "",
	} {
		got, err := findSession(t.Context(), api, word)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v", word, got, err)
		}
	}
	var table bytes.Buffer
	if err := listSessions(t.Context(), api, &table); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(table.String(), "\n")
	if len(lines) != 6 || !strings.Contains(lines[1], "80x24") || !strings.Contains(lines[2], "ended with 2") || strings.Contains(table.String(), "\x1b") {
		t.Errorf("%q", lines)
	}
}

func TestNoticesOfALoss(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var said []string
		n := newNotices(func(text string) { said = append(said, text) })
		done := make(chan struct{})
		go func() {
			defer close(done)
			n.run(ctx)
		}()
		lost := client.State{Phase: client.Lost, Err: fmt.Errorf("connect: %w", errors.New("refused"))}
		for _, step := range []struct {
			state client.State
			after time.Duration
		}{
			{client.State{Phase: client.Starting, Environment: "stopped", Message: "Stopped"}, 0},
			{client.State{Phase: client.Starting, Environment: "starting", Message: "Starting"}, 0},
			{client.State{Phase: client.Starting, Environment: "starting", Message: "Starting"}, 0},
			{client.State{Phase: client.Starting, Environment: "ready", Message: "Ready"}, 0},
			{client.State{Phase: client.Online}, time.Hour},
			{lost, noticeableLoss / 2}, // too short for a word
			{client.State{Phase: client.Online}, time.Hour},
			{lost, noticeableLoss / 2},
			{client.State{Phase: client.Connecting}, 0},
			{lost, time.Hour},
			{lost, time.Hour},
			{client.State{Phase: client.Online}, time.Hour},
		} {
			n.tell(step.state)
			time.Sleep(step.after)
			synctest.Wait()
		}
		cancel()
		<-done
		want := []string{"Starting", "the connection is lost, trying again: refused", "connected again"}
		if diff := cmp.Diff(want, said); diff != "" {
			t.Error(diff)
		}
	})
}

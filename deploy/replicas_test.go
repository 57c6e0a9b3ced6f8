//go:build cluster

package deploy_test

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"codingplatform/client"
)

// twoReplicas has two browsers of one session on two different backends: they share terminals, presence and file events.
func (p product) twoReplicas(t *testing.T) {
	p.session = p.newSession(t)
	var at []product
	for _, address := range backendPods(t) {
		api, err := client.New(address, p.token)
		if err != nil {
			t.Fatal(err)
		}
		replica := p
		replica.address, replica.api = address, api
		at = append(at, replica)
	}
	if len(at) < 2 {
		t.Fatalf("there are %d backends, want two", len(at))
	}
	one, other := at[0], at[1]
	first, second := one.events(t), other.events(t)
	for _, s := range []*stream{first, second} {
		s.until(t, "two viewers", func(m streamed) bool { return m.Type == "presence" && len(m.Viewers) == 2 })
	}

	// Both look at one terminal, and each types into it.
	script := `stty -echo; echo ready; while read line; do echo "got $line"; echo "$line" >>typed.txt; if [ "$line" = end ]; then exit; fi; done`
	wants := "ready\r\ngot from one\r\ngot from the other\r\ngot end\r\n"
	screens := [2]*screen{{}, {}}
	var terminals [2]*client.Terminal
	var both sync.WaitGroup
	begin := func(i int, p product) {
		terminals[i] = p.api.Terminal(client.Options{Session: p.session, Terminal: "shared", Command: []string{"/bin/sh", "-c", script}, Handle: screens[i].take})
		both.Go(func() {
			if exit, err := terminals[i].Run(t.Context()); err != nil || exit.Code != 0 {
				t.Errorf("terminal %d ended with %+v, %v", i, exit, err)
			}
		})
	}
	begin(0, one)
	screens[0].until(t, "ready")
	begin(1, other)
	second.until(t, "two who watch the terminal", func(m streamed) bool {
		return m.Type == "terminals" && slices.ContainsFunc(m.Terminals, func(l listed) bool { return l.Name == "shared" && len(l.Watchers) == 2 })
	})
	for i, line := range []string{"from one", "from the other", "end"} {
		if _, err := io.WriteString(terminals[i%2], line+"\n"); err != nil {
			t.Fatal(err)
		}
		screens[0].until(t, "got "+line)
		screens[1].until(t, "got "+line)
	}
	both.Wait()
	for i, s := range screens {
		// Who comes later is drawn the screen as it is, which may have other line ends.
		if got := s.words(); !slices.Equal(got, strings.Fields(wants)) {
			t.Errorf("by replica %d the terminal shows %q, want %q", i, got, strings.Fields(wants))
		}
	}

	// What is written by a program or saved by one is told by both.
	for _, s := range []*stream{first, second} {
		s.until(t, "the terminal's file", func(m streamed) bool { return m.changes("typed.txt") })
	}
	one.save(t, "by-one.txt", "1\n")
	second.until(t, "the other's save", func(m streamed) bool { return m.changes("by-one.txt") })
	other.save(t, "by-other.txt", "2\n")
	first.until(t, "the other's save", func(m streamed) bool { return m.changes("by-other.txt") })
	for _, replica := range at {
		fileIsSaved(t, replica.file("typed.txt"), p.token, "from one\nfrom the other\nend\n")
	}

	second.close(t)
	first.until(t, "one viewer", func(m streamed) bool { return m.Type == "presence" && len(m.Viewers) == 1 })
	call(t, http.StatusNoContent, http.MethodDelete, p.address+"/api/sessions/"+p.session, p.token, nil)
}

// streamed is any message of an event stream.
type streamed struct {
	Type      string
	Viewers   []struct{ Connection, Username string }
	Terminals []listed
	Changes   []struct{ Path, Op string }
}

type listed struct {
	Name     string
	Watchers []struct{ Name string }
}

func (m streamed) changes(path string) bool {
	for _, change := range m.Changes {
		if m.Type == "files" && change.Path == path && change.Op == "put" {
			return true
		}
	}
	return false
}

// stream is a workspace's event stream from one replica.
type stream struct{ ws *websocket.Conn }

func (p product) events(t *testing.T) *stream {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), strings.Replace(p.address, "http", "ws", 1)+"/ws?session="+p.session+"&revision=0",
		&websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + p.token}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	ws.SetReadLimit(4 << 20) // all that has changed may come in one message
	return &stream{ws}
}

// until reads until a message is as wanted.
func (s *stream) until(t *testing.T, want string, is func(streamed) bool) {
	t.Helper()
	var last []byte
	for {
		_, content, err := s.ws.Read(t.Context())
		if err != nil {
			t.Fatalf("the stream ended before %s: %v; its last message is %s", want, err, last)
		}
		last = content
		var m streamed
		decode(t, content, &m)
		if is(m) {
			return
		}
	}
}

func (s *stream) close(t *testing.T) {
	t.Helper()
	if err := s.ws.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
}

// screen is what a viewer of a terminal was shown.
type screen struct {
	mu    sync.Mutex
	shown bytes.Buffer
	more  chan struct{}
}

func (s *screen) take(event client.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch event := event.(type) {
	case client.Attached:
		if event.Reset {
			s.shown.Reset()
		}
	case client.Snapshot:
		s.shown.Write(event.Data)
	case client.Output:
		s.shown.Write(event.Data)
	}
	if s.more != nil {
		close(s.more)
		s.more = nil
	}
	return nil
}

// until waits until text is shown.
func (s *screen) until(t *testing.T, text string) {
	t.Helper()
	for {
		s.mu.Lock()
		shown := s.shown.String()
		if s.more == nil {
			s.more = make(chan struct{})
		}
		more := s.more
		s.mu.Unlock()
		if strings.Contains(shown, text) {
			return
		}
		select {
		case <-more:
		case <-t.Context().Done():
			t.Fatalf("%q is not shown: %q", text, shown)
		}
	}
}

// escapes are sequences of a terminal (ECMA-48).
var escapes = regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])`)

// words are the words that are shown, without what moves the cursor or colours them.
func (s *screen) words() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Fields(escapes.ReplaceAllString(s.shown.String(), " "))
}

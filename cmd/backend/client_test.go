package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// client speaks to the program as a browser does, for one user.
type client struct {
	t     testing.TB
	url   string
	token string
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) decode(tb testing.TB, v any) {
	tb.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		tb.Fatalf("answer %d is no JSON: %v\n%s", a.status, err, a.body)
	}
}

// do calls without judging. path is sent as it is, encoded or not.
func (c *client) do(method, path, contentType string, body io.Reader) answer {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = res.Body.Close() }()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatalf("read the answer of %s %s: %v", method, path, err)
	}
	return answer{res.StatusCode, res.Header, got}
}

// call sends JSON and wants the given status.
func (c *client) call(status int, method, path string, body any) answer {
	c.t.Helper()
	var r io.Reader
	contentType := ""
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		r, contentType = bytes.NewReader(b), "application/json"
	}
	a := c.do(method, path, contentType, r)
	if a.status != status {
		c.t.Fatalf("%s %s answers %d, not %d: %s", method, path, a.status, status, a.body)
	}
	return a
}

func (c *client) register(name string) {
	c.t.Helper()
	var out struct{ Token string }
	c.call(http.StatusCreated, http.MethodPost, "/api/users/register", map[string]string{
		"username": name, "email": name + "@example.org", "password": "correct horse battery",
	}).decode(c.t, &out)
	if out.Token == "" {
		c.t.Fatal("registration answers no token")
	}
	c.token = out.Token
}

func (c *client) createSession(name string) string {
	c.t.Helper()
	var out struct {
		Data struct{ ID string }
	}
	c.call(http.StatusCreated, http.MethodPost, "/api/sessions/", map[string]string{"name": name}).decode(c.t, &out)
	return out.Data.ID
}

type item struct {
	Path          string `json:"path"`
	Type          string `json:"type"`
	Size          int64  `json:"size"`
	Saved         bool   `json:"saved"`
	UnsavedReason string `json:"unsaved_reason"`
}

func (c *client) tree(session string) map[string]item {
	c.t.Helper()
	var items []item
	c.call(http.StatusOK, http.MethodGet, "/api/workspace/"+session+"/files", nil).decode(c.t, &items)
	byPath := make(map[string]item, len(items))
	for _, i := range items {
		byPath[i.Path] = i
	}
	return byPath
}

func (c *client) file(session, path string) answer {
	c.t.Helper()
	return c.do(http.MethodGet, "/api/workspace/"+session+"/file/"+(&url.URL{Path: path}).EscapedPath()+"?raw=1", "", nil)
}

// dial opens a WebSocket; query as in docs/api/websocket.md.
func (c *client) dial(ctx context.Context, query url.Values) *websocket.Conn {
	c.t.Helper()
	ws, _, err := websocket.Dial(ctx, strings.Replace(c.url, "http://", "ws://", 1)+"/ws?"+query.Encode(), &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + c.token}},
	})
	if err != nil {
		c.t.Fatalf("dial /ws?%s: %v", query.Encode(), err)
	}
	ws.SetReadLimit(8 << 20)
	c.t.Cleanup(func() { _ = ws.CloseNow() })
	return ws
}

// message is any message of the server.
type message struct {
	Type        string `json:"type"`
	Phase       string `json:"phase"`
	Message     string `json:"message"`
	Reason      string `json:"reason"`
	Code        any    `json:"code"`
	Incarnation string `json:"incarnation"`
	Offset      int64  `json:"offset"`
	InputOffset int64  `json:"input_offset"`
	Reset       bool   `json:"reset"`
	Created     bool   `json:"created"`
	Braked      bool   `json:"braked"`
	StopsAt     string `json:"stops_at"`
	MayStay     bool   `json:"may_stay"`
	QueuePlace  int    `json:"queue_place"`
	Snapshot    int    `json:"snapshot"`
	Mode        string `json:"mode"`
	Revision    int64  `json:"revision"`
	Changes     []struct {
		Path, Op, Source string
	} `json:"changes"`
}

// shell is an attached terminal.
type shell struct {
	c        *client
	ws       *websocket.Conn
	text     strings.Builder
	attached message
	offset   int64
	snapshot int
}

// attach opens the terminal 1 and reads until it is attached and, when it is new, until the shell waits.
func (c *client) attach(session string) *shell {
	c.t.Helper()
	return c.attachTo(session, "1")
}

// attachTo is attach for a terminal of any name.
func (c *client) attachTo(session, terminal string) *shell {
	c.t.Helper()
	s := &shell{c: c, ws: c.dial(c.t.Context(), url.Values{
		"session": {session}, "terminal": {terminal}, "cols": {"200"}, "rows": {"50"}, "client": {"test"},
	})}
	for s.attached.Type == "" {
		s.read()
	}
	// What is typed while a shell changes the terminal's modes gets lost with any terminal.
	if s.attached.Created {
		s.until("$ ")
	}
	return s
}

// read takes one frame.
func (s *shell) read() {
	s.c.t.Helper()
	kind, data, err := s.ws.Read(s.c.t.Context())
	if err != nil {
		s.c.t.Fatalf("read the terminal: %v\nit showed:\n%s", err, s.tail())
	}
	if kind == websocket.MessageBinary {
		s.text.Write(data)
		n := min(s.snapshot, len(data))
		s.snapshot -= n
		s.offset += int64(len(data) - n)
		ack := fmt.Appendf(nil, `{"type":"ack","offset":%d}`, s.offset)
		if err := s.ws.Write(s.c.t.Context(), websocket.MessageText, ack); err != nil {
			s.c.t.Fatalf("acknowledge: %v", err)
		}
		return
	}
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		s.c.t.Fatalf("the server sent %q: %v", data, err)
	}
	switch m.Type {
	case "attached":
		s.attached, s.offset, s.snapshot = m, m.Offset, m.Snapshot
	case "error":
		s.c.t.Fatalf("the terminal answers an error: %s", data)
	case "status":
		if m.Phase == "failed" {
			s.c.t.Fatalf("the environment did not start: %s %s", m.Message, m.Reason)
		}
	}
}

func (s *shell) tail() string {
	text := s.text.String()
	return text[max(0, len(text)-3000):]
}

// until reads until the terminal has shown want.
func (s *shell) until(want string) {
	s.c.t.Helper()
	for !strings.Contains(s.text.String(), want) {
		s.read()
	}
}

func (s *shell) typed(text string) {
	s.c.t.Helper()
	if err := s.ws.Write(s.c.t.Context(), websocket.MessageBinary, []byte(text)); err != nil {
		s.c.t.Fatalf("type %q: %v", text, err)
	}
}

// run types a command and answers with what it printed.
func (s *shell) run(command string) string {
	s.c.t.Helper()
	// Neither the echo of the line itself nor what a replay shows must be taken for its end.
	mark := rand.Text()
	begin, end := "<begin-"+mark+">", "<end-"+mark+">"
	s.typed(fmt.Sprintf(" printf '<%%s-%%s>\\n' begin %s; { %s\n} 2>&1; printf '<%%s-%%s>\\n' end %s\r", mark, command, mark))
	s.until(end)
	text := s.text.String()
	text = text[strings.LastIndex(text, begin)+len(begin):]
	text, _, _ = strings.Cut(text, end)
	return strings.TrimSpace(strings.ReplaceAll(text, "\r", ""))
}

// events is the event stream of a workspace, from its first revision.
type events struct {
	c  *client
	ws *websocket.Conn
}

func (c *client) events(session string) *events {
	c.t.Helper()
	return &events{c: c, ws: c.dial(c.t.Context(), url.Values{"session": {session}, "revision": {"0"}})}
}

// until reads until done says so.
func (e *events) until(done func(message) bool) {
	e.c.t.Helper()
	for {
		_, data, err := e.ws.Read(e.c.t.Context())
		if err != nil {
			e.c.t.Fatalf("read events: %v", err)
		}
		var m message
		if err := json.Unmarshal(data, &m); err != nil {
			e.c.t.Fatalf("the server sent %q: %v", data, err)
		}
		if done(m) {
			return
		}
	}
}

// untilFile waits until every path has been committed.
func (e *events) untilFile(paths ...string) {
	e.c.t.Helper()
	missing := map[string]bool{}
	for _, p := range paths {
		missing[p] = true
	}
	e.until(func(m message) bool {
		for _, change := range m.Changes {
			delete(missing, change.Path)
		}
		return len(missing) == 0
	})
}

// untilContent waits until a file is committed with this content.
func (e *events) untilContent(session, path, want string) {
	e.c.t.Helper()
	for {
		if a := e.c.file(session, path); a.status == http.StatusOK && string(a.body) == want {
			return
		}
		e.until(func(m message) bool { return m.Type == "files" })
	}
}

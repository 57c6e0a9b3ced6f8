package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// recordingInfo is a recording as the API tells it.
type recordingInfo struct {
	ID       string  `json:"id"`
	Terminal string  `json:"terminal"`
	Cols     int     `json:"cols"`
	Rows     int     `json:"rows"`
	Duration float64 `json:"duration"`
	Size     int64   `json:"size"`
	Active   bool    `json:"active"`
	Error    string  `json:"error"`
	EndedAt  *string `json:"ended_at"`
}

func (c *client) startRecording(session, terminal string) recordingInfo {
	c.t.Helper()
	var out struct{ Data recordingInfo }
	c.call(http.StatusCreated, http.MethodPost, "/api/workspace/"+session+"/terminals/"+terminal+"/recording", nil).decode(c.t, &out)
	return out.Data
}

func (c *client) stopRecording(session, terminal string) recordingInfo {
	c.t.Helper()
	var out struct{ Data recordingInfo }
	c.call(http.StatusOK, http.MethodDelete, "/api/workspace/"+session+"/terminals/"+terminal+"/recording", nil).decode(c.t, &out)
	return out.Data
}

func (c *client) recording(session, id string) recordingInfo {
	c.t.Helper()
	var out struct{ Data recordingInfo }
	c.call(http.StatusOK, http.MethodGet, "/api/workspace/"+session+"/recordings/"+id, nil).decode(c.t, &out)
	return out.Data
}

func (s *shell) control(message string) {
	s.c.t.Helper()
	if err := s.ws.Write(s.c.t.Context(), websocket.MessageText, []byte(message)); err != nil {
		s.c.t.Fatalf("send %s: %v", message, err)
	}
}

// cast is a recording's file, as a player reads it.
type cast struct {
	header struct {
		Version, Width, Height int
	}
	// printed is all output together, screens the number of events that draw the screen anew.
	printed string
	screens int
	sizes   []string
	last    float64
}

func (c *client) cast(session, id string) cast {
	c.t.Helper()
	file := c.do(http.MethodGet, "/api/workspace/"+session+"/recordings/"+id+"/cast?download=1", "", nil)
	if kind := file.header.Get("Content-Type"); file.status != http.StatusOK || kind != "application/x-asciicast" ||
		!strings.HasPrefix(file.header.Get("Content-Disposition"), "attachment; filename=") {
		c.t.Fatalf("the file: %d %v", file.status, file.header)
	}
	var out cast
	var printed strings.Builder
	for i, line := range bytes.Split(bytes.TrimSuffix(file.body, []byte("\n")), []byte("\n")) {
		if i == 0 {
			if err := json.Unmarshal(line, &out.header); err != nil {
				c.t.Fatalf("the header %q: %v", line, err)
			}
			continue
		}
		var at float64
		var kind, data string
		if err := json.Unmarshal(line, &[]any{&at, &kind, &data}); err != nil || at < out.last {
			c.t.Fatalf("line %d, %q, after %v: %v", i, line, out.last, err)
		}
		out.last = at
		switch kind {
		case "o":
			if strings.HasPrefix(data, "\x1bc") {
				out.screens++
			}
			printed.WriteString(data)
		case "r":
			out.sizes = append(out.sizes, data)
		default:
			c.t.Fatalf("line %d is of kind %q", i, kind)
		}
	}
	out.printed = printed.String()
	return out
}

func TestRecording(t *testing.T) {
	t.Parallel()
	p := startProgram(t, dataDir(t))
	c := &client{t: t, url: p.url}
	c.register("ada")
	id := c.createSession("recorded")
	base := "/api/workspace/" + id
	c.call(http.StatusNotFound, http.MethodPost, base+"/terminals/1/recording", nil)
	sh := c.attach(id)
	sh.run("echo long ago")

	r := c.startRecording(id, "1")
	if !r.Active || r.Terminal != "1" || r.Cols != 200 || r.Rows != 50 || r.EndedAt != nil {
		t.Fatalf("started: %+v", r)
	}
	c.call(http.StatusConflict, http.MethodPost, base+"/terminals/1/recording", nil)
	c.call(http.StatusNotFound, http.MethodPost, base+"/terminals/nope/recording", nil)
	type watcher struct {
		Name, Mode string
		Visible    bool
	}
	var now struct {
		Terminals []struct {
			Recording bool
			Watchers  []watcher
		}
	}
	c.call(http.StatusOK, http.MethodGet, base+"/terminals", nil).decode(t, &now)
	if len(now.Terminals) != 1 || !now.Terminals[0].Recording || !slices.Equal(now.Terminals[0].Watchers, []watcher{{Name: "ada", Mode: "write", Visible: true}}) {
		t.Errorf("the recorder is no watcher, and makes it a recording: %+v", now.Terminals)
	}
	const command = `printf 'caf`
	sh.run(command + `\xc3\xa9 \xf0\x9f\x98\x80 \xff\033[31mred\033[0m\n'`)
	sh.control(`{"type":"resize","cols":120,"rows":40}`)
	if got := sh.run("until [ $(tput cols) = 120 ]; do sleep 0.01; done; stty size"); got != "40 120" {
		t.Fatalf("the size is %q", got)
	}
	stopped := c.stopRecording(id, "1")
	if stopped.ID != r.ID || stopped.Active || stopped.EndedAt == nil || stopped.Error != "" || stopped.Duration <= 0 {
		t.Fatalf("stopped: %+v", stopped)
	}
	c.call(http.StatusNotFound, http.MethodDelete, base+"/terminals/1/recording", nil)

	got := c.cast(id, r.ID)
	if got.header.Version != 2 || got.header.Width != 200 || got.header.Height != 50 || got.screens != 1 {
		t.Errorf("header %+v, %d screens", got.header, got.screens)
	}
	// First the screen as it was, then each byte that a viewer was sent.
	screen, _, _ := strings.Cut(got.printed, command)
	if !strings.HasPrefix(screen, "\x1bc") || !strings.Contains(screen, "\r\nlong ago\r\n") {
		t.Errorf("it begins with %q", got.printed[:min(len(got.printed), 500)])
	}
	shown := sh.text.String()
	want := string([]rune(shown[strings.Index(shown, command):]))
	if at := strings.Index(got.printed, command); at < 0 || !strings.HasPrefix(got.printed[at:], want) {
		t.Errorf("the terminal printed\n%q\nand the recording has\n%q", want, got.printed)
	}
	if len(got.sizes) != 1 || got.sizes[0] != "120x40" {
		t.Errorf("sizes %v", got.sizes)
	}
	file := c.do(http.MethodGet, base+"/recordings/"+r.ID+"/cast", "", nil)
	if int64(len(file.body)) != stopped.Size || got.last != stopped.Duration || file.header.Get("Content-Disposition") != "" {
		t.Errorf("the file has %d bytes until %v, its row says %+v", len(file.body), got.last, stopped)
	}

	// It ends with the program, and with the environment.
	ended := c.startRecording(id, "1")
	sh.typed("exit\r")
	for c.recording(id, ended.ID).Active {
		// The recorder is told of the end as the shell's viewer is.
	}
	if got := c.cast(id, ended.ID); !strings.Contains(got.printed, "exit") {
		t.Errorf("the end is missing: %q", got.printed)
	}
	c.call(http.StatusNotFound, http.MethodPost, base+"/terminals/1/recording", nil)
	other := c.attachTo(id, "a b")
	last := c.startRecording(id, "a%20b")
	other.run("echo the last words")
	c.call(http.StatusAccepted, http.MethodPost, base+"/shutdown", nil)
	if r := c.recording(id, last.ID); r.Active || r.Error != "" {
		t.Errorf("it goes on without an environment: %+v", r)
	}
	if got := c.cast(id, last.ID); !strings.Contains(got.printed, "the last words") {
		t.Errorf("the last words are missing: %q", got.printed)
	}

	var list struct {
		Data  []recordingInfo
		Count int
	}
	c.call(http.StatusOK, http.MethodGet, base+"/recordings", nil).decode(t, &list)
	if list.Count != 3 || list.Data[0].ID != last.ID || list.Data[2].ID != r.ID {
		t.Errorf("%+v", list)
	}
	c.call(http.StatusNoContent, http.MethodDelete, base+"/recordings/"+r.ID, nil)
	c.call(http.StatusNotFound, http.MethodGet, base+"/recordings/"+r.ID, nil)
	c.call(http.StatusNotFound, http.MethodGet, base+"/recordings/"+r.ID+"/cast", nil)
}

// A program prints at all times while backends die: the recording has each line once, in order.
func TestRecordingSurvivesKillsOfTheBackend(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	p := startProcess(t, dir)
	c := &client{t: t, url: p.url}
	c.register("ada")
	id := c.createSession("crash")
	sh := c.attach(id)
	r := c.startRecording(id, "1")
	const lines = 3000
	sh.typed(fmt.Sprintf(" for i in $(seq %d); do echo \"tick $i é 😀\"; [ $((i %% 10)) = 0 ] && sleep 0.01; done; echo all-is-$((1+1))-said\r", lines))
	for _, kill := range []int{300 + rand.IntN(300), 1200 + rand.IntN(300)} {
		sh.until(fmt.Sprintf("tick %d ", kill))
		p.end(t, os.Kill)
		p = startProcess(t, dir)
		c.url = p.url
		sh = c.attach(id)
	}
	sh.until("all-is-2-said")
	stopped := c.stopRecording(id, "1")
	if stopped.ID != r.ID || stopped.Active || stopped.Error != "" {
		t.Fatalf("stopped: %+v", stopped)
	}
	got := c.cast(id, r.ID)
	var want strings.Builder
	for i := range lines {
		fmt.Fprintf(&want, "tick %d é 😀\r\n", i+1)
	}
	at := strings.Index(got.printed, "tick 1 é")
	if at < 0 || !strings.HasPrefix(got.printed[at:], want.String()) {
		t.Errorf("the recording holds %d bytes with SHA-256 %s, the program printed %d bytes with %s; %d screens",
			len(got.printed)-max(at, 0), sum(got.printed[max(at, 0):]), want.Len(), sum(want.String()), got.screens)
	}
	if got.screens != 1 {
		t.Errorf("the screen was drawn anew %d times: something was lost", got.screens-1)
	}
	p.end(t, os.Interrupt)
}

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

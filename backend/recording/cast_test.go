package recording

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"codingplatform/backend"
)

// event is a line as a player reads it.
type event struct {
	Time       float64
	Kind, Data string
}

// play reads lines, and fails where one is no event or goes back in time.
func play(tb testing.TB, lines []byte) []event {
	tb.Helper()
	events := []event{}
	if len(lines) > 0 && lines[len(lines)-1] != '\n' {
		tb.Fatalf("the last line does not end: %q", lines)
	}
	for line := range bytes.Lines(lines) {
		if !utf8.Valid(line) {
			tb.Fatalf("not UTF-8: %q", line)
		}
		var e event
		if err := json.Unmarshal(line, &[]any{&e.Time, &e.Kind, &e.Data}); err != nil {
			tb.Fatalf("%q: %v", line, err)
		}
		if n := len(events); n > 0 && e.Time < events[n-1].Time {
			tb.Fatalf("%q comes before %v", line, events[n-1])
		}
		events = append(events, e)
	}
	return events
}

func printed(events []event) string {
	var all strings.Builder
	for _, e := range events {
		if e.Kind == "o" {
			all.WriteString(e.Data)
		}
	}
	return all.String()
}

func TestHeader(t *testing.T) {
	t.Parallel()
	r := backend.Recording{Cols: 120, Rows: 40, StartedAt: time.Unix(1767225600, 5e8), Title: `vim "a\b" <ü>`}
	var got map[string]any
	line := Header(r)
	if err := json.Unmarshal(line, &got); err != nil || bytes.Count(line, []byte("\n")) != 1 || line[len(line)-1] != '\n' {
		t.Fatalf("%q: %v", line, err)
	}
	want := map[string]any{
		"version": 2.0, "width": 120.0, "height": 40.0, "timestamp": 1767225600.0, "title": `vim "a\b" <ü>`,
		"env": map[string]any{"TERM": "xterm-256color"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if r.Title = ""; bytes.Contains(Header(r), []byte("title")) {
		t.Errorf("an empty title: %s", Header(r))
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	e := &encoder{}
	e.redraw(0, []byte("\x1b[1mhi\x1b[0m"))
	e.output(1500*time.Millisecond, []byte("a\"\\\t\r\n\x00\x1b\x7f<&>é"))
	e.resize(2*time.Second, 100, 30)
	e.output(time.Second, []byte("late")) // a clock that went back
	want := []event{
		{0, "o", "\x1bc\x1b[3J\x1b[1mhi\x1b[0m"},
		{1.5, "o", "a\"\\\t\r\n\x00\x1b\x7f<&>é"},
		{2, "r", "100x30"},
		{2, "o", "late"},
	}
	if diff := cmp.Diff(want, play(t, e.lines)); diff != "" {
		t.Error(diff)
	}
	if e.last != 2*time.Second {
		t.Errorf("the last event is at %s", e.last)
	}
}

func TestCutCharacters(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pieces []string
		want   string
		held   int
	}{
		"two bytes":               {[]string{"a\xc3", "\xa9b"}, "aéb", 0},
		"four bytes one by one":   {[]string{"\xf0", "\x9f", "\x98", "\x80"}, "😀", 0},
		"held at the end":         {[]string{"ok\xe2\x82"}, "ok", 2},
		"no continuation":         {[]string{"\xc3", "x"}, "\ufffdx", 0},
		"a lone continuation":     {[]string{"\xa9", "\xa9x"}, "\ufffd\ufffdx", 0},
		"cannot become one":       {[]string{"\xe0\x80"}, "\ufffd\ufffd", 0},
		"a surrogate":             {[]string{"\xed\xa0", "\x80"}, "\ufffd\ufffd\ufffd", 0},
		"never in UTF-8":          {[]string{"\xff\xfe"}, "\ufffd\ufffd", 0},
		"nothing":                 {[]string{"", ""}, "", 0},
		"a redrawn screen forgot": {nil, clearScreen + "new", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &encoder{}
			for _, p := range c.pieces {
				e.output(0, []byte(p))
			}
			if c.pieces == nil {
				e.output(0, []byte("\xe2\x82"))
				e.redraw(0, []byte("new"))
			}
			if got := printed(play(t, e.lines)); got != c.want || len(e.rest) != c.held {
				t.Errorf("printed %q and holds %q, want %q and %d bytes", got, e.rest, c.want, c.held)
			}
			e.finish(0)
			if got := printed(play(t, e.lines)); got != c.want+strings.Repeat("\ufffd", c.held) {
				t.Errorf("finished: %q", got)
			}
		})
	}
}

func TestEventsAreBounded(t *testing.T) {
	t.Parallel()
	e := &encoder{}
	long := strings.Repeat("x€", maxEvent)
	e.output(0, []byte(long))
	events := play(t, e.lines)
	if printed(events) != long {
		t.Fatal("a long output is not what was printed")
	}
	for _, v := range events {
		if len(v.Data) > maxEvent {
			t.Errorf("an event of %d bytes", len(v.Data))
		}
	}
}

// However output is cut, the events hold it whole; and each byte that is no UTF-8 is U+FFFD.
func FuzzEncoder(f *testing.F) {
	f.Add([]byte("h\xc3\xa9llo \xf0\x9f\x98\x80\r\n"), []byte{1, 2, 3})
	f.Add([]byte("\xff\xe2\x82\x1b]0;t\x07\"\\"), []byte{3, 1})
	f.Add([]byte("\xed\xa0\x80\xf4\x90\x80\x80"), []byte{1})
	f.Add([]byte("\"\xe2\xf0"), []byte{1, 2})
	f.Fuzz(func(t *testing.T, data, cuts []byte) {
		want := string([]rune(string(data)))
		e := &encoder{}
		rest, at := data, time.Duration(0)
		for i := 0; len(rest) > 0; i++ {
			n := len(rest)
			if i < len(cuts) {
				n = min(int(cuts[i]), n)
				at += time.Duration(int8(cuts[i])) * time.Millisecond //nolint:gosec // clocks go back, too
			}
			e.output(at, rest[:n])
			rest = rest[n:]
			// What is held is the end of what came, so that who goes on from before it gets it again.
			taken := data[:len(data)-len(rest)]
			if !bytes.HasSuffix(taken, e.rest) || len(e.rest) >= utf8.UTFMax {
				t.Fatalf("holds %q after %q", e.rest, taken)
			}
			if got, want := printed(play(t, e.lines)), string([]rune(string(taken[:len(taken)-len(e.rest)]))); got != want {
				t.Fatalf("printed %q, want %q", got, want)
			}
		}
		e.finish(at)
		if got := printed(play(t, e.lines)); got != want {
			t.Fatalf("printed %q, want %q", got, want)
		}
	})
}

// A recording that is to end waits for what the terminal has printed as long as that comes.
func TestWhatComesIsWaitedFor(t *testing.T) {
	t.Parallel()
	r := newRecorder(Config{}, backend.Recording{})
	for range 3 {
		if !r.comes() {
			t.Fatal("it does not wait until the terminal is reached")
		}
	}
	r.incarnation, r.offset = "i", 10
	if !r.comes() {
		t.Error("it does not wait though something came")
	}
	if r.comes() {
		t.Error("it waits though nothing came")
	}
}

package recording

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"

	"codingplatform/backend"
)

const (
	// maxEvent is how many bytes of output one event holds at most.
	maxEvent = 64 << 10
	// clearScreen begins an event that draws the screen anew: a reset, and the scrollback deleted.
	clearScreen = "\x1bc\x1b[3J"
)

// Header is the first line of a recording's file.
func Header(r backend.Recording) []byte {
	header := struct {
		Version   int               `json:"version"`
		Width     int               `json:"width"`
		Height    int               `json:"height"`
		Timestamp int64             `json:"timestamp"`
		Title     string            `json:"title,omitempty"`
		Env       map[string]string `json:"env"`
	}{2, r.Cols, r.Rows, r.StartedAt.Unix(), r.Title, map[string]string{"TERM": "xterm-256color"}}
	line, err := json.Marshal(header)
	if err != nil {
		panic("recording: a header of plain fields cannot be written: " + err.Error())
	}
	return append(line, '\n')
}

// encoder turns what a terminal does into lines of events. How the output was cut on its way does not change what the
// events hold together.
type encoder struct {
	lines []byte
	// rest is the beginning of a character whose end has not come.
	rest []byte
	// last is the time of the last event.
	last time.Duration
}

// output adds what the program wrote. The beginning of a character at its end waits for the next call.
func (e *encoder) output(at time.Duration, p []byte) {
	if len(e.rest) > 0 {
		p = append(e.rest, p...)
		e.rest = nil
	}
	whole := len(p) - cut(p)
	for begin := 0; begin < whole; {
		end := whole
		if end > begin+maxEvent {
			end = begin + maxEvent
			end -= cut(p[begin:end])
		}
		e.event(at, 'o', p[begin:end])
		begin = end
	}
	e.rest = append(e.rest, p[whole:]...)
}

// cut is how many bytes at the end of p begin a character that p does not hold whole.
func cut(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		if b := p[len(p)-n]; utf8.RuneStart(b) {
			if utf8.FullRune(p[len(p)-n:]) {
				return 0
			}
			return n
		}
	}
	return 0
}

// redraw adds the present screen. What came before no longer matters to it.
func (e *encoder) redraw(at time.Duration, snapshot []byte) {
	e.rest = nil
	e.output(at, append([]byte(clearScreen), snapshot...))
}

// resize adds a new size.
func (e *encoder) resize(at time.Duration, cols, rows uint32) {
	size := strconv.AppendUint(nil, uint64(cols), 10)
	e.event(at, 'r', strconv.AppendUint(append(size, 'x'), uint64(rows), 10))
}

// finish says that no more output comes: what waits for its end will not be a character any more.
func (e *encoder) finish(at time.Duration) {
	if len(e.rest) > 0 {
		e.event(at, 'o', e.rest)
		e.rest = nil
	}
}

func (e *encoder) event(at time.Duration, kind byte, data []byte) {
	// As exact as the database keeps it.
	e.last = max(e.last, at.Truncate(time.Microsecond))
	e.lines = append(e.lines, '[')
	e.lines = strconv.AppendFloat(e.lines, e.last.Seconds(), 'f', 6, 64)
	e.lines = append(e.lines, ',', ' ', '"', kind, '"', ',', ' ')
	e.lines = appendString(e.lines, data)
	e.lines = append(e.lines, ']', '\n')
}

// appendString adds a JSON string. Each byte that is no UTF-8 becomes U+FFFD.
func appendString(to, p []byte) []byte {
	const hex = "0123456789abcdef"
	to = append(to, '"')
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		switch {
		case r == utf8.RuneError && n == 1:
			to = append(to, "\ufffd"...)
		case r == '"' || r == '\\':
			to = append(to, '\\', p[0])
		case r == '\n':
			to = append(to, '\\', 'n')
		case r == '\r':
			to = append(to, '\\', 'r')
		case r < ' ' || r == 0x7f:
			to = append(to, '\\', 'u', '0', '0', hex[p[0]>>4], hex[p[0]&15])
		default:
			to = append(to, p[:n]...)
		}
		p = p[n:]
	}
	return append(to, '"')
}

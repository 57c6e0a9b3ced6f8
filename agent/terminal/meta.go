package terminal

import (
	"bytes"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// meta follows what a program says of itself: title, working directory, and whether it has the alternate
// screen.
type meta struct {
	parser    parser
	title     string
	cwd       string
	alternate bool
}

// write follows output and says whether the title has changed.
func (m *meta) write(p []byte) (retitled bool) {
	for len(p) > 0 {
		if m.parser.ground() {
			if p = p[plain(p):]; len(p) == 0 {
				break
			}
		}
		switch m.parser.next(p[0]) {
		case evOSC:
			retitled = m.command(m.parser.buf) || retitled
		case evCSI:
			m.mode()
		case evEscape:
			if m.parser.final == 'c' && len(m.parser.buf) == 0 {
				m.alternate = false
			}
		case evNone, evPrint, evControl, evString:
		}
		p = p[1:]
	}
	return retitled
}

func (m *meta) command(payload []byte) (retitled bool) {
	number, rest, ok := bytes.Cut(payload, []byte(";"))
	if !ok {
		return false
	}
	switch string(number) {
	case "0", "2":
		title := cleanTitle(string(rest))
		retitled = title != m.title
		m.title = title
	case "7":
		if u, err := url.Parse(string(rest)); err == nil && u.Scheme == "file" && strings.HasPrefix(u.Path, "/") {
			m.cwd = u.Path
		}
	}
	return retitled
}

func (m *meta) mode() {
	if f := m.parser.final; f != 'h' && f != 'l' {
		return
	}
	c := parseCSI(&m.parser)
	if c.prefix != '?' {
		return
	}
	c.eachParam(func(p param) {
		if p.value == 47 || p.value == 1047 || p.value == 1049 {
			m.alternate = c.final == 'h'
		}
	})
}

// cleanTitle keeps printable characters, maxTitle at most.
func cleanTitle(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) > maxTitle {
		s = string([]rune(s)[:maxTitle])
	}
	return s
}

package cli

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// modes follows what a program's output has set in the terminal that shows it, so that all of it can be undone when
// the program is left in mid-work: a local shell shall not be left with mouse reports or another screen.
type modes struct {
	set     map[int]bool // private modes that are not as they were, with their value
	keypad  bool         // application keypad (DECKPAM)
	other   bool         // attributes, margins, cursor style or character sets may have been changed
	state   parseState
	params  []byte
	utf8    [utf8.UTFMax]byte
	partial int
}

type parseState int

const (
	ground parseState = iota
	escaped
	charset // ESC ( and the like: one more byte
	control // CSI
	quoted  // OSC, DCS, APC, PM, SOS: up to ST or BEL
	quotedEscaped
)

// normally is how a terminal has a private mode (DECSET) from the start, for those that are undone.
func (m *modes) normally(mode int) (value, known bool) {
	switch mode {
	case 7, 25: // wrap around; cursor
		return true, true
	case 1, 5, 6, 9, 45, 47, 66, 69, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1015, 1016, 1047, 1049, 2004, 2026, 2031, 2048:
		return false, true
	}
	return false, false
}

// write follows output.
func (m *modes) write(p []byte) {
	for _, b := range p {
		m.next(b)
	}
}

func (m *modes) next(b byte) {
	switch {
	case m.state == quoted || m.state == quotedEscaped:
		m.nextOfQuoted(b)
		return
	case b == 0x1b:
		m.state, m.partial = escaped, 0
		return
	case b == 0x18 || b == 0x1a: // CAN, SUB
		m.state, m.partial = ground, 0
		return
	}
	switch m.state {
	case ground:
		m.nextOfCharacter(b)
	case escaped:
		m.nextOfEscape(b)
	case charset:
		m.state, m.other = ground, true
	case control:
		if b >= 0x40 && b <= 0x7e {
			m.state = ground
			m.apply(b)
		} else if len(m.params) < 64 {
			m.params = append(m.params, b)
		}
	case quoted, quotedEscaped:
	}
}

func (m *modes) nextOfQuoted(b byte) {
	switch {
	case b == 0x1b:
		m.state = quotedEscaped
	case m.state == quotedEscaped && b == '\\', b == 0x07, b == 0x18, b == 0x1a:
		m.state = ground
	case m.state == quotedEscaped:
		// The string was broken off by another sequence.
		m.nextOfEscape(b)
	}
}

func (m *modes) nextOfCharacter(b byte) {
	if b < utf8.RuneSelf {
		m.partial = 0
		return
	}
	m.utf8[m.partial] = b
	m.partial++
	if m.partial == utf8.UTFMax || utf8.FullRune(m.utf8[:m.partial]) {
		m.partial = 0
	}
}

func (m *modes) nextOfEscape(b byte) {
	m.state = ground
	switch b {
	case '[':
		m.state, m.params = control, m.params[:0]
	case ']', 'P', '_', '^', 'X':
		m.state = quoted
	case '(', ')', '*', '+', '#', '%', ' ':
		m.state = charset
	case '=':
		m.keypad = true
	case '>':
		m.keypad = false
	case 'c': // reset
		m.set, m.keypad, m.other = nil, false, false
	}
}

// apply follows a control sequence that ends with final.
func (m *modes) apply(final byte) {
	params := m.params
	private := bytes.HasPrefix(params, []byte("?"))
	switch {
	case private && (final == 'h' || final == 'l'):
		for field := range bytes.SplitSeq(params[1:], []byte(";")) {
			mode, err := strconv.Atoi(string(field))
			if err != nil {
				continue
			}
			normal, known := m.normally(mode)
			if !known {
				continue
			}
			if value := final == 'h'; value != normal {
				if m.set == nil {
					m.set = map[int]bool{}
				}
				m.set[mode] = value
			} else {
				delete(m.set, mode)
			}
		}
	case final == 'm' || final == 'r' || final == 'h' || final == 'q':
		m.other = true
	case final == 'p' && bytes.HasPrefix(params, []byte("!")): // soft reset
		m.keypad = false
	}
}

// settled says that the output is between two characters and outside a sequence: something else may be written.
func (m *modes) settled() bool { return m.state == ground && m.partial == 0 }

// alternate says that a full-screen program has the screen.
func (m *modes) alternate() bool { return m.set[47] || m.set[1047] || m.set[1049] }

// undo is what brings the terminal back, and forgets what was set.
func (m *modes) undo() []byte {
	var out []byte
	if !m.settled() {
		out = append(out, 0x18) // CAN ends a sequence that was broken off
		if m.state == quoted || m.state == quotedEscaped {
			out = append(out, "\x1b\\"...)
		}
	}
	if m.other {
		// Insert mode off, attributes off, ASCII, margins off (which moves the cursor), the default cursor.
		out = append(out, "\x1b[4l\x1b[m\x1b(B\x0f\x1b7\x1b[r\x1b8\x1b[0 q"...)
	}
	for _, mode := range slices.Sorted(maps.Keys(m.set)) {
		final := byte('h')
		if m.set[mode] {
			final = 'l'
		}
		out = append(strconv.AppendInt(append(out, "\x1b[?"...), int64(mode), 10), final)
	}
	if m.keypad {
		out = append(out, "\x1b>"...)
	}
	*m = modes{}
	return out
}

package terminal

import "strconv"

// trackedModes are the DEC private modes that a replay from the middle has to set first, with those that are
// set from the start. The alternate screen is apart, since it has three numbers.
func trackedModes() [17]struct {
	number int
	on     bool
} {
	return [17]struct {
		number int
		on     bool
	}{
		{1, false},
		{5, false},
		{7, true},
		{9, false},
		{12, false},
		{25, true},
		{45, false},
		{66, false},
		{1000, false},
		{1002, false},
		{1003, false},
		{1004, false},
		{1006, false},
		{1007, false},
		{1016, false},
		{2004, false},
		{6, false}, // origin mode last: it moves the cursor
	}
}

// modes is the state of a terminal besides its cells: what a replay from a later point needs first. The zero
// value is that of a fresh terminal.
type modes struct {
	// changed has a bit for every tracked mode that is not as in a fresh terminal.
	changed     uint32
	alternate   int // 0, or the mode that switched to the alternate screen: 47, 1047 or 1049
	insert      bool
	newline     bool
	keypad      bool
	cursor      int // DECSCUSR
	top, bottom int // DECSTBM; 0: the whole screen
	shift       bool
	g0, g1      byte // designated character sets; 0: ASCII
	rendition   sgr
}

// apply follows a sequence that the parser has just completed.
func (m *modes) apply(ev event, p *parser) {
	switch ev {
	case evControl:
		switch p.final {
		case asciiSO:
			m.shift = true
		case asciiSI:
			m.shift = false
		}
	case evEscape:
		m.applyEscape(p)
	case evCSI:
		m.applyCSI(parseCSI(p))
	case evNone, evPrint, evOSC, evString:
	}
}

func (m *modes) applyEscape(p *parser) {
	if len(p.buf) == 1 {
		switch p.buf[0] {
		case '(':
			m.g0 = p.final
		case ')':
			m.g1 = p.final
		}
		return
	}
	if len(p.buf) > 0 {
		return
	}
	switch p.final {
	case 'c':
		*m = modes{}
	case '=':
		m.keypad = true
	case '>':
		m.keypad = false
	}
}

func (m *modes) applyCSI(c csi) {
	switch {
	case c.final == 'm' && c.prefix == 0 && c.inter == 0:
		m.rendition.apply(c)
	case (c.final == 'h' || c.final == 'l') && c.inter == 0:
		c.eachParam(func(p param) { m.set(c.prefix, p.value, c.final == 'h') })
	case c.final == 'r' && c.prefix == 0 && c.inter == 0:
		bounds := [2]int{}
		i := 0
		c.eachParam(func(p param) {
			if i < len(bounds) {
				bounds[i] = max(p.value, 0)
			}
			i++
		})
		m.top, m.bottom = bounds[0], bounds[1]
	case c.final == 'q' && c.inter == ' ':
		m.cursor = c.first(0)
	case c.final == 'p' && c.inter == '!': // soft reset
		*m = modes{alternate: m.alternate}
	}
}

func (m *modes) set(prefix byte, number int, on bool) {
	switch {
	case prefix == 0 && number == 4:
		m.insert = on
	case prefix == 0 && number == 20:
		m.newline = on
	case prefix != '?':
	case number == 47 || number == 1047 || number == 1049:
		m.alternate = 0
		if on {
			m.alternate = number
		}
	default:
		for i, t := range trackedModes() {
			if t.number != number {
				continue
			}
			if on == t.on {
				m.changed &^= 1 << i
			} else {
				m.changed |= 1 << i
			}
		}
	}
}

// appendTo appends what brings a fresh terminal into this state.
func (m modes) appendTo(dst []byte) []byte {
	if m == (modes{}) {
		return dst
	}
	private := func(number int, on bool) {
		dst = strconv.AppendInt(append(dst, "\x1b[?"...), int64(number), 10)
		if on {
			dst = append(dst, 'h')
		} else {
			dst = append(dst, 'l')
		}
	}
	if m.alternate != 0 {
		private(m.alternate, true)
	}
	if m.top != 0 || m.bottom != 0 {
		dst = append(dst, "\x1b["...)
		if m.top != 0 {
			dst = strconv.AppendInt(dst, int64(m.top), 10)
		}
		dst = append(dst, ';')
		if m.bottom != 0 {
			dst = strconv.AppendInt(dst, int64(m.bottom), 10)
		}
		dst = append(dst, 'r')
	}
	if m.insert {
		dst = append(dst, "\x1b[4h"...)
	}
	if m.newline {
		dst = append(dst, "\x1b[20h"...)
	}
	if m.keypad {
		dst = append(dst, "\x1b="...)
	}
	if m.cursor != 0 {
		dst = append(strconv.AppendInt(append(dst, "\x1b["...), int64(m.cursor), 10), " q"...)
	}
	if m.g0 != 0 {
		dst = append(dst, asciiESC, '(', m.g0)
	}
	if m.g1 != 0 {
		dst = append(dst, asciiESC, ')', m.g1)
	}
	if m.shift {
		dst = append(dst, asciiSO)
	}
	for i, t := range trackedModes() {
		if m.changed&(1<<i) != 0 {
			private(t.number, !t.on)
		}
	}
	if m.rendition != (sgr{}) {
		dst = m.rendition.appendTo(dst)
	}
	return dst
}

package terminal

import (
	"bytes"
	"strconv"
)

// Screen follows a terminal's output and can draw its present screen for a viewer that comes late. Its
// methods are called with the terminal's lock held: they must not block.
type Screen interface {
	// Write follows output. It must not keep p.
	Write(p []byte)
	// Resize follows a new size.
	Resize(cols, rows int)
	// Snapshot is what draws the present screen on a cleared terminal. It never makes a terminal answer.
	Snapshot() []byte
}

// replay is a Screen that repeats the output that the ring keeps, from a point at which no sequence or
// character is cut, after what sets the modes of that point, and without queries.
type replay struct {
	ring   *ring
	at     uint64
	parser parser
	modes  modes
	marks  []mark // in order; the first one at or after the ring's start is where a replay begins
	spaced uint64 // the least distance of marks
}

// mark is a point from which output can be repeated.
type mark struct {
	offset uint64
	modes  modes
}

func newReplay(r *ring) *replay {
	return &replay{ring: r, at: r.End(), marks: []mark{{offset: r.End()}}, spaced: r.chunk}
}

// Write implements Screen. The bytes have been appended to the ring already.
func (r *replay) Write(p []byte) {
	last := r.marks[len(r.marks)-1].offset
	for len(p) > 0 {
		if r.parser.ground() {
			if n := plain(p); n > 0 {
				r.at += uint64(n)
				p = p[n:]
				continue
			}
		}
		b := p[0]
		p = p[1:]
		r.at++
		r.modes.apply(r.parser.next(b), &r.parser)
		// After a line feed the cursor's column is most often the first; where none comes for long, any point
		// outside a sequence has to do.
		if d := r.at - last; d >= r.spaced && r.parser.ground() && (b == '\n' || d >= 2*r.spaced) {
			last = r.at
			r.marks = append(r.marks, mark{offset: r.at, modes: r.modes})
		}
	}
	start, old := r.ring.Start(), 0
	for old < len(r.marks)-1 && r.marks[old].offset < start {
		old++
	}
	if old > 0 {
		r.marks = r.marks[:copy(r.marks, r.marks[old:])]
	}
}

// Resize implements Screen.
func (r *replay) Resize(int, int) {}

// Snapshot implements Screen.
func (r *replay) Snapshot() []byte {
	start := r.ring.Start()
	from := mark{offset: r.at, modes: r.modes}
	for _, m := range r.marks {
		if m.offset >= start {
			from = m
			break
		}
	}
	out := from.modes.appendTo(nil)
	if from.offset == r.at && !r.parser.ground() {
		// One string is longer than all that is kept: its rest is to be ignored.
		if r.parser.state == stString {
			out = append(out, "\x1b]999;"...)
		}
		return out
	}
	kept := make([]byte, r.at-from.offset)
	r.ring.CopyAt(kept, from.offset)
	return appendNeutral(out, kept)
}

// plain counts the printable ASCII characters at the beginning of p.
func plain(p []byte) int {
	for i, b := range p {
		if b < 0x20 || b >= asciiDEL {
			return i
		}
	}
	return len(p)
}

// appendNeutral appends output without what would make a terminal answer, ring or touch the clipboard. data
// begins outside any sequence; an unfinished one at its end is kept.
func appendNeutral(dst, data []byte) []byte {
	var p parser
	start := 0 // of what is not decided yet
	for i := 0; i < len(data); i++ {
		if p.ground() {
			i += plain(data[i:])
			if i == len(data) {
				break
			}
			dst = append(dst, data[start:i]...)
			start = i
		}
		ev := p.next(data[i])
		end := i + 1
		if p.began {
			// The byte ended what was before it, be it complete or broken off.
			end = i
			if ev == evControl || ev == evPrint {
				dst = append(dst, data[start:i]...)
				start, end = i, i+1
			} else if ev == evNone {
				dst = append(dst, data[start:i]...)
				start = i
				continue
			}
		}
		if ev == evNone {
			continue
		}
		if !disturbs(ev, &p) {
			dst = append(dst, data[start:end]...)
		}
		start = end
	}
	return append(dst, data[start:]...)
}

// disturbs says that a sequence makes a terminal answer, notify its user or touch the clipboard.
func disturbs(ev event, p *parser) bool {
	switch ev {
	case evControl:
		return p.final == asciiENQ || p.final == asciiBEL || p.final == c1DECID
	case evEscape:
		return len(p.buf) == 0 && p.final == 'Z'
	case evCSI:
		return csiDisturbs(parseCSI(p))
	case evOSC:
		return oscDisturbs(p.buf, p.long)
	case evString:
		rest := bytes.TrimLeft(p.buf, "0123456789;")
		return p.final == 'P' && (bytes.HasPrefix(rest, []byte("$q")) || bytes.HasPrefix(rest, []byte("+q"))) ||
			p.final == '_' && bytes.HasPrefix(p.buf, []byte("G")) && bytes.Contains(p.buf, []byte("a=q"))
	case evNone, evPrint:
	}
	return false
}

func csiDisturbs(c csi) bool {
	switch c.final {
	case 'c': // DA1, DA2, DA3
		return true
	case 'n': // DSR
		return c.prefix != '>'
	case 'p': // DECRQM
		return c.inter == '$'
	case 'q': // XTVERSION
		return c.prefix == '>'
	case 't': // reports of the window
		n := c.first(0)
		return c.prefix == 0 && c.inter == 0 && n >= 11 && n <= 21
	case 'x': // DECREQTPARM
		return c.prefix == 0 && c.inter == 0
	case 'y': // DECRQCRA
		return c.inter == '*'
	case 'u', 'm', 'S': // keyboard protocol, XTQMODKEYS, XTSMGRAPHICS
		return c.prefix == '?'
	case 'w': // DECRQPSR
		return c.inter == '$'
	case 'v': // DECRQDE
		return c.inter == '"'
	}
	return false
}

func oscDisturbs(payload []byte, long bool) bool {
	number, rest, _ := bytes.Cut(payload, []byte(";"))
	n, err := strconv.Atoi(string(number))
	if err != nil {
		return false
	}
	switch {
	case n == 52 || n == 9 || n == 99 || n == 777: // clipboard, notifications
		return true
	case n == 1337:
		return bytes.HasPrefix(rest, []byte("Report")) || bytes.HasPrefix(rest, []byte("RequestAttention"))
	case n == 4 || n == 5 || n >= 10 && n <= 19 || n == 21 || n == 50 || n == 60 || n == 61: // colours, fonts
		return long || bytes.Contains(rest, []byte("?"))
	}
	return false
}

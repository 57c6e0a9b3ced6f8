package screen

import (
	"encoding/binary"
	"unicode/utf8"
)

// state is where the parser is, after Paul Williams' state machine for DEC compatible terminals
// (https://vt100.net/emu/dec_ansi_parser), over characters instead of bytes.
type state uint8

const (
	stGround state = iota
	stEscape
	stEscapeInter
	stCSI      // right after the introducer
	stCSIParam // after the first parameter
	stCSIInter
	stCSIIgnore
	stString // SOS, PM, APC
	stOSC
	stDCS
	stDCSParam
	stDCSInter
	stDCSIgnore
	stDCSPass
)

// parser is what is left over between two writes.
type parser struct {
	state state
	// seq is the unfinished sequence as it came, without the controls that were carried out meanwhile.
	seq []byte
	// long says that seq is only the beginning.
	long bool
	// utf8 holds the first bytes of an unfinished character, partial their number.
	utf8    [utf8.UTFMax]byte
	partial int
}

// Write follows output. It keeps nothing of p.
func (s *Screen) Write(p []byte) {
	for i := 0; i < len(p); {
		b := p[i]
		if s.parser.partial == 0 && b < utf8.RuneSelf {
			if s.parser.state == stGround {
				i += s.ground(p[i:])
				continue
			}
			i++
			s.step(rune(b), p[i-1:i])
			continue
		}
		i += s.wide(p[i:])
	}
	s.endRun()
	s.sweep()
}

// ground takes text and sequences that are complete, from outside any sequence, and says how many bytes it took.
// The first byte is ASCII.
func (s *Screen) ground(p []byte) int {
	if p[0]-0x20 < 0x5f {
		n := printable(p)
		s.startRun()
		s.printASCII(p[:n])
		return n
	}
	s.endRun()
	switch p[0] {
	case '\n':
		s.lineFeed()
		s.join = 0
		return 1
	case '\r':
		s.active.x, s.join = 0, 0
		return 1
	case asciiESC:
	default:
		s.step(rune(p[0]), p[:1])
		return 1
	}
	if len(p) < 3 || p[1] != '[' {
		s.step(asciiESC, p[:1])
		return 1
	}
	// A whole control sequence at once; what is not plain goes its way through the states.
	n := 2
	if p[n]-'<' <= '?'-'<' {
		n++
	}
	for n < len(p) && p[n]-'0' <= ';'-'0' {
		n++
	}
	for n < len(p) && p[n]-0x20 < 0x10 {
		n++
	}
	if n < len(p) && p[n]-0x40 < 0x3f {
		s.dispatchCSI(p[2:n], p[n])
		s.join = 0
		return n + 1
	}
	s.step(asciiESC, p[:1])
	return 1
}

// printable counts the printable ASCII characters at the beginning of p.
func printable(p []byte) int {
	n := 0
	for ; n+8 <= len(p); n += 8 {
		// Eight at once: none below a space, none from DEL on.
		w := binary.LittleEndian.Uint64(p[n:])
		const ones, high = 0x0101010101010101, 0x8080808080808080
		if (w|(w+ones)|(w-0x20*ones))&high != 0 {
			break
		}
	}
	for n < len(p) && p[n]-0x20 < 0x5f {
		n++
	}
	return n
}

// wide takes one byte of UTF-8, and more when a whole character is there. What is no UTF-8 is left out, as
// xterm.js does.
func (s *Screen) wide(p []byte) int {
	ps := &s.parser
	if ps.partial == 0 {
		if r, n := utf8.DecodeRune(p); r != utf8.RuneError || n > 1 {
			s.character(r, p[:n])
			return n
		}
		if p[0] < 0xc0 || p[0] >= 0xf8 {
			return 1
		}
		ps.utf8[0], ps.partial = p[0], 1
		return 1
	}
	if p[0]&0xc0 != 0x80 {
		ps.partial = 0 // broken off; the byte begins something else
		return 0
	}
	ps.utf8[ps.partial] = p[0]
	ps.partial++
	if ps.partial < sequenceLength(ps.utf8[0]) {
		return 1
	}
	whole := ps.utf8
	n := ps.partial
	ps.partial = 0
	if r, size := utf8.DecodeRune(whole[:n]); size == n {
		s.character(r, whole[:n])
	}
	return 1
}

func sequenceLength(lead byte) int {
	switch {
	case lead < 0xe0:
		return 2
	case lead < 0xf0:
		return 3
	default:
		return 4
	}
}

// character takes a character beyond ASCII.
func (s *Screen) character(r rune, raw []byte) {
	if r == 0xfeff {
		return // the byte order mark
	}
	if r >= 0xa0 && s.parser.state == stGround {
		s.startRun()
		s.print(r)
		return
	}
	s.endRun()
	s.step(r, raw)
}

const (
	asciiBEL = 0x07
	asciiESC = 0x1b
	asciiDEL = 0x7f
)

// execute says that a C0 control is carried out within sequences.
func executes(r rune) bool {
	return r < 0x18 || r == 0x19 || r >= 0x1c && r < 0x20
}

// step takes one character in any state. raw is how it came.
func (s *Screen) step(r rune, raw []byte) {
	ps := &s.parser
	// What acts alike everywhere.
	switch {
	case r == asciiESC:
		s.endString(true)
		s.begin(stEscape, raw)
		return
	case r == 0x18 || r == 0x1a:
		s.endString(false)
		ps.state = stGround
		s.join = 0
		return
	case r >= 0x80 && r < 0xa0:
		s.c1(r, raw)
		return
	}
	switch ps.state {
	case stGround:
		if executes(r) {
			s.control(r)
			s.join = 0
		}
	case stEscape, stEscapeInter:
		s.stepEscape(r, raw)
	case stCSI, stCSIParam, stCSIInter, stCSIIgnore:
		s.stepCSI(r, raw)
	case stOSC:
		switch {
		case r == asciiBEL:
			s.endString(true)
			ps.state = stGround
		case r >= 0x20:
			s.keep(raw)
		}
	case stString:
		if r >= 0xa0 {
			ps.state = stGround
		}
	case stDCS, stDCSParam, stDCSInter, stDCSIgnore, stDCSPass:
		s.stepDCS(r, raw)
	}
}

// begin starts a sequence.
func (s *Screen) begin(st state, raw []byte) {
	ps := &s.parser
	ps.state, ps.long = st, false
	ps.seq = append(ps.seq[:0], raw...)
}

func (s *Screen) keep(raw []byte) {
	ps := &s.parser
	if len(ps.seq)+len(raw) > maxSequence {
		ps.long = true
		return
	}
	ps.seq = append(ps.seq, raw...)
}

func (s *Screen) c1(r rune, raw []byte) {
	ps := &s.parser
	switch r {
	case 0x9b:
		s.begin(stCSI, raw)
	case 0x90:
		s.begin(stDCS, raw)
	case 0x9d:
		s.begin(stOSC, raw)
	case 0x98, 0x9e, 0x9f:
		s.begin(stString, raw)
	case 0x9c:
		s.endString(true)
		ps.state = stGround
	default:
		ps.state = stGround
		s.controlC1(r)
		s.join = 0
	}
}

func (s *Screen) stepEscape(r rune, raw []byte) {
	ps := &s.parser
	switch {
	case executes(r):
		s.control(r)
		s.join = 0
	case r == asciiDEL:
	case r < 0x30:
		ps.state = stEscapeInter
		s.keep(raw)
	case r > asciiDEL:
		ps.state = stGround
	case ps.state == stEscape && r == '[':
		ps.state = stCSI
		s.keep(raw)
	case ps.state == stEscape && r == ']':
		ps.state = stOSC
		s.keep(raw)
	case ps.state == stEscape && r == 'P':
		ps.state = stDCS
		s.keep(raw)
	case ps.state == stEscape && (r == 'X' || r == '^' || r == '_'):
		ps.state = stString
		s.keep(raw)
	default:
		ps.state = stGround
		s.dispatchEscape(ps.seq[1:], byte(r))
		s.join = 0
	}
}

func (s *Screen) stepCSI(r rune, raw []byte) {
	ps := &s.parser
	switch {
	case executes(r):
		s.control(r)
		s.join = 0
	case r == asciiDEL:
	case r > asciiDEL:
		if ps.state != stCSIIgnore {
			ps.state = stGround
		}
	case r >= 0x40:
		ignored := ps.state == stCSIIgnore
		ps.state = stGround
		if !ignored {
			s.dispatchCSI(ps.seq[2:], byte(r))
			s.join = 0
		}
	case ps.state == stCSIIgnore:
	case r < 0x30:
		ps.state = stCSIInter
		s.keep(raw)
	case ps.state == stCSIInter, ps.state == stCSIParam && r >= 0x3c:
		ps.state = stCSIIgnore
		s.keep(raw)
	default:
		ps.state = stCSIParam
		s.keep(raw)
	}
}

func (s *Screen) stepDCS(r rune, raw []byte) {
	ps := &s.parser
	switch {
	case ps.state == stDCSPass:
		if r != asciiDEL {
			s.keep(raw)
		}
	case ps.state == stDCSIgnore:
		s.keep(raw)
	case r < 0x20 || r == asciiDEL:
	case r > asciiDEL:
		ps.state = stGround
	case r >= 0x40:
		ps.state = stDCSPass
		s.keep(raw)
	case r < 0x30:
		ps.state = stDCSInter
		s.keep(raw)
	case ps.state == stDCSInter, ps.state == stDCSParam && r >= 0x3c:
		ps.state = stDCSIgnore
		s.keep(raw)
	default:
		ps.state = stDCSParam
		s.keep(raw)
	}
}

// endString ends an OSC, which takes effect when it was ended and not broken off. Device control strings have no
// effect on the screen.
func (s *Screen) endString(whole bool) {
	switch s.parser.state {
	case stOSC:
		if whole && !s.parser.long {
			s.dispatchOSC(s.parser.seq[2:])
		}
		s.join = 0
	case stDCSPass:
		s.join = 0
	case stGround, stEscape, stEscapeInter, stCSI, stCSIParam, stCSIInter, stCSIIgnore, stString, stDCS, stDCSParam,
		stDCSInter, stDCSIgnore:
	}
}

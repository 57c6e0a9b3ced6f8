package terminal

// maxSequence is how much of a control sequence or string the parser keeps, in bytes; of longer ones it
// keeps the beginning.
const maxSequence = 1200

// event is what a byte completed.
type event uint8

const (
	evNone    event = iota
	evPrint         // a character
	evControl       // a C0 or C1 control; parser.final has it, C1 as its 8-bit code
	evEscape        // ESC, intermediates in buf, final
	evCSI           // a control sequence: parameters and intermediates in buf, final
	evOSC           // an operating system command, its payload in buf
	evString        // DCS, SOS, PM or APC, its payload in buf, its kind in final
)

type parserState uint8

const (
	stGround parserState = iota
	stUTF8
	stEscape
	stCSI
	stString
)

const (
	asciiBEL = 0x07
	asciiSO  = 0x0e
	asciiSI  = 0x0f
	asciiENQ = 0x05
	asciiCAN = 0x18
	asciiSUB = 0x1a
	asciiESC = 0x1b
	asciiDEL = 0x7f
	c1DECID  = 0x9a
)

// parser finds the control sequences in a terminal's output, after Paul Williams' state machine for DEC
// compatible terminals (https://vt100.net/emu/dec_ansi_parser) with UTF-8 instead of 8-bit characters. It
// agrees with xterm.js on where a sequence begins and ends: C1 controls come as UTF-8, and an ESC within a
// string ends it.
type parser struct {
	state parserState
	need  uint8 // UTF-8 bytes still to come
	lead  byte  // the first byte of the character, or in a string the byte before
	kind  byte  // of a string: ] P X ^ _
	final byte
	// began says that the byte just taken is the first one of a new sequence or character.
	began bool
	// long says that buf is only the beginning.
	long bool
	// stale says that buf belongs to the string that the present escape sequence ended.
	stale bool
	buf   []byte
}

// ground says that no sequence or character is unfinished.
func (p *parser) ground() bool { return p.state == stGround }

// next takes a byte.
func (p *parser) next(b byte) event {
	p.began = false
	switch p.state {
	case stUTF8:
		return p.nextUTF8(b)
	case stEscape:
		return p.nextEscape(b)
	case stCSI:
		return p.nextCSI(b)
	case stString:
		return p.nextString(b)
	case stGround:
	}
	return p.nextGround(b)
}

func (p *parser) nextGround(b byte) event {
	p.began, p.state = true, stGround
	switch {
	case b == asciiESC:
		p.start(stEscape)
		return evNone
	case b < 0x20:
		p.final = b
		return evControl
	case b < asciiDEL:
		return evPrint
	case b >= 0xc2 && b <= 0xf4:
		p.state, p.lead = stUTF8, b
		switch {
		case b < 0xe0:
			p.need = 1
		case b < 0xf0:
			p.need = 2
		default:
			p.need = 3
		}
		return evNone
	default: // DEL, and bytes that are not UTF-8: shown as a replacement character or nothing
		return evPrint
	}
}

func (p *parser) nextUTF8(b byte) event {
	if b&0xc0 != 0x80 {
		return p.nextGround(b)
	}
	if p.need--; p.need > 0 {
		return evNone
	}
	p.state = stGround
	if p.lead == 0xc2 && b < 0xa0 {
		return p.c1(b)
	}
	return evPrint
}

func (p *parser) c1(b byte) event {
	switch b {
	case 0x9b:
		p.start(stCSI)
		return evNone
	case 0x90, 0x98, 0x9d, 0x9e, 0x9f:
		p.start(stString)
		p.kind = b - 0x40 // the letter after ESC
		return evNone
	default:
		p.final = b
		return evControl
	}
}

func (p *parser) start(s parserState) {
	p.state, p.buf, p.long, p.lead, p.stale = s, p.buf[:0], false, 0, false
}

func (p *parser) keep(b byte) {
	if len(p.buf) == maxSequence {
		p.long = true
		return
	}
	p.buf = append(p.buf, b)
}

// control handles the controls that act alike within every sequence. ok is false for all other bytes.
func (p *parser) control(b byte) (ev event, ok bool) {
	switch {
	case b == asciiESC:
		p.began = true
		p.start(stEscape)
		return evNone, true
	case b == asciiCAN || b == asciiSUB:
		p.state, p.final = stGround, b
		return evControl, true
	case b >= 0x80:
		return p.nextGround(b), true
	case b < 0x20 || b == asciiDEL: // executed without an end of the sequence
		return evNone, true
	default:
		return evNone, false
	}
}

func (p *parser) nextEscape(b byte) event {
	if p.stale {
		p.start(stEscape)
	}
	if ev, ok := p.control(b); ok {
		return ev
	}
	if b < 0x30 {
		p.keep(b)
		return evNone
	}
	if len(p.buf) == 0 {
		switch b {
		case '[':
			p.start(stCSI)
			return evNone
		case ']', 'P', 'X', '^', '_':
			p.start(stString)
			p.kind = b
			return evNone
		}
	}
	p.state, p.final = stGround, b
	return evEscape
}

func (p *parser) nextCSI(b byte) event {
	if ev, ok := p.control(b); ok {
		return ev
	}
	if b < 0x40 {
		p.keep(b)
		return evNone
	}
	p.state, p.final = stGround, b
	return evCSI
}

func (p *parser) nextString(b byte) event {
	before := p.lead
	p.lead = b
	switch {
	case b == asciiESC:
		ev := p.endString()
		// The caller still reads buf: it is emptied with the next byte.
		p.state, p.began, p.lead, p.stale = stEscape, true, 0, true
		return ev
	case b == asciiBEL && p.kind == ']':
		p.state = stGround
		return p.endString()
	case b == asciiCAN || b == asciiSUB:
		p.state, p.final = stGround, b
		return evControl
	case b == 0x9c && before == 0xc2:
		p.buf = p.buf[:max(len(p.buf)-1, 0)]
		p.state = stGround
		return p.endString()
	default:
		p.keep(b)
		return evNone
	}
}

func (p *parser) endString() event {
	p.final = p.kind
	if p.kind == ']' {
		return evOSC
	}
	return evString
}

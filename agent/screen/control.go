package screen

// control carries out a C0 control.
func (s *Screen) control(r rune) {
	b := s.active
	switch r {
	case asciiBEL:
		s.bells++
	case '\b':
		s.backspace()
	case '\t':
		if b.x < s.cols {
			b.x = b.nextStop(b.x)
		}
	case '\n', '\v', '\f':
		s.lineFeed()
	case '\r':
		b.x = 0
	case 0x0e:
		s.charset.shift(1)
	case 0x0f:
		s.charset.shift(0)
	}
}

func (s *Screen) controlC1(r rune) {
	switch r {
	case 0x84:
		s.index()
	case 0x85:
		s.active.x = 0
		s.index()
	case 0x88:
		s.active.setTab(min(s.active.x, s.cols))
	}
}

func (s *Screen) lineFeed() {
	b := s.active
	if s.modes.newline {
		b.x = 0
	}
	b.y++
	switch {
	case b.y == b.bottom+1:
		b.y--
		s.scroll(false)
	case b.y >= s.rows:
		b.y = s.rows - 1
	default:
		b.rows[b.y].wrapped = false
	}
	if b.x >= s.cols {
		b.x--
	}
}

// index is IND: down by one line, scrolling at the bottom of the region.
func (s *Screen) index() {
	b := s.active
	s.restrict(s.cols - 1)
	b.y++
	if b.y == b.bottom+1 {
		b.y--
		s.scroll(false)
	} else {
		b.y = min(b.y, s.rows-1)
	}
	s.restrict(s.cols - 1)
}

// reverseIndex is RI.
func (s *Screen) reverseIndex() {
	b := s.active
	s.restrict(s.cols - 1)
	if b.y != b.top {
		b.y--
		s.restrict(s.cols - 1)
		return
	}
	s.shift(b.top, b.bottom, 1, s.eraser())
}

func (s *Screen) backspace() {
	b := s.active
	if !s.modes.reverseWrap {
		s.restrict(s.cols - 1)
		b.x = max(b.x-1, 0)
		return
	}
	s.restrict(s.cols)
	switch {
	case b.x > 0:
		b.x--
	case b.y > b.top && b.y <= b.bottom && s.row().wrapped:
		s.row().wrapped = false
		b.y--
		b.x = s.cols - 1
		if c := s.row().at(b.x); c.width() > 0 && !c.hasContent() {
			b.x-- // a wide character did not fit there
		}
	}
	s.restrict(s.cols - 1)
}

// dispatchEscape carries out ESC, intermediates, final.
func (s *Screen) dispatchEscape(inter []byte, final byte) {
	if len(inter) == 1 {
		s.dispatchInter(inter[0], final)
		return
	}
	if len(inter) > 0 {
		return
	}
	switch final {
	case '7':
		s.saveCursor()
	case '8':
		s.restoreCursor()
	case 'D':
		s.index()
	case 'E':
		s.active.x = 0
		s.index()
	case 'H':
		s.active.setTab(min(s.active.x, s.cols))
	case 'M':
		s.reverseIndex()
	case '=':
		s.modes.keypad = true
	case '>':
		s.modes.keypad = false
	case 'c':
		s.reset()
	case 'n', '}':
		s.charset.shift(2)
	case 'o', '|':
		s.charset.shift(3)
	case '~':
		s.charset.shift(1)
	}
}

func (s *Screen) dispatchInter(inter, final byte) {
	switch inter {
	case '#':
		if final == '8' {
			s.align()
		}
	case '%':
		if final == '@' || final == 'G' {
			s.charset.shift(0)
			s.charset.designate(0, 0)
		}
	case '(', ')', '*', '+', '-', '.':
		if set, ok := knownCharset(final); ok {
			g := map[byte]int{'(': 0, ')': 1, '-': 1, '*': 2, '.': 2, '+': 3}[inter]
			s.charset.designate(g, set)
		}
	}
}

// align is DECALN: the screen full of E.
func (s *Screen) align() {
	s.moveTo(0, 0)
	fill := Cell{content: 'E' | narrow, fg: s.pen.fg, bg: s.pen.bg}
	for y := s.active.y; y < s.rows; y++ {
		r := s.active.rows[y]
		r.clear(fill)
		r.wrapped = false
	}
	s.moveTo(0, 0)
}

package screen

// modes are what a terminal can be switched to.
type modes struct {
	insert, origin, noWrap, reverseWrap  bool
	cursorKeys, keypad, bracketed, focus bool
	synchronized                         bool
	mouse                                int // 0, or the number of the mode: 9, 1000, 1002 or 1003
	mouseEncoding                        int // 0, 1006 or 1016
	shape                                int // DECSCUSR: 0, or 1 to 6
	hidden                               bool
	newline                              bool
	blinkSet, blink                      bool // DEC mode 12, once a program has set it
}

// reset is what DECSTR and RIS set back.
func (m *modes) reset() {
	*m = modes{
		mouse: m.mouse, mouseEncoding: m.mouseEncoding,
		hidden: m.hidden, newline: m.newline, blinkSet: m.blinkSet, blink: m.blink,
	}
}

// setMode is SM and RM.
func (s *Screen) setMode(p *params, on bool) {
	for _, n := range p.values[:p.n] {
		switch n {
		case 4:
			s.modes.insert = on
		case 20:
			s.modes.newline = on
		}
	}
}

// setPrivate is DECSET and DECRST.
func (s *Screen) setPrivate(p *params, on bool) {
	m := &s.modes
	for _, n := range p.values[:p.n] {
		switch n {
		case 1:
			m.cursorKeys = on
		case 2:
			if on {
				for g := range s.charset.g {
					s.charset.designate(g, 0)
				}
			}
		case 6:
			m.origin = on
			s.moveTo(0, 0)
		case 7:
			m.noWrap = !on
		case 9, 1000, 1002, 1003:
			m.mouse = 0
			if on {
				m.mouse = n
			}
		case 12:
			m.blinkSet, m.blink = true, on
		case 25:
			m.hidden = !on
		case 45:
			m.reverseWrap = on
		case 66:
			m.keypad = on
		case 1004:
			m.focus = on
		case 1006, 1016:
			m.mouseEncoding = 0
			if on {
				m.mouseEncoding = n
			}
		case 2004:
			m.bracketed = on
		case 2026:
			m.synchronized = on
		case 1048:
			if on {
				s.saveCursor()
			} else {
				s.restoreCursor()
			}
		case 47, 1047, 1049:
			s.setAlternate(n, on)
		}
	}
}

func (s *Screen) setAlternate(n int, on bool) {
	if on {
		if n == 1049 {
			s.saveCursor()
		}
		s.showAlternate()
		return
	}
	s.showNormal()
	if n == 1049 {
		s.restoreCursor()
	}
}

// softReset is DECSTR.
func (s *Screen) softReset() {
	s.modes.hidden = false
	b := s.active
	b.top, b.bottom = 0, s.rows-1
	s.pen = blank()
	s.modes.reset()
	s.charset = charsets{}
	b.savedX, b.savedY = 0, s.base()
	b.savedPen, b.savedCharset = blank(), 0
}

// setShape is DECSCUSR.
func (s *Screen) setShape(n int) {
	if n >= 0 && n <= 6 {
		s.modes.shape = n
	}
}

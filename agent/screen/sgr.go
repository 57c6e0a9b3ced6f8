package screen

// rendition is SGR.
func (s *Screen) rendition(p *params) {
	pen := &s.pen
	for i := 0; i < p.n; i++ {
		n := p.values[i]
		switch n {
		case 0:
			pen.fg, pen.bg = 0, 0
			s.setExt(func(e *ext) { e.style, e.colour = 0, 0 })
		case 1:
			pen.fg |= fgBold
		case 2:
			pen.bg |= bgDim
		case 3:
			pen.bg |= bgItalic
		case 4:
			style := 1
			if sub := p.subOf(i); len(sub) > 0 {
				style = sub[0]
			}
			s.underline(style)
		case 5:
			pen.fg |= fgBlink
		case 7:
			pen.fg |= fgInverse
		case 8:
			pen.fg |= fgInvisible
		case 9:
			pen.fg |= fgStrike
		case 21:
			s.underline(2)
		case 22:
			pen.fg &^= fgBold
			pen.bg &^= bgDim
		case 23:
			pen.bg &^= bgItalic
		case 24:
			s.underline(0)
		case 25:
			pen.fg &^= fgBlink
		case 27:
			pen.fg &^= fgInverse
		case 28:
			pen.fg &^= fgInvisible
		case 29:
			pen.fg &^= fgStrike
		case 53:
			pen.bg |= bgOverline
		case 55:
			pen.bg &^= bgOverline
		case 38, 48, 58:
			i += s.setColour(p, i)
		default:
			s.paletteColour(n)
		}
	}
}

func (s *Screen) paletteColour(n int) {
	pen := &s.pen
	low := func(base, bright int) uint32 { return kindPalette | uint32(n-base+bright) } //nolint:gosec // 0 to 15
	switch {
	case n >= 30 && n <= 37:
		pen.fg = pen.fg&^maskColour | low(30, 0)
	case n >= 90 && n <= 97:
		pen.fg = pen.fg&^maskColour | low(90, 8)
	case n >= 40 && n <= 47:
		pen.bg = pen.bg&^maskColour | low(40, 0)
	case n >= 100 && n <= 107:
		pen.bg = pen.bg&^maskColour | low(100, 8)
	case n == 39:
		pen.fg &^= maskColour
	case n == 49:
		pen.bg &^= maskColour
	case n == 59:
		// As in xterm.js, which takes it for white.
		s.setExt(func(e *ext) { e.colour = maskColour })
	}
}

func (s *Screen) underline(style int) {
	if style < 0 || style > 5 {
		style = 1
	}
	if style == 0 {
		s.pen.fg &^= fgUnderline
	} else {
		s.pen.fg |= fgUnderline
	}
	s.setExt(func(e *ext) { e.style = uint8(style) }) //nolint:gosec // 0 to 5
}

// setExt changes the rare attributes.
func (s *Screen) setExt(change func(*ext)) {
	e := s.exts[s.pen.ext]
	change(&e)
	s.pen.ext = s.extNumber(e)
	if e.empty() {
		s.pen.bg &^= flagExt
	} else {
		s.pen.bg |= flagExt
	}
}

// setColour is SGR 38, 48 and 58, with parameters or sub-parameters, and says how many parameters it took beyond
// the first. A colour is 5, index or 2, red, green, blue; among sub-parameters a colour space may come after the 2.
func (s *Screen) setColour(p *params, at int) int {
	// target, kind, colour space, three values
	found := [6]int{0, 0, -1, 0, 0, 0}
	space, taken := 0, 0
	for {
		found[taken+space] = p.values[at+taken]
		if sub := p.subOf(at + taken); len(sub) > 0 {
			for i, v := range sub {
				if found[1] == 5 {
					space = 1
				}
				if taken+i+1+space >= len(found) {
					break
				}
				found[taken+i+1+space] = v
			}
			break
		}
		if found[1] == 5 && taken+space >= 2 || found[1] == 2 && taken+space >= 5 {
			break
		}
		if found[1] != 0 {
			space = 1
		}
		taken++
		if at+taken >= p.n || taken+space >= len(found) {
			break
		}
	}
	values := [3]uint32{}
	for i := range values {
		values[i] = uint32(max(found[3+i], 0)) & 0xff //nolint:gosec // masked
	}
	change := func(c uint32) uint32 {
		switch found[1] {
		case 2:
			return c&^maskColour | kindRGB | values[0]<<16 | values[1]<<8 | values[2]
		case 5:
			return c&^maskColour | kind256 | values[0]
		}
		return c
	}
	switch found[0] {
	case 38:
		s.pen.fg = change(s.pen.fg)
	case 48:
		s.pen.bg = change(s.pen.bg)
	case 58:
		e := s.exts[s.pen.ext]
		e.colour = change(e.colour)
		s.pen.ext = s.extNumber(e)
	}
	return taken
}

package screen

// dispatchCSI carries out a control sequence: prefix, parameters and intermediates in body.
func (s *Screen) dispatchCSI(body []byte, final byte) {
	prefix := byte(0)
	if len(body) > 0 && body[0] >= '<' && body[0] <= '?' {
		prefix, body = body[0], body[1:]
	}
	inter := byte(0)
	if n := len(body); n > 0 && body[n-1] < 0x30 {
		inter, body = body[n-1], body[:n-1]
		if n = len(body); n > 0 && body[n-1] < 0x30 {
			return // none has two
		}
	}
	var p params
	p.parse(body)
	switch {
	case prefix == 0 && inter == 0:
		s.plainCSI(final, &p)
	case prefix == '?' && inter == 0:
		switch final {
		case 'h':
			s.setPrivate(&p, true)
		case 'l':
			s.setPrivate(&p, false)
		case 'J':
			s.eraseDisplay(p.values[0], true)
		case 'K':
			s.eraseLine(p.values[0], true)
		}
	case prefix == 0:
		s.interCSI(inter, final, &p)
	}
}

func (s *Screen) plainCSI(final byte, p *params) {
	b := s.active
	n := p.or1(0)
	switch final {
	case 'm':
		s.rendition(p)
	case 'H', 'f':
		s.moveTo(p.or1(1)-1, n-1)
	case 'A', 'F':
		if b.y >= b.top {
			n = min(n, b.y-b.top)
		}
		s.moveBy(0, -n)
		if final == 'F' {
			b.x = 0
		}
	case 'B', 'E':
		if b.y <= b.bottom {
			n = min(n, b.bottom-b.y)
		}
		s.moveBy(0, n)
		if final == 'E' {
			b.x = 0
		}
	case 'C', 'a':
		s.moveBy(n, 0)
	case 'D':
		s.moveBy(-n, 0)
	case 'G', '`':
		s.moveTo(n-1, b.y)
	case 'd':
		s.moveTo(b.x, n-1)
	case 'e':
		s.moveBy(0, n)
	case 'I', 'Z':
		s.tabs(n, final == 'Z')
	case 'b':
		s.repeat(n)
	case 'g':
		s.clearTabs(p.values[0])
	case 'h':
		s.setMode(p, true)
	case 'l':
		s.setMode(p, false)
	case 'r':
		s.setRegion(p)
	case 's':
		s.saveCursor()
	case 'u':
		s.restoreCursor()
	default:
		s.editCSI(final, p)
	}
}

// editCSI carries out what changes cells.
func (s *Screen) editCSI(final byte, p *params) {
	b := s.active
	n := p.or1(0)
	switch final {
	case 'J':
		s.eraseDisplay(p.values[0], false)
	case 'K':
		s.eraseLine(p.values[0], false)
	case 'X':
		s.restrict(s.cols - 1)
		s.row().replace(b.x, min(b.x+n, s.cols), s.eraser(), false)
	case '@':
		s.restrict(s.cols - 1)
		s.row().insert(b.x, n, s.eraser())
	case 'P':
		s.restrict(s.cols - 1)
		s.row().remove(b.x, n, s.eraser())
	case 'L', 'M':
		s.restrict(s.cols - 1)
		if b.y < b.top || b.y > b.bottom {
			return
		}
		n = min(n, s.rows)
		if final == 'M' {
			n = -n
		}
		s.shift(b.y, b.bottom, n, s.eraser())
		b.x = 0
	case 'S':
		s.shift(b.top, b.bottom, -min(n, s.rows), s.eraser())
	case 'T':
		s.shift(b.top, b.bottom, min(n, s.rows), blank())
	}
}

func (s *Screen) interCSI(inter, final byte, p *params) {
	switch {
	case inter == ' ' && final == 'q':
		s.setShape(p.values[0])
	case inter == '!' && final == 'p':
		s.softReset()
	case inter == '"' && final == 'q':
		switch p.values[0] {
		case 1:
			s.pen.bg |= bgProtected
		case 0, 2:
			s.pen.bg &^= bgProtected
		}
	case inter == ' ' && (final == '@' || final == 'A'):
		s.columns(0, p.or1(0), final == 'A')
	case inter == '\'' && (final == '}' || final == '~'):
		s.columns(s.active.x, p.or1(0), final == '}')
	}
}

// columns inserts or removes columns of the scroll region.
func (s *Screen) columns(x, n int, insert bool) {
	b := s.active
	if b.y < b.top || b.y > b.bottom {
		return
	}
	for _, r := range b.rows[b.top : b.bottom+1] {
		if insert {
			r.insert(x, n, s.eraser())
		} else {
			r.remove(x, n, s.eraser())
		}
		r.wrapped = false
	}
}

func (s *Screen) setRegion(p *params) {
	top, bottom := p.or1(0), s.rows
	if p.n >= 2 && p.values[1] > 0 && p.values[1] <= s.rows {
		bottom = p.values[1]
	}
	if bottom > top {
		s.active.top, s.active.bottom = top-1, bottom-1
		s.moveTo(0, 0)
	}
}

func (s *Screen) tabs(n int, back bool) {
	b := s.active
	if b.x >= s.cols {
		return
	}
	for range min(n, s.cols) {
		if back {
			b.x = b.prevStop(b.x)
		} else {
			b.x = b.nextStop(b.x)
		}
	}
}

func (s *Screen) clearTabs(n int) {
	b := s.active
	switch n {
	case 0:
		if b.tab(b.x) {
			b.tabs[b.x] = false
		}
	case 3:
		clear(b.tabs)
	}
}

// eraseDisplay is ED and DECSED.
func (s *Screen) eraseDisplay(n int, spare bool) {
	b := s.active
	s.restrict(s.cols)
	whole := func(r *row) {
		s.fillRow(r, spare)
		r.wrapped = false
	}
	switch n {
	case 0:
		s.row().replace(b.x, s.cols, s.eraser(), spare)
		if b.x == 0 {
			s.row().wrapped = false
		}
		for _, r := range b.rows[b.y+1 : s.rows] {
			whole(r)
		}
	case 1:
		s.row().replace(0, b.x+1, s.eraser(), spare)
		s.row().wrapped = false
		if b.x+1 >= s.cols && b.y+1 < s.rows {
			b.rows[b.y+1].wrapped = false
		}
		for _, r := range b.rows[:b.y] {
			whole(r)
		}
	case 2:
		for _, r := range b.rows {
			whole(r)
		}
	case 3:
		if b == &s.normal {
			s.history.clear()
		}
	}
}

// fillRow erases all of a row, what is protected perhaps excepted.
func (s *Screen) fillRow(r *row, spare bool) {
	if !spare {
		r.clear(s.eraser())
		return
	}
	for x := range r.width {
		if r.at(x).bg&bgProtected == 0 {
			r.set(x, s.eraser())
		}
	}
}

// eraseLine is EL and DECSEL.
func (s *Screen) eraseLine(n int, spare bool) {
	b := s.active
	s.restrict(s.cols)
	r := s.row()
	switch n {
	case 0:
		r.replace(b.x, s.cols, s.eraser(), spare)
		if b.x == 0 {
			r.wrapped = false
		}
	case 1:
		r.replace(0, b.x+1, s.eraser(), spare)
	case 2:
		r.replace(0, s.cols, s.eraser(), spare)
		r.wrapped = false
	}
}

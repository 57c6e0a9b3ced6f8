package screen

import "unicode/utf8"

// width is how many columns a character takes: 0, 1 or 2.
func width(r rune) int {
	p := int(widthPages[r>>8])
	return int(widthBits[p<<6|int(r&0xff)>>2]>>(r&3*2)) & 3
}

// startRun and endRun mend what a run of characters leaves of wide ones that it begins or ends in.
func (s *Screen) startRun() {
	if s.inRun {
		return
	}
	s.inRun = true
	b := s.active
	if b.x > 0 {
		if r := s.row(); r.at(b.x-1).width() == 2 {
			r.set(b.x-1, s.look())
		}
	}
}

func (s *Screen) endRun() {
	if !s.inRun {
		return
	}
	s.inRun = false
	b := s.active
	if b.x < s.cols {
		r := s.row()
		if c := r.at(b.x); c.width() == 0 && !c.hasContent() {
			r.set(b.x, s.look())
		}
	}
}

// printASCII prints a run of characters of one column.
func (s *Screen) printASCII(p []byte) {
	if s.charset.active != 0 || s.modes.insert || s.modes.noWrap {
		for _, b := range p {
			r := rune(b)
			if s.charset.active != 0 {
				r = translate(s.charset.active, r)
			}
			s.print(r)
		}
		return
	}
	b := s.active
	c := s.pen
	for len(p) > 0 {
		if b.x >= s.cols {
			s.wrap()
		}
		r := b.rows[b.y]
		n := min(len(p), s.cols-b.x)
		if r.append(b.x, p[:n], c) {
			b.x += n
			p = p[n:]
			continue
		}
		r.need(b.x + n)
		cells := r.cells[b.x : b.x+n]
		for i := range cells {
			c.content = narrow | uint32(p[i])
			cells[i] = c
		}
		b.x += n
		p = p[n:]
	}
	s.join = 1
}

// wrap goes to the next line because the present one is full.
func (s *Screen) wrap() {
	b := s.active
	b.x = 0
	b.y++
	if b.y == b.bottom+1 {
		b.y--
		s.scroll(true)
		return
	}
	b.y = min(b.y, s.rows-1)
	b.rows[b.y].wrapped = true
}

// print prints one character.
func (s *Screen) print(r rune) {
	b := s.active
	w := width(r)
	joins := w == 0 && s.join > 0
	if joins {
		w = s.join
	} else {
		s.join = w
		if b.x+w > s.cols {
			if s.modes.noWrap {
				b.x = s.cols - 1
				if w == 2 {
					return
				}
			} else {
				for x := b.x; x < s.cols; x++ {
					s.row().set(x, s.look())
				}
				s.wrap()
			}
		}
	}
	row := s.row()
	if joins && b.x > 0 {
		x := b.x - 1
		if row.at(x).width() == 0 {
			x--
		}
		s.addTo(row, x, r, w)
		return
	}
	if s.modes.insert && b.x < s.cols {
		n := w
		if joins {
			n = 0
		}
		row.insert(b.x, n, s.look())
		if row.at(s.cols-1).width() == 2 {
			row.set(s.cols-1, s.look())
		}
	}
	c := s.pen
	c.content = uint32(r) | uint32(w)<<widthShift //nolint:gosec // r is not negative, w at most 2
	row.set(b.x, c)
	b.x++
	c.content = 0
	for range w - 1 {
		row.set(b.x, c)
		b.x++
	}
}

// addTo adds a combining character to a cell.
func (s *Screen) addTo(row *row, x int, r rune, w int) {
	c := row.at(x)
	if x < 0 || x >= row.width {
		return
	}
	if !c.hasContent() {
		c.content = uint32(r) | narrow //nolint:gosec // r is not negative
	} else {
		text := s.text(make([]byte, 0, 16), c)
		if len(text) < maxCluster {
			c.content = c.content&maskWidth | s.content(string(text)+string(r))
		}
	}
	c.content = c.content&^maskWidth | uint32(w)<<widthShift //nolint:gosec // w is at most 2
	row.set(x, c)
}

// repeat is REP: the character before again, with the marks that it has.
func (s *Screen) repeat(n int) {
	if s.join == 0 {
		return
	}
	c := s.row().at(s.active.x - s.join)
	text := string(s.text(nil, c))
	if text == "" {
		return
	}
	s.startRun()
	first, size := utf8.DecodeRuneInString(text)
	// More than fills the screen shows nothing new.
	for range min(n, s.cols*(s.rows+1)) {
		s.print(first)
		if size < len(text) {
			s.markAs(c.content)
		}
	}
	s.endRun()
}

// markAs gives the character just printed the marks of another one.
func (s *Screen) markAs(content uint32) {
	x := s.active.x - 1
	r := s.row()
	if r.at(x).width() == 0 {
		x--
	}
	c := r.at(x)
	c.content = c.content&maskWidth | content&maskContent
	r.set(x, c)
}

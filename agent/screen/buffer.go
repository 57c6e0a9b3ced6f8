package screen

// buffer is the normal or the alternate screen.
type buffer struct {
	rows []*row // none while the alternate screen is not shown
	// x may be as large as the number of columns: the next character wraps.
	x, y        int
	top, bottom int // the scroll region, both included
	// cols is the width that tab stops go by.
	cols int
	tabs []bool

	savedX int
	// savedY counts from the first line of the history, as the saved line moves with what is on it.
	savedY       int
	savedPen     Cell
	savedCharset byte
}

// tabWidth is the distance of the initial tab stops.
const tabWidth = 8

func (b *buffer) init(cols, rows int) {
	*b = buffer{bottom: rows - 1, cols: cols, savedPen: blank()}
	b.resetTabs()
}

// fillRows makes rows where there are none.
func (b *buffer) fillRows(cols int, fill Cell) {
	if len(b.rows) > 0 {
		return
	}
	b.rows = make([]*row, b.bottom+1)
	for i := range b.rows {
		b.rows[i] = newRow(cols, fill)
	}
}

func (b *buffer) resetTabs() {
	b.tabs = make([]bool, b.cols+1)
	for i := 0; i < b.cols; i += tabWidth {
		b.tabs[i] = true
	}
}

// extendTabs sets the stops of columns that are new.
func (b *buffer) extendTabs() {
	i := b.cols
	if !b.tab(i) {
		i = b.prevStop(i)
	}
	for ; i < b.cols; i += tabWidth {
		b.setTab(i)
	}
}

func (b *buffer) tab(x int) bool { return x >= 0 && x < len(b.tabs) && b.tabs[x] }

func (b *buffer) setTab(x int) {
	for len(b.tabs) <= x {
		b.tabs = append(b.tabs, false)
	}
	b.tabs[x] = true
}

func (b *buffer) prevStop(x int) int {
	for x--; x > 0 && !b.tab(x); x-- {
	}
	return min(max(x, 0), b.cols-1)
}

func (b *buffer) nextStop(x int) int {
	for x++; x < b.cols && !b.tab(x); x++ {
	}
	return min(max(x, 0), b.cols-1)
}

// scroll moves the scroll region up by one line. Of the normal screen, a line that leaves it at the very top goes
// into the history.
func (s *Screen) scroll(wrapped bool) {
	b := s.active
	gone := b.rows[b.top]
	if b.top == 0 && b == &s.normal {
		s.history.push(s, gone)
	}
	copy(b.rows[b.top:], b.rows[b.top+1:b.bottom+1])
	gone.reuse(s.cols, s.eraser(), wrapped)
	b.rows[b.bottom] = gone
}

// shift moves the lines from first to last by n, down when it is positive, and fills what gets free.
func (s *Screen) shift(first, last, n int, fill Cell) {
	rows := s.active.rows[first : last+1]
	n = max(min(n, len(rows)), -len(rows))
	blankRow := func(r *row) { r.reuse(s.cols, fill, false) }
	for range n {
		r := rows[len(rows)-1]
		copy(rows[1:], rows)
		blankRow(r)
		rows[0] = r
	}
	for range -n {
		r := rows[0]
		copy(rows, rows[1:])
		blankRow(r)
		rows[len(rows)-1] = r
	}
}

// eraser is an erased cell: it has the present background colour.
func (s *Screen) eraser() Cell {
	return Cell{content: narrow, bg: s.pen.bg & maskColour}
}

// look is an empty cell in the present look.
func (s *Screen) look() Cell {
	c := s.pen
	c.content = narrow
	return c
}

func (s *Screen) row() *row { return s.active.rows[s.active.y] }

// restrict brings the cursor back into the screen, or into the scroll region in origin mode.
func (s *Screen) restrict(maxX int) {
	b := s.active
	b.x = min(maxX, max(0, b.x))
	if s.modes.origin {
		b.y = min(b.bottom, max(b.top, b.y))
	} else {
		b.y = min(s.rows-1, max(0, b.y))
	}
}

// moveTo sets the cursor; in origin mode y counts from the scroll region's top.
func (s *Screen) moveTo(x, y int) {
	if s.modes.origin {
		y += s.active.top
	}
	s.active.x, s.active.y = x, y
	s.restrict(s.cols - 1)
}

func (s *Screen) moveBy(dx, dy int) {
	s.restrict(s.cols - 1)
	s.moveTo(s.active.x+dx, s.active.y+dy)
}

func (s *Screen) saveCursor() {
	b := s.active
	b.savedX, b.savedY = b.x, s.base()+b.y
	b.savedPen.fg, b.savedPen.bg = s.pen.fg, s.pen.bg
	b.savedCharset = s.charset.active
}

func (s *Screen) restoreCursor() {
	b := s.active
	b.x = b.savedX
	b.y = max(b.savedY-s.base(), 0)
	s.pen.fg, s.pen.bg = b.savedPen.fg, b.savedPen.bg
	s.charset.active = b.savedCharset
	s.restrict(s.cols - 1)
}

// base is the number of lines above the active screen.
func (s *Screen) base() int {
	if s.active == &s.normal {
		return s.history.lines
	}
	return 0
}

func (s *Screen) showAlternate() {
	if s.active == &s.alt {
		return
	}
	s.alt.fillRows(s.cols, s.eraser())
	s.alt.x, s.alt.y = s.normal.x, s.normal.y
	s.active = &s.alt
}

func (s *Screen) showNormal() {
	if s.active == &s.normal {
		return
	}
	s.normal.x, s.normal.y = s.alt.x, s.alt.y
	saved := s.alt
	s.alt.init(s.cols, s.rows)
	// As in xterm.js, what was saved on the alternate screen stays with it.
	s.alt.x, s.alt.y = 0, 0
	s.alt.savedX, s.alt.savedY, s.alt.savedPen, s.alt.savedCharset = saved.savedX, saved.savedY, saved.savedPen, saved.savedCharset
	s.active = &s.normal
}

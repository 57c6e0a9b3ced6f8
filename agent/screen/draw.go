package screen

// screen draws the lines of a buffer, those above it first. The cursor is at the top left, all is blank.
func (d *drawer) screen(b *buffer, above int) {
	s := d.s
	read := d.reader(b, above)
	last := above + len(b.rows) - 1
	// What is blank from some line on needs no drawing.
	for last >= above && last > 0 && untouched(b.rows[last-above], s.cols) {
		last--
	}
	var before *line
	for i := range last + 1 {
		l := &line{row: read(i)}
		switch {
		case i == 0 && l.wrapped:
			d.firstWrapped()
		case i == 0:
		case l.wrapped:
			d.wrapInto(before, l)
		default:
			d.look(blank())
			d.text("\r\n")
		}
		d.line(l)
		before = l
	}
	if above == 0 {
		return
	}
	// The lines above are scrolled out of the screen.
	d.look(blank())
	d.text("\r")
	for range above + len(b.rows) - 1 - last {
		d.text("\n")
	}
}

// line is a row being drawn.
type line struct {
	*row
	// from is the first column that is not there yet.
	from int
	// full says that the cursor is behind the last column.
	full bool
}

// reader gives the lines of history and screen in their order.
func (d *drawer) reader(b *buffer, above int) func(int) *row {
	s := d.s
	c, i := 0, 0
	if above > 0 {
		i = s.history.chunks[0].first
	}
	return func(n int) *row {
		if n >= above {
			return b.rows[n-above]
		}
		for i >= len(s.history.chunks[c].ends) {
			c++
			i = s.history.chunks[c].first
		}
		encoded := s.history.chunks[c].line(i)
		i++
		return s.decode(encoded, s.cols)
	}
}

// untouched says that a row is as on a terminal that was just reset.
func untouched(r *row, cols int) bool {
	if r.wrapped {
		return false
	}
	for x := range cols {
		if r.at(x) != blank() {
			return false
		}
	}
	return true
}

// firstWrapped makes the very first line one that goes on from a line before, which is gone: it wraps text into
// it from a line that it deletes.
func (d *drawer) firstWrapped() {
	if d.s.rows < 2 {
		return
	}
	d.csi("G", d.s.cols)
	d.text("xx")
	d.goTo(0, 0)
	d.text("\x1b[M\x1b[X")
}

// wrapInto goes from the end of a line to the next one as text does that is too long for a line.
func (d *drawer) wrapInto(before, l *line) {
	cols := d.s.cols
	end, first := before.at(cols-1), l.at(0)
	mend := false
	switch {
	case before.full:
	case first.width() == 2 && end == empty(first):
		// The wide character did not fit: it wraps by itself from the last column, and leaves its look there.
		d.csi("G", cols)
	case d.atEnd(before.row):
	default:
		d.csi("G", cols)
		d.look(blank())
		d.text("x")
		mend = true
	}
	if first.hasContent() && first.width() > 0 {
		d.print(first)
		l.from = first.width()
		if first.bg&maskColour != 0 {
			// A line that scrolls in has the background of the character that wrapped.
			d.look(blank())
			d.text("\x1b[K")
		}
	} else {
		d.look(blank())
		d.text("x\r\x1b[X")
	}
	if mend {
		d.text("\x1b[A")
		d.mendLast(before.row)
		d.text("\x1b[B\r")
		if l.from > 0 && l.from < cols {
			d.csi("C", l.from)
		}
	}
}

// mendLast makes the last column blank again, which was written to for the line to wrap.
func (d *drawer) mendLast(r *row) {
	cols := d.s.cols
	end := r.at(cols - 1)
	if !end.styled() {
		d.csi("G", cols)
		d.look(Cell{content: narrow, bg: end.bg & maskColour})
		d.text("\x1b[X")
		return
	}
	if cols < 4 {
		return
	}
	// Making it spoils the cells before.
	l := &line{row: r, from: cols - 2}
	if c := r.at(l.from); c.width() == 0 && !c.hasContent() {
		l.from--
	}
	d.line(l)
}

// atEnd brings the cursor behind the last column by printing what is there once more, if something is.
func (d *drawer) atEnd(r *row) bool {
	cols := d.s.cols
	x := cols - 1
	c := r.at(x)
	if c.width() == 0 && !c.hasContent() {
		x--
		c = r.at(x)
	}
	mark := c.hasContent() && c.width() == 0 // which had nothing to join
	if !mark && (!c.hasContent() || c.width() != cols-x) {
		return false
	}
	d.csi("G", x+1)
	d.print(c)
	return true
}

// print prints the character of a cell.
func (d *drawer) print(c Cell) {
	d.look(c)
	d.out = d.s.text(d.out, c)
}

// styled says that a cell is blank and yet more than coloured: it is what is left of a wide character that was
// written over, and has the look of what was written.
func (c Cell) styled() bool {
	return !c.hasContent() && c.width() == 1 && (c.fg != 0 || c.bg&^maskColour != 0)
}

// line draws the cells of a row from l.from on, where the cursor is.
func (d *drawer) line(l *line) {
	cols := d.s.cols
	end := cols
	if l.at(cols-1).styled() && cols > 2 {
		d.lastStyled(l)
		end--
	}
	for end > l.from && l.at(end-1) == blank() {
		end--
	}
	for x := l.from; x < end; {
		c := l.at(x)
		switch {
		case c.hasContent() && c.width() == 0:
			// A mark that had nothing to join; behind a sequence it has nothing here either.
			d.csi("G", x+1)
			d.print(c)
			x++
		case c.hasContent():
			d.print(c)
			x += c.width()
		case c.styled():
			if x+1 < cols {
				d.makeStyled(x, c)
				d.csi("G", x+2)
			}
			x++
		default:
			to := x + 1
			for to < end && !l.at(to).hasContent() && !l.at(to).styled() && l.at(to).sameLook(c) {
				to++
			}
			if c != blank() {
				d.look(c)
				d.csi("X", to-x)
			}
			if to < cols {
				d.csi("C", to-x)
			}
			x = to
		}
	}
	c := l.at(cols - 1)
	l.full = end == cols && end > l.from && (c.hasContent() && c.width() == 1 || c.width() == 0)
}

// makeStyled makes a styled cell by writing over half a wide character. The cell behind it becomes blank.
func (d *drawer) makeStyled(x int, c Cell) {
	d.csi("G", x+1)
	d.look(blank())
	d.text("\u3000")
	d.csi("G", x+2)
	d.look(c)
	d.text(" ")
	d.csi("G", x+2)
	d.look(blank())
	d.text("\x1b[X")
}

// lastStyled makes the last column a styled cell, which is shifted there from the column before.
func (d *drawer) lastStyled(l *line) {
	cols := d.s.cols
	if l.from > cols-2 {
		return
	}
	d.look(blank())
	d.makeStyled(cols-2, l.at(cols-1))
	d.csi("G", cols-1)
	d.text("\x1b[@")
	d.csi("G", l.from+1)
}

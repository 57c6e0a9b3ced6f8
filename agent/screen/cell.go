package screen

import "slices"

// Cell is one character cell, in the layout that xterm.js has, so that the two can be compared bit by bit.
type Cell struct {
	// content is the character (21 bits), whether it is instead an index into the table of clusters, and the
	// width in columns: 1, 2, or 0 for the right half of a wide character. No character: nothing was written.
	content uint32
	// fg and bg are a colour (24 bits), its kind (2 bits) and flags.
	fg, bg uint32
	// ext is an index into the table of rare attributes, valid when bg has flagExt.
	ext uint32
}

const (
	maskChar    = 0x1fffff
	flagCluster = 0x200000
	maskContent = 0x3fffff
	widthShift  = 22
	narrow      = 1 << widthShift
	maskWidth   = 3 << widthShift
)

const (
	maskRGB     = 0xffffff
	kindPalette = 0x1000000 // the 16 colours of SGR 30 to 37 and 90 to 97
	kind256     = 0x2000000
	kindRGB     = 0x3000000
	maskKind    = 0x3000000
	maskColour  = maskKind | maskRGB
)

const (
	fgInverse   = 0x4000000
	fgBold      = 0x8000000
	fgUnderline = 0x10000000
	fgBlink     = 0x20000000
	fgInvisible = 0x40000000
	fgStrike    = 0x80000000

	bgItalic    = 0x4000000
	bgDim       = 0x8000000
	flagExt     = 0x10000000
	bgProtected = 0x20000000
	bgOverline  = 0x40000000
)

// blank is a cell that was never written to.
func blank() Cell { return Cell{content: narrow} }

func (c Cell) width() int       { return int(c.content >> widthShift) }
func (c Cell) hasContent() bool { return c.content&maskContent != 0 }

// sameLook says that two cells differ in their characters at most.
func (c Cell) sameLook(o Cell) bool {
	return c.fg == o.fg && c.bg == o.bg && (c.bg&flagExt == 0 || c.ext == o.ext)
}

// ext are the attributes that few cells have.
type ext struct {
	// style is that of the underline: 0 to 5.
	style uint8
	// colour is that of the underline: kind and value as in a cell.
	colour uint32
	// link is the number of a hyperlink, 0 for none.
	link uint32
}

// empty says that the attributes need no place of their own. A colour alone does not count, as in xterm.js.
func (e ext) empty() bool { return e.style == 0 && e.link == 0 }

// link is a hyperlink (OSC 8).
type link struct{ id, uri string }

// row is one line of the screen. Cells beyond the written ones are all alike, and take no memory.
type row struct {
	cells []Cell
	// ascii stands for the first cells as long as they are ASCII of one look: most lines are never anything else.
	// There are no cells then.
	ascii []byte
	look  Cell

	fill    Cell
	width   int
	wrapped bool // it goes on from the line before
}

func newRow(width int, fill Cell) *row { return &row{width: width, fill: fill} }

// at is the cell in a column, which may be out of bounds.
func (r *row) at(x int) Cell {
	if x < 0 || x >= r.width {
		return Cell{}
	}
	if x < len(r.cells) {
		return r.cells[x]
	}
	if x < len(r.ascii) {
		c := r.look
		c.content = narrow | uint32(r.ascii[x])
		return c
	}
	return r.fill
}

// append writes ASCII behind what is written, if the row can stay what it is with that.
func (r *row) append(x int, p []byte, look Cell) bool {
	if x != len(r.ascii) || len(r.cells) > 0 || look.bg&flagExt != 0 {
		return false
	}
	if x == 0 {
		r.look = look
	} else if look.fg != r.look.fg || look.bg != r.look.bg {
		return false
	}
	r.ascii = append(r.ascii, p...)
	return true
}

// spread makes cells of what is ASCII.
func (r *row) spread() {
	if len(r.ascii) == 0 {
		return
	}
	n := len(r.ascii)
	if n > cap(r.cells) {
		r.cells = make([]Cell, n, min(max(n, 2*cap(r.cells), 16), max(r.width, n)))
	}
	r.cells = r.cells[:n]
	c := r.look
	for i, b := range r.ascii {
		c.content = narrow | uint32(b)
		r.cells[i] = c
	}
	r.ascii = r.ascii[:0]
}

// need makes cells 0 to n-1 real ones.
func (r *row) need(n int) {
	r.spread()
	if n <= len(r.cells) {
		return
	}
	if n > cap(r.cells) {
		room := min(max(n, 2*cap(r.cells), 16), r.width)
		grown := make([]Cell, len(r.cells), max(room, n))
		copy(grown, r.cells)
		r.cells = grown
	}
	from := len(r.cells)
	r.cells = r.cells[:n]
	for i := from; i < n; i++ {
		r.cells[i] = r.fill
	}
}

// set writes a cell; out of bounds it does nothing.
func (r *row) set(x int, c Cell) {
	if x < 0 || x >= r.width {
		return
	}
	r.need(x + 1)
	r.cells[x] = c
}

// clear makes all cells alike.
func (r *row) clear(fill Cell) {
	r.cells, r.ascii = r.cells[:0], r.ascii[:0]
	r.fill = fill
}

// reuse makes the row a new one.
func (r *row) reuse(width int, fill Cell, wrapped bool) {
	if cap(r.cells) > 2*width || cap(r.ascii) > 4*width {
		r.cells, r.ascii = nil, nil
	}
	r.clear(fill)
	r.width, r.wrapped = width, wrapped
}

// empty is a cell without a character in the given look.
func empty(look Cell) Cell {
	look.content = narrow
	return look
}

// replace fills cells from start to end, and what halves of wide characters it leaves.
func (r *row) replace(start, end int, fill Cell, spareProtected bool) {
	spared := func(x int) bool { return spareProtected && r.at(x).bg&bgProtected != 0 }
	if start > 0 && r.at(start-1).width() == 2 && !spared(start-1) {
		r.set(start-1, empty(fill))
	}
	if end < r.width && end > 0 && r.at(end-1).width() == 2 && !spared(end) {
		r.set(end, empty(fill))
	}
	end = min(end, r.width)
	r.spread()
	if !spareProtected && end == r.width && start <= len(r.cells) && start >= 0 && start < end {
		// All that is left: it takes no memory.
		r.cells = r.cells[:start]
		r.fill = fill
		return
	}
	for x := start; x < end; x++ {
		if !spared(x) {
			r.set(x, fill)
		}
	}
}

// insert shifts the cells from pos on to the right.
func (r *row) insert(pos, n int, fill Cell) {
	pos %= r.width
	if pos > 0 && r.at(pos-1).width() == 2 {
		r.set(pos-1, empty(fill))
	}
	r.need(r.width)
	if n < r.width-pos {
		copy(r.cells[pos+n:], r.cells[pos:r.width-n])
		for i := pos; i < pos+n; i++ {
			r.cells[i] = fill
		}
	} else {
		for i := pos; i < r.width; i++ {
			r.cells[i] = fill
		}
	}
	if r.cells[r.width-1].width() == 2 {
		r.cells[r.width-1] = empty(fill)
	}
}

// remove shifts the cells behind pos+n to the left.
func (r *row) remove(pos, n int, fill Cell) {
	pos %= r.width
	r.need(r.width)
	if n < r.width-pos {
		copy(r.cells[pos:], r.cells[pos+n:])
		for i := r.width - n; i < r.width; i++ {
			r.cells[i] = fill
		}
	} else {
		for i := pos; i < r.width; i++ {
			r.cells[i] = fill
		}
	}
	if pos > 0 && r.at(pos-1).width() == 2 {
		r.set(pos-1, empty(fill))
	}
	if c := r.at(pos); c.width() == 0 && !c.hasContent() {
		r.set(pos, empty(fill))
	}
}

// resize cuts the row, or makes it longer with fill.
func (r *row) resize(width int, fill Cell) {
	if width == r.width {
		return
	}
	r.spread()
	if width > r.width {
		if fill != r.fill {
			r.need(r.width)
			r.fill = fill
		}
	} else if len(r.cells) > width {
		r.cells = r.cells[:width]
	}
	r.width = width
}

// trimmed is the number of columns up to the last character.
func (r *row) trimmed() int {
	if r.fill.hasContent() && len(r.cells)+len(r.ascii) < r.width {
		return r.width - 1 + r.fill.width()
	}
	if len(r.ascii) > 0 {
		return len(r.ascii)
	}
	for i, c := range slices.Backward(r.cells) {
		if c.hasContent() {
			return i + c.width()
		}
	}
	return 0
}

package screen

import (
	"slices"
	"strconv"
)

// Snapshot is what draws the present screen, and the history above it, on a terminal of the same size that has
// just been reset (RIS, then ED 3). It asks the terminal nothing. Output that Write has not seen yet may follow: a
// sequence or character that was cut is finished by it.
func (s *Screen) Snapshot() []byte {
	d := &drawer{s: s, pen: blank(), out: make([]byte, 0, s.history.bytes+s.cols*s.rows/2+1024)}
	d.lasting()
	if s.active == &s.normal && d.hasSaved(&s.alt) {
		// What a program saved on the alternate screen is there when the next one comes.
		d.text("\x1b[?1047h")
		d.buffer(&s.alt)
		d.look(blank())
		d.text("\x1b[?1047l\x1b[H")
	}
	d.screen(&s.normal, s.history.lines)
	if s.active == &s.alt {
		d.buffer(&s.normal)
		d.region(&s.normal)
		d.goTo(s.normal.x, s.normal.y)
		d.look(blank())
		d.text("\x1b[?1047h")
		d.goTo(0, 0)
		d.screen(&s.alt, 0)
	}
	d.buffer(s.active)
	d.modes()
	d.cursor()
	d.parser()
	return d.out
}

// drawer puts a snapshot together. It knows the look that the terminal which draws it has at each point.
type drawer struct {
	s   *Screen
	out []byte
	pen Cell
}

func (d *drawer) text(t string) { d.out = append(d.out, t...) }

func (d *drawer) csi(final string, params ...int) {
	d.text("\x1b[")
	for i, p := range params {
		if i > 0 {
			d.text(";")
		}
		d.out = strconv.AppendInt(d.out, int64(p), 10)
	}
	d.text(final)
}

func (d *drawer) private(mode int, final string) {
	d.text("\x1b[?")
	d.out = strconv.AppendInt(d.out, int64(mode), 10)
	d.text(final)
}

func (d *drawer) goTo(x, y int) { d.csi("H", y+1, x+1) }

// lasting sets what a reset leaves as it was: title, colours and the mode of line feeds.
func (d *drawer) lasting() {
	s := d.s
	d.text("\x1b[20l\x1b]104\x07\x1b]110\x07\x1b]111\x07\x1b]112\x07")
	if s.title != "" {
		d.text("\x1b]2;" + s.title + "\x07")
	}
	keys := make([]int, 0, len(s.colours))
	for key := range s.colours {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if key < colourForeground {
			d.text("\x1b]4;" + strconv.Itoa(key) + ";" + s.colours[key] + "\x07")
		} else {
			d.text("\x1b]" + strconv.Itoa(10+key-colourForeground) + ";" + s.colours[key] + "\x07")
		}
	}
}

// buffer sets what each of the two screens has of its own: tab stops and the saved cursor.
func (d *drawer) buffer(b *buffer) {
	s := d.s
	changed := false
	for x := range s.cols {
		changed = changed || b.tab(x) != (x%tabWidth == 0)
	}
	if changed {
		d.text("\x1b[3g")
		for x := range s.cols {
			if b.tab(x) {
				d.csi("G", x+1)
				d.text("\x1bH")
			}
		}
	}
	if !d.hasSaved(b) {
		return
	}
	x, y := d.saved(b)
	d.goTo(x, y)
	d.look(s.plain(b.savedPen))
	d.designate('(', b.savedCharset)
	d.text("\x1b7")
	d.designate('(', 0)
}

// saved is where restoring the cursor brings it.
func (d *drawer) saved(b *buffer) (x, y int) {
	y = b.savedY
	if b == &d.s.normal {
		y -= d.s.history.lines
	}
	return min(b.savedX, d.s.cols-1), min(max(y, 0), d.s.rows-1)
}

func (d *drawer) hasSaved(b *buffer) bool {
	x, y := d.saved(b)
	return x != 0 || y != 0 || !b.savedPen.sameLook(blank()) || b.savedCharset != 0
}

// plain is a saved look, of which only colours and flags were saved.
func (s *Screen) plain(pen Cell) Cell {
	pen.bg &^= flagExt
	if pen.fg&fgUnderline != 0 {
		pen.bg |= flagExt
		pen.ext = s.extNumber(ext{style: 1})
	}
	return pen
}

func (d *drawer) designate(g, set byte) {
	if set == 0 {
		set = 'B'
	}
	d.out = append(d.out, asciiESC, g, set)
}

// region sets the scroll region, which moves the cursor.
func (d *drawer) region(b *buffer) {
	if b.top != 0 || b.bottom != d.s.rows-1 {
		d.csi("r", b.top+1, b.bottom+1)
	}
}

// modes sets modes that neither move the cursor nor change how text is drawn at it.
func (d *drawer) modes() {
	m := &d.s.modes
	for _, f := range []struct {
		on     bool
		number int
	}{
		{m.cursorKeys, 1},
		{m.keypad, 66},
		{m.reverseWrap, 45},
		{m.bracketed, 2004},
		{m.focus, 1004},
		{m.blinkSet && m.blink, 12},
		{m.mouse != 0, m.mouse},
		{m.mouseEncoding != 0, m.mouseEncoding},
		{!m.hidden, 25},
		{m.synchronized, 2026},
	} {
		if f.on {
			d.private(f.number, "h")
		}
	}
	if m.hidden {
		d.text("\x1b[?25l")
	}
	if m.blinkSet && !m.blink {
		d.text("\x1b[?12l")
	}
	if m.newline {
		d.text("\x1b[20h")
	}
	if m.shape != 0 {
		d.csi(" q", m.shape)
	}
}

// cursor sets the scroll region, the cursor with what moves it, character sets and the pen, in an order in which
// none of them undoes another.
func (d *drawer) cursor() {
	s, b := d.s, d.s.active
	charsets := d.charsets
	if c := s.charset; c.active != c.g[c.level] && c.active == b.savedCharset {
		// Only restoring the cursor leaves another set in use than the one designated.
		d.charsets()
		d.text("\x1b8")
		d.pen = s.plain(b.savedPen)
		charsets = func() {}
	}
	d.region(b)
	y := b.y
	if s.modes.noWrap {
		d.private(7, "l")
	}
	if s.modes.origin {
		d.private(6, "h")
		y -= b.top
	}
	// The character just printed is printed last when a combining character may join it.
	if x := b.x - s.join; s.join > 0 && x >= 0 {
		c := b.rows[b.y].at(x)
		if c.hasContent() && c.width() == s.join && d.rendition(c) == d.rendition(s.pen) {
			charsets()
			d.goTo(x, y)
			d.look(s.pen)
			d.hiddenColour()
			if s.modes.insert {
				// It is put in where it is taken out.
				d.text("\x1b[4h")
				d.csi("P", s.join)
			}
			d.out = s.text(d.out, c)
			return
		}
	}
	d.goTo(min(b.x, s.cols-1), y)
	if b.x >= s.cols && !d.atEnd(b.rows[b.y]) {
		d.pendingBlank(b.rows[b.y])
	}
	charsets()
	d.look(s.pen)
	if s.join == 0 {
		d.sgr(s.pen) // nothing joins what comes before a sequence
		d.protect(s.pen)
	}
	d.hiddenColour()
	if s.modes.insert {
		d.text("\x1b[4h")
	}
}

// hiddenColour sets the colour of the pen's underline while it does not underline: it shows as soon as it does.
func (d *drawer) hiddenColour() {
	e := d.s.exts[d.s.pen.ext]
	if d.s.pen.bg&flagExt != 0 || e.colour == 0 {
		return
	}
	d.text("\x1b[")
	first := len(d.out)
	d.colour(50, e.colour)
	d.out = append(slices.Delete(d.out, first, first+1), 'm')
}

// pendingBlank brings the cursor behind the last column of a line that was erased with the cursor there. When only
// a part of the line is blank there is no way, and the cursor is at the last column.
func (d *drawer) pendingBlank(r *row) {
	c := r.at(0)
	for x := range d.s.cols {
		if r.at(x) != c || c.hasContent() || c.styled() {
			return
		}
	}
	if r.wrapped {
		return
	}
	d.text(" ")
	d.look(c)
	d.text("\x1b[2K")
}

// charsets designates the character sets and shifts to the one in use.
func (d *drawer) charsets() {
	c := &d.s.charset
	for i, set := range c.g {
		if set != 0 {
			d.designate("()*+"[i], set)
		}
	}
	switch c.level {
	case 1:
		d.text("\x0e")
	case 2:
		d.text("\x1bn")
	case 3:
		d.text("\x1bo")
	}
}

// parser leaves the terminal in the middle of the sequence or character that output was cut in.
func (d *drawer) parser() {
	ps := &d.s.parser
	if ps.state != stGround {
		if !ps.long {
			d.out = append(d.out, ps.seq...)
		} else {
			d.text(unknown(ps.state))
		}
	}
	d.out = append(d.out, ps.utf8[:ps.partial]...)
}

// unknown begins a sequence that has no effect, in place of one that is too long to be kept.
func unknown(st state) string {
	switch st {
	case stOSC:
		return "\x1b]999;"
	case stString:
		return "\x1b_"
	case stDCS, stDCSParam, stDCSInter, stDCSIgnore, stDCSPass:
		return "\x1bP1z"
	case stCSI, stCSIParam, stCSIInter, stCSIIgnore:
		return "\x1b[1<"
	case stEscape, stEscapeInter:
		return "\x1b##"
	case stGround:
	}
	return ""
}

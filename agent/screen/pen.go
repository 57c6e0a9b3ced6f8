package screen

import "strconv"

// look sets the rendition for what is drawn next.
func (d *drawer) look(c Cell) {
	if c.sameLook(d.pen) {
		return
	}
	if l, was := d.link(c), d.link(d.pen); l != was {
		about := ""
		if l.id != "" {
			about = "id=" + l.id
		}
		d.text("\x1b]8;" + about + ";" + l.uri + "\x1b\\")
	}
	if c.bg&bgProtected != d.pen.bg&bgProtected && c.bg&bgProtected == 0 {
		d.text("\x1b[0\"q")
	}
	if d.rendition(c) != d.rendition(d.pen) {
		d.sgr(c)
	}
	d.protect(c)
	d.pen = c
}

// protect says again that what is drawn next is protected, since SGR 0 takes it back.
func (d *drawer) protect(c Cell) {
	if c.bg&bgProtected != 0 {
		d.text("\x1b[1\"q")
	}
}

func (d *drawer) link(c Cell) link {
	if c.bg&flagExt == 0 {
		return link{}
	}
	return d.s.links[d.s.exts[c.ext].link]
}

// rendition is what SGR sets.
type rendition struct {
	fg, bg uint32
	style  uint8
	colour uint32
}

func (d *drawer) rendition(c Cell) rendition {
	r := rendition{fg: c.fg &^ fgUnderline, bg: c.bg &^ (flagExt | bgProtected)}
	if c.bg&flagExt != 0 {
		e := d.s.exts[c.ext]
		r.style, r.colour = e.style, e.colour
	}
	if r.style == 0 && c.fg&fgUnderline != 0 {
		r.style = 1
	}
	return r
}

func (d *drawer) sgr(c Cell) {
	r := d.rendition(c)
	d.text("\x1b[0")
	for _, f := range []struct {
		on   bool
		code string
	}{
		{r.fg&fgBold != 0, ";1"},
		{r.bg&bgDim != 0, ";2"},
		{r.bg&bgItalic != 0, ";3"},
		{r.fg&fgBlink != 0, ";5"},
		{r.fg&fgInverse != 0, ";7"},
		{r.fg&fgInvisible != 0, ";8"},
		{r.fg&fgStrike != 0, ";9"},
		{r.bg&bgOverline != 0, ";53"},
	} {
		if f.on {
			d.text(f.code)
		}
	}
	if r.style != 0 {
		d.text(";4:" + strconv.Itoa(int(r.style)))
	}
	d.colour(30, r.fg)
	d.colour(40, r.bg)
	if r.colour != 0 {
		d.colour(50, r.colour)
	}
	d.text("m")
}

// colour appends the parameters of a colour: base is 30, 40 or 50 for character, background and underline.
func (d *drawer) colour(base int, c uint32) {
	n := int(c & 0xff)
	switch c & maskKind {
	case kindPalette:
		if n >= 8 {
			base += 60 - 8
		}
		d.text(";" + strconv.Itoa(base+n))
	case kind256:
		d.text(";" + strconv.Itoa(base+8) + ";5;" + strconv.Itoa(n))
	case kindRGB:
		d.text(";" + strconv.Itoa(base+8) + ";2;" + strconv.Itoa(int(c>>16&0xff)) + ";" + strconv.Itoa(int(c>>8&0xff)) + ";" + strconv.Itoa(n))
	}
}

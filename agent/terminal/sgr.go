package terminal

import "strconv"

// colour is a default colour (zero), a palette index or 24-bit RGB.
type colour struct {
	kind    byte // 0, 5 (palette) or 2 (RGB), as in the sequence
	r, g, b byte // the index is in r
}

// sgr is the rendition that characters are written with (ECMA-48 8.3.117).
type sgr struct {
	bold, dim, italic, blink, inverse, hidden, strike, over bool
	underline                                               byte // 0, or the style 1..5
	fg, bg, line                                            colour
}

// apply changes the rendition by a sequence "CSI … m".
func (s *sgr) apply(c csi) {
	var pending *colour // of "38;5;n" and "38;2;r;g;b", in parameters instead of sub-parameters
	var left []int
	c.eachParam(func(p param) {
		value := max(p.value, 0)
		if pending != nil {
			left = append(left, value)
			switch {
			case left[0] == 5 && len(left) == 2:
				*pending = colour{kind: 5, r: clampByte(left[1])}
				pending = nil
			case left[0] == 2 && len(left) == 4:
				*pending = colour{kind: 2, r: clampByte(left[1]), g: clampByte(left[2]), b: clampByte(left[3])}
				pending = nil
			case left[0] != 5 && left[0] != 2:
				pending = nil
			}
			return
		}
		var dst *colour
		switch value {
		case 38:
			dst = &s.fg
		case 48:
			dst = &s.bg
		case 58:
			dst = &s.line
		}
		switch {
		case dst != nil && p.subs > 0:
			if parsed, ok := subColour(p); ok {
				*dst = parsed
			}
		case dst != nil:
			pending, left = dst, nil
		default:
			s.set(value, p)
		}
	})
}

// subColour is a colour in sub-parameters: 5:n, 2:r:g:b or 2:space:r:g:b.
func subColour(p param) (colour, bool) {
	sub := p.sub[:p.subs]
	switch {
	case len(sub) >= 2 && sub[0] == 5:
		return colour{kind: 5, r: clampByte(sub[1])}, true
	case len(sub) >= 5 && sub[0] == 2:
		return colour{kind: 2, r: clampByte(sub[2]), g: clampByte(sub[3]), b: clampByte(sub[4])}, true
	case len(sub) == 4 && sub[0] == 2:
		return colour{kind: 2, r: clampByte(sub[1]), g: clampByte(sub[2]), b: clampByte(sub[3])}, true
	default:
		return colour{}, false
	}
}

func clampByte(n int) byte { return byte(min(max(n, 0), 255)) }

func (s *sgr) set(n int, p param) {
	switch {
	case n == 0:
		*s = sgr{}
	case n == 1:
		s.bold = true
	case n == 2:
		s.dim = true
	case n == 3:
		s.italic = true
	case n == 4:
		s.underline = 1
		if p.subs > 0 {
			s.underline = min(clampByte(p.sub[0]), 5)
		}
	case n == 5 || n == 6:
		s.blink = true
	case n == 7:
		s.inverse = true
	case n == 8:
		s.hidden = true
	case n == 9:
		s.strike = true
	case n == 21:
		s.underline = 2
	case n == 22:
		s.bold, s.dim = false, false
	case n == 23:
		s.italic = false
	case n == 24:
		s.underline = 0
	case n == 25:
		s.blink = false
	case n == 27:
		s.inverse = false
	case n == 28:
		s.hidden = false
	case n == 29:
		s.strike = false
	case n >= 30 && n <= 37:
		s.fg = colour{kind: 5, r: clampByte(n - 30)}
	case n == 39:
		s.fg = colour{}
	case n >= 40 && n <= 47:
		s.bg = colour{kind: 5, r: clampByte(n - 40)}
	case n == 49:
		s.bg = colour{}
	case n == 53:
		s.over = true
	case n == 55:
		s.over = false
	case n == 59:
		s.line = colour{}
	case n >= 90 && n <= 97:
		s.fg = colour{kind: 5, r: clampByte(n - 90 + 8)}
	case n >= 100 && n <= 107:
		s.bg = colour{kind: 5, r: clampByte(n - 100 + 8)}
	}
}

// appendTo appends the sequence that sets this rendition from any other.
func (s sgr) appendTo(dst []byte) []byte {
	dst = append(dst, "\x1b[0"...)
	for _, f := range []struct {
		on   bool
		code string
	}{
		{s.bold, "1"},
		{s.dim, "2"},
		{s.italic, "3"},
		{s.blink, "5"},
		{s.inverse, "7"},
		{s.hidden, "8"},
		{s.strike, "9"},
		{s.over, "53"},
	} {
		if f.on {
			dst = append(append(dst, ';'), f.code...)
		}
	}
	if s.underline > 0 {
		dst = strconv.AppendInt(append(dst, ";4:"...), int64(s.underline), 10)
	}
	dst = s.fg.appendTo(dst, "38")
	dst = s.bg.appendTo(dst, "48")
	dst = s.line.appendTo(dst, "58")
	return append(dst, 'm')
}

func (c colour) appendTo(dst []byte, code string) []byte {
	switch c.kind {
	case 5:
		dst = append(append(append(dst, ';'), code...), ";5;"...)
		return strconv.AppendInt(dst, int64(c.r), 10)
	case 2:
		dst = append(append(append(dst, ';'), code...), ";2"...)
		for _, v := range []byte{c.r, c.g, c.b} {
			dst = strconv.AppendInt(append(dst, ';'), int64(v), 10)
		}
	}
	return dst
}

package screen

import (
	"fmt"
	"strings"
)

// State is all that a terminal shows and holds, in the words that testdata/xterm.mjs uses for xterm.js.
type State struct {
	Size    [2]int         `json:"size"`
	Normal  *BufferState   `json:"normal"`
	Alt     *BufferState   `json:"alt"`
	Pen     string         `json:"pen"`
	Modes   map[string]any `json:"modes"`
	Charset []any          `json:"charset"`
	Join    int            `json:"join"`
	State   int            `json:"state"`
	Title   string         `json:"title"`
}

// BufferState is the state of one of the two screens.
type BufferState struct {
	Lines        []string `json:"lines"`
	Base         int      `json:"base"`
	Cursor       [2]int   `json:"cursor"`
	Region       [2]int   `json:"region"`
	Tabs         []int    `json:"tabs"`
	Saved        []any    `json:"saved"`
	SavedCharset string   `json:"savedCharset"`
}

func (s *Screen) Size() (cols, rows int) { return s.cols, s.rows }

func (s *Screen) State() State {
	m := s.modes
	mouse := map[int]string{0: "NONE", 9: "X10", 1000: "VT200", 1002: "DRAG", 1003: "ANY"}[m.mouse]
	encoding := map[int]string{0: "DEFAULT", 1006: "SGR", 1016: "SGR_PIXELS"}[m.mouseEncoding]
	shape := ""
	if m.shape > 0 {
		shape = fmt.Sprintf("%s %t", []string{"block", "underline", "bar"}[(m.shape-1)/2], m.shape%2 == 1)
	}
	st := State{
		Size: [2]int{s.cols, s.rows}, Normal: s.bufferState(&s.normal), Pen: s.lookState(s.pen),
		Modes: map[string]any{
			"insert": m.insert, "newline": m.newline, "cursorKeys": m.cursorKeys, "keypad": m.keypad, "bracketed": m.bracketed,
			"origin": m.origin, "reverseWrap": m.reverseWrap, "focus": m.focus, "synchronized": m.synchronized, "wrap": !m.noWrap,
			"hidden": m.hidden, "blink": m.blink, "shape": shape, "mouse": mouse, "encoding": encoding,
		},
		Charset: []any{setState(s.charset.active), float64(s.charset.level)},
		Join:    s.join, State: int(s.parser.state), Title: s.title,
	}
	for _, g := range s.charset.g {
		st.Charset = append(st.Charset, setState(g))
	}
	if s.active == &s.alt {
		st.Alt = s.bufferState(&s.alt)
		st.Normal.Cursor[0] = 0 // it comes back from the alternate screen
	}
	return st
}

func (s *Screen) bufferState(b *buffer) *BufferState {
	st := &BufferState{
		Lines: []string{}, Cursor: [2]int{min(b.x, s.cols), b.y}, Region: [2]int{b.top, b.bottom}, Tabs: []int{},
		SavedCharset: setState(b.savedCharset),
	}
	if b == &s.normal {
		st.Base = s.history.lines
		s.history.each(func(line []byte) { st.Lines = append(st.Lines, s.lineState(s.decode(line, s.cols))) })
	}
	for _, r := range b.rows {
		st.Lines = append(st.Lines, s.lineState(r))
	}
	for x := range s.cols {
		if b.tab(x) {
			st.Tabs = append(st.Tabs, x)
		}
	}
	pen := b.savedPen
	pen.bg &^= flagExt
	st.Saved = []any{float64(min(b.savedX, s.cols-1)), float64(min(max(b.savedY-st.Base, 0), s.rows-1)), s.lookState(pen)}
	return st
}

func setState(set byte) string {
	if set == 0 {
		return ""
	}
	var out []rune
	for _, r := range "a#@[~" {
		if t := translate(set, r); t != r {
			out = append(out, t)
		}
	}
	return string(out)
}

func (s *Screen) lookState(c Cell) string {
	norm := func(n uint32) uint32 {
		switch n & maskKind {
		case kindRGB:
			return n
		case 0:
			return n &^ maskColour
		}
		return n &^ 0xffff00
	}
	style, colour, uri := uint8(0), uint32(0), ""
	if c.bg&flagExt != 0 {
		e := s.exts[c.ext]
		style, colour, uri = e.style, e.colour, s.links[e.link].uri
	}
	switch {
	case uri != "":
		style = 9
	case style == 0 && c.fg&fgUnderline != 0:
		style = 1
	}
	out := fmt.Sprintf("[%x:%x", norm(c.fg&^fgUnderline), norm(c.bg&^flagExt))
	if style != 0 {
		out += fmt.Sprintf(":%d,%x,%s", style, colour, uri)
	}
	return out + "]"
}

func (s *Screen) lineState(r *row) string {
	var out strings.Builder
	last := "[0:0]"
	kept := 0
	for x := range s.cols {
		c := r.at(x)
		now := s.lookState(c)
		chars := string(s.text(nil, c))
		if now != last {
			out.WriteString(now)
		}
		last = now
		switch {
		case c.width() == 0 && chars != "":
			out.WriteString("<" + chars + ">")
		case c.width() == 0:
			out.WriteString("‖")
		case chars == "":
			out.WriteString("␀")
		default:
			out.WriteString(chars)
		}
		if c.width() != 1 || chars != "" || now != "[0:0]" {
			kept = out.Len()
		}
	}
	mark := "|"
	if r.wrapped {
		mark = "~"
	}
	return mark + out.String()[:kept]
}

// Memory is about what the screen takes, in bytes: what is bounded by limits of its own and not by the size.
func (s *Screen) Memory() int {
	n := s.history.bytes + cap(s.parser.seq) + len(s.title) + len(s.cwd)
	for _, c := range s.clusters {
		n += len(c) + 16
	}
	for _, l := range s.links {
		n += len(l.id) + len(l.uri) + 32
	}
	return n + 16*len(s.exts)
}

// Drawable says that the state can be reached by drawing. There is no way to have the cursor behind the last column
// of a line that is blank there and not elsewhere, nor outside the scroll region in origin mode.
func (s *Screen) Drawable() bool {
	b := s.active
	if s.modes.origin && (b.y < b.top || b.y > b.bottom) {
		return false
	}
	last := s.row().at(s.cols - 1)
	return b.x < s.cols || last.hasContent() || last.width() == 0
}

// Text is what the active screen shows, without blanks at the ends.
func (s *Screen) Text() string {
	var out []byte
	for _, r := range s.active.rows {
		for x := range r.trimmed() {
			if c := r.at(x); c.hasContent() {
				out = s.text(out, c)
			} else if c.width() > 0 {
				out = append(out, ' ')
			}
		}
		out = append(out, '\n')
	}
	return strings.TrimRight(string(out), "\n")
}

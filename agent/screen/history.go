package screen

import (
	"encoding/binary"
	"unicode/utf8"
)

// historyChunk is the unit in which the history grows, in bytes.
const historyChunk = 16 << 10

// history keeps the lines that have left the screen at its top, encoded: a line takes about as many bytes as it
// has characters. The oldest ones go when there are too many lines or bytes.
type history struct {
	maxLines, maxBytes int
	chunks             []*chunk
	spare              *chunk
	bytes              int
	lines              int
}

// chunk holds whole lines: those from first on are still wanted.
type chunk struct {
	data  []byte
	ends  []uint32 // of each line in data
	first int
}

func (c *chunk) line(i int) []byte {
	start := uint32(0)
	if i > 0 {
		start = c.ends[i-1]
	}
	return c.data[start:c.ends[i]]
}

// push adds a line.
func (h *history) push(s *Screen, r *row) {
	if h.maxLines <= 0 {
		return
	}
	last := h.tail()
	if last == nil || len(last.data) >= historyChunk {
		last = h.spare
		h.spare = nil
		if last == nil {
			last = &chunk{}
		}
		h.chunks = append(h.chunks, last)
	}
	before := len(last.data)
	last.data = s.encode(last.data, r)
	last.ends = append(last.ends, uint32(len(last.data))) //nolint:gosec // a chunk has one line beyond 16 KiB at most
	h.bytes += len(last.data) - before + 4
	h.lines++
	for h.lines > h.maxLines || h.bytes > h.maxBytes && h.lines > 0 {
		h.dropFirst()
	}
}

func (h *history) tail() *chunk {
	if len(h.chunks) == 0 {
		return nil
	}
	return h.chunks[len(h.chunks)-1]
}

func (h *history) dropFirst() {
	c := h.chunks[0]
	h.bytes -= len(c.line(c.first)) + 4
	c.first++
	h.lines--
	if c.first < len(c.ends) {
		return
	}
	copy(h.chunks, h.chunks[1:])
	h.chunks[len(h.chunks)-1] = nil
	h.chunks = h.chunks[:len(h.chunks)-1]
	if cap(c.data) <= 2*historyChunk {
		*c = chunk{data: c.data[:0], ends: c.ends[:0]}
		h.spare = c
	}
}

// pop takes the newest line back. The caller has made sure that there is one.
func (h *history) pop(s *Screen, width int) *row {
	c := h.tail()
	i := len(c.ends) - 1
	r := s.decode(c.line(i), width)
	h.bytes -= len(c.line(i)) + 4
	h.lines--
	start := uint32(0)
	if i > 0 {
		start = c.ends[i-1]
	}
	c.data, c.ends = c.data[:start], c.ends[:i]
	if c.first >= len(c.ends) {
		h.chunks[len(h.chunks)-1] = nil
		h.chunks = h.chunks[:len(h.chunks)-1]
	}
	return r
}

func (h *history) clear() {
	h.chunks, h.spare, h.bytes, h.lines = nil, nil, 0, 0
}

// each calls fn for each line from the oldest on.
func (h *history) each(fn func(line []byte)) {
	for _, c := range h.chunks {
		for i := c.first; i < len(c.ends); i++ {
			fn(c.line(i))
		}
	}
}

// An encoded line is its flags and then items, each with a tag. Numbers are unsigned varints.
const (
	lineWrapped = 1 << iota
	lineFilled  // an item tells the look of the cells behind the last one
)

const (
	tagASCII byte = iota // n, then n characters of one column each
	tagEmpty             // n cells without a character
	tagLook              // fg, bg
	tagExt               // like tagLook, then style, colour, id, uri
	tagCell              // width, length, then UTF-8; empty for half a character
	tagFill              // the look of the rest
)

// encode appends a line.
func (s *Screen) encode(dst []byte, r *row) []byte {
	flags := byte(0)
	if r.wrapped {
		flags |= lineWrapped
	}
	cells := r.cells
	filled := r.fill != blank() && len(cells)+len(r.ascii) < r.width
	if filled {
		flags |= lineFilled
	} else {
		for len(cells) > 0 && cells[len(cells)-1] == blank() {
			cells = cells[:len(cells)-1]
		}
	}
	dst = append(dst, flags)
	look := blank()
	if n := len(r.ascii); n > 0 {
		if !r.look.sameLook(look) {
			dst = s.encodeLook(dst, r.look)
		}
		dst = binary.AppendUvarint(append(dst, tagASCII), uint64(n))
		dst = append(dst, r.ascii...)
		look = r.look
	}
	for i := 0; i < len(cells); {
		c := cells[i]
		if !c.sameLook(look) {
			dst = s.encodeLook(dst, c)
			look = c
		}
		switch {
		case c.content-narrow-0x20 < 0x5f: // a printable ASCII character of one column
			n := i + 1
			for n < len(cells) && cells[n].content-narrow-0x20 < 0x5f && cells[n].sameLook(look) {
				n++
			}
			dst = binary.AppendUvarint(append(dst, tagASCII), uint64(n-i))
			for ; i < n; i++ {
				dst = append(dst, byte(cells[i].content)) //nolint:gosec // ASCII, see above
			}
		case c.content == narrow:
			n := i + 1
			for n < len(cells) && cells[n].content == narrow && cells[n].sameLook(look) {
				n++
			}
			dst = binary.AppendUvarint(append(dst, tagEmpty), uint64(n-i))
			i = n
		default:
			var buf [utf8.UTFMax]byte
			text := s.text(buf[:0], c)
			dst = append(dst, tagCell, byte(c.width())) //nolint:gosec // 0 to 3
			dst = append(binary.AppendUvarint(dst, uint64(len(text))), text...)
			i++
		}
	}
	if filled {
		dst = append(s.encodeLook(dst, r.fill), tagFill)
		dst = binary.AppendUvarint(dst, uint64(r.fill.content))
	}
	return dst
}

func (s *Screen) encodeLook(dst []byte, c Cell) []byte {
	tag := tagLook
	if c.bg&flagExt != 0 {
		tag = tagExt
	}
	dst = binary.LittleEndian.AppendUint32(append(dst, tag), c.fg)
	dst = binary.LittleEndian.AppendUint32(dst, c.bg)
	if tag == tagExt {
		e := s.exts[c.ext]
		l := s.links[e.link]
		dst = binary.LittleEndian.AppendUint32(append(dst, e.style), e.colour)
		dst = append(binary.AppendUvarint(dst, uint64(len(l.id))), l.id...)
		dst = append(binary.AppendUvarint(dst, uint64(len(l.uri))), l.uri...)
	}
	return dst
}

// decode is the opposite of encode for a screen of the given width.
func (s *Screen) decode(line []byte, width int) *row {
	r := newRow(width, blank())
	r.wrapped = line[0]&lineWrapped != 0
	line = line[1:]
	number := func() int {
		n, size := binary.Uvarint(line)
		line = line[size:]
		return int(n) //nolint:gosec // what encode has written
	}
	word := func() uint32 {
		n := binary.LittleEndian.Uint32(line)
		line = line[4:]
		return n
	}
	text := func() string {
		n := number()
		t := string(line[:n])
		line = line[n:]
		return t
	}
	look := blank()
	x := 0
	for len(line) > 0 {
		tag := line[0]
		line = line[1:]
		switch tag {
		case tagASCII:
			n := number()
			if x == 0 && n <= width && r.append(0, line[:n], look) {
				x = n
				line = line[n:]
				continue
			}
			r.need(min(x+n, width))
			for _, b := range line[:n] {
				look.content = narrow | uint32(b)
				r.set(x, look)
				x++
			}
			line = line[n:]
		case tagEmpty:
			look.content = narrow
			for range number() {
				r.set(x, look)
				x++
			}
		case tagLook:
			look = Cell{fg: word(), bg: word()}
		case tagExt:
			look = Cell{fg: word(), bg: word()}
			e := ext{style: line[0]}
			line = line[1:]
			e.colour = word()
			id, uri := text(), text()
			if uri != "" {
				e.link = s.linkNumber(link{id, uri})
			}
			look.ext = s.extNumber(e)
		case tagCell:
			columns := uint32(line[0])
			line = line[1:]
			look.content = s.content(text()) | columns<<widthShift
			r.set(x, look)
			x++
		case tagFill:
			look.content = uint32(number()) //nolint:gosec // what encode has written
			r.fill = look
		}
	}
	return r
}

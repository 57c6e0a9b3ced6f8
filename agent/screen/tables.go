package screen

import "unicode/utf8"

// maxCluster is how long the text of one cell may be, in bytes: enough for every script, and a limit for those
// who pile up marks.
const maxCluster = 128

// text appends what a cell shows as UTF-8.
func (s *Screen) text(dst []byte, c Cell) []byte {
	switch {
	case c.content&flagCluster != 0:
		return append(dst, s.clusters[c.content&maskChar]...)
	case c.content&maskChar != 0:
		return utf8.AppendRune(dst, rune(c.content&maskChar))
	}
	return dst
}

// content is the opposite of text: a cell's content without the width.
func (s *Screen) content(text string) uint32 {
	if text == "" {
		return 0
	}
	if r, n := utf8.DecodeRuneInString(text); n == len(text) {
		return uint32(r) //nolint:gosec // not negative
	}
	return s.clusterNumber(text) | flagCluster
}

func (s *Screen) clusterNumber(text string) uint32 {
	if n, ok := s.clusterNumbers[text]; ok {
		return n
	}
	if s.clusterNumbers == nil {
		s.clusterNumbers = map[string]uint32{}
	}
	n := uint32(len(s.clusters)) //nolint:gosec // kept small by sweep
	s.clusters = append(s.clusters, text)
	s.clusterNumbers[text] = n
	return n
}

func (s *Screen) extNumber(e ext) uint32 {
	if e == (ext{}) {
		return 0
	}
	if n, ok := s.extNumbers[e]; ok {
		return n
	}
	if s.extNumbers == nil {
		s.extNumbers = map[ext]uint32{}
	}
	n := uint32(len(s.exts)) //nolint:gosec // kept small by sweep
	s.exts = append(s.exts, e)
	s.extNumbers[e] = n
	return n
}

func (s *Screen) linkNumber(l link) uint32 {
	if n, ok := s.linkNumbers[l]; ok {
		return n
	}
	if s.linkNumbers == nil {
		s.linkNumbers = map[link]uint32{}
	}
	n := uint32(len(s.links)) //nolint:gosec // kept small by sweep
	s.links = append(s.links, l)
	s.linkNumbers[l] = n
	return n
}

// sweepAt is how large a table may become before what no cell refers to is taken out of it.
const sweepAt = 1024

// sweep keeps the tables small: it builds them anew from what the screen holds.
func (s *Screen) sweep() {
	if len(s.clusters) < s.sweepClusters && len(s.exts) < s.sweepExts && len(s.links) < s.sweepLinks {
		return
	}
	clusters, exts, links := s.clusters, s.exts, s.links
	s.resetTables()
	moveExt := func(n uint32) uint32 {
		if n == 0 {
			return 0
		}
		e := exts[n]
		if e.link != 0 {
			e.link = s.linkNumber(links[e.link])
		}
		return s.extNumber(e)
	}
	move := func(c *Cell) {
		if c.content&flagCluster != 0 {
			c.content = c.content&^maskContent | flagCluster | s.clusterNumber(clusters[c.content&maskChar])
		}
		if c.bg&flagExt != 0 {
			c.ext = moveExt(c.ext)
		} else {
			c.ext = 0
		}
	}
	for _, b := range []*buffer{&s.normal, &s.alt} {
		for _, r := range b.rows {
			for i := range r.cells {
				move(&r.cells[i])
			}
			move(&r.fill)
		}
		move(&b.savedPen)
	}
	pen := s.pen.ext
	s.pen.ext = moveExt(pen)
	s.sweepClusters = max(sweepAt, 2*len(s.clusters))
	s.sweepExts = max(sweepAt, 2*len(s.exts))
	s.sweepLinks = max(sweepAt, 2*len(s.links))
}

func (s *Screen) resetTables() {
	s.clusters, s.clusterNumbers = nil, nil
	s.exts, s.extNumbers = []ext{{}}, nil
	s.links, s.linkNumbers = []link{{}}, nil
}

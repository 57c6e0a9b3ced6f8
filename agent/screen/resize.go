package screen

// Resize follows a new size, as xterm.js does without being told what kind of terminal runs: lines of the normal
// screen that were wrapped are wrapped anew, but for the one that the cursor is in, which the program draws again
// by itself; the alternate screen is cut.
func (s *Screen) Resize(cols, rows int) {
	cols, rows = max(cols, minCols), max(rows, 1)
	if cols == s.cols && rows == s.rows {
		return
	}
	s.resizeNormal(cols, rows)
	s.resizeAlt(cols, rows)
	s.cols, s.rows = cols, rows
	for _, b := range []*buffer{&s.normal, &s.alt} {
		b.cols = cols
		b.extendTabs()
	}
	s.sweep()
}

// lines is a whole buffer, what is above the screen included.
type lines struct {
	b    *buffer
	all  []*row
	base int // the index of the screen's first line
	max  int
}

func (s *Screen) resizeNormal(cols, rows int) {
	b := &s.normal
	if cols == s.cols && s.history.lines == 0 && len(b.rows) == 0 {
		return
	}
	l := &lines{b: b, base: s.history.lines, max: rows + max(s.history.maxLines, 0)}
	if cols == s.cols {
		s.resizeRows(l, rows)
		return
	}
	l.all = make([]*row, 0, s.history.lines+len(b.rows))
	s.history.each(func(line []byte) { l.all = append(l.all, s.decode(line, s.cols)) })
	l.all = append(l.all, b.rows...)
	if cols > s.cols {
		for _, r := range l.all {
			r.resize(cols, blank())
		}
	}
	l.setRows(s.rows, rows, cols)
	if cols > s.cols {
		l.widen(s.cols, cols, rows)
	} else {
		l.narrow(s.cols, cols, rows)
		for _, r := range l.all {
			r.resize(cols, blank())
		}
	}
	s.history.clear()
	for _, r := range l.all[:l.base] {
		s.history.push(s, r)
	}
	// The history may keep less than the lines: what was saved counts from its start.
	b.savedY += s.history.lines - l.base
	b.rows = append([]*row(nil), l.all[l.base:]...)
	for len(b.rows) < rows {
		b.rows = append(b.rows, newRow(cols, blank()))
	}
	b.rows = b.rows[:rows]
}

// resizeRows changes the number of lines alone, without taking the history apart.
func (s *Screen) resizeRows(l *lines, rows int) {
	b := l.b
	pulled := 0
	for range rows - s.rows {
		// There is room above, and nothing below the cursor: the screen moves down.
		if s.history.lines > 0 && len(b.rows) <= b.y+pulled+1 {
			b.rows = append([]*row{s.history.pop(s, s.cols)}, b.rows...)
			pulled++
		} else {
			b.rows = append(b.rows, newRow(s.cols, blank()))
		}
	}
	for range s.rows - rows {
		if len(b.rows) > b.y+1 {
			b.rows = b.rows[:len(b.rows)-1]
		} else {
			s.history.push(s, b.rows[0])
			b.rows = append([]*row(nil), b.rows[1:]...)
			b.y-- // with its line
		}
	}
	b.y = max(min(b.y, rows-1), 0) + pulled
	b.x = min(b.x, s.cols-1)
	b.savedX = min(b.savedX, s.cols-1)
	b.top, b.bottom = 0, rows-1
}

func (s *Screen) resizeAlt(cols, rows int) {
	b := &s.alt
	if len(b.rows) == 0 {
		b.bottom = rows - 1
		return
	}
	l := &lines{b: b, all: b.rows, max: rows}
	if cols > s.cols {
		for _, r := range l.all {
			r.resize(cols, blank())
		}
	}
	l.setRows(s.rows, rows, cols)
	b.rows = append([]*row(nil), l.all[l.base:]...)
	for len(b.rows) < rows {
		b.rows = append(b.rows, newRow(cols, blank()))
	}
	b.rows = b.rows[:rows]
}

// setRows changes the number of lines on the screen: at its bottom as long as they are blank, else at its top.
func (l *lines) setRows(from, to, cols int) {
	b := l.b
	pulled := 0
	for range to - from {
		if len(l.all) >= to+l.base {
			continue
		}
		if l.base > 0 && len(l.all) <= l.base+b.y+pulled+1 {
			l.base--
			pulled++
		} else {
			l.all = append(l.all, newRow(cols, blank()))
		}
	}
	for range from - to {
		if len(l.all) <= to+l.base {
			continue
		}
		if len(l.all) > l.base+b.y+1 {
			l.all = l.all[:len(l.all)-1]
		} else {
			l.base++
		}
	}
	if n := len(l.all) - l.max; n > 0 {
		l.all = l.all[n:]
		l.base = max(l.base-n, 0)
		b.savedY = max(b.savedY-n, 0)
	}
	b.x = min(b.x, cols-1)
	b.y = min(b.y, to-1) + pulled
	b.savedX = min(b.savedX, cols-1)
	b.top, b.bottom = 0, to-1
}

// span is the number of columns that a line takes up within a wrapped line: all of them, but for the place that
// a wide character left free at its end, and the last one's blank rest.
func span(wrapped []*row, i, cols int) int {
	if i == len(wrapped)-1 {
		return wrapped[i].trimmed()
	}
	last := wrapped[i].at(cols - 1)
	if !last.hasContent() && last.width() == 1 && wrapped[i+1].at(0).width() == 2 {
		return cols - 1
	}
	return cols
}

// widen joins wrapped lines.
func (l *lines) widen(from, to, rows int) {
	b := l.b
	cursor := l.base + b.y
	var kept []*row
	removed := 0
	for y := 0; y < len(l.all); {
		end := y + 1
		for end < len(l.all) && l.all[end].wrapped {
			end++
		}
		wrapped := l.all[y:end]
		if len(wrapped) == 1 || cursor >= y && cursor < end {
			kept = append(kept, wrapped...)
		} else {
			n := joinLines(wrapped, from, to)
			kept = append(kept, wrapped[:n]...)
			removed += len(wrapped) - n
		}
		y = end
	}
	l.all = kept
	for range removed {
		if l.base == 0 {
			b.y = max(b.y-1, 0)
			if len(l.all) < rows {
				l.all = append(l.all, newRow(to, blank()))
			}
		} else {
			l.base--
		}
	}
	b.savedY = max(b.savedY-removed, 0)
}

// joinLines moves the cells of a wrapped line forward and says how many lines are left of it.
func joinLines(wrapped []*row, from, to int) int {
	dest, destCol := 0, span(wrapped, 0, from)
	for src, srcCol := 1, 0; src < len(wrapped); {
		length := span(wrapped, src, from)
		n := min(length-srcCol, to-destCol)
		copyCells(wrapped[dest], wrapped[src], srcCol, destCol, n)
		destCol += n
		if destCol == to {
			dest, destCol = dest+1, 0
		}
		srcCol += n
		if srcCol == length {
			src, srcCol = src+1, 0
		}
		// A wide character must not be cut.
		if destCol == 0 && dest != 0 && wrapped[dest-1].at(to-1).width() == 2 {
			copyCells(wrapped[dest], wrapped[dest-1], to-1, 0, 1)
			destCol++
			wrapped[dest-1].set(to-1, blank())
		}
	}
	if dest < len(wrapped) {
		wrapped[dest].replace(destCol, to, blank(), false)
	}
	left := len(wrapped)
	for left > 1 && (left-1 > dest || wrapped[left-1].trimmed() == 0) {
		left--
	}
	return left
}

func copyCells(dst, src *row, srcCol, dstCol, n int) {
	for i := range n {
		dst.set(dstCol+i, src.at(srcCol+i))
	}
}

// narrow wraps lines that have become too long.
func (l *lines) narrow(from, to, rows int) {
	b := l.b
	type insertion struct {
		at   int // the index of its first row, in the order from the bottom to the top
		rows []*row
	}
	var inserted []insertion
	count := 0
	for y := len(l.all) - 1; y >= 0; y-- {
		end := y + 1
		if !l.all[y].wrapped && l.all[y].trimmed() <= to {
			continue
		}
		for l.all[y].wrapped && y > 0 {
			y--
		}
		if cursor := l.base + b.y; cursor >= y && cursor < end {
			continue
		}
		wrapped := append([]*row(nil), l.all[y:end]...)
		added := splitLines(&wrapped, from, to)
		used := len(l.all)
		if l.base == 0 && b.y != len(l.all)-1 {
			used = b.y
		}
		trimmed := max(0, used-l.max+added)
		if added > 0 {
			inserted = append(inserted, insertion{at: end + count, rows: wrapped[end-y:]})
			count += added
		}
		for range added - trimmed {
			switch {
			case l.base == 0 && b.y < rows-1:
				b.y++
				l.all = l.all[:len(l.all)-1]
			case l.base == 0:
				l.base++
			case l.base < min(l.max, len(l.all)+count)-rows:
				l.base++
			}
		}
		b.savedY = min(b.savedY+added, l.base+rows-1)
	}
	if len(inserted) == 0 {
		return
	}
	// From the bottom to the top: lines were taken from the bottom meanwhile, so that an insertion may be behind
	// what is left.
	total := len(l.all) + count
	all := make([]*row, total)
	old, done := len(l.all)-1, 0
	for i := total - 1; i >= 0; {
		if len(inserted) > 0 && inserted[0].at > old+done {
			added := inserted[0].rows
			inserted = inserted[1:]
			i -= len(added)
			copy(all[i+1:], added)
			done += len(added)
			continue
		}
		all[i] = l.all[old]
		old--
		i--
	}
	l.all = all[max(total-l.max, 0):]
}

// splitLines moves the cells of a wrapped line backward, adds the lines that it needs more and says how many.
func splitLines(wrapped *[]*row, from, to int) int {
	old := len(*wrapped)
	last := (*wrapped)[old-1].trimmed()
	lengths := newLengths(*wrapped, from, to)
	added := len(lengths) - old
	for range added {
		r := newRow(to, blank())
		r.wrapped = true
		*wrapped = append(*wrapped, r)
	}
	w := *wrapped
	dest := len(lengths) - 1
	if dest < 0 {
		return 0
	}
	destCol := lengths[dest]
	if destCol == 0 && dest > 0 {
		dest--
		destCol = lengths[dest]
	}
	for src, srcCol := old-1, last; src >= 0 && dest >= 0; {
		n := min(srcCol, destCol)
		copyBack(w[dest], w[src], srcCol-n, destCol-n, n)
		destCol -= n
		if destCol == 0 {
			dest--
			if dest >= 0 {
				destCol = lengths[dest]
			}
		}
		srcCol -= n
		if srcCol == 0 {
			src--
			srcCol = span(w[:], max(src, 0), from)
		}
	}
	for i, r := range w {
		if i < len(lengths) && lengths[i] < to {
			r.set(lengths[i], blank())
		}
	}
	return added
}

func copyBack(dst, src *row, srcCol, dstCol, n int) {
	for i := n - 1; i >= 0; i-- {
		dst.set(dstCol+i, src.at(srcCol+i))
	}
}

// newLengths is how many columns each line takes when a wrapped line is wrapped anew.
func newLengths(wrapped []*row, from, to int) []int {
	needed := 0
	for i := range wrapped {
		needed += span(wrapped, i, from)
	}
	var lengths []int
	srcCol, src, available := 0, 0, 0
	for available < needed {
		if needed-available < to {
			lengths = append(lengths, needed-available)
			break
		}
		srcCol += to
		if old := span(wrapped, src, from); srcCol > old {
			srcCol -= old
			src++
		}
		length := to
		if src < len(wrapped) && wrapped[src].at(srcCol-1).width() == 2 {
			srcCol--
			length--
		}
		lengths = append(lengths, length)
		available += length
	}
	return lengths
}

package search

import (
	"bytes"
	"unicode/utf8"
)

// Match is one place.
type Match struct {
	// Line and Column of its first character, EndLine and EndColumn behind its last.
	Line, Column, EndLine, EndColumn int
	// Preview is its first line, or the part around it of a long one; the match begins there at PreviewColumn.
	Preview       string
	PreviewColumn int
}

const (
	// previewBefore and previewBytes bound a preview.
	previewBefore = 80
	previewBytes  = 300
)

// Find returns the first matches of a content, limit at most, and whether there are more. Empty matches are none.
func (m *Matcher) Find(content []byte, limit int) (matches []Match, more bool) {
	if m.literal != nil && !bytes.Contains(content, m.literal) {
		return nil, false
	}
	line, lineStart, seen := 1, 0, 0
	to := func(offset int) {
		for {
			i := bytes.IndexByte(content[seen:offset], '\n')
			if i < 0 {
				seen = offset
				return
			}
			line++
			seen += i + 1
			lineStart = seen
		}
	}
	// One more than wanted, and some empty ones, are found at once; the rest only if those do not do.
	for asked := limit + 1; ; asked *= 4 {
		found := m.expression.FindAllIndex(content, asked)
		matches = matches[:0]
		line, lineStart, seen = 1, 0, 0
		for _, at := range found {
			if at[0] == at[1] {
				continue
			}
			if len(matches) == limit {
				return matches, true
			}
			to(at[0])
			one := Match{Line: line, Column: 1 + units(content[lineStart:at[0]])}
			one.Preview, one.PreviewColumn = preview(content, lineStart, at[0])
			to(at[1])
			one.EndLine, one.EndColumn = line, 1+units(content[lineStart:at[1]])
			matches = append(matches, one)
		}
		if len(found) < asked {
			return matches, false
		}
	}
}

// preview cuts the line that begins at lineStart around the match at start.
func preview(content []byte, lineStart, start int) (text string, column int) {
	from := lineStart
	if start-from > previewBefore {
		from = start - previewBefore
		for from < start && !utf8.RuneStart(content[from]) {
			from++
		}
	}
	to := min(len(content), from+previewBytes)
	if i := bytes.IndexByte(content[start:to], '\n'); i >= 0 {
		to = start + i
	} else {
		for to < len(content) && to > start && !utf8.RuneStart(content[to]) {
			to--
		}
	}
	return string(bytes.ToValidUTF8(bytes.TrimSuffix(content[from:to], []byte("\r")), []byte("\uFFFD"))), 1 + units(content[from:start])
}

// units is the length in UTF-16 code units. A byte that is no UTF-8 counts as one.
func units(p []byte) int {
	n := 0
	for len(p) > 0 {
		if p[0] < utf8.RuneSelf {
			n++
			p = p[1:]
			continue
		}
		r, size := utf8.DecodeRune(p)
		n++
		if r > 0xFFFF {
			n++
		}
		p = p[size:]
	}
	return n
}

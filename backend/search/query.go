package search

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"codingplatform/backend"
)

// Query is what to look for and where.
type Query struct {
	// Text to find; with Regex an RE2 expression, in which ^ and $ are the ends of a line.
	Text  string
	Regex bool
	// Case: upper and lower case differ. Word: only where no word goes on on either side.
	Case, Word bool
	// Include and Exclude are globs with ** of paths; one without a slash is of names, and one that names a folder stands
	// for all in it. No Include: everything.
	Include, Exclude []string
}

const (
	maxText  = 1 << 10
	maxGlobs = 100
)

// Matcher is a Query made ready. It may be used by many goroutines at once.
type Matcher struct {
	expression *regexp.Regexp
	// literal, when it is set, must be in a content that has a match.
	literal          []byte
	regex            bool
	include, exclude []string
}

// New makes a Matcher. CodeInvalid with the field that is wrong.
func New(q Query) (*Matcher, error) {
	m := &Matcher{regex: q.Regex}
	var err error
	if m.include, err = globs("include", q.Include); err != nil {
		return nil, err
	}
	if m.exclude, err = globs("exclude", q.Exclude); err != nil {
		return nil, err
	}
	switch {
	case q.Text == "":
		return nil, invalid("q", "is empty")
	case len(q.Text) > maxText:
		return nil, invalid("q", "is longer than 1,024 bytes")
	}
	pattern := q.Text
	if !q.Regex {
		pattern = regexp.QuoteMeta(pattern)
		if q.Case {
			m.literal = []byte(q.Text)
		}
	}
	if q.Word {
		pattern = `\b(?:` + pattern + `)\b`
	}
	flags := "(?m)"
	if !q.Case {
		flags = "(?mi)"
	}
	if m.expression, err = regexp.Compile(flags + pattern); err != nil {
		return nil, invalid("q", "is no regular expression: "+strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return m, nil
}

func invalid(field, words string) error {
	return &backend.Error{Code: backend.CodeInvalid, Message: field + " " + words, Fields: map[string]string{field: words}}
}

func globs(field string, patterns []string) ([]string, error) {
	var all []string
	for _, list := range patterns {
		for p := range strings.SplitSeq(list, ",") {
			p = strings.Trim(strings.TrimPrefix(strings.TrimSpace(p), "./"), "/")
			if p == "" {
				continue
			}
			if !strings.Contains(p, "/") {
				p = "**/" + p
			}
			if !doublestar.ValidatePattern(p) {
				return nil, invalid(field, "has a glob that is none: "+p)
			}
			all = append(all, p)
		}
	}
	if len(all) > maxGlobs {
		return nil, invalid(field, "has more than 100 globs")
	}
	return all, nil
}

// Path says whether contents at a path are to be looked at.
func (m *Matcher) Path(path string) bool {
	return (len(m.include) == 0 || anyMatches(m.include, path)) && !anyMatches(m.exclude, path)
}

func anyMatches(globs []string, path string) bool {
	for _, g := range globs {
		if doublestar.MatchUnvalidated(g, path) || doublestar.MatchUnvalidated(g+"/**", path) {
			return true
		}
	}
	return false
}

// Text says whether a content is text: it has no NUL byte at its beginning, as git decides it.
func Text(content []byte) bool { return bytes.IndexByte(content[:min(len(content), 8000)], 0) < 0 }

// Replace returns content with every match replaced, and how many there were. With a regular expression $1 and ${name} in
// the replacement stand for groups.
func (m *Matcher) Replace(content []byte, replacement string) (replaced []byte, count int) {
	if m.literal != nil && !bytes.Contains(content, m.literal) {
		return content, 0
	}
	last := 0
	for _, at := range m.expression.FindAllSubmatchIndex(content, -1) {
		if at[0] == at[1] {
			continue
		}
		replaced = append(replaced, content[last:at[0]]...)
		if m.regex {
			replaced = m.expression.Expand(replaced, []byte(replacement), content, at)
		} else {
			replaced = append(replaced, replacement...)
		}
		last = at[1]
		count++
	}
	if count == 0 {
		return content, 0
	}
	return append(replaced, content[last:]...), count
}

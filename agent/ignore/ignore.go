// Package ignore matches paths against patterns in gitignore syntax (https://git-scm.com/docs/gitignore). It is pure:
// who reads the patterns and what is done with a match is the caller's.
package ignore

import (
	"path"
	"strings"
)

// Matcher is a list of patterns; the last one that matches decides. The zero value matches nothing.
type Matcher struct{ rules []rule }

type rule struct {
	parts    []part
	negate   bool
	dirsOnly bool
}

// part is what a pattern says of one name. Most say it in a way that needs no search: the name, or how it ends.
type part struct {
	pattern string
	kind    kind
	literal string
}

type kind uint8

const (
	glob    kind = iota
	exact        // literal is the name
	suffix       // literal is how it ends
	anyPath      // "**": any number of names, none too
)

func compile(pattern string) part {
	const special = `*?[\`
	switch {
	case pattern == "**":
		return part{pattern, anyPath, ""}
	case !strings.ContainsAny(pattern, special):
		return part{pattern, exact, pattern}
	case pattern[0] == '*' && !strings.ContainsAny(pattern[1:], special):
		return part{pattern, suffix, pattern[1:]}
	}
	return part{pattern, glob, ""}
}

func (p part) match(name string) bool {
	switch p.kind {
	case exact:
		return name == p.literal
	case suffix:
		return strings.HasSuffix(name, p.literal)
	case glob, anyPath:
	}
	ok, err := path.Match(p.pattern, name)
	return ok && err == nil
}

// New makes a Matcher of lines, as they stand in a .gitignore. A line that is no pattern is skipped, as git does.
func New(lines []string) *Matcher {
	m := &Matcher{}
	for _, line := range lines {
		if r, ok := parse(line); ok {
			m.rules = append(m.rules, r)
		}
	}
	return m
}

func parse(line string) (r rule, ok bool) {
	line = trimSpaces(strings.TrimSuffix(line, "\r"))
	if line == "" || line[0] == '#' {
		return r, false
	}
	if line[0] == '!' {
		r.negate, line = true, line[1:]
	}
	line, r.dirsOnly = strings.CutSuffix(line, "/")
	anchored := strings.Contains(line, "/")
	line = strings.TrimPrefix(line, "/")
	if line == "" {
		return r, false
	}
	if !anchored {
		r.parts = append(r.parts, compile("**"))
	}
	for pattern := range strings.SplitSeq(line, "/") {
		// In path.Match a class is negated by "^" alone, in git by "!" too.
		pattern = strings.ReplaceAll(pattern, "[!", "[^")
		if _, err := path.Match(pattern, ""); err != nil {
			return rule{}, false
		}
		next := compile(pattern)
		if next.kind == anyPath && len(r.parts) > 0 && r.parts[len(r.parts)-1].kind == anyPath {
			continue
		}
		r.parts = append(r.parts, next)
	}
	return r, true
}

// trimSpaces removes trailing spaces that no backslash quotes.
func trimSpaces(line string) string {
	for strings.HasSuffix(line, " ") && !strings.HasSuffix(line, `\ `) {
		line = line[:len(line)-1]
	}
	return line
}

// Match says whether a path is ignored, by itself or with a folder above it. As in git, what lies in an ignored
// folder cannot be taken back in by a later "!".
func (m *Matcher) Match(p string, isFolder bool) bool {
	if len(m.rules) == 0 {
		return false
	}
	parts := strings.Split(p, "/")
	for n := 1; n <= len(parts); n++ {
		if m.matchOne(parts[:n], n < len(parts) || isFolder) {
			return true
		}
	}
	return false
}

func (m *Matcher) matchOne(names []string, isFolder bool) bool {
	for i := len(m.rules) - 1; i >= 0; i-- {
		if r := &m.rules[i]; (isFolder || !r.dirsOnly) && matchParts(r.parts, names) {
			return !r.negate
		}
	}
	return false
}

// matchParts is linear in the number of "**" times names: only the last "**" is ever gone back to, since an earlier
// one could not help.
func matchParts(pattern []part, names []string) bool {
	if len(pattern) == 2 && pattern[0].kind == anyPath && pattern[1].kind != anyPath {
		return pattern[1].match(names[len(names)-1])
	}
	p, s := 0, 0
	back, backTo := -1, 0
	for s < len(names) {
		switch {
		case p < len(pattern) && pattern[p].kind == anyPath:
			if p == len(pattern)-1 {
				return true // something is left below
			}
			back, backTo = p, s
			p++
			continue
		case p < len(pattern) && pattern[p].match(names[s]):
			p, s = p+1, s+1
			continue
		case back >= 0:
			backTo++
			p, s = back+1, backTo
			continue
		}
		return false
	}
	return p == len(pattern)
}

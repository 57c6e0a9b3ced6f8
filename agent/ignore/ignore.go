// Package ignore matches paths against patterns in gitignore syntax (https://git-scm.com/docs/gitignore). It is pure:
// who reads the patterns and what is done with a match is the caller's.
package ignore

import (
	"path"
	"slices"
	"strings"
)

// Matcher is a list of patterns; the last one that matches decides. The zero value matches nothing.
type Matcher struct{ rules []rule }

type rule struct {
	parts    []string
	negate   bool
	dirsOnly bool
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
		r.parts = append(r.parts, "**")
	}
	for part := range strings.SplitSeq(line, "/") {
		// In path.Match a class is negated by "^" alone, in git by "!" too.
		part = strings.ReplaceAll(part, "[!", "[^")
		if _, err := path.Match(part, ""); err != nil {
			return rule{}, false
		}
		if part == "**" && len(r.parts) > 0 && r.parts[len(r.parts)-1] == "**" {
			continue
		}
		r.parts = append(r.parts, part)
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

func (m *Matcher) matchOne(parts []string, isFolder bool) bool {
	for _, r := range slices.Backward(m.rules) {
		if (isFolder || !r.dirsOnly) && matchParts(r.parts, parts) {
			return !r.negate
		}
	}
	return false
}

// matchParts is linear in the number of "**" times parts: only the last "**" is ever gone back to, since an earlier
// one could not help.
func matchParts(pattern, parts []string) bool {
	p, s := 0, 0
	back, backTo := -1, 0
	for s < len(parts) {
		switch {
		case p < len(pattern) && pattern[p] == "**":
			if p == len(pattern)-1 {
				return true // something is left below
			}
			back, backTo = p, s
			p++
			continue
		case p < len(pattern) && matchName(pattern[p], parts[s]):
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

func matchName(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

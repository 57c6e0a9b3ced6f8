package ignore

import (
	"path"
	"strings"
	"testing"
)

// naive is matchParts by the book: every way to spend a "**" is tried.
func naive(pattern []part, parts []string) bool {
	if len(pattern) == 0 {
		return len(parts) == 0
	}
	if pattern[0].pattern == "**" {
		if len(pattern) == 1 {
			return len(parts) > 0 // all that is inside
		}
		for n := 0; n <= len(parts); n++ {
			if naive(pattern[1:], parts[n:]) {
				return true
			}
		}
		return false
	}
	if len(parts) == 0 {
		return false
	}
	ok, err := path.Match(pattern[0].pattern, parts[0])
	return ok && err == nil && naive(pattern[1:], parts[1:])
}

// FuzzAgainstNaive holds the matcher, which never goes back further than to the last "**", to the one that tries all.
func FuzzAgainstNaive(f *testing.F) {
	for _, seed := range [][2]string{
		{"a/**/b", "a/x/y/b"}, {"**/a/**/b", "a/b/a/c/b"}, {"/a*/?/**", "ab/c/d"}, {"**", "a"}, {"a/**/**/b", "a/b"}, {"**/x", "x"}, {"[!a]/b", "b/b"}, {"*.pyc", "a.pyc"}, {"*", ""}, {`\*x`, "*x"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, line, p string) {
		r, ok := parse(line)
		parts := strings.Split(p, "/")
		if !ok || len(r.parts) > 8 || len(parts) > 12 {
			return
		}
		if got, want := matchParts(r.parts, parts), naive(r.parts, parts); got != want {
			t.Errorf("%q on %q: %v, want %v", line, p, got, want)
		}
	})
}

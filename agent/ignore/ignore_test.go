package ignore_test

import (
	"strings"
	"testing"

	"codingplatform/agent/ignore"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		patterns, path string
		folder, want   bool
	}{
		{"node_modules/", "node_modules", true, true},
		{"node_modules/", "a/node_modules", true, true},
		{"node_modules/", "node_modules", false, false},
		{"node_modules/", "node_modules/x/y", false, true},
		{"*.log", "a/b.log", false, true},
		{"/a.log", "b/a.log", false, false},
		{"/a.log", "a.log", false, true},
		{"a/b", "a/b", false, true},
		{"a/b", "x/a/b", false, false},
		{"a/**/z", "a/z", false, true},
		{"a/**/z", "a/b/c/z", false, true},
		{"**/z", "b/z", false, true},
		{"a/**", "a", true, false},
		{"a/**", "a/b", false, true},
		{"*\n!keep", "keep", false, false},
		{"*\n!keep", "other", false, true},
		{"dir/\n!dir/keep", "dir/keep", false, true},
		{"#x", "#x", false, false},
		{`\#x`, "#x", false, true},
		{`\!x`, "!x", false, true},
		{"x  ", "x", false, true},
		{"[!a]x", "bx", false, true},
		{"[!a]x", "ax", false, false},
		{"[", "[", false, false},
		{"/", "a", true, false},
		{"", "a", false, false},
	} {
		if got := ignore.New(strings.Split(c.patterns, "\n")).Match(c.path, c.folder); got != c.want {
			t.Errorf("%q on %q (folder %v): %v", c.patterns, c.path, c.folder, got)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("**/a/**/b\n!c/", "x/a/y/b", false)
	f.Add("*\n!/keep/\n[a-", "keep/x", true)
	f.Add(`\ `+"\r\n", " ", false)
	f.Fuzz(func(t *testing.T, patterns, path string, folder bool) {
		m := ignore.New(strings.Split(patterns, "\n"))
		// What is in an ignored folder is ignored.
		if m.Match(path, true) && !m.Match(path+"/below", folder) {
			t.Errorf("%q ignores folder %q, but not what is in it", patterns, path)
		}
	})
}

package workspace_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"codingplatform/agent/workspace"
)

func FuzzEscape(f *testing.F) {
	for _, seed := range []string{"a", "ü", "\xff", "a\xc3", "\U0010FF41", "\U0010FEFF", "new\nline", "\ufffd", "..", "a\xed\xa0\x80b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		wire := workspace.Escape(name)
		if !utf8.ValidString(wire) {
			t.Fatalf("%q is escaped as %q, which is not UTF-8", name, wire)
		}
		back, err := workspace.Unescape(wire)
		refused := name == "" || name == "." || name == ".." || len(name) > workspace.MaxNameBytes || strings.ContainsAny(name, "/\x00")
		if refused != (err != nil) || err == nil && back != name {
			t.Fatalf("%q went to %q and came back as %q, %v", name, wire, back, err)
		}
		// Any string at all: what is taken has one form only.
		if raw, err := workspace.Unescape(name); err == nil && workspace.Escape(raw) != name {
			t.Fatalf("%q is taken for %q, whose form is %q", name, raw, workspace.Escape(raw))
		}
	})
}

func TestCheckPathRefusesWhatLeavesTheRoot(t *testing.T) {
	for _, path := range []string{
		"", "/", "/a", "a/", "a//b", "..", "a/../b", ".", "a\x00b", "\xff", strings.Repeat("n", 256),
		"\U0010FF2F", "\U0010FF2E\U0010FF2E", "a/" + workspace.TempPrefix + "x",
	} {
		if err := workspace.CheckPath(path); err == nil {
			t.Errorf("%q is taken for a path", path)
		}
	}
	for _, path := range []string{"a", "a/b", "...", " ", "new\nline", "\U0010FFFF", strings.Repeat("n", 255)} {
		if err := workspace.CheckPath(path); err != nil {
			t.Errorf("%q: %v", path, err)
		}
	}
}

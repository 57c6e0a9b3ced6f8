package backend_test

import (
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	"codingplatform/backend"
)

// FuzzCleanPath: what is let through stays in the workspace, means one thing, and fits the database and the disk.
func FuzzCleanPath(f *testing.F) {
	for _, seed := range []string{
		"a", "/a/b/", "../x", "a/../b", "a//b", ".", "a/./b", "a\x00b", "bad\xff", "new\nline", "ü/u\u0308", "\U0010ffff\U0010ff2f", strings.Repeat("n", 256),
		strings.Repeat("d/", 1024), "/", "", "\\..\\x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		clean, err := backend.CleanPath(in)
		if err != nil {
			if backend.CodeOf(err) != backend.CodeInvalid || clean != "" {
				t.Fatalf("CleanPath(%q) = %q, %v", in, clean, err)
			}
			return
		}
		again, err := backend.CleanPath(clean)
		if err != nil || again != clean {
			t.Fatalf("CleanPath(%q) = %q, and of that %q, %v", in, clean, again, err)
		}
		if path.Clean("/root/"+clean) != "/root/"+clean || !utf8.ValidString(clean) || len(clean) > backend.MaxPathBytes || strings.ContainsRune(clean, 0) {
			t.Fatalf("CleanPath(%q) lets %q through", in, clean)
		}
		if strings.Trim(in, "/") != strings.Trim(clean, "/") {
			t.Fatalf("CleanPath(%q) makes another path of it: %q", in, clean)
		}
	})
}

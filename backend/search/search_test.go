package search_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"codingplatform/backend"
	"codingplatform/backend/search"
)

func matcher(tb testing.TB, q search.Query) *search.Matcher {
	tb.Helper()
	m, err := search.New(q)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func TestFind(t *testing.T) {
	t.Parallel()
	const content = "one two\r\nTwo 😀two\n\ntwofold"
	for name, test := range map[string]struct {
		q    search.Query
		want string
	}{
		"any case":     {search.Query{Text: "two"}, "1:5-1:8 2:1-2:4 2:7-2:10 4:1-4:4"},
		"case":         {search.Query{Text: "two", Case: true}, "1:5-1:8 2:7-2:10 4:1-4:4"},
		"word":         {search.Query{Text: "two", Word: true}, "1:5-1:8 2:1-2:4 2:7-2:10"},
		"a dot is one": {search.Query{Text: "tw."}, ""},
		"regex":        {search.Query{Text: "^tw.", Regex: true}, "2:1-2:4 4:1-4:4"},
		"over lines":   {search.Query{Text: `two\n\nt`, Regex: true}, "2:7-4:2"},
		"empty ones":   {search.Query{Text: `x*`, Regex: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, more := matcher(t, test.q).Find([]byte(content), 10)
			places := []string{}
			for _, f := range found {
				places = append(places, fmt.Sprintf("%d:%d-%d:%d", f.Line, f.Column, f.EndLine, f.EndColumn))
			}
			if got := strings.Join(places, " "); got != test.want || more {
				t.Errorf("found %q (more: %v), want %q", got, more, test.want)
			}
		})
	}
	found, more := matcher(t, search.Query{Text: "two"}).Find([]byte(content), 2)
	if len(found) != 2 || !more {
		t.Errorf("%d of at most 2, more: %v", len(found), more)
	}
	if found[0].Preview != "one two" || found[0].PreviewColumn != 5 {
		t.Errorf("preview %q at %d", found[0].Preview, found[0].PreviewColumn)
	}
}

func TestPreviewOfALongLine(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("é", 5000) + "needle" + strings.Repeat("é", 5000)
	found, _ := matcher(t, search.Query{Text: "needle"}).Find([]byte(content), 5)
	if len(found) != 1 || found[0].Column != 5001 || len(found[0].Preview) > 300 {
		t.Fatalf("%+v", found)
	}
	if at := found[0].PreviewColumn - 1; string([]rune(found[0].Preview)[at:at+6]) != "needle" {
		t.Errorf("the preview %q has it not at %d", found[0].Preview, at)
	}
}

func TestWrongQueries(t *testing.T) {
	t.Parallel()
	for _, q := range []search.Query{{}, {Text: "(", Regex: true}, {Text: strings.Repeat("x", 2000)}, {Text: "x", Include: []string{"[a"}}, {Text: "x", Exclude: []string{strings.Repeat("a,", 200)}}} {
		if _, err := search.New(q); backend.CodeOf(err) != backend.CodeInvalid {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

func TestGlobs(t *testing.T) {
	t.Parallel()
	m := matcher(t, search.Query{Text: "x", Include: []string{"*.go, docs"}, Exclude: []string{"vendor", "a/**/b.go"}})
	for path, want := range map[string]bool{
		"x.go": true, "a/x.go": true, "a/b.go": false, "a/c/d/b.go": false, "vendor/x.go": false, "docs/x/y.md": true, "x.md": false,
	} {
		if m.Path(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		q                 search.Query
		replacement, want string
		count             int
	}{
		{search.Query{Text: "a.b"}, "$1", "$1 axb $1", 2},
		{search.Query{Text: `a(.)b`, Regex: true}, "<$1>", "<.> <x> <.>", 3},
		{search.Query{Text: "never", Case: true}, "x", "a.b axb a.b", 0},
	} {
		got, count := matcher(t, test.q).Replace([]byte("a.b axb a.b"), test.replacement)
		if string(got) != test.want || count != test.count {
			t.Errorf("%+v: %q, %d", test.q, got, count)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	paths := []string{"src/terminal/view.ts", "src/view/terminal.ts", "README.md", "src/tree.ts", "Makefile", "docs/api/http.md", "ünder.txt"}
	for typed, want := range map[string][]string{
		"terminal": {"src/view/terminal.ts", "src/terminal/view.ts"},
		"readme":   {"README.md"},
		"tv":       {"src/terminal/view.ts"},
		"dah":      {"docs/api/http.md"},
		"ünd":      {"ünder.txt"},
		"zz":       {},
	} {
		got := []string{}
		for _, one := range search.Names(paths, typed, 2) {
			got = append(got, one.Path)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", typed, diff)
		}
	}
	if got := search.Names(paths, "", 3); len(got) != 3 {
		t.Errorf("nothing typed: %v", got)
	}
}

// FuzzFind holds Find against a plain count, and Replace against Find.
func FuzzFind(f *testing.F) {
	f.Add("a\nb\r\nab", "b", false)
	f.Add("😀\xff\n", ".", true)
	f.Fuzz(func(t *testing.T, content, text string, regex bool) {
		m, err := search.New(search.Query{Text: text, Regex: regex, Case: true})
		if err != nil {
			return
		}
		found, _ := m.Find([]byte(content), 1<<20)
		_, count := m.Replace([]byte(content), "")
		if len(found) != count {
			t.Fatalf("%d found, %d replaced", len(found), count)
		}
		if !regex && bytes.Count([]byte(content), []byte(text)) != len(found) && strings.ToValidUTF8(content, "") == content && strings.ToValidUTF8(text, "") == text {
			t.Fatalf("%d found, %d are there", len(found), strings.Count(content, text))
		}
		for i, one := range found {
			if one.Line < 1 || one.EndLine < one.Line || one.Line == one.EndLine && one.EndColumn <= one.Column || i > 0 && one.Line < found[i-1].Line {
				t.Fatalf("%+v", found)
			}
		}
	})
}

package filesync

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"codingplatform/backend"
)

func change(source backend.Source, op backend.ChangeOp, kind backend.FileType, path, from string) backend.Change {
	return backend.Change{Op: op, From: from, Source: source, Item: backend.Item{Path: path, Type: kind}, PreviousType: kind}
}

func said(ops []operation) (words []string) {
	for _, op := range ops {
		w := fmt.Sprintf("%s %s", op.op, op.item.Path)
		if op.from != "" {
			w += " from " + op.from
		}
		if op.whole {
			w += ", whole"
		}
		if op.wantsContent() {
			w += ", content"
		}
		words = append(words, w)
	}
	return words
}

func TestHintsTellWhereToLook(t *testing.T) {
	h := newHints()
	h.note([]backend.Change{
		change(backend.SourceEditor, backend.OpPut, backend.TypeFile, "d/f", ""),
		change(backend.SourceTerminal, backend.OpPut, backend.TypeFile, "terminal", ""),
		change(backend.SourceAPI, backend.OpDelete, backend.TypeFolder, "gone", ""),
		change(backend.SourceAPI, backend.OpMove, backend.TypeFolder, "to", "from"),
		// Then programs move what the editor has changed.
		change(backend.SourceTerminal, backend.OpMove, backend.TypeFolder, "e", "d"),
		change(backend.SourceTerminal, backend.OpMove, backend.TypeFolder, "there", "to"),
	})
	paths, under := h.query()
	slices.Sort(under)
	if diff := cmp.Diff([]string{"d", "d/f", "e", "e/f", "from", "gone", "there", "to"}, paths); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"from", "gone", "there", "to"}, under); diff != "" {
		t.Errorf("under (-want +got):\n%s", diff)
	}
	got := said(h.operations(backend.Present{Items: []backend.Item{
		{Path: "e", Type: backend.TypeFolder},
		{Path: "e/f", Type: backend.TypeFile},
		{Path: "there", Type: backend.TypeFolder},
		{Path: "there/f", Type: backend.TypeFile},
	}}))
	want := []string{
		"move there from from", "put e", "put e/f, content", "put there, whole", "put there/f",
		"delete d/f", "delete from", "delete gone", "delete to",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}

func TestHintsAreKeptUntilTheyAreSettled(t *testing.T) {
	h := newHints()
	h.note([]backend.Change{change(backend.SourceAPI, backend.OpMove, backend.TypeFolder, "to", "from")})
	present := backend.Present{Items: []backend.Item{{Path: "to", Type: backend.TypeFolder}, {Path: "to/f", Type: backend.TypeFile}}}
	ops := h.operations(present)
	h.begin()
	for _, op := range ops {
		switch {
		case op.op == backend.OpDelete:
			h.again(op, false) // busy
		case op.item.Path == "to/f":
			h.again(op, true) // the content is needed
		}
	}
	if diff := cmp.Diff([]string{"put to", "put to/f, content", "delete from"}, said(h.operations(present))); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
	// A file may be there now, and a folder again later.
	h.begin()
	h.note([]backend.Change{change(backend.SourceAPI, backend.OpDelete, backend.TypeFolder, "d", "")})
	for _, op := range h.operations(backend.Present{Items: []backend.Item{{Path: "d", Type: backend.TypeFile}}}) {
		h.begin()
		h.again(op, false)
	}
	if diff := cmp.Diff([]string{"put d, whole"}, said(h.operations(backend.Present{Items: []backend.Item{{Path: "d", Type: backend.TypeFolder}}}))); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
	// What failed is looked for where programs move it.
	h.begin()
	h.fail("from/f", false)
	h.note([]backend.Change{change(backend.SourceTerminal, backend.OpMove, backend.TypeFolder, "to", "from")})
	if !h.none() {
		t.Errorf("%+v", h)
	}
	h.retry()
	if paths, _ := h.query(); !slices.Contains(paths, "to/f") {
		t.Errorf("paths %q", paths)
	}
	h.begin()
	if !h.none() || h.noted == 0 {
		t.Errorf("%+v", h)
	}
}

// TestABusyMoveLooksAgainAtBothEnds: a program has written to the former path, which is a file of its own by the time the
// move is tried again. It must not be moved along, and nothing else would bring it back.
func TestABusyMoveLooksAgainAtBothEnds(t *testing.T) {
	h := newHints()
	h.note([]backend.Change{change(backend.SourceAPI, backend.OpMove, backend.TypeFile, "to", "from")})
	ops := h.operations(backend.Present{Items: []backend.Item{{Path: "to", Type: backend.TypeFile}}})
	h.begin()
	for _, op := range ops {
		if op.op != backend.OpDelete { // what the disk has at the former path is kept, and on its way
			h.again(op, false)
		}
	}
	h.note([]backend.Change{change(backend.SourceTerminal, backend.OpPut, backend.TypeFile, "from", "")})
	paths, _ := h.query()
	if diff := cmp.Diff([]string{"from", "to"}, paths); diff != "" {
		t.Errorf("looked at (-want +got):\n%s", diff)
	}
	present := backend.Present{}
	for _, path := range paths {
		present.Items = append(present.Items, backend.Item{Path: path, Type: backend.TypeFile})
	}
	if diff := cmp.Diff([]string{"put from", "put to"}, said(h.operations(present))); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}

// TestAPartOfAFolderIsMovedAway before the folder could be looked at as a whole: the disk may have there what the database has
// elsewhere.
func TestAPartOfAFolderIsMovedAway(t *testing.T) {
	h := newHints()
	h.note([]backend.Change{change(backend.SourceAPI, backend.OpMove, backend.TypeFolder, "to", "from")})
	h.fail("full", true)
	h.note([]backend.Change{
		change(backend.SourceTerminal, backend.OpMove, backend.TypeFolder, "away", "from/d"),
		change(backend.SourceTerminal, backend.OpMove, backend.TypeFolder, "other", "elsewhere/d"),
		change(backend.SourceTerminal, backend.OpMove, backend.TypeFolder, "later", "full/d"),
	})
	if _, under := h.query(); !slices.Equal(slices.Sorted(slices.Values(under)), []string{"away", "from", "to"}) {
		t.Errorf("looked at as a whole: %q", under)
	}
	if !h.failed["later"] || h.failed["other"] {
		t.Errorf("to be looked at again: %v", h.failed)
	}
}

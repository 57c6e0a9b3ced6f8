package files

import (
	"os"
	"testing"
)

// TestNamesOfOneFile: a name that is replaced or gone may have been written through before; and looks come to an end.
func TestNamesOfOneFile(t *testing.T) {
	b := newBench(t, entry("stays", 3))
	b.write("a")
	for _, name := range []string{"b", "c"} {
		if err := os.Link(b.disk("a"), b.disk(name)); err != nil {
			t.Fatal(err)
		}
	}
	wantSent(t, b.settle(), "put a", "put b", "put c")
	wantPending := func(want ...string) {
		t.Helper()
		b.mu.Lock()
		defer b.mu.Unlock()
		var got []string
		for path := range b.pending {
			got = append(got, path)
		}
		clear(b.pending)
		wantSent(t, got, want...)
	}
	look := func(path string) {
		t.Helper()
		if _, _, err := b.fresh(t.Context(), path); err != nil {
			t.Fatal(err)
		}
	}
	look("a")
	wantPending()
	if err := os.WriteFile(b.disk("c"), []byte("written through c"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(b.disk("c")); err != nil {
		t.Fatal(err)
	}
	look("c")
	wantPending("a", "b")
	look("a")
	look("b")
	wantPending("b") // a was written to
	look("b")
	wantPending()
	wantSent(t, b.settle(), "put a", "put b", "delete c")
}

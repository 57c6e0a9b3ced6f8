package files

import (
	"os"
	"strings"
	"testing"
)

// TestAFileThatGrowsOverTheCap is not saved, however often it is looked at before the database has heard so: that it was
// saved when it was smaller gives it no more room.
func TestAFileThatGrowsOverTheCap(t *testing.T) {
	b := &bench{t: t, root: t.TempDir(), state: t.TempDir()}
	b.open(Policy{MaxFileBytes: 1 << 20, MaxBytes: 100})
	write := func(name string, size int) {
		t.Helper()
		if err := os.WriteFile(b.disk(name), []byte(strings.Repeat("x", size)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("first", 60)
	write("grows", 10)
	wantSent(t, b.settle(), "put first", "put grows")
	want := func(size int, reason Reason) {
		t.Helper()
		write("grows", size)
		for look := range 3 {
			if state, _, err := b.fresh(t.Context(), "grows"); err != nil || state.Unsaved != reason {
				t.Fatalf("of %d bytes, look %d: %+v, %v; want %v", size, look+1, state, err, reason)
			}
		}
	}
	want(60, Full)
	want(40, Saved)
	want(41, Full)
	want(10, Saved)
}

package screen_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"codingplatform/agent/screen"
)

// FuzzScreen feeds whatever comes, cut wherever: nothing panics, memory stays within its limits, and who comes late
// is left within the same sequence or character as who stayed.
func FuzzScreen(f *testing.F) {
	for _, script := range cases() {
		f.Add([]byte(script), uint16(20), uint8(40), uint8(5))
	}
	f.Fuzz(func(t *testing.T, data []byte, at uint16, cols, rows uint8) {
		const limit = 64 << 10
		s := screen.New(int(cols), int(rows), screen.Config{HistoryLines: 100, HistoryBytes: limit})
		before := data[:min(int(at), len(data))]
		s.Write(before)
		late := screen.New(int(cols), int(rows), screen.Config{HistoryLines: 100, HistoryBytes: limit})
		late.Write(s.Snapshot())
		if s.Between() != late.Between() || s.Alternate() != late.Alternate() || s.Title() != late.Title() {
			t.Errorf("%q: between sequences %t and %t, alternate %t and %t, title %q and %q", before,
				s.Between(), late.Between(), s.Alternate(), late.Alternate(), s.Title(), late.Title())
		}
		s.Resize(int(rows)+1, int(cols)+1)
		s.Write(data[len(before):])
		s.Resize(int(cols), int(rows))
		s.Snapshot()
		// The history, and tables of which each entry came with as many bytes or is swept.
		if n := s.Memory(); n > limit+8*len(data)+64<<10 {
			t.Errorf("%d bytes of output take %d bytes", len(data), n)
		}
	})
}

// FuzzContinue compares who stayed with who came with a snapshot at some moment: after the same output both have the
// same cells, cursor, modes and history.
func FuzzContinue(f *testing.F) {
	for _, script := range cases() {
		f.Add([]byte(script), uint16(20))
	}
	f.Fuzz(func(t *testing.T, data []byte, at uint16) {
		before := data[:min(int(at), len(data))]
		after := data[len(before):]
		stayed := newScreen()
		stayed.Write(before)
		if !stayed.Drawable() {
			return
		}
		late := newScreen()
		snapshot := stayed.Snapshot()
		late.Write(snapshot)
		stayed.Write(after)
		late.Write(after)
		if diff := cmp.Diff(stayed.State(), late.State()); diff != "" {
			t.Errorf("%q, drawn as %q, then %q (-stayed +late):\n%s", before, snapshot, after, diff)
		}
	})
}

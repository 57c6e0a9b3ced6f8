package cli

import (
	"bytes"
	"testing"
)

func TestModesAreUndone(t *testing.T) {
	t.Parallel()
	const other = "\x1b[4l\x1b[m\x1b(B\x0f\x1b7\x1b[r\x1b8\x1b[0 q"
	for name, c := range map[string]struct{ output, undo string }{
		"nothing":            {"hello\r\nworld", ""},
		"a colour":           {"\x1b[31mred", other},
		"another screen":     {"\x1b[?1049h\x1b[2J", "\x1b[?1049l"},
		"one that was left":  {"\x1b[?1049h\x1b[?1049l", ""},
		"several in one":     {"\x1b[?1000;1006h", "\x1b[?1000l\x1b[?1006l"},
		"the cursor":         {"\x1b[?25l", "\x1b[?25h"},
		"the keypad":         {"\x1b=", "\x1b>"},
		"paste":              {"\x1b[?2004h", "\x1b[?2004l"},
		"reset":              {"\x1b[?1000h\x1b[31m\x1bc", ""},
		"in a title":         {"\x1b]0;\x1b[?1000h\x07", "\x1b[?1000l"},
		"a title":            {"\x1b]0;[?1000h\x07", ""},
		"a title that ends":  {"\x1b]0;x\x1b\\\x1b[?1h", "\x1b[?1l"},
		"a title broken off": {"\x1b]0;x", "\x18\x1b\\"},
		"broken off":         {"\x1b[?25l\x1b[?10", "\x18\x1b[?25h"},
		"half a character":   {"\xf0\x9f", "\x18"},
		"a whole one":        {"\xf0\x9f\x98\x80\xc3\xa9", ""},
		"no UTF-8":           {"\xff\xfea", ""},
		"unknown":            {"\x1b[?31337h\x1b[?;;h\x1b[?99999999999999999999h", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var whole, pieces modes
			whole.write([]byte(c.output))
			for _, b := range []byte(c.output) {
				pieces.write([]byte{b})
			}
			for _, m := range []*modes{&whole, &pieces} {
				if got := string(m.undo()); got != c.undo {
					t.Errorf("undone by %q, not %q", got, c.undo)
				}
				if again := m.undo(); len(again) != 0 {
					t.Errorf("and then by %q", again)
				}
			}
		})
	}
}

// FuzzModes wants what undoes any output to leave nothing set, and to be followed as ordinary output itself.
func FuzzModes(f *testing.F) {
	f.Add([]byte("\x1b[?1049h\x1b]0;t\x07\x1b[31m\xf0\x9f"))
	f.Add([]byte("\xf0\x9f"))
	f.Fuzz(func(t *testing.T, output []byte) {
		var m modes
		m.write(output)
		before := m
		undo := m.undo()
		if before.settled() && bytes.ContainsRune(undo, 0x18) {
			t.Errorf("%q is cancelled and was whole", output)
		}
		before.write(undo)
		if !before.settled() || len(before.set) != 0 || before.keypad || before.alternate() {
			t.Errorf("%q leaves %+v after %q", output, before, undo)
		}
	})
}

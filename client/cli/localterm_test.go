package cli

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"codingplatform/client"
)

func ttyOf(t *testing.T) *os.File {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = tty.Close(), master.Close() })
	if err := pty.Setsize(master, &pty.Winsize{Cols: 40, Rows: 10}); err != nil {
		t.Fatal(err)
	}
	return tty
}

func termiosOf(t *testing.T, tty *os.File) unix.Termios {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *state
}

func TestPanicRestoresTheTerminal(t *testing.T) {
	t.Parallel()
	tty := ttyOf(t)
	before := termiosOf(t, tty)
	var shown bytes.Buffer
	local, err := openLocalTerm(tty, &shown, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if termiosOf(t, tty) == before {
		t.Fatal("the terminal is not raw")
	}
	if err := local.handle(client.Output{Data: []byte("\x1b[?1049h")}); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if recover() != "oops" {
				t.Error("the panic does not go on")
			}
		}()
		defer local.guard()
		panic("oops")
	}()
	if termiosOf(t, tty) != before {
		t.Error("the terminal is still raw")
	}
	if !strings.HasSuffix(shown.String(), "\x1b[?1049l") {
		t.Errorf("it shows %q", shown.String())
	}
	if err := local.handle(client.Output{Data: []byte("more")}); err == nil {
		t.Error("it is still written to")
	}
	if err := local.restore(); err != nil {
		t.Error(err)
	}
}

// A terminal that takes no output, as one that was stopped, does not hold up the end.
func TestRestoreDoesNotWaitForAWriter(t *testing.T) {
	t.Parallel()
	tty := ttyOf(t)
	before := termiosOf(t, tty)
	local, err := openLocalTerm(tty, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	local.mu.Lock()
	defer local.mu.Unlock()
	if err := local.restore(); err != nil {
		t.Fatal(err)
	}
	if termiosOf(t, tty) != before {
		t.Error("the terminal is still raw")
	}
}

func TestNoticesFindAPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ output, want string }{
		"a shell":             {"$ ", "\r\n\x1b[2mbackend: gone\ufffd[2J\x1b[22m\r\n"},
		"a full screen":       {"\x1b[?1049h", "\x1b7\x1b[9999;1H\x1b[0;2mbackend: gone\ufffd[2J\x1b[0m\x1b[K\x1b8"},
		"within a sequence":   {"\x1b[3", ""},
		"within a character":  {"\xf0\x9f", ""},
		"after all is undone": {"\x1b[?1049h\x1b[?1049l", "\r\n\x1b[2mbackend: gone\ufffd[2J\x1b[22m\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var errs bytes.Buffer
			local, err := openLocalTerm(ttyOf(t), io.Discard, &errs)
			if err != nil {
				t.Fatal(err)
			}
			if err := local.handle(client.Output{Data: []byte(c.output)}); err != nil {
				t.Fatal(err)
			}
			local.notice("gone\x1b[2J")
			if errs.String() != c.want {
				t.Errorf("%q, not %q", errs.String(), c.want)
			}
		})
	}
}

func TestScreenIsDrawnAnew(t *testing.T) {
	t.Parallel()
	var shown bytes.Buffer
	local, err := openLocalTerm(ttyOf(t), &shown, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []client.Event{
		client.Attached{Reset: true, Created: true},
		client.Output{Data: []byte("a\x1b[?1000h")},
		client.Attached{},
		client.Output{Data: []byte("b")},
		client.Attached{Reset: true, Snapshot: 1},
		client.Snapshot{Data: []byte("c")},
		client.Output{Data: []byte("d")},
	} {
		if err := local.handle(e); err != nil {
			t.Fatal(err)
		}
	}
	if want := "a\x1b[?1000hb\x1b[?1000l\x1b[H\x1b[2Jcd"; shown.String() != want {
		t.Errorf("%q, not %q", shown.String(), want)
	}
}

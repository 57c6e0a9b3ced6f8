package main

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// stuckAfter is when a test gives up on what comes at once unless something is broken: early enough to say what,
// before the whole run is cut off.
const stuckAfter = 2 * time.Minute

// seat is a person before a terminal of their own, with a directory of settings of their own.
type seat struct {
	t      *testing.T
	config string
	env    []string
	master *os.File
	tty    *os.File
	before unix.Termios
	shown  chan []byte
	text   strings.Builder
	seen   int // of text, by until

	cmd  *exec.Cmd
	gone chan error
}

func newSeat(t *testing.T, url string) *seat {
	t.Helper()
	s := &seat{t: t, config: t.TempDir(), shown: make(chan []byte, 64)}
	s.env = append(os.Environ(), asBackend+"=1", "BACKEND_URL="+url, "XDG_CONFIG_HOME="+s.config, "TERM=xterm-256color")
	var err error
	if s.master, s.tty, err = pty.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = s.tty.Close(), s.master.Close() })
	s.resize(100, 30)
	s.before = s.termios()
	go func() {
		defer close(s.shown)
		for {
			buffer := make([]byte, 8<<10)
			n, err := s.master.Read(buffer)
			if n > 0 {
				s.shown <- buffer[:n]
			}
			if err != nil {
				return
			}
		}
	}()
	return s
}

func (s *seat) termios() unix.Termios {
	s.t.Helper()
	state, err := unix.IoctlGetTermios(int(s.tty.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	return *state
}

func (s *seat) resize(cols, rows uint16) {
	s.t.Helper()
	if err := pty.Setsize(s.master, &pty.Winsize{Cols: cols, Rows: rows}); err != nil {
		s.t.Fatal(err)
	}
}

// command is the program, with neither input nor output yet.
func (s *seat) command(args ...string) *exec.Cmd {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = s.env
	return cmd
}

// start runs the program in the seat's terminal.
func (s *seat) start(args ...string) {
	s.t.Helper()
	s.text.Reset()
	s.seen = 0
	s.cmd = s.command(args...)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = s.tty, s.tty, s.tty
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	gone := make(chan error, 1)
	s.gone = gone
	cmd := s.cmd
	bounded(s.t, cmd)
	s.t.Cleanup(func() { _ = cmd.Process.Kill() })
	go func() { gone <- cmd.Wait() }()
}

func (s *seat) typed(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.master, text); err != nil {
		s.t.Fatal(err)
	}
}

// until reads until the terminal has shown want, after what the last such call was for.
func (s *seat) until(want string) {
	s.t.Helper()
	stuck := time.After(stuckAfter)
	for !s.found(want) {
		select {
		case b := <-s.shown:
			s.text.Write(b)
		case err := <-s.gone:
			s.gone <- err // for ends
			s.rest()
			if !strings.Contains(s.text.String()[s.seen:], want) {
				s.t.Fatalf("the program ended (%v) before it showed %q; it showed:\n%s", err, want, s.text.String())
			}
		case <-stuck:
			s.t.Fatalf("%q is not shown; after byte %d of:\n%s", want, s.seen, s.text.String())
		}
	}
}

// found tells whether want was shown after the last that was found, and goes past it.
func (s *seat) found(want string) bool {
	at := strings.Index(s.text.String()[s.seen:], want)
	if at < 0 {
		return false
	}
	s.seen += at + len(want)
	return true
}

// rest reads what the program, which has ended, has left in the terminal.
func (s *seat) rest() {
	s.t.Helper()
	s.upTo("\x00the-rest\x00")
}

// upTo writes a mark into the terminal and reads until it is shown.
func (s *seat) upTo(mark string) {
	s.t.Helper()
	if _, err := io.WriteString(s.tty, mark); err != nil {
		s.t.Fatal(err)
	}
	stuck := time.After(stuckAfter)
	for !strings.HasSuffix(s.text.String(), mark) {
		select {
		case b := <-s.shown:
			s.text.Write(b)
		case <-stuck:
			s.t.Fatalf("%q, written into the terminal, is not the last that it shows: %q", mark, s.text.String())
		}
	}
}

// ends waits for the program's end and wants this exit code, and the terminal as it was.
func (s *seat) ends(code int) {
	s.t.Helper()
	stuck := time.After(stuckAfter)
	for {
		select {
		case b := <-s.shown:
			s.text.Write(b)
			continue
		case <-stuck:
			s.t.Fatalf("the program does not end; it showed:\n%s", s.text.String())
		case err := <-s.gone:
			exit, ok := errors.AsType[*exec.ExitError](err)
			got := 0
			if ok {
				got = exit.ExitCode()
			} else if err != nil {
				s.t.Fatal(err)
			}
			if got != code {
				s.t.Errorf("the exit code is %d, not %d; it showed:\n%s", got, code, s.text.String())
			}
		}
		break
	}
	if after := s.termios(); after != s.before {
		s.t.Errorf("the terminal was %+v and is %+v", s.before, after)
	}
	// What was written before the end is shown before what is written now.
	s.upTo("<the end>")
}

// ownLines are the lines that the program itself writes among the output.
var ownLines = regexp.MustCompile("\r\n\x1b\\[2mbackend: [^\r]*\x1b\\[22m\r\n")

// output is what was shown without them.
func (s *seat) output() string { return ownLines.ReplaceAllString(s.text.String(), "") }

func (s *seat) login(name string) {
	s.t.Helper()
	s.start("login")
	s.until("Username: ")
	s.typed(name + "\r")
	s.until("Password: ")
	s.typed("correct horse battery\r")
	s.ends(0)
	if strings.Contains(s.text.String(), "horse") {
		s.t.Errorf("the password is shown: %q", s.text.String())
	}
}

// piped runs the program without a terminal until its end.
func (s *seat) piped(stdin io.Reader, args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	var out, errs strings.Builder
	cmd := s.command(args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &out, &errs
	err := cmd.Start()
	if err == nil {
		bounded(s.t, cmd)
		err = cmd.Wait()
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return out.String(), errs.String(), exit.ExitCode()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return out.String(), errs.String(), 0
}

// freePort is an address that a backend can have again after it was killed.
func freePort(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		tb.Fatal(err)
	}
	if err := l.Close(); err != nil {
		tb.Fatal(err)
	}
	return l.Addr().String()
}

// inOrder wants every line once, in this order, among others.
func inOrder(t *testing.T, text string, lines []string) {
	t.Helper()
	var got []string
	for line := range strings.SplitSeq(text, "\r\n") {
		if slices.Contains(lines, line) {
			got = append(got, line)
		}
	}
	if !slices.Equal(got, lines) {
		t.Errorf("of %d lines there are %d, or they are in another order: %q", len(lines), len(got), got)
	}
}

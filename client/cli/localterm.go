package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"

	"codingplatform/client"
)

// localTerm is the terminal that the program was started in. While it is raw, every byte goes to the program there.
type localTerm struct {
	in     *os.File
	before *term.State

	mu       sync.Mutex // of what follows, and of writing
	out      io.Writer
	errs     io.Writer
	modes    modes
	restored bool
}

// openLocalTerm makes the terminal raw; restore must be called.
func openLocalTerm(in *os.File, out, errs io.Writer) (*localTerm, error) {
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("make the terminal raw: %w", err)
	}
	return &localTerm{in: in, before: before, out: out, errs: errs}, nil
}

// restore undoes raw mode and what the program's output has set. It may be called more than once, and never waits
// for a terminal that takes no output.
func (l *localTerm) restore() error {
	err := term.Restore(int(l.in.Fd()), l.before)
	if !l.mu.TryLock() {
		return err
	}
	defer l.mu.Unlock()
	if l.restored {
		return err
	}
	l.restored = true
	if undo := l.modes.undo(); len(undo) > 0 {
		if _, werr := l.out.Write(undo); err == nil {
			err = werr
		}
	}
	return err
}

// guard restores the terminal when the goroutine that defers it panics: a panic ends the program without the
// deferred calls of others.
func (l *localTerm) guard() {
	if p := recover(); p != nil {
		_ = l.restore()
		panic(p)
	}
}

// handle shows what comes from the terminal there.
func (l *localTerm) handle(e client.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e := e.(type) {
	case client.Attached:
		// A terminal that was just made has nothing to draw: what is here stays, as with ssh.
		if !e.Reset || (e.Created && !e.Restarted) {
			return nil
		}
		return l.writeLocked(append(l.modes.undo(), "\x1b[H\x1b[2J"...))
	case client.Snapshot:
		return l.writeLocked(e.Data)
	case client.Output:
		return l.writeLocked(e.Data)
	case client.Gap:
		l.noticeLocked("some output was too old to be shown again")
	case client.Titled, client.Resized:
	}
	return nil
}

func (l *localTerm) writeLocked(p []byte) error {
	if l.restored {
		return os.ErrClosed
	}
	l.modes.write(p)
	_, err := l.out.Write(p)
	return err
}

// notice shows a line of this program's own.
func (l *localTerm) notice(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.noticeLocked(text)
}

func (l *localTerm) noticeLocked(text string) {
	// In the middle of a sequence there is no place for it.
	if l.restored || !l.modes.settled() {
		return
	}
	text = "backend: " + printable(text)
	if l.modes.alternate() {
		// On the last line, below a full-screen program's cursor, and no longer than that line.
		if cols, _, err := term.GetSize(int(l.in.Fd())); err == nil && cols > 0 {
			text = string([]rune(text)[:min(len([]rune(text)), cols-1)])
		}
		_, _ = fmt.Fprintf(l.errs, "\x1b7\x1b[9999;1H\x1b[0;2m%s\x1b[0m\x1b[K\x1b8", text)
		return
	}
	_, _ = fmt.Fprintf(l.errs, "\r\n\x1b[2m%s\x1b[22m\r\n", text)
}

// show writes text of several lines.
func (l *localTerm) show(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.restored && l.modes.settled() {
		_, _ = io.WriteString(l.errs, "\r\n"+text)
	}
}

// stream shows the output of a terminal where there is none here.
type stream struct {
	out     io.Writer
	notice  func(string)
	missing bool
}

func (s *stream) handle(e client.Event) error {
	switch e := e.(type) {
	case client.Output:
		_, err := io.Copy(s.out, bytes.NewReader(e.Data))
		return err
	case client.Gap:
		s.missing = true
		s.notice(fmt.Sprintf("%d bytes of output are missing here: they were too old when the connection was back, or were read too slowly", e.To-e.From))
	case client.Attached, client.Snapshot, client.Titled, client.Resized:
	}
	return nil
}

package terminal

import (
	"errors"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// tellBellsEvery is how often others are told of the bell at most: it may ring all the time.
const tellBellsEvery = 250 * time.Millisecond

// readSize is what one read may take. The kernel hands out 4 KiB at a time; a larger buffer would only make
// an idle terminal larger.
const readSize = 8 << 10

// jobCheckEvery is how often output is attributed to the foreground job, and the kernel asked for kills.
const jobCheckEvery = time.Second

// pump reads the program's output until the terminal hangs up.
func (t *Terminal) pump() {
	defer close(t.pumped)
	buf := make([]byte, readSize)
	for {
		t.pace()
		if t.leaderGone.Load() {
			if err := t.readable.SetDeadline(time.Now().Add(t.m.cfg.DrainAfter)); err != nil {
				return
			}
		}
		n, err := t.readable.read(buf)
		if n > 0 {
			t.output(buf[:n])
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && !t.leaderGone.Load() {
			continue
		}
		if err != nil || n == 0 {
			return // EIO: the last one to hold the slave has gone
		}
	}
}

// output keeps what the program wrote and tells the viewers.
func (t *Terminal) output(p []byte) {
	now := time.Now()
	t.mu.Lock()
	t.ring.Append(p)
	t.screen.Write(p)
	told := t.retitleLocked()
	if cwd := t.screen.Cwd(); cwd != t.cwd {
		t.cwd, told = cwd, true
	}
	if bells := t.screen.Bells(); bells != t.bells && now.Sub(t.bellsTold) >= tellBellsEvery {
		t.bells, t.bellsTold, told = bells, now, true
	}
	t.gatherLocked(now)
	check := now.Sub(t.jobCheck) >= jobCheckEvery
	if check {
		t.jobCheck = now
	}
	t.mu.Unlock()
	if told {
		t.m.notify()
	}
	if check {
		t.m.happen()
		if group, err := foregroundGroup(t.master); err == nil && group > 0 && group != t.cmd.Process.Pid {
			t.m.lastJobOutput.Store(now.UnixNano())
		}
	}
}

// notice writes a line of the agent's own into the output. It is left out where it would spoil a full-screen
// program or tear a sequence apart.
func (t *Terminal) notice(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.exit != nil || t.screen.Alternate() || !t.screen.Between() {
		return
	}
	line := []byte("\r\n\x1b[1;33m" + text + "\x1b[0m\r\n")
	t.ring.Append(line)
	t.screen.Write(line)
	t.wakeLocked()
}

// retitleLocked says whether the program has given itself another title.
func (t *Terminal) retitleLocked() bool {
	if t.screen.Title() == t.rawTitle {
		return false
	}
	t.rawTitle = t.screen.Title()
	title := cleanTitle(t.rawTitle)
	if title == t.title {
		return false
	}
	t.title = title
	t.titles++
	return true
}

// cleanTitle keeps printable characters, maxTitle at most.
func cleanTitle(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) > maxTitle {
		s = string([]rune(s)[:maxTitle])
	}
	return s
}

package terminal

import (
	"errors"
	"os"
	"time"
)

// readSize is what one read may take. The kernel hands out 4 KiB at a time; a larger buffer would only make
// an idle terminal larger.
const readSize = 8 << 10

// jobCheckEvery is how often output is attributed to the foreground job.
const jobCheckEvery = time.Second

// pump reads the program's output until the terminal hangs up.
func (t *Terminal) pump() {
	defer close(t.pumped)
	buf := make([]byte, readSize)
	for {
		t.pace()
		if t.leaderGone.Load() {
			if err := t.master.SetReadDeadline(time.Now().Add(t.m.cfg.DrainAfter)); err != nil {
				return
			}
		}
		n, err := t.master.Read(buf)
		if n > 0 {
			t.output(buf[:n])
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && !t.leaderGone.Load() {
			continue
		}
		if err != nil {
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
	retitled := t.meta.write(p)
	if retitled {
		t.titles++
	}
	t.wakeLocked()
	check := now.Sub(t.jobCheck) >= jobCheckEvery
	if check {
		t.jobCheck = now
	}
	t.mu.Unlock()
	if retitled {
		t.m.notify()
	}
	if check {
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
	if t.exit != nil || t.meta.alternate || !t.meta.parser.ground() {
		return
	}
	line := []byte("\r\n\x1b[1;33m" + text + "\x1b[0m\r\n")
	t.ring.Append(line)
	t.screen.Write(line)
	t.wakeLocked()
}

// pace blocks while every writer that paces has as much before it as its window allows.
func (t *Terminal) pace() {
	for {
		t.mu.Lock()
		wait := t.pauseLocked()
		t.paused = wait > 0
		t.mu.Unlock()
		if wait <= 0 {
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-t.resume:
		case <-timer.C:
		case <-t.closing:
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// pauseLocked says how long the pump has to wait at most: 0 when a writer has room or nobody paces. It parks
// those who have made no progress for too long.
func (t *Terminal) pauseLocked() time.Duration {
	select {
	case <-t.closing:
		return 0
	default:
	}
	end := t.ring.End()
	pacing := false
	for v := range t.viewers {
		if !v.pacesLocked() {
			continue
		}
		if end-v.acked < v.window {
			return 0
		}
		pacing = true
	}
	if !pacing {
		return 0
	}
	now := time.Now()
	var wait time.Duration
	for v := range t.viewers {
		if !v.pacesLocked() {
			continue
		}
		if v.stalled.IsZero() {
			v.stalled = now
		}
		left := t.m.cfg.ParkAfter - now.Sub(v.stalled)
		if left <= 0 {
			v.parked = true
			continue
		}
		if wait == 0 || left < wait {
			wait = left
		}
	}
	return wait
}

// resumeLocked makes a paused pump look again.
func (t *Terminal) resumeLocked() {
	if !t.paused {
		return
	}
	select {
	case t.resume <- struct{}{}:
	default:
	}
}

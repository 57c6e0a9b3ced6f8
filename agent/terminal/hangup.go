package terminal

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"codingplatform/agent/sysinfo"
)

// The processes of a closed terminal are looked for after hangupFirst, and then less and less often, every hangupMost in
// the end: they are not the agent's children, so nothing tells when they go. Each look is at all programs that run.
const hangupFirst, hangupMost = 5 * time.Millisecond, 200 * time.Millisecond

// startClose begins the closing, once. The terminal's name is taken until it has ended.
func (t *Terminal) startClose() {
	t.closeOnce.Do(func() {
		close(t.closing)
		t.m.work.Go(func() {
			t.hangup()
			<-t.ended
			t.m.remove(t)
			close(t.closed)
		})
	})
}

// hangup ends all processes of the terminal's session.
func (t *Terminal) hangup() {
	t.signalSession(unix.SIGHUP, unix.SIGCONT)
	deadline := time.Now().Add(t.m.cfg.KillAfter)
	for delay := hangupFirst; ; delay = min(2*delay, hangupMost) {
		time.Sleep(delay)
		kill := time.Now().After(deadline)
		var left int
		if kill {
			left = t.signalSession(unix.SIGKILL)
		} else {
			left = t.signalSession()
		}
		if left == 0 {
			return
		}
	}
}

// signalSession signals the processes of the session and says how many there were.
func (t *Terminal) signalSession(signals ...unix.Signal) int {
	members, err := sysinfo.SessionMembers(t.cmd.Process.Pid)
	if err != nil {
		t.m.cfg.Logger.Error("the processes of a terminal cannot be listed", "terminal", t.label(), "error", err)
		return 0
	}
	count := 0
	for _, p := range members {
		// When the leader has gone its number may belong to another session, which is younger.
		if t.leaderGone.Load() && p.Start > t.endTicks.Load() {
			continue
		}
		count++
		for _, sig := range signals {
			if err := unix.Kill(p.PID, sig); err != nil && !errors.Is(err, unix.ESRCH) {
				t.m.cfg.Logger.Warn("a process of a closed terminal cannot be signalled",
					"terminal", t.label(), "pid", p.PID, "error", err)
			}
		}
	}
	return count
}

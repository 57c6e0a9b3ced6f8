package terminal

import (
	"slices"
	"time"
)

// Patience is how long a program waits for a viewer that lags behind the one that paces and would lose output: at
// first and at most maxPatience, growing again by one part in patienceShare of the time that passes.
const (
	maxPatience   = 250 * time.Millisecond
	patienceShare = 40
)

// holdShared is how long others are held up for a lost viewer.
const holdShared = 3 * time.Second

// lost is a writer whose connection broke: it may come back for what it lacks.
type lost struct {
	acked uint64
	at    time.Time
	// heldUp is since when others are held up for it. It is not counted from the loss: where all were lost at once, with
	// their backend, they come back one after another.
	heldUp time.Time
}

// pace blocks while every writer that paces has as much before it as its window allows, and while output would get
// lost for a viewer that is worth waiting for.
func (t *Terminal) pace() {
	for {
		t.mu.Lock()
		wait := t.pauseLocked(time.Now())
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

// pauseLocked says how long the pump has to wait at most; 0: not at all.
func (t *Terminal) pauseLocked(now time.Time) time.Duration {
	select {
	case <-t.closing:
		return 0
	default:
	}
	if wait := t.holdLocked(now); wait > 0 {
		return wait
	}
	end := t.ring.End()
	pacing := false
	for _, v := range t.viewers {
		if !v.pacesLocked() {
			continue
		}
		if end-v.acked < v.window {
			return t.lagLocked(now)
		}
		pacing = true
	}
	if !pacing {
		return 0
	}
	// None has room. Those who have made no progress for too long are parked.
	var wait time.Duration
	for _, v := range t.viewers {
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

// endangeredLocked says that the next read could push bytes from offset on out of the ring.
func (t *Terminal) endangeredLocked(offset uint64) bool {
	return t.ring.End()+readSize > offset+t.ring.limit
}

// holdLocked says how long the pump waits for writers whose connection broke.
func (t *Terminal) holdLocked(now time.Time) time.Duration {
	if len(t.lost) == 0 {
		return 0
	}
	shared := slices.ContainsFunc(t.viewers, (*Viewer).pacesLocked)
	var wait time.Duration
	for client, l := range t.lost {
		left := t.m.cfg.HoldFor - now.Sub(l.at)
		endangered := t.endangeredLocked(l.acked)
		if shared && endangered {
			if l.heldUp.IsZero() {
				l.heldUp = now
				t.lost[client] = l
			}
			left = min(left, holdShared-now.Sub(l.heldUp))
		}
		if left <= 0 {
			delete(t.lost, client)
		} else if endangered {
			wait = max(wait, left)
		}
	}
	return wait
}

// lagLocked says how long the pump waits for viewers that are slower than the one that paces.
func (t *Terminal) lagLocked(now time.Time) time.Duration {
	var wait time.Duration
	for _, v := range t.viewers {
		if !v.pacesLocked() || !t.endangeredLocked(v.acked) {
			v.lagging = false
			continue
		}
		since := now.Sub(v.patienceAt)
		if v.lagging {
			v.patience -= since
		} else {
			v.patience = min(v.patience+since/patienceShare, maxPatience)
		}
		v.lagging, v.patienceAt = true, now
		wait = max(wait, v.patience)
	}
	return wait
}

// Output of a flood is gathered: each hand-over costs as much as thousands of bytes. gatherFor is how long after the
// last one output may wait for more, gatherBytes how much is enough, and floodBytes how much the last one must have
// been: what is typed is echoed at once.
const (
	gatherFor   = time.Millisecond
	gatherBytes = 64 << 10
	floodBytes  = 2 << 10
)

// gatherLocked wakes the viewers after output, those in a flood a little later.
func (t *Terminal) gatherLocked(now time.Time) {
	for _, v := range t.viewers {
		if v.waiting && !v.gathersLocked(now) {
			v.wakeLocked()
		}
	}
}

// gathersLocked says that the viewer is better not given output yet, and sees to it that it is in time.
func (v *Viewer) gathersLocked(now time.Time) bool {
	if v.sent < floodBytes || v.t.exit != nil {
		return false
	}
	left := gatherFor - now.Sub(v.sentAt)
	room := v.window - min(v.pos-v.acked, v.window)
	if left <= 0 || min(v.t.ring.End()-v.pos, room) >= min(gatherBytes, v.window/4) {
		return false
	}
	if v.gathering == nil {
		v.gathering = time.AfterFunc(left, v.gathered)
	} else if !v.armed {
		v.gathering.Reset(left)
	}
	v.armed = true
	return true
}

// gathered wakes a viewer that output has waited long enough for.
func (v *Viewer) gathered() {
	v.t.mu.Lock()
	defer v.t.mu.Unlock()
	v.armed = false
	v.wakeLocked()
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

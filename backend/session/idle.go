package session

import (
	"fmt"
	"time"
)

// IdlePolicy says when an environment stops by itself. Zero durations switch a rule off.
type IdlePolicy struct {
	// Active: something is at work, but nobody has typed for this long.
	Active time.Duration
	// Present: nothing is at work, and somebody has it before their eyes.
	Present time.Duration
	// Idle: nothing is at work, and it is open where nobody sees it.
	Idle time.Duration
	// Closed: nothing is at work, and it is open nowhere.
	Closed time.Duration
	// The user is told this long before.
	Warn time.Duration
	// No environment lives longer than this.
	MaxAge time.Duration
}

// Off says that nothing ever stops by itself.
func (p IdlePolicy) Off() bool {
	return p.Active <= 0 && p.Present <= 0 && p.Idle <= 0 && p.Closed <= 0 && p.MaxAge <= 0
}

// Use is which of the limits an environment is under.
type Use string

// The uses. Viewing is no use: it only decides how long unused ones stay.
const (
	UseActive  Use = "active"
	UsePresent Use = "present"
	UseIdle    Use = "idle"
	UseClosed  Use = "closed"
)

// Activity is what the agent and the rows know of an environment's use. Zero times mean never.
type Activity struct {
	// Since is when the environment began.
	Since time.Time
	// LastInput is the last byte typed, the last run, or the last time that somebody asked it to stay.
	LastInput time.Time
	// LastWork is the last output of a foreground job, file change, or time that programs were busy.
	LastWork time.Time
	// Busy: users' programs have used more than a tenth of a core since the last look.
	Busy bool
	// Viewers have a terminal open, and Visible ones of them can see it.
	Viewers, Visible int
	// ViewerlessSince is when the last viewer left.
	ViewerlessSince time.Time
	// WarnedAt is when the warning that stands was given. Nothing stops without one.
	WarnedAt time.Time
}

// Action is what to do.
type Action int

// The actions.
const (
	Keep Action = iota
	Warn
	Stop
)

// Decision is what to do about idleness, and why.
type Decision struct {
	Action Action
	Use    Use
	// At is when it stops, unless something happens; zero with Keep.
	At time.Time
	// MayStay says whether asking for it keeps it running.
	MayStay bool
	// Reason is for the user: why it will stop, or has.
	Reason string
}

// activeFor is how long after the last sign of use an environment counts as active, where the limits are not smaller.
const activeFor = time.Minute

// Decide is the whole idle policy: a pure function.
func Decide(now time.Time, a Activity, p IdlePolicy) Decision {
	d := unused(now, a, p)
	if p.MaxAge > 0 {
		if end := a.Since.Add(p.MaxAge); d.At.IsZero() || !end.After(d.At) {
			d.At, d.MayStay, d.Reason = end, false, "it ran for the longest time allowed, "+words(p.MaxAge)
		}
	}
	switch {
	case d.At.IsZero() || now.Before(d.At.Add(-p.Warn)):
		return Decision{Use: d.Use}
	case a.WarnedAt.IsZero():
		// A limit that has just come to apply may lie in the past.
		d.At = latest(d.At, now.Add(p.Warn))
	default:
		d.At = latest(d.At, a.WarnedAt.Add(p.Warn))
	}
	if d.Action = Warn; !now.Before(d.At) && (!a.WarnedAt.IsZero() || p.Warn <= 0) {
		d.Action = Stop
	}
	return d
}

// unused applies the limits on what is not used; the action is left open.
func unused(now time.Time, a Activity, p IdlePolicy) Decision {
	input := latest(a.LastInput, a.Since)
	used := latest(input, a.LastWork)
	use, limit, from, why := UseClosed, p.Closed, latest(used, a.ViewerlessSince), "nobody used it, or had it open, for "
	switch {
	case a.Visible > 0:
		use, limit, from, why = UsePresent, p.Present, used, "nobody used it for "
	case a.Viewers > 0:
		use, limit, from, why = UseIdle, p.Idle, used, "nobody used it or looked at it for "
	}
	fresh := activeFor
	if limit > 0 {
		fresh = min(fresh, limit/2)
	}
	if a.Busy || now.Before(used.Add(fresh)) {
		use, limit, from, why = UseActive, p.Active, input, "its programs went on, but nobody typed for "
	}
	if limit <= 0 {
		return Decision{Use: use}
	}
	return Decision{Use: use, At: from.Add(limit), MayStay: true, Reason: why + words(limit)}
}

// words says 1h, where a Duration says 1h0m0s.
func words(d time.Duration) string {
	d = d.Round(time.Second)
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "m"}} {
		if d >= unit.size && d%unit.size == 0 {
			return fmt.Sprintf("%d%s", d/unit.size, unit.name)
		}
	}
	return d.String()
}

func latest(times ...time.Time) time.Time {
	var t time.Time
	for _, u := range times {
		if u.After(t) {
			t = u
		}
	}
	return t
}

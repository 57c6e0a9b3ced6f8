package session

import (
	"fmt"
	"time"
)

// IdlePolicy says when an environment stops by itself. Zero durations switch a rule off.
type IdlePolicy struct {
	// After this long without use.
	After time.Duration
	// The user is told this long before.
	Warn time.Duration
	// No environment lives longer than this.
	MaxAge time.Duration
}

// Activity is what is known of an environment's use. Viewing is no use.
type Activity struct {
	// ReadySince is when the environment became ready.
	ReadySince time.Time
	// LastUse is the last input, output of a foreground job, or file change, whichever was last.
	LastUse time.Time
	// CPUBusy: a foreground job has used more than a tenth of a core since the last look.
	CPUBusy bool
}

// Decision is what to do about idleness.
type Decision int

// The decisions.
const (
	Keep Decision = iota
	Warn
	Stop
)

// Decide is the whole idle policy: a pure function. The reason is for the user.
func Decide(now time.Time, a Activity, p IdlePolicy) (Decision, string) {
	if p.MaxAge > 0 {
		if left := a.ReadySince.Add(p.MaxAge).Sub(now); left <= 0 {
			return Stop, "it ran for the longest time allowed, " + p.MaxAge.String()
		} else if left <= p.Warn {
			return Warn, fmt.Sprintf("it stops in %s: it has run for nearly the longest time allowed, %s", left.Round(time.Second), p.MaxAge)
		}
	}
	if p.After <= 0 || a.CPUBusy {
		return Keep, ""
	}
	last := a.LastUse
	if last.Before(a.ReadySince) {
		last = a.ReadySince
	}
	switch left := last.Add(p.After).Sub(now); {
	case left <= 0:
		return Stop, "nobody used it for " + p.After.String()
	case left <= p.Warn:
		return Warn, fmt.Sprintf("it stops in %s: nobody has used it for a while", left.Round(time.Second))
	}
	return Keep, ""
}

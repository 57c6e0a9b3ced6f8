package session

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	m = time.Minute
	h = time.Hour
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return noon.Add(-d) }

// usual has a limit of its own for each use.
var usual = IdlePolicy{Active: 8 * h, Present: 2 * h, Idle: h, Closed: 30 * m, Warn: 2 * m, MaxAge: 24 * h}

// viewed is activity of an environment that began ten hours ago and was typed into so long ago, with such viewers.
func viewed(typed time.Duration, viewers, visible int) Activity {
	return Activity{Since: ago(10 * h), LastInput: ago(typed), Viewers: viewers, Visible: visible}
}

func (a Activity) warned(since time.Duration) Activity { a.WarnedAt = ago(since); return a }

func (a Activity) worked(last time.Duration) Activity            { a.LastWork = ago(last); return a }
func (a Activity) busy() Activity                                { a.Busy = true; return a }
func (a Activity) began(before time.Duration) Activity           { a.Since = ago(before); return a }
func (a Activity) viewerless(since time.Duration) Activity       { a.ViewerlessSince = ago(since); return a }
func (p IdlePolicy) without(change func(*IdlePolicy)) IdlePolicy { change(&p); return p }

func TestDecide(t *testing.T) {
	t.Parallel()
	noWarning := usual.without(func(p *IdlePolicy) { p.Warn = 0 })
	for name, tt := range map[string]struct {
		activity Activity
		policy   IdlePolicy
		action   Action
		use      Use
		in       time.Duration // until the stop
		reason   string
	}{
		"just begun":                                {Activity{Since: noon}, usual, Keep, UseActive, 0, ""},
		"begun, never used, open nowhere":           {Activity{Since: ago(27 * m)}, usual, Keep, UseClosed, 0, ""},
		"never used, nearly too long":               {Activity{Since: ago(28 * m)}, usual, Warn, UseClosed, 2 * m, "had it open, for 30m"},
		"input from before it began":                {Activity{Since: ago(2 * m), LastInput: ago(5 * h)}, usual, Keep, UseClosed, 0, ""},
		"typed a second ago":                        {viewed(time.Second, 1, 1), usual, Keep, UseActive, 0, ""},
		"a laptop asleep for half an hour":          {viewed(59*m, 1, 0), usual.without(func(p *IdlePolicy) { p.Idle = 2 * h }), Keep, UseIdle, 0, ""},
		"time that runs backwards":                  {viewed(-5*m, 1, 1), usual, Keep, UseActive, 0, ""},
		"a limit in the past is told first":         {viewed(5*h, 0, 0), usual, Warn, UseClosed, 2 * m, "30m"},
		"and stops after the warning":               {viewed(5*h, 0, 0).warned(2 * m), usual, Stop, UseClosed, 0, "30m"},
		"not a moment before":                       {viewed(5*h, 0, 0).warned(2*m - time.Second), usual, Warn, UseClosed, time.Second, "30m"},
		"a job that ended after hours is warned of": {viewed(5*h, 1, 1).worked(2 * h), usual, Warn, UsePresent, 2 * m, "2h"},
		"output of a job is use":                    {viewed(5*h, 0, 0).worked(5 * m), usual, Keep, UseClosed, 0, ""},
		"output a moment ago":                       {viewed(5*h, 0, 0).worked(time.Second), usual, Keep, UseActive, 0, ""},
		"the last viewer has just left":             {viewed(100*m, 0, 0).viewerless(time.Second), usual, Keep, UseClosed, 0, ""},
		"the last viewer left long ago":             {viewed(5*h, 0, 0).viewerless(30 * m).warned(2 * m), usual, Stop, UseClosed, 0, "30m"},
		"busy without a word for hours":             {viewed(7*h, 0, 0).busy(), usual, Keep, UseActive, 0, ""},
		"busy, nobody typed for too long":           {viewed(8*h, 1, 1).busy().warned(2 * m), usual, Stop, UseActive, 0, "its programs went on, but nobody typed for 8h"},
		"busy, with no limit on that":               {viewed(9*h, 0, 0).busy(), usual.without(func(p *IdlePolicy) { p.Active = 0 }), Keep, UseActive, 0, ""},
		"too old though busy and typed into":        {viewed(0, 1, 1).busy().began(24 * h).warned(2 * m), usual, Stop, UseActive, 0, "longest time allowed, 24h"},
		"nearly too old":                            {viewed(0, 1, 1).began(24*h - m), usual, Warn, UseActive, 2 * m, "longest time allowed"},
		"much too old is warned of":                 {viewed(0, 1, 1).began(90 * h), usual, Warn, UseActive, 2 * m, "longest time allowed"},
		"not yet too old":                           {viewed(0, 1, 1).began(24*h - 3*m), usual, Keep, UseActive, 0, ""},
		"the earlier of two stops":                  {viewed(29*m, 0, 0).began(24*h - 2*m), usual, Warn, UseClosed, 2 * m, "30m"},
		"age counts with no other rule":             {viewed(0, 1, 1).began(25 * h).warned(5 * m), IdlePolicy{MaxAge: 24 * h, Warn: 2 * m}, Stop, UseActive, 0, "longest"},
		"no rule at all":                            {viewed(900*h, 0, 0).began(1000 * h), IdlePolicy{}, Keep, UseClosed, 0, ""},
		"no warning wanted":                         {viewed(31*m, 0, 0), noWarning, Stop, UseClosed, 0, "30m"},
		"no warning wanted, not yet":                {viewed(29*m, 0, 0), noWarning, Keep, UseClosed, 0, ""},
		"limits below a minute hold":                {viewed(6*time.Second, 0, 0).warned(m), IdlePolicy{Closed: 5 * time.Second, Warn: time.Second}, Stop, UseClosed, 0, "5s"},
		"within a limit below a minute":             {viewed(time.Second, 0, 0), IdlePolicy{Closed: 5 * time.Second, Warn: time.Second}, Keep, UseActive, 0, ""},
		"a limit in hours and minutes":              {viewed(90*m, 0, 0).warned(2 * m), IdlePolicy{Closed: 90 * m, Warn: 2 * m}, Stop, UseClosed, 0, "for 90m"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := Decide(noon, tt.activity, tt.policy)
			if d.Action != tt.action || d.Use != tt.use || !strings.Contains(d.Reason, tt.reason) {
				t.Fatalf("Decide = %+v; want action %v, use %v, …%q…", d, tt.action, tt.use, tt.reason)
			}
			if tt.action == Keep && d != (Decision{Use: tt.use}) {
				t.Errorf("Decide = %+v: a Keep that says more", d)
			}
			if tt.action == Warn && !d.At.Equal(noon.Add(tt.in)) {
				t.Errorf("it stops in %s, want %s", d.At.Sub(noon), tt.in)
			}
		})
	}
}

// TestDecideTowardsALimit goes through each use's limit with one policy: kept until the warning, warned of with the time of
// the stop, stopped at it, and kept again after the least sign of use.
func TestDecideTowardsALimit(t *testing.T) {
	t.Parallel()
	for _, use := range []struct {
		use              Use
		limit            time.Duration
		viewers, visible int
	}{
		{UsePresent, usual.Present, 1, 1},
		{UsePresent, usual.Present, 3, 1},
		{UseIdle, usual.Idle, 1, 0},
		{UseIdle, usual.Idle, 5, 0},
		{UseClosed, usual.Closed, 0, 0},
	} {
		for _, tt := range []struct {
			name   string
			unused time.Duration
			warned time.Duration
			want   Action
		}{
			{"half of it", use.limit / 2, 0, Keep},
			{"just before the warning", use.limit - usual.Warn - time.Nanosecond, 0, Keep},
			{"at the warning", use.limit - usual.Warn, 0, Warn},
			{"in the warning", use.limit - m, m, Warn},
			{"just before the stop", use.limit - time.Nanosecond, usual.Warn - time.Nanosecond, Warn},
			{"at the stop", use.limit, usual.Warn, Stop},
			{"long after, never warned", 2 * use.limit, 0, Warn},
			{"long after, warned", 2 * use.limit, h, Stop},
		} {
			t.Run(fmt.Sprintf("%s of %d and %d/%s", use.use, use.viewers, use.visible, tt.name), func(t *testing.T) {
				t.Parallel()
				a := viewed(tt.unused, use.viewers, use.visible)
				if tt.warned > 0 {
					a = a.warned(tt.warned)
				}
				d := Decide(noon, a, usual)
				if d.Action != tt.want || d.Use != use.use {
					t.Fatalf("Decide = %+v, want %v as %s", d, tt.want, use.use)
				}
				if d.Action != Keep && !d.MayStay {
					t.Error("a click cannot keep it")
				}
				// One click, whenever it comes.
				a.LastInput = noon
				if d := Decide(noon, a, usual); d.Action != Keep {
					t.Errorf("after a sign of use: %+v", d)
				}
				// Nothing but viewing changes nothing: the use is another, not the time since.
				a.LastInput, a.LastWork = ago(tt.unused), ago(tt.unused)
				if d := Decide(noon, a, usual); d.Use != use.use {
					t.Errorf("viewing counted as use: %+v", d)
				}
			})
		}
	}
}

func TestMaxAgeIsNotPutOff(t *testing.T) {
	t.Parallel()
	if d := Decide(noon, viewed(0, 1, 1).began(24*h-m), usual); d.Action != Warn || d.MayStay {
		t.Errorf("Decide = %+v: it may not stay longer than the longest time", d)
	}
}

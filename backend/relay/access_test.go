package relay_test

import (
	"testing"
	"testing/synctest"
	"time"

	"codingplatform/backend"
)

// short is a guest's access for an hour from now on. Neither its end nor later is when a guard looks anyway.
func short(mode backend.ShareMode, terminal string) backend.Access {
	return until(mode, terminal, hour)
}

func until(mode backend.ShareMode, terminal string, left time.Duration) backend.Access {
	return backend.Access{Grants: []backend.Grant{{Share: "s", Terminal: terminal, Mode: mode, ExpiresAt: time.Now().Add(left)}}}
}

const (
	forbidden = 4403
	missing   = 4404
	reconnect = 1012

	events   = ""
	terminal = "&terminal=1"

	lookAtMost = 15 * time.Second
	later      = 61 * time.Second
	hour       = time.Hour + 7*time.Second
)

func TestGuard(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		access func() backend.Access
		// change happens later than the socket has opened.
		change func(w *world)
		query  string
		want   end
		// within is how long after want.after it may end.
		within time.Duration
	}{
		"expired": {
			access: func() backend.Access { return short(backend.ShareView, "") },
			// The rows are gone at that moment, and nobody says so.
			change: func(w *world) { time.AfterFunc(hour-later, func() { w.set(backend.Access{}, false) }) },
			want:   end{forbidden, "access has expired", hour}, within: 100 * time.Millisecond,
		},
		"expired by a slow database's clock": {
			access: func() backend.Access { return short(backend.ShareView, "") },
			change: func(w *world) { time.AfterFunc(hour, func() { w.set(backend.Access{}, false) }) },
			want:   end{forbidden, "access has expired", hour + later}, within: 100 * time.Millisecond,
		},
		"revoked": {
			access: func() backend.Access { return short(backend.ShareView, "") },
			change: func(w *world) { w.set(backend.Access{}, true) },
			want:   end{forbidden, "access was revoked", later},
		},
		"revoked at the moment of a ping": {
			access: func() backend.Access { return short(backend.ShareView, "") },
			change: func(w *world) {
				time.Sleep(80*time.Second - later)
				w.set(backend.Access{}, true)
			},
			want: end{forbidden, "access was revoked", 80 * time.Second},
		},
		"revoked, and not told": {
			access: func() backend.Access { return short(backend.ShareView, "") },
			change: func(w *world) { w.set(backend.Access{}, false) },
			want:   end{forbidden, "access was revoked", later}, within: lookAtMost,
		},
		"a terminal revoked": {
			access: func() backend.Access { return short(backend.ShareWrite, "1") }, query: terminal,
			change: func(w *world) { w.set(backend.Access{}, true) },
			want:   end{forbidden, "access was revoked", later},
		},
		"one of two shares revoked, with the terminal": {
			access: func() backend.Access { return short(backend.ShareWrite, "1") }, query: terminal,
			change: func(w *world) { w.set(short(backend.ShareWrite, "2"), true) },
			want:   end{forbidden, "access was revoked", later},
		},
		"the files revoked, a terminal left": {
			access: func() backend.Access { return short(backend.ShareView, "") },
			change: func(w *world) { w.set(short(backend.ShareView, "1"), true) },
			want:   end{forbidden, "access was revoked", later},
		},
		"may type no more": {
			access: func() backend.Access { return short(backend.ShareWrite, "") }, query: terminal,
			change: func(w *world) { w.set(short(backend.ShareView, ""), true) },
			want:   end{reconnect, "what is shared with you has changed", later},
		},
		"may type from now on": {
			access: func() backend.Access { return short(backend.ShareView, "1") }, query: terminal,
			change: func(w *world) { w.set(short(backend.ShareWrite, "1"), true) },
			want:   end{reconnect, "what is shared with you has changed", later},
		},
		"another terminal too": {
			access: func() backend.Access { return short(backend.ShareView, "1") },
			change: func(w *world) {
				w.set(backend.Access{Grants: append(short(backend.ShareView, "1").Grants, short(backend.ShareView, "2").Grants...)}, true)
			},
			want: end{reconnect, "what is shared with you has changed", later},
		},
		"prolonged": {
			access: func() backend.Access { return short(backend.ShareView, "") },
			change: func(w *world) {
				longer := until(backend.ShareView, "", 3*hour)
				w.set(longer, true)
				time.AfterFunc(3*hour, func() { w.set(backend.Access{}, false) })
			},
			want: end{forbidden, "access has expired", 3*hour + later}, within: 100 * time.Millisecond,
		},
		"revoked while the database could not be asked": {
			access: func() backend.Access { return short(backend.ShareView, "") },
			change: func(w *world) {
				w.fail(true)
				w.set(backend.Access{}, true)
				time.AfterFunc(later, func() { w.fail(false) })
			},
			want: end{forbidden, "access was revoked", 2 * later},
		},
		"expired while the database cannot be asked": {
			access: func() backend.Access { return short(backend.ShareView, "") },
			change: func(w *world) { w.fail(true) },
			want:   end{reconnect, "access has to be looked at again", hour}, within: 100 * time.Millisecond,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, c.access())
				ended := w.open(c.query)
				time.Sleep(later)
				c.change(w)
				got := <-ended
				if late := got.after - c.want.after; late < 0 || late > c.within {
					t.Errorf("ended after %v, wanted %v and %v at most", got.after, c.want.after, c.within)
				}
				if got.after = c.want.after; got != c.want {
					t.Errorf("ended with %+v, wanted %+v", got, c.want)
				}
			})
		})
	}
}

func TestAdmission(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		access func() backend.Access
		query  string
		want   end
	}{
		"a stranger's events":     {access: func() backend.Access { return backend.Access{} }, want: end{missing, "there is no such session", 0}},
		"a stranger's terminal":   {access: func() backend.Access { return backend.Access{} }, query: terminal, want: end{missing, "there is no such session", 0}},
		"another terminal":        {access: func() backend.Access { return short(backend.ShareWrite, "2") }, query: terminal, want: end{forbidden, "this terminal is not shared with you", 0}},
		"another one, to look at": {access: func() backend.Access { return short(backend.ShareWrite, "2") }, query: terminal + "&mode=view", want: end{forbidden, "this terminal is not shared with you", 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, c.access())
				if got := <-w.open(c.query); got != c.want {
					t.Errorf("ended with %+v, wanted %+v", got, c.want)
				}
				if len(w.audited) != 0 {
					t.Errorf("audited as attached: %+v", w.audited)
				}
			})
		})
	}
}

// TestGoesOn has sockets whose access does not change, for hours.
func TestGoesOn(t *testing.T) {
	t.Parallel()
	for name, access := range map[string]func() backend.Access{
		"owner": func() backend.Access { return backend.Access{Owner: true} },
		"guest": func() backend.Access { return until(backend.ShareWrite, "", 1000*hour) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, access())
				feed, shell := w.open(events), w.open(terminal)
				synctest.Wait()
				asked := w.questions()
				time.Sleep(8 * time.Hour)
				select {
				case got := <-feed:
					t.Errorf("the event stream ended with %+v", got)
				case got := <-shell:
					t.Errorf("the terminal ended with %+v", got)
				default:
				}
				if w.access.Owner && w.questions() != asked {
					t.Error("an owner's access is asked for again")
				}
				if guest := len(w.audited) == 1; guest == w.access.Owner {
					t.Errorf("audited: %+v", w.audited)
				}
			})
		})
	}
}

package terminal

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"codingplatform/agent/program"
)

// silent is a program that writes nothing: what it would write is given to the terminal by the test.
var silent = []string{"sh", "-c", "read x"}

// startManager runs a manager until the test ends.
func startManager(t *testing.T, cfg Config) *Manager {
	t.Helper()
	cfg.Logger, cfg.Shell, cfg.Incarnation = slog.New(slog.DiscardHandler), []string{"sh"}, "a"
	cfg.Base = program.Base{Root: t.TempDir(), Env: os.Environ()}
	m := NewManager(cfg)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ran := make(chan error, 1)
	go func() { ran <- m.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	return m
}

// holds says whether the terminal holds its program up.
func holds(t *Terminal) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pauseLocked(time.Now()) > 0
}

// handOut has a viewer take what there is for it, and returns the last of it.
func handOut(t *testing.T, v *Viewer) (last Event) {
	t.Helper()
	buf := make([]byte, MaxOutput)
	for {
		event, err := v.Next(buf)
		if err != nil {
			t.Fatal(err)
		}
		if event == nil {
			return last
		}
		last = event
	}
}

// Whoever starts a program gets what it writes from the first byte on, also what it has written before it is told of:
// nothing of a stream would be missing but that.
func TestWhoStartsAProgramGetsAllOfIt(t *testing.T) {
	t.Parallel()
	m := startManager(t, Config{})
	spec := &Spec{Name: "1", Size: Size{Cols: 80, Rows: 24}, Command: silent}
	creator, err := m.Attach("1", Attach{Client: "creator", Size: Size{Cols: 100, Rows: 30}}, spec)
	if err != nil {
		t.Fatal(err)
	}
	defer creator.Close()
	creator.t.output([]byte("early"))
	buf := make([]byte, MaxOutput)
	event, err := creator.Next(buf)
	if err != nil {
		t.Fatal(err)
	}
	attached, ok := event.(Attached)
	if !ok || !attached.Created || !attached.Reset || attached.Offset != 0 || len(attached.Snapshot) != 0 {
		t.Errorf("the first event is %+v", event)
	}
	told := ""
	for told == "" {
		if event, err = creator.Next(buf); err != nil || event == nil {
			t.Fatalf("%v, %v instead of the output", event, err)
		}
		if out, ok := event.(Output); ok {
			told = string(out.Data)
		}
	}
	if told != "early" {
		t.Errorf("the output begins with %q", told)
	}

	// Who comes later is shown the screen.
	late, err := m.Attach("1", Attach{Client: "late", ViewOnly: true}, spec)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	event, err = late.Next(buf)
	if attached, ok := event.(Attached); err != nil || !ok || attached.Created || !attached.Reset || attached.Offset != uint64(len("early")) {
		t.Errorf("the later one is told %+v, %v", event, err)
	}
}

// Until its first acknowledgement, what a viewer was handed counts as rendered. Then only what it has told counts, and
// what was on its way when its connection broke is kept.
func TestWhatIsOnItsWayIsKept(t *testing.T) {
	t.Parallel()
	const window, ring = 64 << 10, 256 << 10
	for name, first := range map[string]uint32{"nothing": 0, "some of it": 10_000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := startManager(t, Config{Resume: ring, HoldFor: time.Hour, ParkAfter: time.Hour})
			a := Attach{Client: "x", Window: window, Size: Size{Cols: 80, Rows: 24}}
			v, err := m.Attach("1", a, &Spec{Name: "1", Size: a.Size, Command: silent})
			if err != nil {
				t.Fatal(err)
			}
			term := v.t
			for range 3 {
				term.output(make([]byte, window-1))
				handOut(t, v)
				if holds(term) {
					t.Fatal("a viewer that does not acknowledge holds the program up")
				}
			}
			v.Ack(uint64(first))
			if !holds(term) {
				t.Error("what is on its way is taken for rendered")
			}
			v.Lose()
			v.Close()
			if term.output(make([]byte, ring-3*(window-1)+int(first)-readSize)); holds(term) {
				t.Error("the program waits though nothing is in danger")
			}
			if term.output([]byte{0}); !holds(term) {
				t.Error("what was on its way would be overwritten")
			}
			a.Resume, a.Incarnation, a.Offset = true, term.incarnation, uint64(first)
			if v, err = m.Attach("1", a, nil); err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			if event, err := v.Next(nil); err != nil {
				t.Error(err)
			} else if attached, ok := event.(Attached); !ok || attached.Offset != uint64(first) || attached.Reset {
				t.Errorf("it is told %+v", event)
			}
		})
	}
}

// Of a viewer that never acknowledges, as much is kept as may be on its way.
func TestOfASilentViewerTwoWindowsAreKept(t *testing.T) {
	t.Parallel()
	const window, ring, printed = 64 << 10, 512 << 10, 256 << 10
	m := startManager(t, Config{Resume: ring, HoldFor: time.Hour, ParkAfter: time.Hour})
	a := Attach{Client: "x", Window: window, Size: Size{Cols: 80, Rows: 24}}
	v, err := m.Attach("1", a, &Spec{Name: "1", Size: a.Size, Command: silent})
	if err != nil {
		t.Fatal(err)
	}
	term := v.t
	for range printed / (window / 2) {
		term.output(make([]byte, window/2))
		handOut(t, v)
	}
	v.Lose()
	v.Close()
	const until = printed - 2*window + ring - readSize // more would overwrite the second window before the end
	if term.output(make([]byte, until-printed)); holds(term) {
		t.Error("the program waits though nothing is in danger")
	}
	if term.output([]byte{0}); !holds(term) {
		t.Error("what may be on its way would be overwritten")
	}
}

// A late first acknowledgement is of what came before the picture of the screen: the viewer is not left without output.
func TestALateAcknowledgementStopsNothing(t *testing.T) {
	t.Parallel()
	const window, ring = 64 << 10, 256 << 10
	m := startManager(t, Config{Resume: ring, HoldFor: time.Hour, ParkAfter: time.Hour})
	a := Attach{Client: "x", Window: window, ViewOnly: true}
	spec := &Spec{Name: "1", Size: Size{Cols: 80, Rows: 24}, Command: silent}
	v, err := m.Attach("1", a, spec)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	handOut(t, v)
	v.t.output(make([]byte, 2*ring))
	handOut(t, v)
	v.Ack(1)
	v.t.output([]byte("more"))
	if out, ok := handOut(t, v).(Output); !ok || string(out.Data) != "more" {
		t.Errorf("it is told %+v", out)
	}
}

// Who comes back for what it lacks, and was waited for until then, is waited for until it has been told of its attach.
func TestWhoComesBackIsNotOvertaken(t *testing.T) {
	t.Parallel()
	const window, ring = 64 << 10, 256 << 10
	m := startManager(t, Config{Resume: ring, HoldFor: time.Hour, ParkAfter: time.Hour})
	a := Attach{Client: "x", Window: window, Size: Size{Cols: 80, Rows: 24}}
	v, err := m.Attach("1", a, &Spec{Name: "1", Size: a.Size, Command: silent})
	if err != nil {
		t.Fatal(err)
	}
	term := v.t
	waits := func(when string) {
		t.Helper()
		if !holds(term) {
			t.Errorf("the program goes on %s", when)
		}
	}
	term.output(make([]byte, window))
	waits("before who started it is told")
	v.Ack(0)
	v.Lose()
	v.Close()
	term.output(make([]byte, ring-window))
	waits("before who was lost is back")
	a.Resume, a.Incarnation = true, term.incarnation
	if v, err = m.Attach("1", a, nil); err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	waits("before who came back is told")
	buf := make([]byte, MaxOutput)
	if event, err := v.Next(buf); err != nil {
		t.Error(err)
	} else if attached, ok := event.(Attached); !ok || attached.Offset != 0 || attached.Reset {
		t.Errorf("it is told %+v", event)
	}
	if event, err := v.Next(buf); err != nil {
		t.Error(err)
	} else if out, ok := event.(Output); !ok || out.Offset != 0 {
		t.Errorf("then it is told %+v", event)
	}
}

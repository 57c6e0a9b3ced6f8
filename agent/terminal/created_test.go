package terminal

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"codingplatform/agent/program"
)

// Whoever starts a program gets what it writes from the first byte on, also what it has written before it is told of:
// nothing of a stream would be missing but that.
func TestWhoStartsAProgramGetsAllOfIt(t *testing.T) {
	t.Parallel()
	m := NewManager(Config{
		Logger: slog.New(slog.DiscardHandler), Shell: []string{"sh"}, Incarnation: "a", Base: program.Base{Root: t.TempDir(), Env: os.Environ()},
	})
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- m.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	}()
	spec := &Spec{Name: "1", Size: Size{Cols: 80, Rows: 24}, Command: []string{"sh", "-c", "stty -echo; printf early; read x"}}
	creator, err := m.Attach("1", Attach{Client: "creator", Size: Size{Cols: 100, Rows: 30}}, spec)
	if err != nil {
		t.Fatal(err)
	}
	defer creator.Close()
	for wrote := false; !wrote; time.Sleep(time.Millisecond) {
		creator.t.mu.Lock()
		wrote = creator.t.ring.End() == uint64(len("early"))
		creator.t.mu.Unlock()
	}
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

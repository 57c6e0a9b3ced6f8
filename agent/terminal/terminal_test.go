package terminal_test

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"codingplatform/agent"
	"codingplatform/agent/agenttest"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

func TestResumeGetsExactlyWhatIsMissing(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, nil)
	stays, leaves := attach(t, a, "1", "stays", nil), attach(t, a, "1", "leaves", nil)
	stays.see("$ ")
	leaves.see("$ ")
	stays.typeText("echo one-$((1+1))\r")
	stays.see("one-2")
	leaves.see("one-2")
	leaves.leave()
	stays.typeText("echo two-$((2+2)); seq 1000 | tail -n 3\r")
	stays.see("\n1000\r\n")
	stays.prompt()

	back := attach(t, a, "1", "leaves", func(o *agentv1.AttachOpen) {
		o.Incarnation, o.Offset = leaves.attached.GetIncarnation(), &leaves.next
	})
	if back.attached.GetReset_() || back.attached.GetOffset() != leaves.next {
		t.Fatalf("resumed as %v, want offset %d without a reset", back.attached, leaves.next)
	}
	back.until("all of it", func() bool { return back.next == stays.next })
	if got, want := leaves.out.String()+back.out.String(), stays.out.String(); !strings.HasSuffix(want, got) {
		t.Errorf("the two parts are %q, the whole is %q", got, want)
	}
}

func TestAnotherIncarnationGetsTheScreen(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, nil)
	first := attach(t, a, "1", "first", nil)
	first.see("$ ")
	first.typeText("echo screen-$((1+1))\r")
	first.see("screen-2\r\n")
	first.prompt()
	offset := uint64(3)
	second := attach(t, a, "1", "second", func(o *agentv1.AttachOpen) { o.Incarnation, o.Offset = "another", &offset })
	if !second.attached.GetReset_() {
		t.Errorf("attached %v, want a reset", second.attached)
	}
	second.see("screen-2")
}

func TestRingThatMovedOnTellsTheGap(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, func(o *agent.Options) { o.Terminals.Resume = 4096 })
	v := attach(t, a, "1", "a", nil)
	v.see("$ ")
	lost := v.next
	v.prompt()
	v.typeText("seq 20000; echo the-$((0)) end\r")
	v.see("the-0 end")
	back := attach(t, a, "1", "b", func(o *agentv1.AttachOpen) { o.Incarnation, o.Offset = v.attached.GetIncarnation(), &lost })
	back.see("the-0 end")
	back.until("the gap", func() bool { return len(back.gaps) > 0 })
	if len(back.gaps) != 1 || back.gaps[0].GetFrom() != lost || back.gaps[0].GetTo() <= lost {
		t.Errorf("gaps %v, want one from %d", back.gaps, lost)
	}
	if !back.attached.GetReset_() {
		t.Error("no reset after a gap")
	}
}

func TestInputIsTakenOnce(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, nil)
	v := attach(t, a, "1", "typist", nil)
	v.see("$ ")
	line := "echo typed-$((40+2))\r"
	v.typeText(line)
	v.see("typed-42")
	v.prompt()
	v.leave()
	back := attach(t, a, "1", "typist", nil)
	if got := back.attached.GetInputOffset(); got != uint64(len(line)) {
		t.Fatalf("input offset %d, want %d", got, len(line))
	}
	// What was sent is sent again, with more: only the rest counts.
	back.typeAt(0, line+"echo again-$((1+1))\r")
	back.see("again-2")
	if n := strings.Count(back.shown(), "typed-42"); n != 1 {
		t.Errorf("the line ran %d times:\n%s", n, back.shown())
	}
	// A hole cannot be typed over.
	back.typeAt(10_000, "x")
	for {
		err := back.step()
		if err == nil {
			continue
		}
		if connect.CodeOf(err) != connect.CodeOutOfRange {
			t.Errorf("a hole ends with %v", err)
		}
		break
	}
}

func TestSizeIsTheSmallestWriters(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, nil)
	big := attach(t, a, "1", "big", func(o *agentv1.AttachOpen) { o.Cols, o.Rows = 120, 40 })
	big.see("$ ")
	size := func(cols, rows uint32) {
		t.Helper()
		big.until("the size", func() bool { return big.size.GetCols() == cols && big.size.GetRows() == rows })
	}
	small := attach(t, a, "1", "small", func(o *agentv1.AttachOpen) { o.Cols, o.Rows = 100, 50 })
	size(100, 40)
	viewer := attach(t, a, "1", "viewer", func(o *agentv1.AttachOpen) {
		o.Mode, o.Cols, o.Rows = agentv1.TerminalMode_TERMINAL_MODE_VIEW, 20, 5
	})
	small.resize(90, 30)
	size(90, 30)
	big.typeText("stty size\r")
	big.see("30 90")
	small.send(&agentv1.AttachTerminalRequest{Message: &agentv1.AttachTerminalRequest_Visibility{Visibility: &agentv1.TerminalVisibility{}}})
	size(120, 40)
	viewer.see("30 90")
}

func TestViewersCannotType(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, nil)
	attach(t, a, "1", "writer", nil).see("$ ")
	viewer := attach(t, a, "1", "viewer", func(o *agentv1.AttachOpen) { o.Mode = agentv1.TerminalMode_TERMINAL_MODE_VIEW })
	viewer.typeText("echo no\r")
	for {
		err := viewer.step()
		if err == nil {
			continue
		}
		if connect.CodeOf(err) != connect.CodePermissionDenied {
			t.Errorf("typing ends with %v", err)
		}
		break
	}
}

func TestExitIsTold(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, nil)
	for _, c := range []struct {
		name, script, signal string
		code                 int32
	}{
		{"code", "exit 7", "", 7},
		{"signal", "kill -TERM $$", "SIGTERM", 143},
	} {
		v := attach(t, a, c.name, "x", func(o *agentv1.AttachOpen) { o.Create.Command = []string{"sh", "-c", "echo last words; " + c.script} })
		v.until("the exit", func() bool { return v.exit != nil })
		if v.exit.GetCode() != c.code || v.exit.GetSignal() != c.signal || !strings.Contains(v.shown(), "last words") {
			t.Errorf("%s: %v after %q", c.name, v.exit, v.shown())
		}
	}
	list, err := a.Terminals.ListTerminals(t.Context(), connect.NewRequest(&agentv1.ListTerminalsRequest{}))
	if err != nil || len(list.Msg.GetTerminals()) != 2 || list.Msg.GetTerminals()[0].GetExit() == nil {
		t.Errorf("list %v %v", list, err)
	}
}

func TestCloseHangsUp(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, nil)
	v := attach(t, a, "1", "x", func(o *agentv1.AttachOpen) {
		o.Create.Command = []string{"bash", "-c", `trap 'echo hung up > hup.txt; exit' HUP; echo ready; while :; do read -r _; done`}
	})
	v.see("ready")
	if _, err := a.Terminals.CloseTerminal(t.Context(), connect.NewRequest(&agentv1.CloseTerminalRequest{Name: "1"})); err != nil {
		t.Fatal(err)
	}
	list, err := a.Terminals.ListTerminals(t.Context(), connect.NewRequest(&agentv1.ListTerminalsRequest{}))
	if err != nil || len(list.Msg.GetTerminals()) != 0 {
		t.Errorf("list %v %v", list, err)
	}
	_, err = a.Terminals.CloseTerminal(t.Context(), connect.NewRequest(&agentv1.CloseTerminalRequest{Name: "1"}))
	if connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("closing it again: %v", err)
	}
	next := attach(t, a, "2", "x", nil)
	next.prompt()
	next.typeText("cat hup.txt\r")
	next.see("hung up")
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, nil)
	v := attach(t, a, "1", "x", nil)
	v.see("$ ")
	// What it says shows that it has the terminal: before, an interrupt is the shell's affair.
	v.typeText(`sh -c 'echo u$((0))p; exec sleep 1000'` + "\r")
	v.see("u0p")
	v.typeText("\x03")
	v.see("^C")
	v.prompt()
	v.typeText("echo status-$?\r")
	v.see("status-130")
	// Also during a flood, whose rest need not be shown first.
	v.typeText("yes\r")
	v.see("y\r\ny\r\n")
	v.typeText("\x03")
	v.prompt()
	v.typeText("echo flood-$((1+1))\r")
	v.see("flood-2")
}

func TestFloodIsWhole(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, nil)
	v := attach(t, a, "1", "x", func(o *agentv1.AttachOpen) {
		o.Create.Command = []string{"sh", "-c", "stty -opost; seq 1000000; sleep 1000"}
	})
	const end = "999999\n1000000\n"
	hash := sha256.New()
	v.until("the end", func() bool {
		done := strings.HasSuffix(v.out.String(), end)
		if v.out.Len() > 1<<16 || done { // the tail stays, to be looked at
			keep := min(v.out.Len(), len(end))
			hash.Write(v.out.Next(v.out.Len() - keep))
		}
		return done
	})
	hash.Write(v.out.Bytes())
	want := sha256.New()
	var b strings.Builder
	for i := 1; i <= 1_000_000; i++ {
		b.WriteString(itoa(i))
		b.WriteByte('\n')
	}
	want.Write([]byte(b.String()))
	if string(hash.Sum(nil)) != string(want.Sum(nil)) {
		t.Error("the bytes are not those that the program wrote")
	}
}

func TestStalledViewerStallsNobody(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, func(o *agent.Options) { o.Terminals.ParkAfter = 50 * time.Millisecond })
	fast := attach(t, a, "1", "fast", nil)
	fast.see("$ ")
	// It attaches and never reads again.
	stalled := attach(t, a, "1", "stalled", nil)
	fast.typeText("seq 300000; echo the-$((0)) end\r")
	fast.see("the-0 end")
	fast.prompt()
	fast.leave()
	// Nobody looks but the stalled one: the program goes on all the same.
	last := attach(t, a, "1", "last", func(o *agentv1.AttachOpen) { o.Cols, o.Rows = 80, 24 })
	last.typeText("seq 300000; touch finished; echo another-$((0)) end\r")
	last.see("another-0 end")
	// Once it reads, it gets the present screen.
	stalled.see("another-0 end")
}

func TestBackgroundStartKeepsInterrupts(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, nil)
	v := attach(t, a, "1", "x", nil)
	v.prompt()
	v.typeText("grep SigIgn /proc/$$/status; echo done-$((1))\r")
	v.see("done-1")
	_, line, _ := strings.Cut(v.shown(), "SigIgn:")
	line, _, _ = strings.Cut(line, "\r")
	if mask := strings.TrimSpace(line); len(mask) != 16 || strings.ContainsAny(mask[15:], "2367abef") {
		t.Errorf("the shell ignores SIGINT: %q", mask)
	}
}

func itoa(n int) string {
	var b [8]byte
	i := len(b)
	for ; n > 0; n /= 10 {
		i--
		b[i] = byte('0' + n%10)
	}
	return string(b[i:])
}

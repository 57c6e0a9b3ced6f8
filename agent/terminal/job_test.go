package terminal_test

import (
	"strconv"
	"testing"

	"connectrpc.com/connect"

	"codingplatform/agent/agenttest"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// jobWatch is what somebody is told who watches the terminals.
type jobWatch struct {
	t      *testing.T
	stream *connect.ServerStreamForClient[agentv1.WatchTerminalsResponse]
}

func watchJobs(t *testing.T, a *agenttest.Agent) *jobWatch {
	t.Helper()
	stream, err := a.Terminals.WatchTerminals(t.Context(), connect.NewRequest(&agentv1.WatchTerminalsRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	return &jobWatch{t, stream}
}

// told reads until the one terminal has a job of that name in the foreground.
func (w *jobWatch) told(want string) {
	w.t.Helper()
	for w.stream.Receive() {
		if list := w.stream.Msg().GetTerminals(); len(list) == 1 && list[0].GetForeground() == want {
			return
		}
	}
	w.t.Fatalf("the watch ended before it told of %q in the foreground: %v", want, w.stream.Err())
}

// A job that prints nothing has no event of its own: neither when it begins nor when it ends.
func TestForegroundJobIsTold(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, nil)
	terminal := attach(t, a, "1", "x", nil)
	terminal.prompt()
	watch := watchJobs(t, a)
	watch.told("")
	terminal.typeText("sleep 1000\r")
	watch.told("sleep")
	terminal.typeText("\x03")
	watch.told("")
	// One that ends by itself, between two looks.
	terminal.typeText("sleep 1.5\r")
	watch.told("sleep")
	watch.told("")
}

// A job that begins and ends between two looks, and is told of meanwhile with something else: its end is told of, too.
func TestJobThatWasToldOfByTheWay(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, nil)
	terminal := attach(t, a, "1", "x", nil)
	terminal.prompt()
	watch := watchJobs(t, a)
	watch.told("")
	for i := range 3 {
		begun := "begun " + strconv.Itoa(i)
		terminal.typeText("sh -c 'echo \"$0\" " + strconv.Itoa(i) + "; read line' begun\r")
		terminal.see(begun)
		terminal.resize(80, uint32(30+i))
		watch.told("sh")
		terminal.typeText("\r")
		watch.told("")
	}
}

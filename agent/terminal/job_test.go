package terminal_test

import (
	"testing"

	"connectrpc.com/connect"

	"codingplatform/agent/agenttest"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// A job that prints nothing has no event of its own: neither when it begins nor when it ends.
func TestForegroundJobIsTold(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, nil)
	terminal := attach(t, a, "1", "x", nil)
	terminal.prompt()
	watch, err := a.Terminals.WatchTerminals(t.Context(), connect.NewRequest(&agentv1.WatchTerminalsRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	told := func(want string) {
		t.Helper()
		for watch.Receive() {
			if list := watch.Msg().GetTerminals(); len(list) == 1 && list[0].GetForeground() == want {
				return
			}
		}
		t.Fatalf("the watch ended before it told of %q in the foreground: %v", want, watch.Err())
	}
	told("")
	terminal.typeText("sleep 1000\r")
	told("sleep")
	terminal.typeText("\x03")
	told("")
	// One that ends by itself, between two looks.
	terminal.typeText("sleep 1.5\r")
	told("sleep")
	told("")
}

package terminal_test

import (
	"testing"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"

	"codingplatform/agent/agenttest"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

func TestRename(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, nil)
	update := func(name, newName string, position *uint32) ([]string, error) {
		res, err := a.Terminals.UpdateTerminal(t.Context(), connect.NewRequest(&agentv1.UpdateTerminalRequest{Name: name, NewName: newName, Position: position}))
		if err != nil {
			return nil, err
		}
		var names []string
		for _, info := range res.Msg.GetTerminals() {
			names = append(names, info.GetName())
			for _, former := range info.GetFormerNames() {
				names = append(names, "was "+former)
			}
		}
		return names, nil
	}
	want := func(names []string, err error, expected ...string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(expected, names); diff != "" {
			t.Fatal(diff)
		}
	}
	first := attach(t, a, "1", "x", nil)
	first.prompt()
	attach(t, a, "2", "x", nil).prompt()

	names, err := update("1", "build", nil)
	want(names, err, "build", "was 1", "2")
	first.typeText("echo still $((40+2))\r")
	first.see("still 42")
	// Under both names it is the same terminal.
	attach(t, a, "1", "y", nil).see("still 42")
	attach(t, a, "build", "z", nil).see("still 42")

	for position, expected := range map[uint32][]string{1: {"2", "build", "was 1"}, 100: {"2", "build", "was 1"}} {
		names, err = update("1", "", &position)
		want(names, err, expected...)
	}
	if _, err = update("build", "2", nil); connect.CodeOf(err) != connect.CodeAlreadyExists {
		t.Errorf("a taken name: %v", err)
	}
	if _, err = update("build", "a/b", nil); connect.CodeOf(err) != connect.CodeInvalidArgument {
		t.Errorf("a bad name: %v", err)
	}
	if _, err = update("3", "4", nil); connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("an unknown terminal: %v", err)
	}

	// Who takes a former name has it.
	names, err = update("2", "1", nil)
	want(names, err, "1", "was 2", "build")
	names, err = update("2", "2", nil)
	want(names, err, "2", "was 1", "build")
	if _, err = a.Terminals.CreateTerminal(t.Context(), connect.NewRequest(&agentv1.CreateTerminalRequest{
		Spec: &agentv1.TerminalSpec{Name: "1", Cols: 80, Rows: 24},
	})); err != nil {
		t.Fatal(err)
	}
	names, err = update("build", "make", nil)
	want(names, err, "2", "make", "was build", "1")
	if _, err = a.Terminals.CloseTerminal(t.Context(), connect.NewRequest(&agentv1.CloseTerminalRequest{Name: "build"})); err != nil {
		t.Fatal(err)
	}
	if _, err = update("make", "x", nil); connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("a closed terminal: %v", err)
	}
}

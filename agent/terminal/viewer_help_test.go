package terminal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"codingplatform/agent/agenttest"
	stream "codingplatform/proto/attach"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// viewer is an attached client that keeps what it was told.
type viewer struct {
	t      testing.TB
	stream *stream.Client
	cancel context.CancelFunc

	attached *agentv1.TerminalAttached
	gaps     []*agentv1.TerminalGap
	size     *agentv1.TerminalSize
	exit     *agentv1.TerminalExit
	// out is the output since the last attached; from its first byte's offset; next that of the next byte.
	out        bytes.Buffer
	from, next uint64
	typed      uint64
	acks       bool
}

// attach attaches; change may set what is not the usual: a writer of 80x24 who acknowledges, and makes the terminal.
func attach(tb testing.TB, a *agenttest.Agent, terminal, client string, change func(*agentv1.AttachOpen)) *viewer {
	tb.Helper()
	v := begin(tb, a, terminal, client, change)
	for v.attached == nil {
		if err := v.step(); err != nil {
			tb.Fatalf("attach: %v", err)
		}
	}
	return v
}

func begin(tb testing.TB, a *agenttest.Agent, terminal, client string, change func(*agentv1.AttachOpen)) *viewer {
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	open := &agentv1.AttachOpen{
		Terminal: terminal, ClientId: client, Mode: agentv1.TerminalMode_TERMINAL_MODE_WRITE, Cols: 80, Rows: 24, Acks: true,
		Create: &agentv1.TerminalSpec{Name: terminal, Cols: 80, Rows: 24, Command: []string{"bash", "--norc", "--noprofile"}, Env: map[string]string{"PS1": "$ "}},
	}
	if change != nil {
		change(open)
	}
	v := &viewer{t: tb, stream: a.Attach(ctx, tb, open), cancel: cancel, acks: open.GetAcks()}
	tb.Cleanup(v.leave)
	return v
}

func (v *viewer) leave() {
	v.cancel()
	// Errors say that it has ended.
	_ = v.stream.Close()
}

func (v *viewer) send(m *agentv1.AttachTerminalRequest) {
	v.t.Helper()
	// When the other side has ended the stream, Receive tells how.
	if err := v.stream.Send(m); err != nil && !errors.Is(err, io.EOF) {
		v.t.Fatalf("send: %v", err)
	}
}

// step takes one event.
func (v *viewer) step() error {
	m, err := v.stream.Receive()
	if err != nil {
		return err
	}
	switch m := m.GetMessage().(type) {
	case *agentv1.AttachTerminalResponse_Attached:
		v.attached = m.Attached
		v.out.Reset()
		v.from, v.next = m.Attached.GetOffset(), m.Attached.GetOffset()
	case *agentv1.AttachTerminalResponse_Output:
		if m.Output.GetOffset() != v.next {
			v.t.Fatalf("output at %d, want %d", m.Output.GetOffset(), v.next)
		}
		v.out.Write(m.Output.GetData())
		v.next += uint64(len(m.Output.GetData()))
		if v.acks {
			v.send(&agentv1.AttachTerminalRequest{Message: &agentv1.AttachTerminalRequest_Ack{Ack: &agentv1.TerminalAck{Offset: v.next}}})
		}
	case *agentv1.AttachTerminalResponse_Gap:
		v.gaps = append(v.gaps, m.Gap)
	case *agentv1.AttachTerminalResponse_Size:
		v.size = m.Size
	case *agentv1.AttachTerminalResponse_Exit:
		v.exit = m.Exit
	case *agentv1.AttachTerminalResponse_Title:
	}
	return nil
}

func (v *viewer) until(what string, done func() bool) {
	v.t.Helper()
	for !done() {
		if err := v.step(); err != nil {
			v.t.Fatalf("waiting for %s: %v; it showed %q", what, err, v.tail())
		}
	}
}

func (v *viewer) tail() string {
	s := v.shown()
	return s[max(0, len(s)-2000):]
}

// shown is the snapshot and what came after it.
func (v *viewer) shown() string { return string(v.attached.GetSnapshot()) + v.out.String() }

func (v *viewer) see(text string) {
	v.t.Helper()
	v.until(fmt.Sprintf("%q", text), func() bool { return strings.Contains(v.shown(), text) })
}

func (v *viewer) typeAt(offset uint64, text string) {
	v.t.Helper()
	v.send(&agentv1.AttachTerminalRequest{Message: &agentv1.AttachTerminalRequest_Input{Input: &agentv1.TerminalInput{Offset: offset, Data: []byte(text)}}})
}

func (v *viewer) typeText(text string) {
	v.t.Helper()
	v.typeAt(v.typed, text)
	v.typed += uint64(len(text))
}

func (v *viewer) resize(cols, rows uint32) {
	v.t.Helper()
	v.send(&agentv1.AttachTerminalRequest{Message: &agentv1.AttachTerminalRequest_Resize{Resize: &agentv1.TerminalResize{Cols: cols, Rows: rows}}})
}

// prompt waits until the shell waits: what is typed while it changes the terminal's modes gets lost with any terminal.
func (v *viewer) prompt() {
	v.t.Helper()
	// Behind it a snapshot, which is drawn before the cursor is placed, has modes and the cell at the cursor once more.
	at := regexp.MustCompile(`\$ (\x1b\[[0-9;?]*[ -/]*[@-~] ?)*$`)
	v.until("the prompt", func() bool { return at.MatchString(v.shown()) })
}

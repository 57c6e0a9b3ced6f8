package relay

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
	"github.com/coder/websocket"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	"codingplatform/proto/attach"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// terminal is one viewer's attach. The goroutine that serves the socket relays output; one more reads the socket and
// relays input.
type terminal struct {
	h      *Handler
	s      *socket
	q      query
	stream *attach.Client
	// relaying is closed by the first attached, when stream and input are set.
	relaying chan struct{}
	attached bool
	// input is the agent's count of this client's input.
	input uint64
	// incarnation is that of the terminal that is attached: its name may become another's.
	incarnation atomic.Value
	// leaving says that the client has said goodbye.
	leaving atomic.Bool
}

// goodbyeTimeout is how long the agent has to answer a goodbye.
const goodbyeTimeout = 2 * time.Second

// serveTerminal starts the environment if need be and relays until one side ends.
func (h *Handler) serveTerminal(ctx context.Context, s *socket, q query) error {
	if q.named {
		defer h.claim(clientKey{q.user.ID, q.session, q.terminal, q.client}, s)()
	}
	// Without a word: who types is answered.
	defer s.keepAlive("").Stop()
	t := &terminal{h: h, s: s, q: q, relaying: make(chan struct{})}
	// The reader runs from the start: it answers pings and notices a client that leaves while the environment
	// is still starting.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	read := make(chan struct{})
	go func() {
		defer close(read)
		cancel(t.up(ctx))
	}()
	err := t.run(ctx)
	if ctx.Err() != nil && !errors.Is(err, errExited) {
		err = context.Cause(ctx)
	}
	if errors.Is(err, errExited) {
		err = nil
	}
	cancel(err)
	code, reason := closeOf(ctx, err)
	s.close(code, reason)
	<-read
	return err
}

func (t *terminal) run(ctx context.Context) error {
	var sent statusMessage
	conn, err := t.h.cfg.Sessions.WaitReady(ctx, t.q.session, t.q.canCreate, func(s backend.Session) {
		// A failed write shows up as the reader's error.
		if m := newStatus(s); m != sent {
			sent = m
			_ = t.s.send(ctx, m)
		}
	})
	if err != nil {
		return t.explain(ctx, err)
	}
	if t.stream, err = conn.Attach(ctx, t.open()); err != nil {
		return t.explain(ctx, err)
	}
	// An error says that it is closed already.
	defer func() { _ = t.stream.Close() }()
	err = t.down(ctx)
	if errors.Is(err, errExited) {
		return err
	}
	if backend.CodeOf(err) == backend.CodeUnavailable && ctx.Err() == nil {
		t.h.cfg.Logger.InfoContext(ctx, "the stream to the agent broke; the client shall reconnect", "session_id", t.q.session, "terminal", t.q.terminal, "error", err)
	}
	return t.explain(ctx, err)
}

var errExited = errors.New("the program has ended, or the client has left")

func (t *terminal) open() *agentv1.AttachOpen {
	open := &agentv1.AttachOpen{
		// Nobody takes another's place by choosing the same ID.
		Terminal: t.q.terminal, ClientId: string(t.q.user.ID) + "." + t.q.client, Mode: agentv1.TerminalMode_TERMINAL_MODE_WRITE,
		Incarnation: t.q.incarnation, Cols: t.q.cols, Rows: t.q.rows, Viewer: t.q.user.Username,
	}
	if t.q.hasOffset {
		open.Offset = &t.q.offset
	}
	if t.q.view {
		open.Mode = agentv1.TerminalMode_TERMINAL_MODE_VIEW
	}
	if t.q.view || !t.q.canCreate {
		return open
	}
	open.Create = &agentv1.TerminalSpec{Name: t.q.terminal, Cols: t.q.cols, Rows: t.q.rows, Command: t.q.command, Cwd: t.q.cwd}
	return open
}

// explain tells the client why an environment does not run, and ends the socket so that it does not come back
// by itself to start another.
func (t *terminal) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil || backend.CodeOf(err) == backend.CodeNotFound {
		return err
	}
	if e, ok := errors.AsType[*backend.Error](err); ok && e.Code != backend.CodeUnavailable {
		_ = t.s.send(ctx, errorMessage{"error", string(e.Code), e.Message})
		if e.Code == backend.CodeTooLarge {
			return &closeError{websocket.StatusNormalClosure, ""}
		}
		return err
	}
	s, serr := t.h.cfg.Store.SessionByID(ctx, t.q.session)
	if serr != nil {
		return serr
	}
	if !s.Wanted {
		_ = t.s.send(ctx, newStatus(s))
		return &closeError{websocket.StatusNormalClosure, "the environment is not running"}
	}
	return err
}

// down relays the agent's messages to the client.
func (t *terminal) down(ctx context.Context) error {
	for {
		m, err := t.stream.Receive()
		if err != nil {
			if errors.Is(err, io.EOF) && t.leaving.Load() {
				return errExited
			}
			if errors.Is(err, io.EOF) {
				return backend.Errorf(backend.CodeUnavailable, "the agent ended the stream")
			}
			return agentconn.Error("read the terminal", err)
		}
		switch m := m.GetMessage().(type) {
		case *agentv1.AttachTerminalResponse_Output:
			err = t.s.write(ctx, websocket.MessageBinary, m.Output.GetData())
		case *agentv1.AttachTerminalResponse_Attached:
			t.incarnation.Store(m.Attached.GetIncarnation())
			err = t.sendAttached(ctx, m.Attached)
		case *agentv1.AttachTerminalResponse_Size:
			err = t.s.send(ctx, sizeMessage{"size", m.Size.GetCols(), m.Size.GetRows()})
		case *agentv1.AttachTerminalResponse_Gap:
			err = t.s.send(ctx, gapMessage{"gap", m.Gap.GetFrom(), m.Gap.GetTo()})
		case *agentv1.AttachTerminalResponse_Title:
			err = t.s.send(ctx, titleMessage{"title", m.Title.GetTitle()})
		case *agentv1.AttachTerminalResponse_Exit:
			if err = t.s.send(ctx, exitMessage{"exit", *newExit(m.Exit)}); err == nil {
				err = errExited
			}
		}
		if err != nil {
			return err
		}
	}
}

func (t *terminal) sendAttached(ctx context.Context, a *agentv1.TerminalAttached) error {
	mode := "write"
	if t.q.view {
		mode = "view"
	}
	err := t.s.send(ctx, attachedMessage{
		Type: "attached", Terminal: a.GetTerminal(), Incarnation: a.GetIncarnation(), Offset: a.GetOffset(), InputOffset: a.GetInputOffset(),
		Cols: a.GetCols(), Rows: a.GetRows(), Reset: a.GetReset_(), Snapshot: len(a.GetSnapshot()), Title: a.GetTitle(), Created: a.GetCreated(), Mode: mode,
	})
	if err == nil && len(a.GetSnapshot()) > 0 {
		err = t.s.write(ctx, websocket.MessageBinary, a.GetSnapshot())
	}
	if !t.attached { // a later one changes nothing about the input
		t.attached, t.input = true, a.GetInputOffset()
		close(t.relaying)
	}
	return err
}

// up relays the client's frames to the agent, until the client leaves or asks for something wrong.
func (t *terminal) up(ctx context.Context) error {
	for {
		kind, data, err := t.s.conn.Read(t.s.open)
		if err != nil {
			if status := websocket.CloseStatus(err); status == websocket.StatusNormalClosure || status == websocket.StatusGoingAway {
				t.sayGoodbye(ctx)
				return err
			}
			return &closeError{websocket.StatusGoingAway, "the connection broke"}
		}
		select {
		case <-ctx.Done():
		case <-t.relaying:
		}
		// Looked at alone: who is being cut off types nothing more.
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if kind == websocket.MessageBinary {
			err = t.typed(data)
		} else {
			err = t.control(ctx, data)
		}
		switch {
		case errors.Is(err, io.EOF):
			// Receive has the reason.
			<-ctx.Done()
			return context.Cause(ctx)
		case err != nil:
			return err
		}
	}
}

// sayGoodbye tells the agent that the client left and did not get lost: nothing is kept for it.
func (t *terminal) sayGoodbye(ctx context.Context) {
	select {
	case <-t.relaying:
	default:
		return
	}
	t.leaving.Store(true)
	if t.stream.Goodbye() != nil {
		return // broken: Receive says how
	}
	timer := time.NewTimer(goodbyeTimeout)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (t *terminal) typed(data []byte) error {
	if t.q.view {
		return nil
	}
	for len(data) > 0 {
		n := min(len(data), attach.MaxData)
		if err := t.stream.Input(t.input, data[:n]); err != nil {
			return err
		}
		t.input += uint64(n)
		data = data[n:]
	}
	return nil
}

func (t *terminal) control(ctx context.Context, data []byte) error {
	var m clientMessage
	if err := json.Unmarshal(data, &m); err != nil {
		return backend.Errorf(backend.CodeInvalid, "a text frame must be a JSON object: %w", err)
	}
	switch m.Type {
	case "ack":
		return t.stream.Ack(m.Offset)
	case "resize":
		if t.q.view {
			return nil
		}
		if m.Cols < 1 || m.Cols > maxSize || m.Rows < 1 || m.Rows > maxSize {
			return backend.Errorf(backend.CodeInvalid, "cols and rows must be from 1 to %d", maxSize)
		}
		return t.stream.Send(&agentv1.AttachTerminalRequest{Message: &agentv1.AttachTerminalRequest_Resize{Resize: &agentv1.TerminalResize{Cols: m.Cols, Rows: m.Rows}}})
	case "visibility":
		if m.Visible == nil {
			return nil
		}
		return t.stream.Send(&agentv1.AttachTerminalRequest{Message: &agentv1.AttachTerminalRequest_Visibility{Visibility: &agentv1.TerminalVisibility{Visible: *m.Visible}}})
	case "close":
		if t.q.view || !t.q.canCreate {
			return nil
		}
		conn, err := t.h.cfg.Sessions.Conn(ctx, t.q.session)
		if err != nil {
			return err
		}
		incarnation, _ := t.incarnation.Load().(string)
		_, err = conn.Terminals.CloseTerminal(ctx, connect.NewRequest(&agentv1.CloseTerminalRequest{Name: t.q.terminal, Incarnation: incarnation}))
		return agentconn.Error("close the terminal", err)
	}
	return nil
}

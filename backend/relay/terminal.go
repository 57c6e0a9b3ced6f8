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
	"golang.org/x/sync/errgroup"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	"codingplatform/proto/attach"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// terminal is one viewer's attach.
type terminal struct {
	h        *Handler
	s        *socket
	q        query
	stream   *attach.Client
	attached chan uint64 // the agent's count of this client's input, once
	// relaying is closed when frames are relayed; leaving says that the client has said goodbye.
	relaying chan struct{}
	leaving  atomic.Bool
}

// goodbyeTimeout is how long the agent has to answer a goodbye.
const goodbyeTimeout = 2 * time.Second

// serveTerminal starts the environment if need be and relays until one side ends.
func (h *Handler) serveTerminal(ctx context.Context, s *socket, q query) error {
	if q.named {
		defer h.claim(clientKey{q.session, q.terminal, q.client}, s)()
	}
	t := &terminal{h: h, s: s, q: q, attached: make(chan uint64, 1), relaying: make(chan struct{})}
	// The reader runs from the start: it answers pings and notices a client that leaves while the environment
	// is still starting.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	frames := make(chan frame)
	reader, reading := errgroup.WithContext(ctx)
	reader.Go(func() error {
		err := t.read(reading, frames)
		if status := websocket.CloseStatus(err); status == websocket.StatusNormalClosure || status == websocket.StatusGoingAway {
			t.sayGoodbye(reading, frames)
		}
		cancel(err)
		return err
	})
	err := t.run(ctx, frames)
	cancel(err)
	if err != nil && errors.Is(err, context.Canceled) {
		err = context.Cause(ctx)
	}
	code, reason := closeOf(ctx, err)
	s.close(code, reason)
	_ = reader.Wait()
	return err
}

// goodbye is the kind of a frame that stands for the client's closing of the socket.
const goodbye websocket.MessageType = 0

// frame is one message of the client.
type frame struct {
	kind websocket.MessageType
	data []byte
}

func (t *terminal) read(ctx context.Context, frames chan<- frame) error {
	for {
		kind, data, err := t.s.conn.Read(t.s.reading)
		if err != nil {
			return err
		}
		select {
		case frames <- frame{kind, data}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// sayGoodbye tells the agent that the client left and did not get lost: nothing is kept for it.
func (t *terminal) sayGoodbye(ctx context.Context, frames chan<- frame) {
	select {
	case <-t.relaying:
	default:
		return
	}
	ctx, cancel := context.WithTimeout(ctx, goodbyeTimeout)
	defer cancel()
	select {
	case frames <- frame{kind: goodbye}:
		<-ctx.Done()
	case <-ctx.Done():
	}
}

func (t *terminal) run(ctx context.Context, frames <-chan frame) error {
	var sent statusMessage
	conn, err := t.h.cfg.Sessions.WaitReady(ctx, t.q.session, func(s backend.Session) {
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
	g, relaying := errgroup.WithContext(ctx)
	g.Go(func() error { return t.down(relaying) })
	g.Go(func() error { return t.up(relaying, frames) })
	err = g.Wait()
	if errors.Is(err, errExited) {
		return nil
	}
	if backend.CodeOf(err) == backend.CodeUnavailable && ctx.Err() == nil {
		t.h.cfg.Logger.InfoContext(ctx, "the stream to the agent broke; the client shall reconnect", "session_id", t.q.session, "terminal", t.q.terminal, "error", err)
	}
	return t.explain(ctx, err)
}

var errExited = errors.New("the program has ended, or the client has left")

func (t *terminal) open() *agentv1.AttachOpen {
	open := &agentv1.AttachOpen{
		Terminal: t.q.terminal, ClientId: t.q.client, Mode: agentv1.TerminalMode_TERMINAL_MODE_WRITE,
		Incarnation: t.q.incarnation, Cols: t.q.cols, Rows: t.q.rows,
	}
	if t.q.hasOffset {
		open.Offset = &t.q.offset
	}
	if t.q.view {
		open.Mode = agentv1.TerminalMode_TERMINAL_MODE_VIEW
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
			err = t.s.conn.Write(ctx, websocket.MessageBinary, m.Output.GetData())
		case *agentv1.AttachTerminalResponse_Attached:
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
		err = t.s.conn.Write(ctx, websocket.MessageBinary, a.GetSnapshot())
	}
	select {
	case t.attached <- a.GetInputOffset():
	default: // A later one changes nothing about the input.
	}
	return err
}

// up relays the client's frames to the agent.
func (t *terminal) up(ctx context.Context, frames <-chan frame) error {
	var input uint64
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case input = <-t.attached:
	}
	close(t.relaying)
	for {
		var f frame
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case f = <-frames:
		}
		var err error
		switch f.kind {
		case goodbye:
			t.leaving.Store(true)
			// An error is Receive's too.
			_ = t.stream.Goodbye()
			<-ctx.Done()
			return context.Cause(ctx)
		case websocket.MessageBinary:
			input, err = t.input(input, f.data)
		case websocket.MessageText:
			err = t.control(ctx, f.data)
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

func (t *terminal) input(offset uint64, data []byte) (uint64, error) {
	if t.q.view {
		return offset, nil
	}
	for len(data) > 0 {
		n := min(len(data), attach.MaxData)
		if err := t.stream.Input(offset, data[:n]); err != nil {
			return offset, err
		}
		offset += uint64(n)
		data = data[n:]
	}
	return offset, nil
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
		if t.q.view {
			return nil
		}
		conn, err := t.h.cfg.Sessions.Conn(ctx, t.q.session)
		if err != nil {
			return err
		}
		_, err = conn.Terminals.CloseTerminal(ctx, connect.NewRequest(&agentv1.CloseTerminalRequest{Name: t.q.terminal}))
		return agentconn.Error("close the terminal", err)
	}
	return nil
}

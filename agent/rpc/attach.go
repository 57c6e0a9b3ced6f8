package rpc

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"

	"connectrpc.com/connect"

	"codingplatform/agent/terminal"
	"codingplatform/proto/attach"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// attachHandler serves the streams of terminals (package attach).
type attachHandler struct {
	logger    *slog.Logger
	terminals *terminal.Manager
	// received are buffers for what comes, buffers *[]byte of attach.Headroom+terminal.MaxOutput bytes for what goes,
	// held only while it does.
	received, buffers *sync.Pool
}

func newAttachHandler(cfg Config) *attachHandler {
	return &attachHandler{logger: cfg.Logger, terminals: cfg.Terminals, received: attach.Buffers(), buffers: attach.Buffers()}
}

// ServeHTTP implements http.Handler.
func (h *attachHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	stream, err := attach.Accept(w, r, h.received)
	if err != nil {
		h.logger.InfoContext(r.Context(), "a terminal stream was refused", "error", err)
		return
	}
	// The request's context says nothing about a connection that was taken over: the stream's reader does.
	s := &attached{h: h, stream: stream}
	err = s.serve(context.WithoutCancel(r.Context()))
	// Errors say that nobody listens any more.
	_ = stream.End(asConnect(err))
	_ = stream.Close()
	if s.reader != nil {
		<-s.reader
	}
}

// attached is one viewer's stream.
type attached struct {
	h      *attachHandler
	stream *attach.Server
	viewer *terminal.Viewer
	reader chan struct{} // closed when the receiving goroutine has ended
}

func (s *attached) serve(ctx context.Context) error {
	first, err := s.stream.Receive()
	if err != nil {
		return err
	}
	open := first.GetOpen()
	if open == nil {
		return connect.NewError(connect.CodeInvalidArgument, errors.New("the first message must be open"))
	}
	var create *terminal.Spec
	if open.GetCreate() != nil {
		spec := specFromWire(open.GetCreate())
		create = &spec
	}
	s.viewer, err = s.h.terminals.Attach(open.GetTerminal(), attachFromWire(open), create)
	if err != nil {
		return err
	}
	defer s.viewer.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.reader = make(chan struct{})
	go func() {
		defer close(s.reader)
		cancel(s.receive(ctx))
	}()
	err = s.send(ctx)
	if errors.Is(err, io.EOF) {
		return nil // the program has exited, or the other side has said goodbye
	}
	s.viewer.Lose()
	return err
}

// send tells the viewer what happens until the stream or the program ends.
func (s *attached) send(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := s.sendAll(ctx); err != nil {
			return err
		}
		if err := s.viewer.Wait(ctx); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// sendAll sends until there is nothing more to tell now. It holds a buffer only for that long.
func (s *attached) sendAll(ctx context.Context) error {
	buf, ok := s.h.buffers.Get().(*[]byte)
	if !ok {
		return errors.New("a pool of buffers holds something else")
	}
	defer s.h.buffers.Put(buf)
	for ctx.Err() == nil {
		event, err := s.viewer.Next((*buf)[attach.Headroom:])
		if err != nil {
			return err
		}
		if event == nil {
			return nil
		}
		if out, ok := event.(terminal.Output); ok {
			err = s.stream.Output(out.Offset, (*buf)[:attach.Headroom+len(out.Data)])
		} else {
			err = s.stream.Send(eventToWire(event))
		}
		if err != nil {
			return connect.NewError(connect.CodeUnavailable, err)
		}
	}
	return nil
}

// receive does what the viewer asks until it says goodbye (io.EOF) or asks for something wrong.
func (s *attached) receive(ctx context.Context) error {
	for {
		msg, err := s.stream.Receive()
		if err != nil {
			return err
		}
		switch m := msg.GetMessage().(type) {
		case *agentv1.AttachTerminalRequest_Input:
			if len(m.Input.GetData()) > attach.MaxData {
				return connect.NewError(connect.CodeInvalidArgument, errors.New("an input of more than 65,536 bytes"))
			}
			err = s.viewer.Input(ctx, m.Input.GetOffset(), m.Input.GetData())
		case *agentv1.AttachTerminalRequest_Ack:
			s.viewer.Ack(m.Ack.GetOffset())
		case *agentv1.AttachTerminalRequest_Resize:
			err = s.viewer.Resize(sizeFromWire(m.Resize.GetCols(), m.Resize.GetRows()))
		case *agentv1.AttachTerminalRequest_Visibility:
			s.viewer.SetVisible(m.Visibility.GetVisible())
		case *agentv1.AttachTerminalRequest_Open:
			err = connect.NewError(connect.CodeInvalidArgument, errors.New("open must come first and once"))
		default: // a newer backend's message: ignored
		}
		if err != nil {
			return err
		}
	}
}

func eventToWire(event terminal.Event) *agentv1.AttachTerminalResponse {
	switch e := event.(type) {
	case terminal.Attached:
		return &agentv1.AttachTerminalResponse{Message: &agentv1.AttachTerminalResponse_Attached{
			Attached: &agentv1.TerminalAttached{
				Terminal: e.Terminal, Incarnation: e.Incarnation, Offset: e.Offset, InputOffset: e.InputOffset,
				Cols: count(e.Size.Cols), Rows: count(e.Size.Rows), Reset_: e.Reset, Snapshot: e.Snapshot,
				Title: e.Title, Created: e.Created,
			},
		}}
	case terminal.Resized:
		return &agentv1.AttachTerminalResponse{Message: &agentv1.AttachTerminalResponse_Size{
			Size: &agentv1.TerminalSize{Cols: count(e.Size.Cols), Rows: count(e.Size.Rows)},
		}}
	case terminal.Gap:
		return &agentv1.AttachTerminalResponse{Message: &agentv1.AttachTerminalResponse_Gap{
			Gap: &agentv1.TerminalGap{From: e.From, To: e.To},
		}}
	case terminal.Retitled:
		return &agentv1.AttachTerminalResponse{Message: &agentv1.AttachTerminalResponse_Title{
			Title: &agentv1.TerminalTitle{Title: e.Title},
		}}
	case terminal.Exit:
		return &agentv1.AttachTerminalResponse{Message: &agentv1.AttachTerminalResponse_Exit{Exit: exitToWire(&e)}}
	case terminal.Output: // sent through a reused message
		return &agentv1.AttachTerminalResponse{Message: &agentv1.AttachTerminalResponse_Output{
			Output: &agentv1.TerminalOutput{Offset: e.Offset, Data: e.Data},
		}}
	}
	return &agentv1.AttachTerminalResponse{}
}

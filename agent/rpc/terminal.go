package rpc

import (
	"context"
	"errors"
	"io"
	"sync"

	"connectrpc.com/connect"

	"codingplatform/agent/terminal"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// maxInput is the most bytes of one input message.
const maxInput = 64 << 10

// terminalService implements agentv1connect.TerminalServiceHandler.
type terminalService struct {
	terminals *terminal.Manager
	// buffers are *[]byte of terminal.MaxOutput bytes, held only while an event is made and sent.
	buffers sync.Pool
}

func newTerminalService(cfg Config) *terminalService {
	return &terminalService{terminals: cfg.Terminals, buffers: sync.Pool{New: func() any {
		buf := make([]byte, terminal.MaxOutput)
		return &buf
	}}}
}

// CreateTerminal implements TerminalService.
func (s *terminalService) CreateTerminal(
	_ context.Context, req *connect.Request[agentv1.CreateTerminalRequest],
) (*connect.Response[agentv1.CreateTerminalResponse], error) {
	info, err := s.terminals.Create(specFromWire(req.Msg.GetSpec()))
	if err != nil {
		return nil, asConnect(err)
	}
	return connect.NewResponse(&agentv1.CreateTerminalResponse{Terminal: infoToWire(info)}), nil
}

// ListTerminals implements TerminalService.
func (s *terminalService) ListTerminals(
	context.Context, *connect.Request[agentv1.ListTerminalsRequest],
) (*connect.Response[agentv1.ListTerminalsResponse], error) {
	return connect.NewResponse(&agentv1.ListTerminalsResponse{Terminals: infosToWire(s.terminals.List())}), nil
}

// UpdateTerminal implements TerminalService.
func (s *terminalService) UpdateTerminal(
	_ context.Context, req *connect.Request[agentv1.UpdateTerminalRequest],
) (*connect.Response[agentv1.UpdateTerminalResponse], error) {
	position := -1
	if req.Msg.Position != nil {
		position = int(req.Msg.GetPosition())
	}
	info, err := s.terminals.Update(req.Msg.GetName(), req.Msg.GetNewName(), position)
	if err != nil {
		return nil, asConnect(err)
	}
	return connect.NewResponse(&agentv1.UpdateTerminalResponse{Terminal: infoToWire(info)}), nil
}

// CloseTerminal implements TerminalService.
func (s *terminalService) CloseTerminal(
	ctx context.Context, req *connect.Request[agentv1.CloseTerminalRequest],
) (*connect.Response[agentv1.CloseTerminalResponse], error) {
	if err := s.terminals.Close(ctx, req.Msg.GetName()); err != nil {
		return nil, asConnect(err)
	}
	return connect.NewResponse(&agentv1.CloseTerminalResponse{}), nil
}

// WatchTerminals implements TerminalService.
func (s *terminalService) WatchTerminals(
	ctx context.Context, _ *connect.Request[agentv1.WatchTerminalsRequest],
	stream *connect.ServerStream[agentv1.WatchTerminalsResponse],
) error {
	for {
		// Changes while a list is sent are told together by the next one.
		_, changed := s.terminals.Changes()
		if err := stream.Send(&agentv1.WatchTerminalsResponse{Terminals: infosToWire(s.terminals.List())}); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return asConnect(context.Cause(ctx))
		}
	}
}

type attachStream = connect.BidiStream[agentv1.AttachTerminalRequest, agentv1.AttachTerminalResponse]

// AttachTerminal implements TerminalService.
func (s *terminalService) AttachTerminal(ctx context.Context, stream *attachStream) error {
	first, err := stream.Receive()
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
	viewer, err := s.terminals.Attach(open.GetTerminal(), attachFromWire(open), create)
	if err != nil {
		return asConnect(err)
	}
	defer viewer.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { cancel(receive(ctx, stream, viewer)) }()
	err = s.send(ctx, stream, viewer)
	if errors.Is(err, io.EOF) {
		return nil // the program has exited, or the other side has said goodbye
	}
	viewer.Lose()
	return asConnect(err)
}

// send tells the viewer what happens until the stream or the program ends.
func (s *terminalService) send(ctx context.Context, stream *attachStream, viewer *terminal.Viewer) error {
	var out agentv1.TerminalOutput
	output := agentv1.AttachTerminalResponse{Message: &agentv1.AttachTerminalResponse_Output{Output: &out}}
	for ctx.Err() == nil {
		more, err := s.sendAll(ctx, stream, viewer, &output, &out)
		if err != nil || !more {
			return err
		}
		if err := viewer.Wait(ctx); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// sendAll sends until there is nothing more to tell now. It holds a buffer only for that long.
func (s *terminalService) sendAll(
	ctx context.Context, stream *attachStream, viewer *terminal.Viewer,
	output *agentv1.AttachTerminalResponse, out *agentv1.TerminalOutput,
) (more bool, err error) {
	buf, ok := s.buffers.Get().(*[]byte)
	if !ok {
		return false, errors.New("a pool of buffers holds something else")
	}
	defer s.buffers.Put(buf)
	for ctx.Err() == nil {
		event, err := viewer.Next(*buf)
		if err != nil {
			return false, err
		}
		if event == nil {
			return true, nil
		}
		msg := output
		if o, ok := event.(terminal.Output); ok {
			out.Offset, out.Data = o.Offset, o.Data
		} else {
			msg = eventToWire(event)
		}
		if err := stream.Send(msg); err != nil {
			return false, err
		}
		out.Data = nil
	}
	return true, nil
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

// receive does what the viewer asks until its side of the stream ends (io.EOF) or asks for something wrong.
func receive(ctx context.Context, stream *attachStream, viewer *terminal.Viewer) error {
	for {
		msg, err := stream.Receive()
		if err != nil {
			return err
		}
		switch m := msg.GetMessage().(type) {
		case *agentv1.AttachTerminalRequest_Input:
			if len(m.Input.GetData()) > maxInput {
				return connect.NewError(connect.CodeInvalidArgument, errors.New("an input of more than 65,536 bytes"))
			}
			err = viewer.Input(ctx, m.Input.GetOffset(), m.Input.GetData())
		case *agentv1.AttachTerminalRequest_Ack:
			viewer.Ack(m.Ack.GetOffset())
		case *agentv1.AttachTerminalRequest_Resize:
			err = viewer.Resize(sizeFromWire(m.Resize.GetCols(), m.Resize.GetRows()))
		case *agentv1.AttachTerminalRequest_Visibility:
			viewer.SetVisible(m.Visibility.GetVisible())
		case *agentv1.AttachTerminalRequest_Open:
			err = connect.NewError(connect.CodeInvalidArgument, errors.New("open must come first and once"))
		default: // a newer backend's message: ignored
		}
		if err != nil {
			return err
		}
	}
}

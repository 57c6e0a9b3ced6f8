package rpc

import (
	"context"

	"connectrpc.com/connect"

	"codingplatform/agent/terminal"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// terminalService implements agentv1connect.TerminalServiceHandler.
type terminalService struct {
	terminals *terminal.Manager
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
	return connect.NewResponse(&agentv1.UpdateTerminalResponse{
		Terminal: infoToWire(info), Terminals: infosToWire(s.terminals.List()),
	}), nil
}

// CloseTerminal implements TerminalService.
func (s *terminalService) CloseTerminal(
	ctx context.Context, req *connect.Request[agentv1.CloseTerminalRequest],
) (*connect.Response[agentv1.CloseTerminalResponse], error) {
	if err := s.terminals.Close(ctx, req.Msg.GetName(), req.Msg.GetIncarnation()); err != nil {
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

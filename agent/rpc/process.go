package rpc

import (
	"context"
	"time"

	"connectrpc.com/connect"

	"codingplatform/agent/process"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// processService implements agentv1connect.ProcessServiceHandler.
type processService struct{ cfg Config }

// RunProcess implements ProcessService.
func (s *processService) RunProcess(
	ctx context.Context, req *connect.Request[agentv1.RunProcessRequest],
	stream *connect.ServerStream[agentv1.RunProcessResponse],
) error {
	msg := req.Msg
	exit, err := s.cfg.Processes.Run(ctx, process.Spec{
		Command: msg.GetCommand(), Cwd: msg.GetCwd(), Env: msg.GetEnv(), Stdin: msg.GetStdin(),
		Timeout: time.Duration(msg.GetTimeoutMs()) * time.Millisecond, MaxOutput: msg.GetMaxOutputBytes(),
	}, processSink{stream})
	if err != nil {
		return asConnect(err)
	}
	return stream.Send(&agentv1.RunProcessResponse{Event: &agentv1.RunProcessResponse_Exit{Exit: &agentv1.ProcessExit{
		Code: code(exit.Exit), Signal: exit.Signal, Reason: exit.Reason, Truncated: exit.Truncated,
	}}})
}

type processSink struct {
	stream *connect.ServerStream[agentv1.RunProcessResponse]
}

// Started implements process.Sink.
func (s processSink) Started(pid int) error {
	return s.stream.Send(&agentv1.RunProcessResponse{Event: &agentv1.RunProcessResponse_Started{
		Started: &agentv1.ProcessStarted{Pid: count(pid)},
	}})
}

// Stdout implements process.Sink.
func (s processSink) Stdout(p []byte) error {
	return s.stream.Send(&agentv1.RunProcessResponse{Event: &agentv1.RunProcessResponse_Stdout{Stdout: p}})
}

// Stderr implements process.Sink.
func (s processSink) Stderr(p []byte) error {
	return s.stream.Send(&agentv1.RunProcessResponse{Event: &agentv1.RunProcessResponse_Stderr{Stderr: p}})
}

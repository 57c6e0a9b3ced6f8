package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"connectrpc.com/connect"

	"codingplatform/agent/sysinfo"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// protocol is the version of the contract that this agent speaks.
const protocol = 1

// CheckProtocol refuses a backend that speaks other versions of the contract.
func CheckProtocol(oldest, newest uint32) error {
	if oldest <= protocol && newest >= protocol {
		return nil
	}
	return connect.NewError(connect.CodeFailedPrecondition, fmt.Errorf(
		"no common protocol: the agent speaks %d, the backend %d to %d", protocol, oldest, newest))
}

// agentService implements agentv1connect.AgentServiceHandler.
type agentService struct{ cfg Config }

// Hello implements AgentService.
func (s *agentService) Hello(
	ctx context.Context, req *connect.Request[agentv1.HelloRequest],
) (*connect.Response[agentv1.HelloResponse], error) {
	msg := req.Msg
	if err := CheckProtocol(msg.GetMinProtocol(), msg.GetMaxProtocol()); err != nil {
		return nil, err
	}
	if msg.GetSessionId() != s.cfg.SessionID || msg.GetEnvironmentId() != s.cfg.EnvironmentID {
		return nil, connect.NewError(connect.CodeFailedPrecondition,
			errors.New("this is the agent of another session or environment"))
	}
	s.cfg.Logger.InfoContext(ctx, "a backend said hello", "replica", msg.GetReplica())
	features := []string{"pty"}
	if s.cfg.Files != nil {
		features = append(features, "files", "fill")
	}
	return connect.NewResponse(&agentv1.HelloResponse{
		Protocol: protocol, SessionId: s.cfg.SessionID, EnvironmentId: s.cfg.EnvironmentID,
		Incarnation: s.cfg.Incarnation, Features: features, Version: s.cfg.Version,
	}), nil
}

// Status implements AgentService.
func (s *agentService) Status(
	context.Context, *connect.Request[agentv1.StatusRequest],
) (*connect.Response[agentv1.StatusResponse], error) {
	rss, err := sysinfo.ResidentBytes()
	if err != nil {
		return nil, asConnect(err)
	}
	usage, err := s.cfg.Usage()
	if err != nil {
		return nil, asConnect(err)
	}
	limits := sysinfo.FindLimits(s.cfg.Cgroup)
	used, _ := s.cfg.Cgroup.Memory()
	return connect.NewResponse(&agentv1.StatusResponse{
		Version: s.cfg.Version, StartedAt: timeToWire(s.cfg.StartedAt), AgentRssBytes: rss,
		MemoryBytes: used, MemoryLimitBytes: limits.Memory, CpuNanos: nanos(usage),
		Processes: count(usage.Count), ProcessLimit: count(int(min(limits.Processes, 1<<31-1))),
		Terminals: infosToWire(s.cfg.Terminals.List()),
		OomKills:  s.cfg.Cgroup.OOMKills(), Limits: limits.Source,
	}), nil
}

func nanos(u sysinfo.Usage) uint64 { return uint64(max(u.CPU, 0)) }

// Activity implements AgentService.
func (s *agentService) Activity(
	context.Context, *connect.Request[agentv1.ActivityRequest],
) (*connect.Response[agentv1.ActivityResponse], error) {
	usage, err := s.cfg.Usage()
	if err != nil {
		return nil, asConnect(err)
	}
	activity := s.cfg.Terminals.Activity()
	if started := s.cfg.Processes.LastStart(); started.After(activity.LastInput) {
		activity.LastInput = started
	}
	res := &agentv1.ActivityResponse{
		LastInputAt: timeToWire(activity.LastInput), LastJobOutputAt: timeToWire(activity.LastJobOutput),
		CpuNanos: nanos(usage),
		Viewers:  count(activity.Viewers), VisibleViewers: count(activity.Visible), ViewerlessSince: timeToWire(activity.ViewerlessSince),
	}
	for _, job := range activity.ForegroundJobs {
		res.ForegroundJobs = append(res.ForegroundJobs, validUTF8(job))
	}
	if s.cfg.Files != nil {
		res.LastFileChangeAt = timeToWire(s.cfg.Files.LastChange())
	}
	return connect.NewResponse(res), nil
}

// PrepareStop implements AgentService.
func (s *agentService) PrepareStop(
	ctx context.Context, req *connect.Request[agentv1.PrepareStopRequest],
) (*connect.Response[agentv1.PrepareStopResponse], error) {
	if s.cfg.Files == nil {
		return nil, connect.NewError(connect.CodeUnimplemented, errors.New("this agent keeps no files"))
	}
	through, unreadable, err := s.cfg.Files.PrepareStop(ctx, req.Msg.GetLeaseEpoch())
	if err != nil {
		return nil, asConnect(err)
	}
	return connect.NewResponse(&agentv1.PrepareStopResponse{FlushedThrough: through, Unreadable: unreadable}), nil
}

// validUTF8 makes a name from the kernel fit for a string of the wire.
func validUTF8(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

package rpc

import (
	"math"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"codingplatform/agent/program"
	"codingplatform/agent/terminal"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

func timeToWire(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// count is a number that is small and not negative by its nature.
func count(n int) uint32 { return uint32(min(max(n, 0), math.MaxInt32)) }

func code(exit program.Exit) int32 { return int32(min(max(exit.Code, math.MinInt32), math.MaxInt32)) }

func sizeFromWire(cols, rows uint32) terminal.Size {
	return terminal.Size{Cols: int(cols), Rows: int(rows)}
}

func specFromWire(spec *agentv1.TerminalSpec) terminal.Spec {
	return terminal.Spec{
		Name: spec.GetName(), Size: sizeFromWire(spec.GetCols(), spec.GetRows()),
		Command: spec.GetCommand(), Cwd: spec.GetCwd(), Env: spec.GetEnv(),
	}
}

func attachFromWire(open *agentv1.AttachOpen) terminal.Attach {
	return terminal.Attach{
		Client:   open.GetClientId(),
		ViewOnly: open.GetMode() == agentv1.TerminalMode_TERMINAL_MODE_VIEW,
		Resume:   open.Offset != nil, Offset: open.GetOffset(), Incarnation: open.GetIncarnation(),
		Size: sizeFromWire(open.GetCols(), open.GetRows()), Acks: open.GetAcks(), Window: open.GetWindow(),
		Name: validUTF8(open.GetViewer()), Recorder: open.GetRecorder(),
	}
}

func exitToWire(exit *terminal.Exit) *agentv1.TerminalExit {
	if exit == nil {
		return nil
	}
	return &agentv1.TerminalExit{
		Code: code(exit.Exit), Signal: exit.Signal, Reason: exit.Reason, At: timeToWire(exit.At),
	}
}

func infoToWire(info terminal.Info) *agentv1.TerminalInfo {
	return &agentv1.TerminalInfo{
		Name: info.Name, Cols: count(info.Size.Cols), Rows: count(info.Size.Rows), Title: info.Title,
		Cwd: validUTF8(info.Cwd), CreatedAt: timeToWire(info.Created), Offset: info.Offset,
		Exit: exitToWire(info.Exit), Foreground: validUTF8(info.Foreground), Viewers: count(len(info.Watchers)),
		Pid: count(info.PID), Watchers: watchersToWire(info.Watchers), Recording: info.Recording, Bells: info.Bells,
		FormerNames: info.Former,
	}
}

func watchersToWire(watchers []terminal.Watcher) []*agentv1.TerminalViewer {
	wire := make([]*agentv1.TerminalViewer, 0, len(watchers))
	for _, w := range watchers {
		mode := agentv1.TerminalMode_TERMINAL_MODE_WRITE
		if w.ViewOnly {
			mode = agentv1.TerminalMode_TERMINAL_MODE_VIEW
		}
		wire = append(wire, &agentv1.TerminalViewer{Name: w.Name, Mode: mode, Visible: w.Visible})
	}
	return wire
}

func infosToWire(infos []terminal.Info) []*agentv1.TerminalInfo {
	wire := make([]*agentv1.TerminalInfo, 0, len(infos))
	for _, info := range infos {
		wire = append(wire, infoToWire(info))
	}
	return wire
}

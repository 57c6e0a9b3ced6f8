package session

import (
	"context"
	"time"

	"connectrpc.com/connect"

	"codingplatform/backend/agentconn"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

const (
	// idleInterval is how often an environment's use is looked at; more often with shorter limits.
	idleInterval = 30 * time.Second
	// busyShare of a core is work.
	busyShare = 0.1
)

// idleWatch applies the idle policy to one environment.
type idleWatch struct {
	s    *supervisor
	conn *agentconn.Conn
	// since is when the environment began, whoever has driven it.
	since    time.Time
	looked   time.Time
	cpu      uint64
	busyAt   time.Time
	warnedAt time.Time
	told     Decision
}

func newIdleWatch(s *supervisor, conn *agentconn.Conn, readySince time.Time) *idleWatch {
	w := &idleWatch{s: s, conn: conn, since: readySince, looked: readySince}
	if created := conn.Environment.CreatedAt; !created.IsZero() && created.Before(readySince) {
		w.since = created
	}
	return w
}

// interval is short enough that no stop and no warning comes late by more than a quarter of the warning.
func (w *idleWatch) interval() time.Duration {
	interval := idleInterval
	if warn := w.s.m.cfg.Idle.Warn; warn > 0 {
		interval = min(interval, warn/4)
	}
	return max(interval, 100*time.Millisecond)
}

func (w *idleWatch) warned() bool { return !w.warnedAt.IsZero() }

func (w *idleWatch) look(ctx context.Context) error {
	policy := w.s.m.cfg.Idle
	if policy.Off() {
		return nil
	}
	response, err := w.conn.Agent.Activity(ctx, connect.NewRequest(&agentv1.ActivityRequest{}))
	if err != nil {
		w.s.logger.WarnContext(ctx, "the environment's activity is not known", "error", err)
		return nil
	}
	session, err := w.s.m.cfg.Store.SessionByID(ctx, w.s.id)
	if err != nil {
		w.s.logger.WarnContext(ctx, "the session could not be looked at", "error", err)
		return nil
	}
	now := time.Now()
	activity := w.activity(now, response.Msg, session.LastActivityAt)
	d := Decide(now, activity, policy)
	switch {
	case d.Action == Stop:
		return w.s.m.cfg.Store.SetWanted(ctx, w.s.id, false, "stopped: "+d.Reason)
	case d.Action == Warn && (!w.warned() || !d.At.Equal(w.told.At) || d.Reason != w.told.Reason):
		if !w.warned() {
			w.warnedAt = now
		}
		w.told = d
		return w.s.m.cfg.Store.WarnStop(ctx, w.s.lease, d.At, d.MayStay, "it is about to stop: "+d.Reason)
	case d.Action == Keep && w.warned():
		w.warnedAt, w.told = time.Time{}, Decision{}
		return w.s.m.cfg.Store.WarnStop(ctx, w.s.lease, time.Time{}, false, "")
	}
	return nil
}

func (w *idleWatch) activity(now time.Time, a *agentv1.ActivityResponse, asked time.Time) Activity {
	used := a.GetCpuNanos() - min(w.cpu, a.GetCpuNanos())
	busy := now.After(w.looked) && float64(used) > busyShare*float64(now.Sub(w.looked))
	w.cpu, w.looked = a.GetCpuNanos(), now
	if busy {
		w.busyAt = now
	}
	// An unset time is 1970: never.
	return Activity{
		Since:     w.since,
		LastInput: latest(a.GetLastInputAt().AsTime(), asked),
		LastWork:  latest(a.GetLastJobOutputAt().AsTime(), a.GetLastFileChangeAt().AsTime(), w.busyAt),
		Busy:      busy,
		Viewers:   int(a.GetViewers()), Visible: int(a.GetVisibleViewers()),
		ViewerlessSince: a.GetViewerlessSince().AsTime(), WarnedAt: w.warnedAt,
	}
}

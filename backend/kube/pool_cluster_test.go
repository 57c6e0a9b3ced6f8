//go:build cluster

package kube_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"codingplatform/backend"
	"codingplatform/backend/kube"
	"codingplatform/backend/runtimetest"
)

// TestPoolIsShared has three replicas start sessions at once, each session on all of them: a session has one pod, a pod
// one session, and whoever comes when none is left is told why it had to wait.
func TestPoolIsShared(t *testing.T) {
	p := newPlace(t)
	const pods, sessions = 2, 4
	replicas := make([]*kube.Runtime, 3)
	for i := range replicas {
		replicas[i] = p.open(t, withPool(pods))
	}
	tend(t, replicas[0])
	p.waitReady(t, pods)
	type start struct {
		env backend.Environment
		err error
	}
	specs := make([]backend.EnvironmentSpec, sessions)
	starts := make([][3]start, sessions)
	var group sync.WaitGroup
	for i := range specs {
		specs[i].SessionID = runtimetest.NewSession()
		for j, r := range replicas {
			group.Go(func() { starts[i][j].env, starts[i][j].err = r.Start(t.Context(), specs[i]) })
		}
	}
	group.Wait()
	of := map[backend.EnvironmentID]backend.SessionID{}
	warm := 0
	for i, spec := range specs {
		env := runtimetest.Start(t, replicas[0], spec)
		for j, s := range starts[i] {
			if s.err != nil || s.env.ID != env.ID {
				t.Errorf("session %d on replica %d: %+v, %v; want %s", i, j, s.env, s.err, env.ID)
			}
		}
		if former, taken := of[env.ID]; taken {
			t.Errorf("sessions %s and %s share pod %s", former, env.SessionID, env.ID)
		}
		of[env.ID] = env.SessionID
		switch {
		case env.Strategy == backend.StrategyWarm:
			warm++
		case !strings.HasPrefix(env.Strategy, backend.StrategyCold+": "):
			t.Errorf("session %d was started %q", i, env.Strategy)
		}
		// Any replica may be the one that hands the agent its session.
		runtimetest.Connect(t, replicas[i%3], p.authority, env)
	}
	if warm == 0 {
		t.Error("no session got a pod that was ready")
	}
}

// TestPoolFollowsTheTemplate: pods of a former image or other settings are replaced, sessions keep theirs.
func TestPoolFollowsTheTemplate(t *testing.T) {
	p := newPlace(t)
	former := p.open(t, withPool(1))
	ctx, stop := context.WithCancel(t.Context())
	var tending sync.WaitGroup
	tending.Go(func() { former.Tend(ctx, everySession) })
	p.waitReady(t, 1)
	session := runtimetest.Start(t, former, backend.EnvironmentSpec{SessionID: runtimetest.NewSession()})
	p.waitReady(t, 1)
	stop()
	tending.Wait()

	next := p.open(t, func(c *kube.Config) {
		withPool(1)(c)
		c.MemoryLimit = "500Mi"
	})
	early := runtimetest.Start(t, next, backend.EnvironmentSpec{SessionID: runtimetest.NewSession()})
	if want := "cold: the pods that are kept ready are of another image or other settings"; early.Strategy != want {
		t.Errorf("before the pool is replaced a session is started %q, want %q", early.Strategy, want)
	}
	tend(t, next)
	var late backend.Environment
	for late.Strategy != backend.StrategyWarm {
		p.waitReady(t, 1)
		late = runtimetest.Start(t, next, backend.EnvironmentSpec{SessionID: runtimetest.NewSession()})
	}
	if !strings.Contains(late.Limits, "500Mi") || !strings.Contains(session.Limits, "512Mi") {
		t.Errorf("limits are %q of a new session and %q of the one before", late.Limits, session.Limits)
	}
	runtimetest.Connect(t, next, p.authority, late)
	runtimetest.Connect(t, next, p.authority, session)
}

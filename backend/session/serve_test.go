package session

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
)

// phases is a store that notes what is told of the one session there is, which is wanted.
type phases struct {
	Store
	told *[]string
}

// SetPhase implements Store.
func (s phases) SetPhase(_ context.Context, _ backend.Lease, phase backend.Phase, reason string, _ backend.EnvironmentID) error {
	*s.told = append(*s.told, string(phase)+": "+reason)
	return nil
}

// SessionByID implements Store.
func (phases) SessionByID(context.Context, backend.SessionID) (backend.Session, error) {
	return backend.Session{ID: "s", Wanted: true}, nil
}

// TestTheReasonOfAnEndIsWaitedFor while the runtime says that the environment is stopping, and shortly when it says
// nothing.
func TestTheReasonOfAnEndIsWaitedFor(t *testing.T) {
	t.Parallel()
	const outside = "stopping: The environment is being stopped from outside"
	type word struct {
		after  time.Duration
		phase  backend.EnvironmentPhase
		reason string
	}
	for _, test := range []struct {
		name    string
		words   []word
		drain   time.Duration
		want    string
		took    time.Duration
		told    []string
		drained bool
	}{
		{
			name:  "told soon",
			words: []word{{0, backend.EnvironmentRunning, ""}, {2 * time.Second, backend.EnvironmentEnded, "out of memory"}},
			want:  "out of memory", took: 2 * time.Second,
		},
		{
			name: "nothing is told",
			want: "the environment ended, and the runtime does not say why", took: endWordTimeout,
		},
		{
			name:  "a pod takes its whole grace",
			words: []word{{0, backend.EnvironmentStopping, ""}, {40 * time.Second, backend.EnvironmentEnded, "killed: it did not stop in time"}},
			want:  "killed: it did not stop in time", took: 40 * time.Second, told: []string{outside},
		},
		{
			name: "it is told late that it stops, and then why",
			words: []word{
				{4 * time.Second, backend.EnvironmentStopping, ""},
				{time.Second, backend.EnvironmentStopping, "its node is being emptied"},
				{20 * time.Second, backend.EnvironmentEnded, "its node is being emptied"},
			},
			want: "its node is being emptied", took: 25 * time.Second, told: []string{outside, "stopping: its node is being emptied"},
		},
		{
			name:  "a lost node never confirms the end",
			words: []word{{0, backend.EnvironmentStopping, "its node is lost"}},
			want:  "its node is lost", took: stopWordTimeout, told: []string{"stopping: its node is lost"},
		},
		{
			name:  "the replica goes meanwhile",
			words: []word{{0, backend.EnvironmentStopping, ""}},
			drain: 10 * time.Second, drained: true, took: 10 * time.Second, told: []string{outside},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var told []string
				m := NewManager(Config{Store: phases{told: &told}, Runtime: noEnvironments{}, LeaseTTL: time.Minute, Logger: slog.New(slog.DiscardHandler)})
				s := newSupervisor(m, backend.Lease{SessionID: "s"})
				go func() {
					for _, w := range test.words {
						time.Sleep(w.after)
						m.environments.set(backend.Environment{ID: "e", SessionID: "s", Phase: w.phase, Reason: w.reason})
						s.wake() // somebody looks at the session, which changes nothing
					}
				}()
				if test.drain > 0 {
					time.AfterFunc(test.drain, s.drain)
				}
				begun := time.Now()
				err := s.ended(t.Context(), "e")
				var ended endedError
				switch {
				case test.drained:
					if !errors.Is(err, errDrained) {
						t.Errorf("%v, want %v", err, errDrained)
					}
				case !errors.As(err, &ended) || ended.reason != test.want:
					t.Errorf("%v, want %s", err, test.want)
				}
				if took := time.Since(begun); took != test.took {
					t.Errorf("it took %v, want %v", took, test.took)
				}
				if !slices.Equal(told, test.told) {
					t.Errorf("meanwhile it was told %q, want %q", told, test.told)
				}
			})
		})
	}
}

// TestAStartIsWaitedFor while the runtime says what it waits for; an agent has to answer soon once its environment runs.
func TestAStartIsWaitedFor(t *testing.T) {
	t.Parallel()
	const room = "no node has room for it"
	for _, test := range []struct {
		name string
		runs time.Duration // 0: never
		want string
		took time.Duration
	}{
		{"a node comes late, and the agent does not answer", 3 * time.Minute, "did not answer within 30s", 3*time.Minute + answerTimeout},
		{"no node comes", 0, "has not started within 10m0s: " + room, startTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var told []string
				pool := agentconn.NewPool(noEnvironments{}, nil, "r")
				m := NewManager(Config{Store: phases{told: &told}, Runtime: noEnvironments{}, Pool: pool, LeaseTTL: time.Minute, Logger: slog.New(slog.DiscardHandler)})
				s := newSupervisor(m, backend.Lease{SessionID: "s"})
				env := backend.Environment{ID: "e", SessionID: "s", Phase: backend.EnvironmentStarting, Reason: room}
				m.environments.set(env)
				if test.runs > 0 {
					time.AfterFunc(test.runs, func() {
						m.environments.set(backend.Environment{ID: "e", SessionID: "s", Phase: backend.EnvironmentRunning})
					})
				}
				begun := time.Now()
				_, err := s.connect(t.Context(), env, answerTimeout)
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%v, want %s", err, test.want)
				}
				// It looks at most half a second apart.
				if took := time.Since(begun); took < test.took || took > test.took+time.Second {
					t.Errorf("it took %v, want %v", took, test.took)
				}
				if !slices.Contains(told, "starting: "+room) {
					t.Errorf("it was told %q, want what it waits for", told)
				}
			})
		})
	}
}

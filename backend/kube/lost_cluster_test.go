//go:build cluster

package kube_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"codingplatform/backend"
	"codingplatform/backend/runtimetest"
)

// TestLostNode stops the node's kubelet in its tracks: the reason is told, the pod is given up though nobody confirms
// its end, another start says what it waits for, and goes on when there is a node again.
func TestLostNode(t *testing.T) {
	p := newPlace(t)
	r := p.open(t, withPool(0))
	env := runtimetest.Start(t, r, backend.EnvironmentSpec{SessionID: runtimetest.NewSession()})
	told := make(chan backend.Environment)
	go func() {
		// It ends with the test.
		_ = r.Watch(t.Context(), func(now backend.Environment) {
			select {
			case told <- now:
			case <-t.Context().Done():
			}
		})
	}()
	until := func(id backend.EnvironmentID, phase backend.EnvironmentPhase, words string) {
		t.Helper()
		var last backend.Environment
		for last.ID != id || last.Phase != phase || !strings.HasPrefix(last.Reason, words) {
			select {
			case last = <-told:
			case <-t.Context().Done():
				t.Fatalf("what is told last is %+v; want %v: %q", last, phase, words)
			}
		}
	}
	back := freezeKubelet(t)
	until(env.ID, backend.EnvironmentStopping, "its node is lost")
	until(env.ID, backend.EnvironmentEnded, "its node is lost")
	again, err := r.Start(t.Context(), backend.EnvironmentSpec{SessionID: env.SessionID})
	if err != nil {
		t.Fatal(err)
	}
	until(again.ID, backend.EnvironmentStarting, "no node has room for it")
	back()
	conn := runtimetest.Connect(t, r, p.authority, again)
	if out, code := runtimetest.Command(t, conn, "echo", "here"); code != 0 || out != "here\n" {
		t.Errorf("in the new pod a program ended with %d: %q", code, out)
	}
}

// freezeKubelet returns what lets it go on.
func freezeKubelet(t *testing.T) (back func()) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(os.Getenv("CLUSTER_DIR"), "pids", "kubelet"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	back = sync.OnceFunc(func() {
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(back)
	return back
}

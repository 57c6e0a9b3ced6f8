//go:build cluster

package kube_test

import (
	"strconv"
	"strings"
	"syscall"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"codingplatform/backend"
	"codingplatform/backend/kube"
	"codingplatform/backend/runtimetest"
)

// TestLostNode stops a node in its tracks, which is one of a crowd's, with all that runs there: the reason is told, the
// pod is given up though nobody confirms its end, and the next start goes to the other node. (The controllers take no pod
// from the nodes of a cluster that hears of none of them: two are needed.)
func TestLostNode(t *testing.T) {
	p := newPlace(t)
	nodes := newCrowd(t, p, 2)
	r := p.open(t, func(c *kube.Config) {
		withPool(0)(c)
		c.CPURequest, c.CPULimit = crowdCPU, crowdCPU
	})
	env := runtimetest.Start(t, r, backend.EnvironmentSpec{SessionID: runtimetest.NewSession()})
	runtimetest.Connect(t, r, p.authority, env)
	lost := p.nodeOf(t, env)
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
	until := func(phase backend.EnvironmentPhase) {
		t.Helper()
		var last backend.Environment
		for last.ID != env.ID || last.Phase != phase || !strings.HasPrefix(last.Reason, "its node is lost") {
			select {
			case last = <-told:
			case <-t.Context().Done():
				t.Fatalf("what is told last is %+v; want %v, and that its node is lost", last, phase)
			}
		}
	}
	number, err := strconv.Atoi(strings.TrimPrefix(lost, crowdPrefix))
	if err != nil || number >= len(nodes) {
		t.Fatalf("the pod is on node %q: %v", lost, err)
	}
	if err := syscall.Kill(nodes[number], syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Kill(nodes[number], syscall.SIGCONT); err != nil {
			t.Error(err)
		}
	})
	until(backend.EnvironmentStopping)
	until(backend.EnvironmentEnded)
	again := runtimetest.Start(t, r, backend.EnvironmentSpec{SessionID: env.SessionID})
	conn := runtimetest.Connect(t, r, p.authority, again)
	if out, code := runtimetest.Command(t, conn, "echo", "here"); code != 0 || out != "here\n" {
		t.Errorf("in the new pod a program ended with %d: %q", code, out)
	}
	if now := p.nodeOf(t, again); now == lost {
		t.Errorf("the session is on %s again", now)
	}
}

// nodeOf is the node of an environment's pod.
func (p place) nodeOf(t *testing.T, env backend.Environment) string {
	t.Helper()
	pods, err := p.client.CoreV1().Pods(p.namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "coding-platform/session=" + string(env.SessionID)})
	if err != nil || len(pods.Items) != 1 {
		t.Fatalf("the session has %d pods, %v; want one", len(pods.Items), err)
	}
	return pods.Items[0].Spec.NodeName
}

package kube

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"codingplatform/backend"
)

// TestAnswerAfterTheWatch has the answer to the request that let a pod start come after the watch told that it runs:
// its address stays known.
func TestAnswerAfterTheWatch(t *testing.T) {
	answer := waiting("ContainerCreating", "")
	answer.UID, answer.Labels = "1", map[string]string{sessionLabel: "s"}
	running := withContainer(corev1.PodRunning, corev1.ContainerState{Running: &corev1.ContainerStateRunning{}})
	running.UID, running.Labels, running.Status.PodIP = answer.UID, answer.Labels, "10.0.0.1"

	g := newRegistry()
	g.apply(running)
	if g.introduce(answer) {
		t.Error("a running pod is said to have ended")
	}
	pod, env, known := g.get("1")
	if !known || pod.Status.PodIP != "10.0.0.1" || env.Phase != backend.EnvironmentRunning {
		t.Errorf("known %v, at %q in phase %s; want it running at 10.0.0.1", known, pod.Status.PodIP, env.Phase)
	}
	g.remove(running)
	g.introduce(answer)
	if _, _, live := g.live("s"); live {
		t.Error("an answer that came after its end brought a pod back")
	}

	g = newRegistry()
	g.introduce(answer)
	if _, env, live := g.live("s"); !live || env.Phase != backend.EnvironmentStarting {
		t.Errorf("a pod that only an answer told of is live %v in phase %s", live, env.Phase)
	}
}

// TestAnsweredBeforeTheWatch has a broken watch: a pod is followed by answers until the watch tells of it.
func TestAnsweredBeforeTheWatch(t *testing.T) {
	pod := waiting("ContainerCreating", "")
	pod.UID, pod.Labels = "1", map[string]string{sessionLabel: "s"}
	running := withContainer(corev1.PodRunning, corev1.ContainerState{Running: &corev1.ContainerStateRunning{}})
	running.UID, running.Labels = pod.UID, pod.Labels

	g := newRegistry()
	g.introduce(pod)
	if !g.untold("1") {
		t.Error("a pod that only an answer told of counts as told by the watch")
	}
	g.answered(running)
	if _, env, _ := g.live("s"); env.Phase != backend.EnvironmentRunning || !g.untold("1") {
		t.Errorf("after an answer that it runs it is in phase %s, untold %v", env.Phase, g.untold("1"))
	}
	g.apply(running)
	if g.untold("1") {
		t.Error("a pod that the watch told of counts as untold")
	}
	removed := g.removed("1")
	g.remove(pod)
	select {
	case <-removed:
	default:
		t.Error("its end is not told")
	}
	if _, _, live := g.live("s"); live || g.untold("1") {
		t.Error("it lives on after its end")
	}
}

// TestEvictionIsToldByAnEvent has a pod's agent end well when its node evicts it: its status never says why.
func TestEvictionIsToldByAnEvent(t *testing.T) {
	const words = `evicted by its node: Usage of EmptyDir volume "tmp" exceeds the limit "256Mi".`
	of := func(pod *corev1.Pod) *corev1.Pod {
		pod.UID, pod.Labels = "1", map[string]string{sessionLabel: "s"}
		return pod
	}
	running := func() *corev1.Pod {
		return of(withContainer(corev1.PodRunning, corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}))
	}
	ended := of(withContainer(corev1.PodSucceeded, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed"}}))

	g := newRegistry()
	g.evicted("2", words) // of a pod that is nobody's
	g.apply(running())
	g.evicted("1", words)
	if _, env, _ := g.live("s"); env.Phase != backend.EnvironmentRunning {
		t.Errorf("before it has ended it is in phase %s", env.Phase)
	}
	if !g.apply(ended) {
		t.Error("a pod that ended cannot be deleted")
	}
	if _, env, _ := g.get("1"); env.Phase != backend.EnvironmentEnded || env.Reason != words {
		t.Errorf("it is in phase %s: %s", env.Phase, env.Reason)
	}
}

// TestSessionsPods are found by their session alone, through all that happens to them.
func TestSessionsPods(t *testing.T) {
	pooled, claimed := waitingPod("1"), waitingPod("1")
	claimed.Labels = map[string]string{appLabel: appValue, sessionLabel: "s"}
	leaving, next := waiting("ContainerCreating", ""), waiting("ContainerCreating", "")
	now := metav1.Now()
	leaving.UID, leaving.Labels, leaving.DeletionTimestamp = "2", map[string]string{sessionLabel: "t"}, &now
	next.UID, next.Labels = "3", leaving.Labels

	g := newRegistry()
	g.apply(pooled)
	if waiters, _ := g.waiting(); len(waiters) != 1 {
		t.Errorf("%d pods wait for sessions, want 1", len(waiters))
	}
	g.apply(claimed)
	g.apply(leaving)
	g.apply(next)
	if waiters, _ := g.waiting(); len(waiters) != 0 {
		t.Errorf("%d pods wait for sessions, want none", len(waiters))
	}
	for session, want := range map[backend.SessionID]types.UID{"s": "1", "t": "3", "u": ""} {
		if pod, _, live := g.live(session); live != (want != "") || live && pod.UID != want {
			t.Errorf("session %s has a pod: %v, want %q", session, live, want)
		}
	}
	for _, pod := range []*corev1.Pod{pooled, leaving, next} {
		g.remove(pod) // of the first, its form before it was claimed
	}
	if len(g.entries)+len(g.sessions) > 0 {
		t.Errorf("left are %v, %v", g.entries, g.sessions)
	}
}

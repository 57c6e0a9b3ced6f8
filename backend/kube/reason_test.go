package kube

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"codingplatform/backend"
)

func waiting(reason, message string) *corev1.Pod {
	return withContainer(corev1.PodPending, corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}})
}

func terminated(reason string, code int32, message string) *corev1.Pod {
	phase := corev1.PodFailed
	if code == 0 {
		phase = corev1.PodSucceeded
	}
	return withContainer(phase, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: reason, ExitCode: code, Message: message}})
}

func withContainer(phase corev1.PodPhase, s corev1.ContainerState) *corev1.Pod {
	return &corev1.Pod{
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: containerName, Resources: corev1.ResourceRequirements{
			Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")},
		}}}},
		Status: corev1.PodStatus{Phase: phase, ContainerStatuses: []corev1.ContainerStatus{{Name: containerName, State: s}}},
	}
}

func condition(kind corev1.PodConditionType, status corev1.ConditionStatus, reason, message string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: kind, Status: status, Reason: reason, Message: message})
	}
}

func failed(reason, message string) *corev1.Pod {
	return &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: reason, Message: message}}
}

func deleted(pod *corev1.Pod) {
	now := metav1.Now()
	pod.DeletionTimestamp = &now
}

func TestStateOf(t *testing.T) {
	const starting, running, stopping, over = backend.EnvironmentStarting, backend.EnvironmentRunning, backend.EnvironmentStopping, backend.EnvironmentEnded
	pending := func() *corev1.Pod { return &corev1.Pod{Status: corev1.PodStatus{Phase: corev1.PodPending}} }
	alive := func() *corev1.Pod {
		return withContainer(corev1.PodRunning, corev1.ContainerState{Running: &corev1.ContainerStateRunning{}})
	}
	for name, test := range map[string]struct {
		pod    *corev1.Pod
		change func(*corev1.Pod)
		phase  backend.EnvironmentPhase
		words  string
	}{
		"new":           {pod: pending(), phase: starting, words: "waiting for its container"},
		"gated":         {pod: pending(), change: condition(corev1.PodScheduled, corev1.ConditionFalse, "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates"), phase: starting, words: "identity"},
		"unschedulable": {pod: pending(), change: condition(corev1.PodScheduled, corev1.ConditionFalse, "Unschedulable", "0/1 nodes are available: 1 Insufficient memory."), phase: starting, words: "no node has room for it: 0/1 nodes are available: 1 Insufficient memory."},
		"no volume":     {pod: pending(), change: condition(corev1.PodScheduled, corev1.ConditionFalse, "Unschedulable", `0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.`), phase: starting, words: "waiting for its volume: 0/1 nodes are available: pod has unbound"},
		"creating":      {pod: waiting("ContainerCreating", ""), phase: starting, words: "waiting for its container"},
		"first pull":    {pod: waiting("ErrImagePull", "manifest unknown"), phase: starting, words: "the image cannot be pulled; it is tried again: manifest unknown"},
		"pulls in vain": {pod: waiting("ImagePullBackOff", `Back-off pulling image "code-execution:9"`), phase: over, words: `the image cannot be pulled: Back-off pulling image "code-execution:9"`},
		"never pulled":  {pod: waiting("ErrImageNeverPull", `Container image "x" is not present with pull policy of Never`), phase: over, words: "the image is not on the node"},
		"bad name":      {pod: waiting("InvalidImageName", "invalid reference format"), phase: over, words: "invalid reference format"},
		"no secret":     {pod: waiting("CreateContainerConfigError", `secret "session-1" not found`), phase: over, words: `the container cannot be made: secret "session-1" not found`},
		"crash loop":    {pod: waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container"), phase: over, words: "the agent ends again and again"},
		"new reason":    {pod: waiting("SomethingNew", "of a later release"), phase: starting, words: "SomethingNew: of a later release"},
		"running":       {pod: alive(), phase: running},
		"being deleted": {pod: alive(), change: deleted, phase: stopping},
		"drained": {pod: alive(), change: func(pod *corev1.Pod) {
			deleted(pod)
			condition(corev1.DisruptionTarget, corev1.ConditionTrue, "EvictionByEvictionAPI", "Eviction API: evicting")(pod)
		}, phase: stopping, words: "its node is being emptied"},
		"node unreachable": {pod: alive(), change: func(pod *corev1.Pod) {
			deleted(pod)
			condition(corev1.DisruptionTarget, corev1.ConditionTrue, "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")(pod)
		}, phase: stopping, words: "its node is lost"},
		"stopped":       {pod: terminated("Completed", 0, ""), change: deleted, phase: over, words: "stopped"},
		"killed":        {pod: terminated("Error", 137, ""), change: deleted, phase: over, words: "killed: it did not stop in time"},
		"out of memory": {pod: terminated("OOMKilled", 137, ""), phase: over, words: "out of memory: it used more than its limit of 512Mi"},
		"stopped after a program was out of memory": {pod: terminated("OOMKilled", 0, ""), change: deleted, phase: over, words: "stopped"},
		"by itself":  {pod: terminated("Completed", 0, ""), phase: over, words: "the agent ended"},
		"orphaned":   {pod: terminated("Error", 3, ""), phase: over, words: "no backend called"},
		"signalled":  {pod: terminated("Error", 139, ""), phase: over, words: "killed by signal 11"},
		"failed":     {pod: terminated("Error", 1, "read identity:\n no such file"), phase: over, words: "exit code 1: read identity: no such file"},
		"no program": {pod: terminated("StartError", 128, "exec: \"/usr/local/bin/agent\": no such file"), phase: over, words: "the agent cannot be started: exec:"},
		"evicted":    {pod: failed("Evicted", "Usage of EmptyDir volume \"workspace\" exceeds the limit \"1Gi\". "), phase: over, words: `evicted by its node: Usage of EmptyDir volume "workspace" exceeds the limit "1Gi".`},
		"evicted, seen running": {pod: terminated("Error", 137, ""), change: func(pod *corev1.Pod) {
			pod.Status.Reason, pod.Status.Message = "Evicted", "The node was low on resource: memory."
		}, phase: over, words: "evicted by its node: The node was low"},
		// A program that ended well when it was told to.
		"evicted, first seen as ended": {
			pod:    terminated("Completed", 0, ""),
			change: condition(corev1.DisruptionTarget, corev1.ConditionTrue, "TerminationByKubelet", `Usage of EmptyDir volume "tmp" exceeds the limit "256Mi". `),
			phase:  over, words: `evicted by its node: Usage of EmptyDir volume "tmp" exceeds the limit "256Mi".`,
		},
		"node lost":     {pod: failed("NodeLost", "Node node-1 which was running pod is unresponsive"), phase: over, words: "its node is lost: Node node-1"},
		"node shutdown": {pod: failed("Terminated", "Pod was terminated in response to imminent node shutdown."), phase: over, words: "its node was shut down"},
		"no room":       {pod: failed("OutOfmemory", "Node didn't have enough resource: memory"), phase: over, words: "its node had no room for it"},
		"node gone": {
			pod: failed("", ""), change: condition(corev1.DisruptionTarget, corev1.ConditionTrue, "DeletionByPodGC", "PodGC: node no longer exists"),
			phase: over, words: "its node is gone: PodGC",
		},
		"failed without a word": {pod: failed("", ""), phase: over, words: "the pod failed"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.change != nil {
				test.change(test.pod)
			}
			got := stateOf(test.pod)
			if got.phase != test.phase || !strings.Contains(got.reason, test.words) || (test.words == "") != (got.reason == "") {
				t.Errorf("stateOf = %s, %q; want %s, %q", got.phase, got.reason, test.phase, test.words)
			}
		})
	}
}

func TestRefusalsInWords(t *testing.T) {
	for message, want := range map[string]string{
		`pods "pod-a" is forbidden: exceeded quota: workspaces, requested: pods=1, used: pods=50, limited: pods=50`: "quota is used up",
		`pods "pod-a" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true`:                 "rules do not allow",
		`namespaces "x" is forbidden: unable to create new content because it is being terminated`:                  "being deleted",
		`pods is forbidden: User "x" cannot create resource "pods"`:                                                 "refused",
	} {
		if got := createWords(message); !strings.Contains(got, want) {
			t.Errorf("createWords(%q) = %q, want %q", message, got, want)
		}
	}
}

func TestEventsInWords(t *testing.T) {
	if got := eventWords("FailedMount", `MountVolume.SetUp failed for volume "identity" : secret "session-1" not found`); !strings.HasPrefix(got, "its volume cannot be mounted: MountVolume.SetUp") {
		t.Errorf("FailedMount = %q", got)
	}
	if got := eventWords("Unhealthy", "Readiness probe failed"); got != "" {
		t.Errorf("Unhealthy = %q, want nothing", got)
	}
}

func TestLongMessagesAreCut(t *testing.T) {
	if got := with("words", strings.Repeat("é", 1000)); len(got) > 320 || !strings.HasSuffix(got, "…") || strings.ContainsRune(got, '\uFFFD') {
		t.Errorf("with = %d bytes, %q", len(got), got)
	}
}

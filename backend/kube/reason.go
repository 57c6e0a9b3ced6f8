package kube

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"codingplatform/backend"
)

// state is what a pod's status means for its environment.
type state struct {
	phase  backend.EnvironmentPhase
	reason string
}

// stateOf reads a pod's status. It says at once what a pod waits for, and calls it ended when waiting is in vain.
func stateOf(pod *corev1.Pod) state {
	if words, ended := endOf(pod); ended {
		return state{backend.EnvironmentEnded, words}
	}
	if pod.DeletionTimestamp != nil {
		return state{backend.EnvironmentStopping, disruption(pod)}
	}
	for _, status := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		waiting := status.State.Waiting
		if waiting == nil {
			continue
		}
		words, final := waitingWords(waiting.Reason, waiting.Message)
		if final {
			return state{backend.EnvironmentEnded, words}
		}
		if words != "" {
			return state{backend.EnvironmentStarting, words}
		}
	}
	if status := container(pod); status != nil && status.State.Running != nil {
		return state{phase: backend.EnvironmentRunning}
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return state{backend.EnvironmentStarting, scheduling(condition)}
		}
	}
	return state{backend.EnvironmentStarting, "waiting for its container"}
}

// container is the status of the agent's container; nil before there is one.
func container(pod *corev1.Pod) *corev1.ContainerStatus {
	for i := range pod.Status.ContainerStatuses {
		if pod.Status.ContainerStatuses[i].Name == containerName {
			return &pod.Status.ContainerStatuses[i]
		}
	}
	return nil
}

// endOf says why a pod has ended, when it has.
func endOf(pod *corev1.Pod) (words string, ended bool) {
	status := container(pod)
	if status != nil && status.State.Terminated != nil {
		if pod.Status.Reason != "" {
			return podWords(pod.Status.Reason, pod.Status.Message), true
		}
		// Of a pod that its node evicts the end is told before the reason.
		if words := nodesDecision(pod); words != "" {
			return words, true
		}
		return exitWords(pod, status.State.Terminated), true
	}
	if pod.Status.Phase != corev1.PodFailed && pod.Status.Phase != corev1.PodSucceeded {
		return "", false
	}
	if pod.Status.Reason != "" {
		return podWords(pod.Status.Reason, pod.Status.Message), true
	}
	if words := disruption(pod); words != "" {
		return words, true
	}
	return with("the pod failed", pod.Status.Message), true
}

func exitWords(pod *corev1.Pod, end *corev1.ContainerStateTerminated) string {
	switch {
	// The runtime says so also of a container in which some other process was killed before it ended well.
	case end.Reason == "OOMKilled" && end.ExitCode != 0 && pod.DeletionTimestamp == nil:
		return "out of memory: it used more than its limit of " + memoryLimit(pod)
	case pod.DeletionTimestamp != nil:
		if words := disruption(pod); words != "" {
			return words
		}
		if end.ExitCode == 137 {
			return "killed: it did not stop in time"
		}
		return "stopped"
	case end.Reason == "ContainerStatusUnknown":
		return with("its node lost it", end.Message)
	case end.Reason == "StartError" || end.Reason == "ContainerCannotRun":
		return with("the agent cannot be started", end.Message)
	case end.ExitCode == 0:
		return "the agent ended"
	case end.ExitCode == exitOrphaned:
		return "no backend called for too long"
	case end.ExitCode > 128:
		return fmt.Sprintf("the agent was killed by signal %d", end.ExitCode-128)
	}
	return with(fmt.Sprintf("the agent failed with exit code %d", end.ExitCode), end.Message)
}

// exitOrphaned is the agent's exit code when no backend has called for long.
const exitOrphaned = 3

func memoryLimit(pod *corev1.Pod) string {
	for i := range pod.Spec.Containers {
		if pod.Spec.Containers[i].Name == containerName {
			return pod.Spec.Containers[i].Resources.Limits.Memory().String()
		}
	}
	return "memory"
}

// podWords are for the reasons that kubelet and the controllers give a whole pod.
func podWords(reason, message string) string {
	switch reason {
	case "Evicted":
		return with("evicted by its node", message)
	case "NodeLost":
		return with("its node is lost", message)
	case "NodeShutdown", "Terminated":
		return with("its node was shut down", message)
	case "NodeAffinity", "UnexpectedAdmissionError", "OutOfcpu", "OutOfmemory", "OutOfpods":
		return with("its node had no room for it", message)
	case "DeadlineExceeded":
		return "it ran for as long as it may"
	case "Preempting", "Preempted":
		return with("a more important pod took its place", message)
	}
	return with(reason, message)
}

// disruption says what ends a pod from outside.
func disruption(pod *corev1.Pod) string {
	for _, condition := range pod.Status.Conditions {
		if condition.Type != corev1.DisruptionTarget || condition.Status != corev1.ConditionTrue {
			continue
		}
		switch condition.Reason {
		case "DeletionByTaintManager":
			return with("its node is lost or is being emptied", condition.Message)
		case "EvictionByEvictionAPI":
			return "its node is being emptied"
		case "PreemptionByScheduler":
			return with("a more important pod took its place", condition.Message)
		case "DeletionByPodGC":
			return with("its node is gone", condition.Message)
		case corev1.PodReasonTerminationByKubelet:
			return with("evicted by its node", condition.Message)
		}
		return with(condition.Reason, condition.Message)
	}
	if pod.Status.Reason == "NodeLost" {
		return with("its node is lost", pod.Status.Message)
	}
	return ""
}

// nodesDecision says why a pod's node has ended it; empty when it has not.
func nodesDecision(pod *corev1.Pod) string {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.DisruptionTarget && condition.Reason == corev1.PodReasonTerminationByKubelet {
			return disruption(pod)
		}
	}
	return ""
}

// waitingWords are for a container that waits; final when waiting longer does not help.
func waitingWords(reason, message string) (words string, final bool) {
	switch reason {
	case "ContainerCreating", "PodInitializing", "":
		return "", false
	case "ErrImagePull":
		return with("the image cannot be pulled; it is tried again", message), false
	case "ImagePullBackOff", "RegistryUnavailable":
		return with("the image cannot be pulled", message), true
	case "ErrImageNeverPull":
		return with("the image is not on the node, and must not be pulled", message), true
	case "InvalidImageName", "ImageInspectError":
		return with("the image's name is wrong or it cannot be read", message), true
	case "CrashLoopBackOff":
		return with("the agent ends again and again", message), true
	case "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreCreateHookError", "PreStartHookError", "PostStartHookError":
		return with("the container cannot be made", message), true
	}
	return with(reason, message), false
}

func scheduling(condition corev1.PodCondition) string {
	switch condition.Reason {
	case corev1.PodReasonSchedulingGated:
		return "waiting for its identity"
	case corev1.PodReasonUnschedulable:
		if strings.Contains(strings.ToLower(condition.Message), "persistentvolumeclaim") {
			return with("waiting for its volume", condition.Message)
		}
		return with("no node has room for it", condition.Message)
	}
	return with("waiting for a node", condition.Message)
}

// eventWords are for what is told by events alone; empty for others.
func eventWords(reason, message string) string {
	switch reason {
	case "FailedMount", "FailedMapVolume":
		return with("its volume cannot be mounted", message)
	case "FailedAttachVolume":
		return with("its volume cannot be attached to the node", message)
	case "FailedCreatePodSandBox":
		return with("its network or sandbox cannot be made", message)
	}
	return ""
}

// createWords explain why the API server refused a pod.
func createWords(message string) string {
	switch {
	case strings.Contains(message, "exceeded quota"):
		return "no more environments may run at present: the quota is used up"
	case strings.Contains(message, "violates PodSecurity"):
		return "the cluster's rules do not allow the environment's pod"
	case strings.Contains(message, "is being terminated"):
		return "the workspaces' namespace is being deleted"
	case strings.Contains(message, "serviceaccount"):
		return "the workspaces' namespace is not set up yet"
	}
	return "the cluster refused the environment's pod"
}

func with(words, message string) string {
	message = strings.Join(strings.Fields(message), " ")
	if message == "" {
		return words
	}
	const most = 300
	if len(message) > most {
		message = strings.ToValidUTF8(message[:most], "") + "…"
	}
	return words + ": " + message
}

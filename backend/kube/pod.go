package kube

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"codingplatform/backend"
)

const (
	appLabel     = "app"
	appValue     = "code-execution"
	sessionLabel = "coding-platform/session"
	// poolLabel is on a pod that waits for a session; its value names the template that the pod was made by.
	poolLabel = "coding-platform/pool"
	// strategyNote says how the session's environment was started, claimedNote when a pod of the pool became it, and
	// envNote what users' programs have in their environment besides, as JSON.
	strategyNote = "coding-platform/strategy"
	claimedNote  = "coding-platform/claimed-at"
	envNote      = "coding-platform/env"

	gateName      = "coding-platform/identity"
	containerName = "agent"

	agentPort  = 8443
	healthPort = 8081
	// userID is that of everything in the pod.
	userID = 1000

	identityFile = "identity.json"
	identityDir  = "/etc/agent"
	tmpSize      = "256Mi"
)

// selector finds the pods of this product: those of sessions, and those that wait for one.
const selector = appLabel + "=" + appValue

// sessionName is that of the Secret that says which pod a session has, and of a session's claim.
func sessionName(session backend.SessionID) string { return "session-" + string(session) }

func podName() string { return "pod-" + strings.ToLower(rand.Text()[:12]) }

// sessionPod is what is created for a session; why says in words why none of the pool was taken.
func (c *Config) sessionPod(spec backend.EnvironmentSpec, why string) *corev1.Pod {
	workspace := c.emptyDir()
	if c.Volume == VolumeClaim {
		workspace = corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: sessionName(spec.SessionID)}}
	}
	pod := c.pod(podName(), workspace, spec.Env)
	pod.Labels[sessionLabel] = string(spec.SessionID)
	pod.Annotations = map[string]string{strategyNote: backend.StrategyCold + ": " + why}
	return pod
}

// poolPod is what is created for nobody yet.
func (c *Config) poolPod() *corev1.Pod {
	pod := c.pod(podName(), c.emptyDir(), nil)
	pod.Labels[poolLabel] = c.template()
	return pod
}

// template names what pods of the pool are made by, so that those of a former image or other settings are known.
func (c *Config) template() string {
	content, err := json.Marshal(c.pod("", c.emptyDir(), nil))
	if err != nil {
		panic("a pod cannot be written as JSON: " + err.Error()) // it is ours, whole
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:8])
}

func (c *Config) emptyDir() corev1.VolumeSource {
	size := resource.MustParse(c.VolumeSize)
	return corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &size}}
}

// pod is an agent's: restricted, gated, and without a way to the API server. Its identity is in the Secret
// of its name.
func (c *Config) pod(name string, workspace corev1.VolumeSource, env map[string]string) *corev1.Pod {
	args := []string{
		"--listen", "tcp::8443", "--health", ":8081", "--root", "/app", "--state", "/var/lib/agent",
		"--identity", identityDir + "/" + identityFile, "--shell", "/bin/bash", "--home", "/home/user",
		"--path", "/home/user/.local/bin:/usr/local/bin:/usr/bin:/bin", "--orphan-timeout", c.OrphanTimeout.String(),
		"--env", "USER=user", "--env", "LOGNAME=user",
	}
	for _, key := range slices.Sorted(maps.Keys(env)) {
		args = append(args, "--env", key+"="+env[key])
	}
	no, yes, id := false, true, int64(userID)
	tmp := resource.MustParse(tmpSize)
	mode := int32(0o440)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: c.Namespace, Labels: map[string]string{appLabel: appValue},
		},
		Spec: corev1.PodSpec{
			SchedulingGates:              []corev1.PodSchedulingGate{{Name: gateName}},
			RestartPolicy:                corev1.RestartPolicyNever,
			Tolerations:                  tolerations(),
			AutomountServiceAccountToken: &no,
			EnableServiceLinks:           &no,
			Hostname:                     "workspace",
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: &yes, RunAsUser: &id, RunAsGroup: &id, FSGroup: &id,
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: containerName, Image: c.Image, ImagePullPolicy: corev1.PullPolicy(c.PullPolicy),
				Command: []string{"/usr/local/bin/agent"}, Args: args,
				Ports: []corev1.ContainerPort{{Name: "agent", ContainerPort: agentPort}, {Name: "health", ContainerPort: healthPort}},
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(c.CPURequest), corev1.ResourceMemory: resource.MustParse(c.MemoryRequest)},
					Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(c.CPULimit), corev1.ResourceMemory: resource.MustParse(c.MemoryLimit)},
				},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes, RunAsNonRoot: &yes,
					Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
				ReadinessProbe: &corev1.Probe{
					ProbeHandler:  corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/readyz", Port: intstr.FromInt32(healthPort)}},
					PeriodSeconds: 10,
				},
				VolumeMounts: []corev1.VolumeMount{
					{Name: "workspace", MountPath: "/app", SubPath: "app"},
					{Name: "workspace", MountPath: "/home/user", SubPath: "home"},
					{Name: "workspace", MountPath: "/var/lib/agent", SubPath: "state"},
					{Name: "tmp", MountPath: "/tmp"},
					{Name: "identity", MountPath: identityDir, ReadOnly: true},
				},
			}},
			Volumes: []corev1.Volume{
				{Name: "workspace", VolumeSource: workspace},
				{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &tmp}}},
				{Name: "identity", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: name, DefaultMode: &mode}}},
			},
		},
	}
}

// claim is a session's volume.
func (c *Config) claim(session backend.SessionID) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Name: sessionName(session), Namespace: c.Namespace, Labels: map[string]string{appLabel: appValue, sessionLabel: string(session)},
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(c.VolumeSize)}},
		},
	}
	if c.StorageClass != "" {
		claim.Spec.StorageClassName = &c.StorageClass
	}
	return claim
}

// gated says whether a pod waits for its identity.
func gated(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Spec.SchedulingGates, func(gate corev1.PodSchedulingGate) bool { return gate.Name == gateName })
}

// pooled says whether a pod waits for a session.
func pooled(pod *corev1.Pod) bool {
	return pod.Labels[sessionLabel] == "" && pod.Labels[poolLabel] != ""
}

// sessionOf is the session whose environment a pod is; empty: none's.
func sessionOf(pod *corev1.Pod) backend.SessionID { return backend.SessionID(pod.Labels[sessionLabel]) }

// ready says whether the kubelet found the agent to answer.
func ready(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// environment is a pod as the port has it.
func environment(pod *corev1.Pod, s state) backend.Environment {
	env := backend.Environment{
		ID: backend.EnvironmentID(pod.UID), SessionID: sessionOf(pod), Phase: s.phase, Reason: s.reason,
		CreatedAt: pod.CreationTimestamp.UTC(), Strategy: pod.Annotations[strategyNote],
	}
	// A pod of the pool is older than the environment.
	if at, err := time.Parse(time.RFC3339Nano, pod.Annotations[claimedNote]); err == nil {
		env.CreatedAt = at
	}
	for i := range pod.Spec.Containers {
		if limits := pod.Spec.Containers[i].Resources.Limits; pod.Spec.Containers[i].Name == containerName {
			env.Limits = limits.Cpu().String() + " CPU, " + limits.Memory().String() + " memory"
		}
	}
	return env
}

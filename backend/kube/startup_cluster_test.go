//go:build cluster

package kube_test

import (
	"cmp"
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"codingplatform/backend"
	"codingplatform/backend/kube"
	"codingplatform/backend/runtimetest"
)

// BenchmarkStartUp says how long a session's start takes, from the call to the end of a first program in it, as a ratio
// to what the same cluster takes from creating a bare pod of the same image to Ready; STARTS says how many of each kind
// (10). There are two of these: a bare one without any volume, and one as `kubectl run` makes it, which is given its
// service account's token as a volume.
//
// A kubelet looks once a second at what has started (the relist of its PLEG), and tells nothing of a pod, not its
// address either, before that. What begins when another start has just been seen begins at the same moment of that
// second each time, and takes a whole number of seconds. So the starts of each kind begin at moments that are spread
// over it.
func BenchmarkStartUp(b *testing.B) {
	for b.Loop() {
		startUp(b)
	}
}

func startUp(b *testing.B) {
	b.Helper()
	starts, err := strconv.Atoi(cmp.Or(os.Getenv("STARTS"), "10"))
	if err != nil || starts < 1 {
		b.Fatalf("STARTS=%q: a number is wanted: %v", os.Getenv("STARTS"), err)
	}
	p := newPlace(b)
	none, pool := p.open(b, withPool(0)), p.open(b, withPool(2))
	took := map[string][]time.Duration{}
	kinds := []struct {
		name  string
		start func() time.Duration
	}{
		{"bare", func() time.Duration { return p.untilReady(b, barePod()) }},
		{"token", func() time.Duration {
			pod := barePod()
			pod.Spec.AutomountServiceAccountToken = nil
			return p.untilReady(b, pod)
		}},
		{"alike", func() time.Duration { return p.untilReady(b, p.alike(b)) }},
		{"cold", func() time.Duration { return p.start(b, none, backend.StrategyCold) }},
	}
	// A first one of each, which reads the image into memory, is not counted.
	for _, kind := range kinds {
		kind.start()
	}
	for i := range starts {
		for _, kind := range kinds {
			time.Sleep(time.Duration(i) * time.Second / time.Duration(starts)) // the kubelet's second, as said above
			took[kind.name] = append(took[kind.name], kind.start())
		}
	}
	tend(b, pool)
	for range starts {
		p.waitReady(b, 2)
		took["warm"] = append(took["warm"], p.start(b, pool, backend.StrategyWarm))
	}
	bare, token := mean(took["bare"]), mean(took["token"])
	for _, kind := range []string{"bare", "token", "alike", "cold", "warm"} {
		d := took[kind]
		slices.Sort(d)
		b.Logf("%-5s least %v, median %v, most %v, mean %v: %.2f of a bare pod's, %.2f of one with a token",
			kind, d[0], d[len(d)/2], d[len(d)-1], mean(d), mean(d).Seconds()/bare.Seconds(), mean(d).Seconds()/token.Seconds())
		b.ReportMetric(mean(d).Seconds(), kind+"-s")
		if kind != "bare" {
			b.ReportMetric(mean(d).Seconds()/bare.Seconds(), kind+"-x-bare")
			b.ReportMetric(mean(d).Seconds()/token.Seconds(), kind+"-x-token")
		}
	}
	b.ReportMetric(0, "ns/op")
}

func mean(d []time.Duration) time.Duration {
	var sum time.Duration
	for _, one := range d {
		sum += one
	}
	return sum / time.Duration(len(d))
}

// start starts an environment, and has a program run in it.
func (p place) start(b *testing.B, r *kube.Runtime, strategy string) time.Duration {
	b.Helper()
	began := time.Now()
	env, err := r.Start(b.Context(), backend.EnvironmentSpec{SessionID: runtimetest.NewSession()})
	if err != nil {
		b.Fatal(err)
	}
	conn := runtimetest.Connect(b, r, p.authority, env)
	runtimetest.Command(b, conn, "true")
	took := time.Since(began)
	if !strings.HasPrefix(env.Strategy, strategy) {
		b.Errorf("it was started %q, want %q", env.Strategy, strategy)
	}
	if err := r.Stop(b.Context(), env.SessionID, env.ID, time.Second); err != nil {
		b.Error(err)
	}
	return took
}

// barePod does nothing, and has nothing.
func barePod() *corev1.Pod {
	no, yes, id, now := false, true, int64(1000), int64(0)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "bare-"},
		Spec: corev1.PodSpec{
			AutomountServiceAccountToken: &no, TerminationGracePeriodSeconds: &now,
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: &yes, RunAsUser: &id, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: "bare", Image: image(), ImagePullPolicy: corev1.PullNever, Command: []string{"/bin/sleep", "600"},
				SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
			}},
		},
	}
}

// alike does nothing, and has the volumes, mounts and limits that a session's pod has: what of a cold start is the
// cluster's.
func (p place) alike(b *testing.B) *corev1.Pod {
	b.Helper()
	pod := barePod()
	form := kube.Form(p.config(b, withPool(0)))
	form.Containers[0].ReadinessProbe, form.Containers[0].Args = nil, []string{"600"}
	form.Containers[0].Command, form.SchedulingGates = []string{"/bin/sleep"}, nil
	form.TerminationGracePeriodSeconds = pod.Spec.TerminationGracePeriodSeconds
	yes := true
	secret, err := p.client.CoreV1().Secrets(p.namespace).Create(b.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "alike-"}, Immutable: &yes, Data: map[string][]byte{"identity.json": []byte("{}")},
	}, metav1.CreateOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for i := range form.Volumes {
		if of := form.Volumes[i].Secret; of != nil {
			of.SecretName = secret.Name
		}
	}
	pod.Spec = form
	return pod
}

// untilReady is how long a pod takes from its creation to Ready.
func (p place) untilReady(b *testing.B, pod *corev1.Pod) time.Duration {
	b.Helper()
	began := time.Now()
	pod, err := p.client.CoreV1().Pods(p.namespace).Create(b.Context(), pod, metav1.CreateOptions{})
	if err != nil {
		b.Fatal(err)
	}
	watch, err := p.client.CoreV1().Pods(p.namespace).Watch(b.Context(), metav1.ListOptions{
		FieldSelector: "metadata.name=" + pod.Name, ResourceVersion: pod.ResourceVersion,
	})
	if err != nil {
		b.Fatal(err)
	}
	defer watch.Stop()
	for event := range watch.ResultChan() {
		now, is := event.Object.(*corev1.Pod)
		if is && slices.ContainsFunc(now.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		}) {
			took := time.Since(began)
			if err := p.client.CoreV1().Pods(p.namespace).Delete(context.WithoutCancel(b.Context()), pod.Name, metav1.DeleteOptions{}); err != nil {
				b.Error(err)
			}
			return took
		}
	}
	b.Fatal("the watch on a pod ended")
	return 0
}

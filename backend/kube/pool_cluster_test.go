//go:build cluster

package kube_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

// TestStartUp says how long a session's start takes, as a ratio to what the same cluster takes from creating a bare pod
// of the same image to Ready.
func TestStartUp(t *testing.T) {
	p := newPlace(t)
	const times = 5
	var bare, cold, warm []time.Duration
	for range times {
		bare = append(bare, p.barePod(t))
	}
	measure := func(r *kube.Runtime, want string) time.Duration {
		began := time.Now()
		env := runtimetest.Start(t, r, backend.EnvironmentSpec{SessionID: runtimetest.NewSession()})
		started := time.Since(began)
		conn := runtimetest.Connect(t, r, p.authority, env)
		hello := time.Since(began)
		runtimetest.Command(t, conn, "true")
		took := time.Since(began)
		if !strings.HasPrefix(env.Strategy, want) {
			t.Errorf("it was started %q, want %q", env.Strategy, want)
		}
		t.Logf("%s: exists after %v, hello after %v, a program has run after %v", want, started, hello, took)
		return took
	}
	none := p.open(t, withPool(0))
	for range times {
		cold = append(cold, measure(none, backend.StrategyCold))
	}
	pool := p.open(t, withPool(times))
	tend(t, pool)
	p.waitReady(t, times)
	for range times {
		p.waitReady(t, 1)
		warm = append(warm, measure(pool, backend.StrategyWarm))
	}
	b, c, w := median(bare), median(cold), median(warm)
	t.Logf("medians of %d: bare pod %v, cold %v (%.2f), warm %v (%.2f)", times, b, c, c.Seconds()/b.Seconds(), w, w.Seconds()/b.Seconds())
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// barePod is how long a pod that does nothing takes from its creation to Ready.
func (p place) barePod(t *testing.T) time.Duration {
	t.Helper()
	no, yes, id, none := false, true, int64(1000), int64(0)
	began := time.Now()
	pod, err := p.client.CoreV1().Pods(p.namespace).Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "bare-"},
		Spec: corev1.PodSpec{
			AutomountServiceAccountToken: &no, TerminationGracePeriodSeconds: &none,
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: &yes, RunAsUser: &id, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: "bare", Image: image(), ImagePullPolicy: corev1.PullNever, Command: []string{"/bin/sleep", "600"},
				SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	watch, err := p.client.CoreV1().Pods(p.namespace).Watch(t.Context(), metav1.ListOptions{
		FieldSelector: "metadata.name=" + pod.Name, ResourceVersion: pod.ResourceVersion,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	for event := range watch.ResultChan() {
		now, is := event.Object.(*corev1.Pod)
		if is && slices.ContainsFunc(now.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		}) {
			took := time.Since(began)
			if err := p.client.CoreV1().Pods(p.namespace).Delete(t.Context(), pod.Name, metav1.DeleteOptions{}); err != nil {
				t.Error(err)
			}
			return took
		}
	}
	t.Fatal("the watch on a bare pod ended")
	return 0
}

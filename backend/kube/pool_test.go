package kube

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"codingplatform/backend"
)

func TestPoolTarget(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		size  PoolSize
		begun []time.Duration // ago
		want  int
		next  time.Duration
	}{
		"none":                      {PoolSize{}, []time.Duration{0}, 0, demandWindow},
		"nobody came":               {PoolSize{2, 10}, nil, 2, 0},
		"some came":                 {PoolSize{2, 10}, []time.Duration{time.Second, 50 * time.Second}, 4, 10 * time.Second},
		"long ago":                  {PoolSize{2, 10}, []time.Duration{demandWindow}, 2, 0},
		"more than there may be":    {PoolSize{2, 3}, []time.Duration{1, 2, 3, 4}, 3, demandWindow - 4},
		"none unless somebody came": {PoolSize{0, 3}, []time.Duration{time.Second}, 1, demandWindow - time.Second},
	} {
		var begun []time.Time
		for _, ago := range test.begun {
			begun = append(begun, now.Add(-ago))
		}
		n, next := test.size.target(begun, now)
		if n != test.want || test.next == 0 != next.IsZero() || test.next != 0 && !next.Equal(now.Add(test.next)) {
			t.Errorf("%s: %d until %v, want %d until %v", name, n, next.Sub(now), test.want, test.next)
		}
	}
}

func TestPlanPool(t *testing.T) {
	now := time.Now()
	pod := func(name, template string, age time.Duration) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{poolLabel: template}, CreationTimestamp: metav1.NewTime(now.Add(-age)),
		}}
	}
	deleting := pod("deleting", "t", 0)
	deleting.DeletionTimestamp = &metav1.Time{Time: now}
	idle := func(name string) waiter { return waiter{pod: pod(name, "t", time.Hour), usable: true, ready: true} }
	starting := waiter{pod: pod("starting", "t", time.Minute), usable: true}
	for name, test := range map[string]struct {
		size    PoolSize
		waiters []waiter
		create  int
		gone    []string
		again   time.Duration
	}{
		"empty":                {PoolSize{2, 2}, nil, 2, nil, 0},
		"as it should be":      {PoolSize{2, 2}, []waiter{idle("a"), idle("b")}, 0, nil, 0},
		"one starts":           {PoolSize{2, 2}, []waiter{idle("a"), starting}, 0, nil, readyTimeout - time.Minute},
		"too many":             {PoolSize{1, 1}, []waiter{idle("a"), starting}, 0, []string{"starting"}, readyTimeout - time.Minute},
		"none wanted any more": {PoolSize{}, []waiter{idle("a")}, 0, []string{"a"}, 0},
		"one is being taken":   {PoolSize{1, 1}, []waiter{{pod: pod("a", "t", 0), ready: true}}, 1, nil, 0},
		"one is being deleted": {PoolSize{1, 1}, []waiter{{pod: deleting, usable: true}}, 1, nil, 0},
		"one has ended":        {PoolSize{1, 1}, []waiter{{pod: pod("a", "t", 0), ended: "evicted"}}, 1, nil, 0},
		"a former image":       {PoolSize{1, 1}, []waiter{{pod: pod("old", "s", 0), usable: true, ready: true}}, 1, []string{"old"}, 0},
		"one that never gets ready": {
			PoolSize{1, 1}, []waiter{{pod: pod("stuck", "t", readyTimeout), usable: true}}, 1, []string{"stuck"}, 0,
		},
	} {
		p := planPool(test.size, "t", test.waiters, nil, now)
		var gone []string
		for _, pod := range p.delete {
			gone = append(gone, pod.Name)
		}
		if p.create != test.create || !slices.Equal(gone, test.gone) || test.again == 0 != p.again.IsZero() || test.again != 0 && !p.again.Equal(now.Add(test.again)) {
			t.Errorf("%s: make %d, delete %v, look again in %v; want %d, %v, %v", name, p.create, gone, p.again.Sub(now), test.create, test.gone, test.again)
		}
	}
}

// TestPoolPause has failures in a row, each of which is told several times.
func TestPoolPause(t *testing.T) {
	now := time.Now()
	b := backoff{least: time.Second, most: 4 * time.Second}
	for i, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 4 * time.Second} {
		id := string(rune('a' + i))
		if !b.fail(id, now) || b.fail(id, now) || b.current != want || !b.until.Equal(now.Add(b.current)) {
			t.Errorf("after failure %d the pause is %v", i, b.current)
		}
	}
	b.succeed("good")
	if b.current != 0 || !b.until.IsZero() {
		t.Errorf("after a success the pause is %v", b.current)
	}
	b.fail("", now)
	b.succeed("good")
	if b.current == 0 {
		t.Error("a pod that is ready for long ends the pause after a later failure")
	}
}

// waitingPod is one of the pool, ready.
func waitingPod(uid types.UID) *corev1.Pod {
	pod := withContainer(corev1.PodRunning, corev1.ContainerState{Running: &corev1.ContainerStateRunning{}})
	pod.UID, pod.Name, pod.Namespace, pod.Labels = uid, "pod-"+string(uid), "w", map[string]string{appLabel: appValue, poolLabel: "t"}
	pod.Status.PodIP = "10.0.0.1"
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	return pod
}

// TestPoolPodBecomesASessions: until it is claimed nobody sees it, and what is told late does not bring it back.
func TestPoolPodBecomesASessions(t *testing.T) {
	g := newRegistry()
	w := g.watch()
	before := waitingPod("1")
	g.apply(before)
	if _, _, known := g.get("1"); known || len(g.all()) != 0 || len(g.take(w)) != 0 {
		t.Error("a pod that waits for a session is shown as an environment")
	}
	if _, why := g.reserve("other"); why != "the pods that are kept ready are of another image or other settings" {
		t.Errorf("of another template: %q", why)
	}
	got, why := g.reserve("t")
	if got == nil {
		t.Fatalf("it cannot be taken: %s", why)
	}
	if again, why := g.reserve("t"); again != nil || why != "all pods that were kept ready are taken" {
		t.Errorf("two starts may take one pod; %q", why)
	}
	g.unreserve("1")

	claimed := before.DeepCopy()
	claimed.Labels = map[string]string{appLabel: appValue, sessionLabel: "s"}
	at := time.Now().UTC().Round(0)
	claimed.Annotations = map[string]string{claimedNote: at.Format(time.RFC3339Nano), strategyNote: backend.StrategyWarm}
	g.introduce(claimed)
	g.deliver("1")
	g.apply(before)
	_, env, live := g.live("s")
	if !live || env.Phase != backend.EnvironmentRunning || env.Strategy != backend.StrategyWarm || !env.CreatedAt.Equal(at) {
		t.Errorf("after the claim: %+v, live %v", env, live)
	}
	if told := g.take(w); len(told) != 1 || told[0].SessionID != "s" {
		t.Errorf("watchers are told %+v", told)
	}
	if _, begun := g.waiting(); len(begun) != 1 || !g.delivered("1") {
		t.Errorf("counted as demand %d times; the delivery is known: %v", len(begun), g.delivered("1"))
	}
	g.remove(before)
	if told := g.take(w); len(told) != 1 || told[0].Phase != backend.EnvironmentEnded || told[0].SessionID != "s" {
		t.Errorf("of its end watchers are told %+v", told)
	}
}

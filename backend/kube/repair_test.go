package kube

import (
	"context"
	"errors"
	"log/slog"
	goruntime "runtime"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/util/workqueue"

	"codingplatform/backend"
)

// What is judged here is which requests are made; what a cluster does with them, the tests on a real one judge.
func requester(objects ...runtime.Object) (*Runtime, *fake.Clientset) {
	client := fake.NewClientset(objects...)
	return &Runtime{
		cfg:    Config{Namespace: "w", Volume: VolumeClaim, VolumeSize: "1Gi", GateTimeout: time.Minute, Logger: slog.New(slog.DiscardHandler)},
		client: client, registry: newRegistry(),
	}, client
}

// TestVolumeThatIsBeingDeleted: a start waits for its end, and makes another.
func TestVolumeThatIsBeingDeleted(t *testing.T) {
	now := metav1.Now()
	old := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
		Name: "session-s", Namespace: "w", UID: "old", DeletionTimestamp: &now, Finalizers: []string{"kubernetes.io/pvc-protection"},
	}}
	r, client := requester(old)
	claims := schema.GroupVersionResource{Version: "v1", Resource: "persistentvolumeclaims"}
	watched := false
	client.PrependWatchReactor("persistentvolumeclaims", func(clienttesting.Action) (bool, watch.Interface, error) {
		watched = true
		w := watch.NewFakeWithOptions(watch.FakeOptions{ChannelSize: 2})
		w.Modify(old)
		if err := client.Tracker().Delete(claims, "w", old.Name); err != nil {
			t.Error(err)
		}
		w.Delete(old)
		return true, w, nil
	})
	if err := r.makeClaim(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	made, err := client.CoreV1().PersistentVolumeClaims("w").Get(t.Context(), "session-s", metav1.GetOptions{})
	if err != nil || made.UID == "old" || !watched {
		t.Errorf("watched %v; there is claim %q, %v; want another one", watched, made.UID, err)
	}
	// One that stays is taken as it is.
	watched = false
	if err := r.makeClaim(t.Context(), "s"); err != nil || watched {
		t.Errorf("a claim that stays: %v, watched %v", err, watched)
	}
}

// TestSettle has each kind of pod that may be found behind its gate, or no longer.
func TestSettle(t *testing.T) {
	now := metav1.Now()
	gate := []corev1.PodSchedulingGate{{Name: gateName}}
	for name, test := range map[string]struct {
		gates                  []corev1.PodSchedulingGate
		deleting               bool
		uid, secretOf          types.UID
		wantGone, wantGateless bool
	}{
		"nobody has the session": {gates: gate, uid: "1", wantGone: true},
		"another pod has it":     {gates: gate, uid: "1", secretOf: "2", wantGone: true},
		"it has it":              {gates: gate, uid: "1", secretOf: "1", wantGateless: true},
		"it has begun":           {uid: "1", wantGateless: true},
		"it is being deleted":    {gates: gate, uid: "1", deleting: true},
		"it is another by now":   {gates: gate, uid: "2"},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: "pod-1", Namespace: "w", UID: test.uid, Labels: map[string]string{sessionLabel: "s"}},
				Spec:       corev1.PodSpec{SchedulingGates: test.gates},
			}
			if test.deleting {
				pod.DeletionTimestamp = &now
			}
			objects := []runtime.Object{pod}
			if test.secretOf != "" {
				objects = append(objects, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
					Name: sessionName(backend.SessionID("s")), Namespace: "w", OwnerReferences: []metav1.OwnerReference{{UID: test.secretOf}},
				}})
			}
			r, client := requester(objects...)
			if err := r.settlePod(t.Context(), ended{"pod-1", "1"}); err != nil {
				t.Fatal(err)
			}
			left, err := client.CoreV1().Pods("w").Get(t.Context(), "pod-1", metav1.GetOptions{})
			if gone := apierrors.IsNotFound(err); gone != test.wantGone {
				t.Fatalf("deleted: %v, want %v (%v)", gone, test.wantGone, err)
			}
			if !test.wantGone && len(left.Spec.SchedulingGates) == 0 != test.wantGateless {
				t.Errorf("its gates are %v; let start: want %v", left.Spec.SchedulingGates, test.wantGateless)
			}
		})
	}
	r, _ := requester()
	if err := r.settlePod(t.Context(), ended{"pod-1", "1"}); err != nil {
		t.Errorf("a pod that is gone: %v", err)
	}
}

// TestRemoveVolumes deletes the claims of sessions that are no more, and no others.
func TestRemoveVolumes(t *testing.T) {
	now := time.Now()
	claim := func(name, session string, age time.Duration) *corev1.PersistentVolumeClaim {
		return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "w", UID: types.UID(name), CreationTimestamp: metav1.NewTime(now.Add(-age)),
			Labels: map[string]string{appLabel: appValue, sessionLabel: session},
		}}
	}
	deleting := claim("session-leaving", "leaving", 2*volumeAge)
	deleting.DeletionTimestamp = &metav1.Time{Time: now}
	foreign := claim("backups", "", 2*volumeAge)
	foreign.Labels = map[string]string{"app": "backup"}
	objects := []runtime.Object{
		claim("session-gone", "gone", 2*volumeAge), claim("session-here", "here", 2*volumeAge),
		claim("session-new", "new", volumeAge/2),    // its session may be about to be made
		claim("somebodys-own", "gone", 2*volumeAge), // named as no session's is
		deleting, foreign,
	}
	r, client := requester(objects...)
	client.PrependWatchReactor("persistentvolumeclaims", func(clienttesting.Action) (bool, watch.Interface, error) {
		w := watch.NewFakeWithOptions(watch.FakeOptions{ChannelSize: 1})
		w.Delete(&corev1.PersistentVolumeClaim{})
		return true, w, nil
	})
	var asked []backend.SessionID
	exists := func(_ context.Context, id backend.SessionID) (bool, error) {
		asked = append(asked, id)
		return id == "here", nil
	}
	if err := r.removeVolumes(t.Context(), exists, now); err != nil {
		t.Fatal(err)
	}
	left, err := client.CoreV1().PersistentVolumeClaims("w").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range left.Items {
		names = append(names, left.Items[i].Name)
	}
	slices.Sort(names)
	if want := []string{"backups", "session-here", "session-leaving", "session-new", "somebodys-own"}; !slices.Equal(names, want) {
		t.Errorf("left are %v, want %v", names, want)
	}
	if slices.Sort(asked); !slices.Equal(asked, []backend.SessionID{"gone", "here"}) {
		t.Errorf("asked for were %v", asked)
	}

	// A database that does not answer is no reason to delete anything.
	r, client = requester(claim("session-gone", "gone", 2*volumeAge))
	away := errors.New("the database is away")
	if err := r.removeVolumes(t.Context(), func(context.Context, backend.SessionID) (bool, error) { return false, away }, now); !errors.Is(err, away) {
		t.Errorf("with no database: %v", err)
	}
	if _, err := client.CoreV1().PersistentVolumeClaims("w").Get(t.Context(), "session-gone", metav1.GetOptions{}); err != nil {
		t.Errorf("with no database a volume went: %v", err)
	}
}

// TestPodsThatHaveBegunAreNotAskedFor once their time behind the gate is over: the watch has told of it.
func TestPodsThatHaveBegunAreNotAskedFor(t *testing.T) {
	r, client := requester()
	r.cfg.GateTimeout = time.Nanosecond
	r.gatedPods = workqueue.NewTypedDelayingQueue[ended]()
	r.overduePods, r.endedPods = workqueue.NewTypedDelayingQueue[ended](), workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[ended]())
	pod := func(name string, gates ...corev1.PodSchedulingGate) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "w", UID: types.UID(name), Labels: map[string]string{sessionLabel: name}},
			Spec:       corev1.PodSpec{SchedulingGates: gates},
		}
	}
	gate := corev1.PodSchedulingGate{Name: gateName}
	r.seen(pod("begun", gate))
	r.seen(pod("begun"))
	r.seen(pod("gone", gate))
	r.registry.remove(pod("gone", gate))
	r.seen(pod("waits", gate))
	var asked []string
	client.PrependReactor("get", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if get, is := action.(clienttesting.GetAction); is {
			asked = append(asked, get.GetName())
		}
		r.gatedPods.ShutDown()
		return false, nil, nil
	})
	for r.gatedPods.Len() < 3 {
		goruntime.Gosched()
	}
	r.settle(t.Context())
	if want := []string{"waits"}; !slices.Equal(asked, want) {
		t.Errorf("asked for were %v, want %v", asked, want)
	}
}

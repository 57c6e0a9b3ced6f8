//go:build cluster

package kube_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"codingplatform/backend"
	"codingplatform/backend/kube"
	"codingplatform/backend/runtimetest"
)

// TestQuotaIsToldAtOnce has the API server refuse a second pod: the start fails with words, nothing of it is left, and
// there is room again when the first one has stopped.
func TestQuotaIsToldAtOnce(t *testing.T) {
	p := newPlace(t)
	_, err := p.client.CoreV1().ResourceQuotas(p.namespace).Create(t.Context(), &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "workspaces"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("1")}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	watch, err := p.client.CoreV1().ResourceQuotas(p.namespace).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	// Before the controller has counted, nothing is let in at all.
	counted := func(pods int64) {
		t.Helper()
		for event := range watch.ResultChan() {
			quota, is := event.Object.(*corev1.ResourceQuota)
			if used, known := quota.Status.Used[corev1.ResourcePods]; is && known && used.Value() == pods {
				return
			}
		}
		t.Fatal("the watch on the quota ended")
	}
	counted(0)
	r := p.open(t, withPool(0))
	first := runtimetest.Start(t, r, backend.EnvironmentSpec{SessionID: runtimetest.NewSession()})
	counted(1)
	spec := backend.EnvironmentSpec{SessionID: runtimetest.NewSession()}
	if env, err := r.Start(t.Context(), spec); backend.CodeOf(err) != backend.CodeUnavailable || !strings.Contains(err.Error(), "the quota is used up") {
		t.Fatalf("a start beyond the quota: %+v, %v", env, err)
	}
	pods, err := p.client.CoreV1().Pods(p.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(pods.Items) != 1 {
		t.Errorf("there are %d pods, %v; want the first session's alone", len(pods.Items), err)
	}
	if err := r.Stop(t.Context(), first.SessionID, first.ID, 0); err != nil {
		t.Fatal(err)
	}
	counted(0)
	runtimetest.Start(t, r, spec)
}

// TestVolumeThatIsNotThereIsTold while a start waits for it.
func TestVolumeThatIsNotThereIsTold(t *testing.T) {
	p := newPlace(t)
	r := p.open(t, func(c *kube.Config) { c.StorageClass = "none-of-that-name" })
	env, err := r.Start(t.Context(), backend.EnvironmentSpec{SessionID: runtimetest.NewSession()})
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan string)
	go func() {
		// It ends with the test.
		_ = r.Watch(t.Context(), func(now backend.Environment) {
			if now.ID == env.ID {
				select {
				case told <- now.Reason:
				case <-t.Context().Done():
				}
			}
		})
	}()
	for words := ""; !strings.HasPrefix(words, "waiting for its volume: "); {
		select {
		case words = <-told:
		case <-t.Context().Done():
			t.Fatalf("what is told last is %q", words)
		}
	}
	if err := r.Stop(t.Context(), env.SessionID, env.ID, 0); err != nil {
		t.Error(err)
	}
}

//go:build cluster

package kube_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	watched "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"codingplatform/backend"
	"codingplatform/backend/identity"
	"codingplatform/backend/kube"
	"codingplatform/backend/runtimetest"
)

// place is a namespace of its own on a real cluster.
type place struct {
	rest      *rest.Config
	namespace string
	authority *identity.Authority
	client    *kubernetes.Clientset
}

// newPlace makes one on the cluster that CLUSTER_KUBECONFIG names; `make e2e-cluster` sets it.
func newPlace(tb testing.TB) place {
	tb.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("CLUSTER_KUBECONFIG"))
	if err != nil {
		tb.Fatal(err)
	}
	config.QPS, config.Burst = 200, 400
	authority, err := identity.Open(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		tb.Fatal(err)
	}
	p := place{config, "test-" + strings.ToLower(rand.Text()[:10]), authority, client}
	_, err = client.CoreV1().Namespaces().Create(tb.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: p.namespace, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}, metav1.CreateOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		now := int64(0)
		if err := client.CoreV1().Namespaces().Delete(context.WithoutCancel(tb.Context()), p.namespace, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
			tb.Error(err)
		}
	})
	return p
}

// waitReady returns when so many pods wait for sessions.
func (p place) waitReady(tb testing.TB, n int) {
	tb.Helper()
	watch, err := p.client.CoreV1().Pods(p.namespace).Watch(tb.Context(), metav1.ListOptions{LabelSelector: "app=code-execution,coding-platform/pool"})
	if err != nil {
		tb.Fatal(err)
	}
	defer watch.Stop()
	ready := map[types.UID]bool{}
	for len(ready) < n {
		event, open := <-watch.ResultChan()
		if !open {
			tb.Fatal("the watch on pods ended")
		}
		pod, is := event.Object.(*corev1.Pod)
		if !is {
			tb.Fatalf("the watch on pods told of %T", event.Object)
		}
		delete(ready, pod.UID)
		for _, condition := range pod.Status.Conditions {
			if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue && pod.DeletionTimestamp == nil && event.Type != watched.Deleted {
				ready[pod.UID] = true
			}
		}
	}
}

func (p place) open(tb testing.TB, change func(*kube.Config)) *kube.Runtime {
	tb.Helper()
	r, err := kube.New(tb.Context(), p.config(tb, change))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(r.Close)
	return r
}

func (p place) config(tb testing.TB, change func(*kube.Config)) kube.Config {
	tb.Helper()
	cfg := kube.Config{
		REST: p.rest, Namespace: p.namespace, Image: image(), PullPolicy: "Never", Identity: p.authority,
		CPURequest: "50m", CPULimit: "500m", MemoryRequest: "32Mi", MemoryLimit: "512Mi",
		Volume: kube.VolumeClaim, VolumeSize: "1Gi", OrphanTimeout: time.Minute, Logger: slog.New(slog.NewTextHandler(tb.Output(), nil)),
	}
	if change != nil {
		change(&cfg)
	}
	return cfg
}

// image is that of the pods; CLUSTER_IMAGE may name another than `make cluster-load` loads.
func image() string { return cmp.Or(os.Getenv("CLUSTER_IMAGE"), "localhost/code-execution:dev") }

func everySession(context.Context, backend.SessionID) (bool, error) { return true, nil }

// tend keeps the pool as the elected replica does, until the test ends.
func tend(tb testing.TB, r *kube.Runtime) {
	tb.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(tb.Context()))
	var tending sync.WaitGroup
	tending.Go(func() { r.Tend(ctx, everySession) })
	tb.Cleanup(func() {
		stop()
		tending.Wait()
	})
}

func withPool(n int) func(*kube.Config) {
	return func(c *kube.Config) {
		c.Volume, c.Pool = kube.VolumeEmptyDir, kube.PoolSize{Min: n, Max: n}
	}
}

func (p place) fixture(t *testing.T, change func(*kube.Config)) runtimetest.Fixture {
	t.Helper()
	return runtimetest.Fixture{
		Runtime:     p.open(t, change),
		Credentials: p.authority,
		Again:       func(tb testing.TB) backend.Runtime { tb.Helper(); return p.open(tb, change) },
		Broken: func(tb testing.TB) (backend.Runtime, string) {
			tb.Helper()
			return p.open(tb, func(c *kube.Config) { c.Image = "localhost/missing:1" }), "the image is not on the node"
		},
	}
}

func TestConformance(t *testing.T) {
	runtimetest.Run(t, func(t *testing.T) runtimetest.Fixture {
		t.Helper()
		return newPlace(t).fixture(t, nil)
	})
}

// TestConformanceWithPool has environments that are pods of the pool where one is ready.
func TestConformanceWithPool(t *testing.T) {
	runtimetest.Run(t, func(t *testing.T) runtimetest.Fixture {
		t.Helper()
		p := newPlace(t)
		fixture := p.fixture(t, withPool(2))
		fixture.Volatile = true
		r, is := fixture.Runtime.(*kube.Runtime)
		if !is {
			t.Fatal("the fixture has no runtime of pods")
		}
		tend(t, r)
		p.waitReady(t, 2)
		return fixture
	})
}

//go:build cluster

package kube_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
}

// newPlace makes one on the cluster that CLUSTER_KUBECONFIG names; `make e2e-cluster` sets it.
func newPlace(t *testing.T) place {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("CLUSTER_KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = 200, 400
	authority, err := identity.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := place{config, "test-" + strings.ToLower(rand.Text()[:10]), authority}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: p.namespace, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		now := int64(0)
		if err := client.CoreV1().Namespaces().Delete(context.WithoutCancel(t.Context()), p.namespace, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (p place) open(tb testing.TB, change func(*kube.Config)) *kube.Runtime {
	tb.Helper()
	cfg := kube.Config{
		REST: p.rest, Namespace: p.namespace, Image: "localhost/code-execution:dev", PullPolicy: "Never", Identity: p.authority,
		CPURequest: "50m", CPULimit: "500m", MemoryRequest: "32Mi", MemoryLimit: "512Mi",
		Volume: kube.VolumeClaim, VolumeSize: "1Gi", OrphanTimeout: time.Minute, Logger: slog.New(slog.NewTextHandler(tb.Output(), nil)),
	}
	if change != nil {
		change(&cfg)
	}
	r, err := kube.New(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(r.Close)
	return r
}

func TestConformance(t *testing.T) {
	runtimetest.Run(t, func(t *testing.T) runtimetest.Fixture {
		t.Helper()
		p := newPlace(t)
		return runtimetest.Fixture{
			Runtime:     p.open(t, nil),
			Credentials: p.authority,
			Again:       func(tb testing.TB) backend.Runtime { tb.Helper(); return p.open(tb, nil) },
			Broken: func(tb testing.TB) (backend.Runtime, string) {
				tb.Helper()
				return p.open(tb, func(c *kube.Config) { c.Image = "localhost/missing:1" }), "the image is not on the node"
			},
		}
	})
}

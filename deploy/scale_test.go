//go:build cluster

package deploy_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// serviceMonitorKind stands for what Prometheus' operator brings: the name alone.
const serviceMonitorKind = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: servicemonitors.monitoring.coreos.com}
spec:
  group: monitoring.coreos.com
  scope: Namespaced
  names: {kind: ServiceMonitor, plural: servicemonitors, singular: servicemonitor, listKind: ServiceMonitorList}
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
`

// scaledBy is how the HPA's conditions call having seen what pods use.
const scaledBy = "ValidMetricFound"

// scales puts load on the installation until the HPA has added backends.
func (p product) scales(t *testing.T) {
	t.Run("Metrics", p.metrics)
	read := func(path string) string {
		return kubectl(t, "get", "hpa", "backend", "-n", backends, "-o", "jsonpath={"+path+"}")
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	until := func(what string, is func() bool) {
		t.Helper()
		for !is() {
			select {
			case <-tick.C:
			case <-t.Context().Done():
				t.Fatalf("the HPA has not %s: %s", what, kubectl(t, "describe", "hpa", "backend", "-n", backends))
			}
		}
	}
	until("seen the pods' use", func() bool { return strings.Contains(read(".status.conditions[*].reason"), scaledBy) })
	if before := read(".status.desiredReplicas"); before != "2" {
		t.Fatalf("without load the HPA wants %s backends, want 2", before)
	}

	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	defer load.Wait()
	defer stop()
	for range 8 {
		load.Go(func() {
			for ctx.Err() == nil {
				request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.address+"/api/workspace/"+p.session+"/files", http.NoBody)
				if err != nil {
					t.Error(err)
					return
				}
				request.Header.Set("Authorization", "Bearer "+p.token)
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					continue // the backend may be going, which is no fault of it
				}
				_, _ = io.Copy(io.Discard, response.Body) // it is load, whatever it is
				_ = response.Body.Close()
			}
		})
	}
	until("added a backend", func() bool {
		n, err := strconv.Atoi(kubectl(t, "get", "deployment", "backend", "-n", backends, "-o", "jsonpath={.status.readyReplicas}"))
		return err == nil && n > 2
	})
	t.Logf("the HPA: %s", read(".status.currentMetrics"))
}

// metrics has Prometheus' objects accepted, and reads from each backend what Prometheus would.
func (p product) metrics(t *testing.T) {
	kubectlIn(t, serviceMonitorKind, "apply", "-f", "-")
	t.Cleanup(func() { kubectl(t, "delete", "crd", "servicemonitors.monitoring.coreos.com") })
	kubectl(t, "wait", "--for=condition=Established", "crd/servicemonitors.monitoring.coreos.com", "--timeout=60s")
	kubectl(t, "apply", "-k", "overlays/monitoring")
	var slices struct {
		Items []struct {
			Ports []struct {
				Name string
				Port int
			}
			Endpoints []struct{ Addresses []string }
		}
	}
	scraped := 0
	decode(t, []byte(kubectl(t, "get", "endpointslices", "-n", backends, "-l", "kubernetes.io/service-name=backend-metrics", "-o", "json")), &slices)
	for _, slice := range slices.Items {
		for _, endpoint := range slice.Endpoints {
			for _, port := range slice.Ports {
				status, answer := try(t, http.MethodGet, "http://"+net.JoinHostPort(endpoint.Addresses[0], strconv.Itoa(port.Port))+"/metrics", "", nil)
				for _, want := range []string{"coding_platform_sessions ", "coding_platform_kubernetes_requests_total{", "coding_platform_database_connections "} {
					if status != http.StatusOK || !strings.Contains(string(answer), want) {
						t.Errorf("backend %s tells no %s: %d", endpoint.Addresses[0], want, status)
					}
				}
				scraped++
			}
		}
	}
	if scraped < 2 {
		t.Errorf("Prometheus would scrape %d backends, want two: %+v", scraped, slices)
	}
	if status, answer := try(t, http.MethodGet, p.address+"/metrics", "", nil); strings.Contains(string(answer), "coding_platform_") {
		t.Errorf("the metrics are behind the Service that users reach: %d", status)
	}
}

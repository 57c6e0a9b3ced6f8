package metrics_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"codingplatform/backend/metrics"
)

type transport func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestScrape(t *testing.T) {
	t.Parallel()
	m := metrics.New("1.2.3")
	m.Watch(metrics.Sources{
		Sockets: func() int { return 7 }, Sessions: func() int { return 5 },
		Database: func() metrics.Database {
			return metrics.Database{Open: 4, InUse: 3, Waits: 2, Waited: 1500 * time.Millisecond}
		},
	})
	m.Request(http.MethodGet, "/api/sessions/{id}", http.StatusOK, 3*time.Millisecond)
	m.Request("BREW", "", http.StatusNotFound, time.Minute)
	m.Started("warm", 70*time.Millisecond)
	m.Started("cold: no pods are kept ready", 1100*time.Millisecond)
	m.Started("", 40*time.Millisecond)
	answers := []func(*http.Request) (*http.Response, error){
		func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusCreated, Body: http.NoBody}, nil
		},
		func(*http.Request) (*http.Response, error) { return nil, errors.New("no route") },
	}
	for _, answer := range answers {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://cluster/pods", http.NoBody)
		response, err := m.Cluster(transport(answer)).RoundTrip(request)
		if err == nil {
			if err := response.Body.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	scrape := httptest.NewRecorder()
	m.ServeHTTP(scrape, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	if scrape.Code != http.StatusOK {
		t.Fatalf("the scrape answers %d: %s", scrape.Code, scrape.Body)
	}
	for _, want := range []string{
		`coding_platform_build_info{version="1.2.3"} 1`,
		`coding_platform_http_request_duration_seconds_bucket{method="GET",route="/api/sessions/{id}",status="200",le="0.005"} 1`,
		`coding_platform_http_request_duration_seconds_bucket{method="GET",route="/api/sessions/{id}",status="200",le="0.002"} 0`,
		`coding_platform_http_request_duration_seconds_count{method="other",route="none",status="404"} 1`,
		`coding_platform_kubernetes_requests_total{method="POST",status="201"} 1`,
		`coding_platform_kubernetes_requests_total{method="POST",status="0"} 1`,
		`coding_platform_environment_start_seconds_bucket{strategy="warm",le="0.1"} 1`,
		`coding_platform_environment_start_seconds_count{strategy="cold"} 2`,
		"coding_platform_sockets 7", "coding_platform_sessions 5", "coding_platform_database_connections 4",
		"coding_platform_database_connections_in_use 3", "coding_platform_database_waits_total 2", "coding_platform_database_wait_seconds_total 1.5",
		"go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(scrape.Body.String(), "\n"+want) {
			t.Errorf("the scrape has no line %q:\n%s", want, scrape.Body)
		}
	}
}

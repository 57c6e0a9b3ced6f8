package metrics

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const namespace = "coding_platform"

// Database is what a pool of connections tells.
type Database struct {
	Open, InUse int
	// Waits is how often a connection was waited for, Waited for how long in all.
	Waits  int64
	Waited time.Duration
}

// Sources are asked at each scrape; they must be quick. A nil one tells nothing.
type Sources struct {
	// Sockets are open on this replica, Sessions are driven by it.
	Sockets, Sessions func() int
	Database          func() Database
}

// Metrics are those of one process.
type Metrics struct {
	registry *prometheus.Registry
	scrape   http.Handler
	requests *prometheus.HistogramVec
	cluster  *prometheus.CounterVec
	starts   *prometheus.HistogramVec
}

// New makes the metrics of a program of this version.
func New(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "http_request_duration_seconds",
			Help: "How long requests took, by method, route and status; a WebSocket's ends when it is open.",
			// From what a look into the cache takes to what a client waits for at most.
			Buckets: []float64{.002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 30},
		}, []string{"method", "route", "status"}),
		cluster: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "kubernetes_requests_total",
			Help: "Requests to the API server, by method and status; status 0: none came. A watch counts once.",
		}, []string{"method", "status"}),
		starts: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "environment_start_seconds",
			Help: "How long environments took from being asked for to their agent's hello: warm ones were ready, cold ones were made.",
			// From a pod that waits to an image that is pulled.
			Buckets: []float64{.05, .1, .2, .3, .5, 1, 1.5, 2, 3, 5, 10, 30, 60, 300},
		}, []string{"strategy"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "1, with the program's version.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.cluster, m.starts, build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.scrape = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	return m
}

// Watch adds what is asked for at each scrape. It is called once.
func (m *Metrics) Watch(s Sources) {
	gauge := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, value))
	}
	counter := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, value))
	}
	if s.Sockets != nil {
		gauge("sockets", "WebSockets that are open on this replica.", func() float64 { return float64(s.Sockets()) })
	}
	if s.Sessions != nil {
		gauge("sessions", "Sessions whose environments and files this replica drives.", func() float64 { return float64(s.Sessions()) })
	}
	if s.Database != nil {
		gauge("database_connections", "Connections of the pool to PostgreSQL.", func() float64 { return float64(s.Database().Open) })
		gauge("database_connections_in_use", "Those that are in use.", func() float64 { return float64(s.Database().InUse) })
		counter("database_waits_total", "How often a connection was waited for.", func() float64 { return float64(s.Database().Waits) })
		counter("database_wait_seconds_total", "How long, in all.", func() float64 { return s.Database().Waited.Seconds() })
	}
}

// Request counts a request that has ended. An empty route is that of no handler.
func (m *Metrics) Request(method, route string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(knownMethod(method), route, strconv.Itoa(status)).Observe(took.Seconds())
}

// knownMethod bounds what a client can make of the label.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// Started counts an environment whose agent has said hello. strategy is backend.Environment's, without its reason; empty
// where there is one way only, which makes one.
func (m *Metrics) Started(strategy string, took time.Duration) {
	way, _, _ := strings.Cut(strategy, ":")
	if way == "" {
		way = "cold"
	}
	m.starts.WithLabelValues(way).Observe(took.Seconds())
}

// Cluster counts the requests that go through a transport to the API server.
func (m *Metrics) Cluster(next http.RoundTripper) http.RoundTripper {
	return counting{next, m.cluster}
}

type counting struct {
	next     http.RoundTripper
	requests *prometheus.CounterVec
}

// RoundTrip implements http.RoundTripper.
func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.next.RoundTrip(r)
	status := 0
	if err == nil {
		status = response.StatusCode
	}
	c.requests.WithLabelValues(r.Method, strconv.Itoa(status)).Inc()
	return response, err
}

// WrappedRoundTripper lets client-go find what it wraps, to close idle connections.
func (c counting) WrappedRoundTripper() http.RoundTripper { return c.next }

// ServeHTTP answers a scrape; it implements http.Handler.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.scrape.ServeHTTP(w, r)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"codingplatform/backend/metrics"
	"codingplatform/backend/postgres"
	"codingplatform/backend/relay"
	"codingplatform/backend/session"
)

// watch has the metrics tell of a replica's parts.
func watch(m *metrics.Metrics, store *postgres.Store, sessions *session.Manager, sockets *relay.Handler) {
	m.Watch(metrics.Sources{
		Sockets: sockets.Sockets, Sessions: sessions.Driven,
		Database: func() metrics.Database { return metrics.Database(store.Connections()) },
	})
}

// serveMetrics answers scrapes on a listener of their own, which no ingress reaches, until ctx ends.
func serveMetrics(ctx context.Context, listener net.Listener, m *metrics.Metrics) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes}
	closed := make(chan error, 1)
	defer context.AfterFunc(ctx, func() { closed <- server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return <-closed
}

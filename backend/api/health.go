package api

import (
	"context"
	"net/http"
	"time"

	"codingplatform/backend/reqctx"
)

// pingTimeout is shorter than the shortest time-out of a probe.
const pingTimeout = 2 * time.Second

type healthBody struct {
	Status  string            `json:"status"`
	Checks  map[string]string `json:"checks"`
	Version string            `json:"version"`
}

// live asks nobody: a database that is away is no reason to restart this process.
func (s *server) live(w http.ResponseWriter, r *http.Request) error {
	s.answer(w, r, http.StatusOK, healthBody{Status: "ok", Checks: map[string]string{"process": "ok"}, Version: s.cfg.Version})
	return nil
}

func (s *server) ready(w http.ResponseWriter, r *http.Request) error {
	body := healthBody{Status: "ok", Checks: map[string]string{"database": "ok", "draining": "ok"}, Version: s.cfg.Version}
	if err := s.ping(r.Context()); err != nil {
		body.Status, body.Checks["database"] = "unavailable", "does not answer"
		s.log.WarnContext(r.Context(), "database does not answer", "request_id", reqctx.RequestID(r.Context()), "error", err)
	}
	if s.cfg.Draining() {
		body.Status, body.Checks["draining"] = "unavailable", "this server is going"
	}
	status := http.StatusOK
	if body.Status != "ok" {
		status = http.StatusServiceUnavailable
	}
	s.answer(w, r, status, body)
	return nil
}

// ping asks the database once for all who want to know at the same moment: anybody may ask, and must not be
// able to use up its connections so.
func (s *server) ping(ctx context.Context) error {
	result := s.pings.DoChan("ping", func() (any, error) {
		// Of no caller: the others would fail with the first one that gives up.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pingTimeout)
		defer cancel()
		return nil, s.cfg.Store.Ping(ctx)
	})
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case r := <-result:
		return r.Err
	}
}

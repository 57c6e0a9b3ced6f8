package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// origins decides which web pages may use the API: those of the server's own origin and those that are listed.
type origins struct {
	listed     map[string]bool
	protection *http.CrossOriginProtection
}

func newOrigins(listed []string) (*origins, error) {
	o := &origins{listed: map[string]bool{}, protection: http.NewCrossOriginProtection()}
	for _, origin := range listed {
		if u, err := url.Parse(origin); err != nil || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("allowed origin %q: write it as scheme://host[:port]", origin)
		}
		if err := o.protection.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("allowed origin: %w", err)
		}
		o.listed[origin] = true
	}
	return o, nil
}

// cors answers preflights and lets the listed origins read answers. Others get no such header, and so their
// browsers keep the answer from them.
func (o *origins) cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		origin := r.Header.Get("Origin")
		allowed := origin != "" && o.listed[origin]
		if allowed {
			h.Set("Access-Control-Allow-Origin", origin)
			h.Set("Access-Control-Allow-Credentials", "true")
			h.Set("Access-Control-Expose-Headers", "Content-Disposition, ETag, Retry-After, X-Request-ID, X-Workspace-Revision")
		}
		if r.Method == http.MethodOptions {
			if allowed && r.Header.Get("Access-Control-Request-Method") != "" {
				h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
				h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match, If-None-Match, If-Range, Range, X-Request-ID")
				h.Set("Access-Control-Max-Age", "600")
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// check refuses what a page of another origin makes a signed-in browser send: calls that change something,
// and WebSockets, which no browser asks about beforehand. A bearer token is no cookie: no page can make a
// browser send it.
func (o *origins) check(r *http.Request) error {
	if bearer(r) != "" {
		return nil
	}
	err := o.protection.Check(r)
	if err == nil && strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		probe := &http.Request{Method: http.MethodPost, Host: r.Host, Header: r.Header}
		err = o.protection.Check(probe)
	}
	if err != nil {
		return &requestError{
			status: http.StatusForbidden, code: codeCrossOrigin, err: err,
			message: "the request comes from a page of another origin; add it to the allowed origins if it is yours",
		}
	}
	return nil
}

// guard is check as a middleware.
func (s *server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.origins.check(r); err != nil {
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

package api

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"codingplatform/backend/reqctx"
)

const (
	maxRequestID = 64
	maxUserAgent = 256
)

// identify gives the request an ID, that of the client when it is fit for a log line, and notes where it came
// from.
func (s *server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-ID")
		if !saneRequestID(id) {
			id = rand.Text()
		}
		w.Header().Set("X-Request-ID", id)
		agent := strings.ToValidUTF8(r.UserAgent(), "?")
		if len(agent) > maxUserAgent {
			agent = strings.ToValidUTF8(agent[:maxUserAgent], "")
		}
		ctx := reqctx.WithRequestID(r.Context(), id)
		ctx = reqctx.WithClient(ctx, reqctx.Client{Addr: s.clientAddr(r), UserAgent: agent})
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func saneRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.:", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// clientAddr is the address of the client. Behind a trusted proxy it is the last one that the proxy noted:
// those before it are the client's own words.
func (s *server) clientAddr(r *http.Request) string {
	if s.cfg.TrustProxy {
		// Several header lines are one list.
		forwarded := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
		last := strings.TrimSpace(forwarded[strings.LastIndexByte(forwarded, ',')+1:])
		if ip := net.ParseIP(last); ip != nil {
			return ip.String()
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// secure says whether the browser reached us over TLS.
func (s *server) secure(r *http.Request) bool {
	return s.cfg.SecureCookies || r.TLS != nil || s.cfg.TrustProxy && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// accessLog writes one line for each request when it ends. Queries and file names are not logged.
func (s *server) accessLog(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		answer := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		defer func() {
			level := slog.LevelInfo
			route := chi.RouteContext(r.Context()).RoutePattern()
			if route == "" || route == "/*" || strings.HasPrefix(route, "/api/health") {
				level = slog.LevelDebug
			}
			took := time.Since(start)
			if s.cfg.Observe != nil {
				s.cfg.Observe(r.Method, route, answer.Status(), took)
			}
			s.log.Log(r.Context(), level, "request",
				"request_id", reqctx.RequestID(r.Context()),
				"method", r.Method,
				"route", route,
				"status", answer.Status(),
				"bytes", answer.BytesWritten(),
				"duration", took,
				"remote_addr", reqctx.ClientOf(r.Context()).Addr,
			)
		}()
		next.ServeHTTP(answer, r)
	})
}

// panicError is a recovered panic, with where it happened.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.value, e.stack) }

// recoverPanics turns a panic into a 500. http.ErrAbortHandler is how a handler breaks a connection on purpose.
func (s *server) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			value := recover()
			if value == nil {
				return
			}
			if err, ok := value.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(value)
			}
			s.fail(w, r, &panicError{value: value, stack: debug.Stack()})
		}()
		next.ServeHTTP(w, r)
	})
}

package api

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/reqctx"
)

// problem is an RFC 9457 problem document.
type problem struct {
	Type            string            `json:"type"`
	Title           string            `json:"title"`
	Status          int               `json:"status"`
	Detail          string            `json:"detail"`
	Code            backend.Code      `json:"code"`
	Errors          map[string]string `json:"errors,omitempty"`
	CurrentRevision *int64            `json:"current_revision,omitempty"`
	RequestID       string            `json:"request_id"`

	retryAfter time.Duration
}

// requestError is an error of the transport: the request itself cannot be understood or allowed.
type requestError struct {
	status  int
	code    backend.Code
	message string
	fields  map[string]string
	err     error
}

func (e *requestError) Error() string {
	if e.err != nil {
		return e.message + ": " + e.err.Error()
	}
	return e.message
}

func (e *requestError) Unwrap() error { return e.err }

// badRequest is a request that cannot be read at all.
func badRequest(message string, err error) error {
	return &requestError{status: http.StatusBadRequest, code: backend.CodeInvalid, message: message, err: err}
}

// invalid is input that can be read but not be taken, with the message at its field.
func invalid(field, message string) error {
	return &backend.Error{Code: backend.CodeInvalid, Message: "the input is not valid", Fields: map[string]string{field: message}}
}

// statusClientGone is what the log says of a request whose client did not wait; nobody reads the answer.
const statusClientGone = 499

// problemOf says what a client is told of err. Details of internal errors stay in the log.
func problemOf(err error) problem {
	if late, ok := errors.AsType[*lateError](err); ok {
		p := problemOf(late.err)
		p.Detail = late.said() + p.Detail
		return p
	}
	if request, ok := errors.AsType[*requestError](err); ok {
		return newProblem(request.status, request.code, request.message, request.fields)
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return newProblem(http.StatusRequestEntityTooLarge, backend.CodeTooLarge,
			"the request's body is larger than the "+strconv.FormatInt(tooLarge.Limit, 10)+" bytes that are taken here", nil)
	}
	domain, ok := errors.AsType[*backend.Error](err)
	switch {
	case !ok && errors.Is(err, context.Canceled):
		return newProblem(statusClientGone, backend.CodeUnavailable, "the request was given up", nil)
	case !ok && errors.Is(err, context.DeadlineExceeded):
		p := newProblem(http.StatusServiceUnavailable, backend.CodeUnavailable, "this took too long; try again", nil)
		p.retryAfter = time.Second
		return p
	case !ok || statusOf(domain.Code) == http.StatusInternalServerError:
		return newProblem(http.StatusInternalServerError, backend.CodeInternal,
			"something went wrong in the server; the request_id finds it in the log", nil)
	}
	p := newProblem(statusOf(domain.Code), domain.Code, domain.Message, domain.Fields)
	switch domain.Code { //nolint:exhaustive // only these say more than the rest
	case backend.CodeConflict:
		p.CurrentRevision = &domain.Revision
	case backend.CodeStaleLease:
		p.Code, p.Detail, p.retryAfter = backend.CodeUnavailable, "the session is being taken over by another server; try again", time.Second
	case backend.CodeRateLimited, backend.CodeUnavailable:
		p.retryAfter = max(domain.RetryAfter, time.Second)
	}
	return p
}

func newProblem(status int, code backend.Code, detail string, fields map[string]string) problem {
	title := http.StatusText(status)
	if title == "" {
		title = "Client Closed Request"
	}
	return problem{Type: "about:blank", Title: title, Status: status, Detail: detail, Code: code, Errors: fields}
}

// fail answers a request with err and logs what the client is not told.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	p.RequestID = reqctx.RequestID(r.Context())
	switch p.Status {
	case http.StatusInternalServerError:
		s.log.ErrorContext(r.Context(), "request failed", "request_id", p.RequestID, "error", err)
	case http.StatusServiceUnavailable:
		s.log.WarnContext(r.Context(), "request not served", "request_id", p.RequestID, "error", err)
	}
	if answer, ok := w.(interface{ Status() int }); ok && answer.Status() != 0 {
		// The answer has begun: only a broken connection still tells the client that it is not whole.
		panic(http.ErrAbortHandler)
	}
	h := w.Header()
	for _, name := range []string{"Content-Length", "Content-Disposition", "Content-Encoding", "ETag", "Last-Modified"} {
		h.Del(name)
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64(math.Ceil(p.retryAfter.Seconds())), 10))
	}
	s.write(w, r, p.Status, p)
}

// answer writes value as JSON.
func (s *server) answer(w http.ResponseWriter, r *http.Request, status int, value any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	s.write(w, r, status, value)
}

func (s *server) write(w http.ResponseWriter, r *http.Request, status int, value any) {
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		// The connection is gone; what was asked for has been done.
		s.log.DebugContext(r.Context(), "answer not delivered", "request_id", reqctx.RequestID(r.Context()), "error", err)
	}
}

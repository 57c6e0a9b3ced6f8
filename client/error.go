package client

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/coder/websocket"
)

// What ends a terminal or a call for good. Use errors.Is: the error itself has the server's words.
var (
	// ErrBadRequest: the server does not understand what was asked for.
	ErrBadRequest = errors.New("the server does not accept the request")
	// ErrUnauthenticated: there is no token, or it is no longer good.
	ErrUnauthenticated = errors.New("not signed in")
	// ErrForbidden: access was revoked, has expired, or never allowed this.
	ErrForbidden = errors.New("not allowed")
	// ErrNotFound: there is no such session or terminal, or it is not the user's.
	ErrNotFound = errors.New("not found")
	// ErrReplaced: the same client ID has connected from elsewhere.
	ErrReplaced = errors.New("replaced by a newer connection of the same client")
	// ErrEnded: the server closed the terminal without an exit, for example because the environment was stopped.
	ErrEnded = errors.New("the terminal was closed")
	// ErrRestarted: another program stands behind the terminal's name than the one that the stream began with.
	ErrRestarted = errors.New("the terminal was started anew")
	// ErrInputLost: the server misses input that is no longer kept.
	ErrInputLost = errors.New("input was lost")
	// ErrViewOnly: this viewer may not type.
	ErrViewOnly = errors.New("this terminal may only be looked at")
	// ErrClosed: Run has returned.
	ErrClosed = errors.New("the client has ended")
)

// Close codes of docs/api/websocket.md beside the standard ones.
const (
	closeBadRequest      websocket.StatusCode = 4400
	closeUnauthenticated websocket.StatusCode = 4401
	closeForbidden       websocket.StatusCode = 4403
	closeNotFound        websocket.StatusCode = 4404
	closeReplaced        websocket.StatusCode = 4409
)

// CloseError is a close of the server after which the client does not come back.
type CloseError struct {
	// Code is the WebSocket close code, or 0 when the server refused the handshake.
	Code int
	// Reason is the server's words, if it had any.
	Reason string
	kind   error
}

// Error implements error.
func (e *CloseError) Error() string {
	if e.Reason == "" || e.Reason == e.kind.Error() {
		return e.kind.Error()
	}
	return fmt.Sprintf("%s: %s", e.kind, e.Reason)
}

// Unwrap gives the sentinel to errors.Is.
func (e *CloseError) Unwrap() error { return e.kind }

// final answers what a close means when the client shall not come back, else nil.
func final(code websocket.StatusCode, reason string) error {
	kinds := map[websocket.StatusCode]error{
		websocket.StatusNormalClosure: ErrEnded,
		closeBadRequest:               ErrBadRequest,
		closeUnauthenticated:          ErrUnauthenticated,
		closeForbidden:                ErrForbidden,
		closeNotFound:                 ErrNotFound,
		closeReplaced:                 ErrReplaced,
	}
	kind, ok := kinds[code]
	if !ok {
		return nil
	}
	return &CloseError{Code: int(code), Reason: reason, kind: kind}
}

// restarting says whether the server asked to come back at once.
func restarting(code websocket.StatusCode) bool {
	return code == websocket.StatusGoingAway || code == websocket.StatusServiceRestart
}

// ProblemError is an answer of the HTTP API that is no success (RFC 9457).
type ProblemError struct {
	Status int               `json:"status"`
	Code   string            `json:"code"`
	Title  string            `json:"title"`
	Detail string            `json:"detail"`
	Errors map[string]string `json:"errors"`
}

// Error implements error.
func (p *ProblemError) Error() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	if text == "" {
		text = http.StatusText(p.Status)
	}
	return fmt.Sprintf("%s (%d)", text, p.Status)
}

// Is maps the status to this package's sentinels.
func (p *ProblemError) Is(target error) bool {
	switch p.Status {
	case http.StatusUnauthorized:
		return target == ErrUnauthenticated
	case http.StatusForbidden:
		return target == ErrForbidden
	case http.StatusNotFound:
		return target == ErrNotFound
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return target == ErrBadRequest
	}
	return false
}

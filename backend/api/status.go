package api

import (
	"net/http"

	"codingplatform/backend"
)

// Codes that only the transport needs, beside those of the domain.
const (
	codeCrossOrigin      backend.Code = "cross_origin"
	codeMethodNotAllowed backend.Code = "method_not_allowed"
)

// statusOf returns the HTTP status of a code. A code that is not listed is a defect and becomes 500.
func statusOf(code backend.Code) int {
	switch code {
	case backend.CodeInvalid:
		return http.StatusUnprocessableEntity
	case backend.CodeUnauthenticated:
		return http.StatusUnauthorized
	case backend.CodeForbidden, codeCrossOrigin:
		return http.StatusForbidden
	case backend.CodeNotFound:
		return http.StatusNotFound
	case codeMethodNotAllowed:
		return http.StatusMethodNotAllowed
	case backend.CodeAlreadyExists, backend.CodeConflict:
		return http.StatusConflict
	case backend.CodePreconditionFailed:
		return http.StatusPreconditionFailed
	case backend.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case backend.CodeRateLimited:
		return http.StatusTooManyRequests
	case backend.CodeUnavailable, backend.CodeStaleLease:
		// A stale lease is another replica having taken over meanwhile: the same call works in a moment.
		return http.StatusServiceUnavailable
	case backend.CodeInternal:
		return http.StatusInternalServerError
	default:
		return http.StatusInternalServerError
	}
}

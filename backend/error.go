package backend

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Code says what kind of error it is; each has one HTTP status.
type Code string

// The codes. They are part of the HTTP API and never change their meaning.
const (
	CodeInvalid            Code = "invalid_input"
	CodeUnauthenticated    Code = "unauthenticated"
	CodeForbidden          Code = "forbidden"
	CodeNotFound           Code = "not_found"
	CodeAlreadyExists      Code = "already_exists"
	CodeConflict           Code = "conflict"
	CodePreconditionFailed Code = "precondition_failed"
	CodeTooLarge           Code = "too_large"
	CodeRateLimited        Code = "rate_limited"
	CodeUnavailable        Code = "unavailable"
	CodeStaleLease         Code = "stale_lease"
	CodeInternal           Code = "internal"
)

// Error is the one error type that crosses package borders with a meaning.
type Error struct {
	Code Code
	// Message is for the user: what is wrong and what to do.
	Message string
	// Fields holds messages by input field; only for CodeInvalid and CodeAlreadyExists.
	Fields map[string]string
	// Revision is the current revision; only for CodeConflict.
	Revision int64
	// RetryAfter is how long to wait before trying again; only for CodeRateLimited and CodeUnavailable, 0: unknown.
	RetryAfter time.Duration
	// Err is the cause, for the log.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	// Errorf has the cause in its message.
	if e.Err != nil && !strings.HasSuffix(e.Message, e.Err.Error()) {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return string(e.Code) + ": " + e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an error with a code. A %w in the format becomes the cause.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Err: errors.Unwrap(err)}
}

// CodeOf returns the code of the first Error in err's chain, CodeInternal when there is none, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

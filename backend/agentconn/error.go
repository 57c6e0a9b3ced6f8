package agentconn

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"

	"connectrpc.com/connect"

	"codingplatform/backend"
)

// Error gives an error of a call to the agent its Code and, for people, what was attempted. It is the only
// place that maps Connect's codes. An Error of our own side keeps its Code, unless it comes by way of Connect: then it is
// the dialer's, and the call's Code is Connect's.
func Error(attempted string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	code, message := backend.CodeInternal, err.Error()
	own, isOwn := errors.AsType[*backend.Error](err)
	if ce, ok := errors.AsType[*connect.Error](err); ok {
		code, message = codeOf(ce.Code()), ce.Message()
		// Connect calls a connection that broke in the middle of a message a protocol error. What the agent has not said
		// is the connection's.
		if code == backend.CodeInternal && !connect.IsWireError(err) {
			code = backend.CodeUnavailable
		}
	} else if isOwn {
		code = own.Code
	}
	if isOwn {
		message = own.Message
	}
	if errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		code = backend.CodeUnavailable
	}
	return &backend.Error{Code: code, Message: attempted + ": " + message, Err: err}
}

func codeOf(c connect.Code) backend.Code {
	switch c {
	case connect.CodeInvalidArgument, connect.CodeOutOfRange:
		return backend.CodeInvalid
	case connect.CodeNotFound:
		return backend.CodeNotFound
	case connect.CodeAlreadyExists:
		return backend.CodeAlreadyExists
	case connect.CodeAborted:
		return backend.CodeConflict
	case connect.CodeFailedPrecondition:
		return backend.CodePreconditionFailed
	case connect.CodeResourceExhausted:
		return backend.CodeTooLarge
	case connect.CodeUnavailable, connect.CodeDeadlineExceeded, connect.CodeCanceled:
		return backend.CodeUnavailable
	case connect.CodePermissionDenied, connect.CodeUnauthenticated:
		return backend.CodeUnauthenticated
	case connect.CodeUnknown, connect.CodeInternal, connect.CodeUnimplemented, connect.CodeDataLoss:
		return backend.CodeInternal
	}
	return backend.CodeInternal
}

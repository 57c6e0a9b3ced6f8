package rpc

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	"codingplatform/agent/process"
	"codingplatform/agent/program"
	"codingplatform/agent/terminal"
)

// asConnect gives an error its code. Errors that have one already keep it.
func asConnect(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*connect.Error](err); ok {
		return err
	}
	for _, m := range []struct {
		is   error
		code connect.Code
	}{
		{terminal.ErrNotFound, connect.CodeNotFound},
		{terminal.ErrExists, connect.CodeAlreadyExists},
		{terminal.ErrInvalid, connect.CodeInvalidArgument},
		{program.ErrInvalid, connect.CodeInvalidArgument},
		{terminal.ErrTooMany, connect.CodeResourceExhausted},
		{process.ErrTooMany, connect.CodeResourceExhausted},
		{terminal.ErrInputHole, connect.CodeOutOfRange},
		{terminal.ErrViewOnly, connect.CodePermissionDenied},
		{terminal.ErrReplaced, connect.CodeAborted},
		{terminal.ErrStopping, connect.CodeUnavailable},
		{context.Canceled, connect.CodeCanceled},
		{context.DeadlineExceeded, connect.CodeDeadlineExceeded},
	} {
		if errors.Is(err, m.is) {
			return connect.NewError(m.code, err)
		}
	}
	return connect.NewError(connect.CodeInternal, err)
}

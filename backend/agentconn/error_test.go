package agentconn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"connectrpc.com/connect"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	agentv1 "codingplatform/proto/gen/agent/v1"
	"codingplatform/proto/gen/agent/v1/agentv1connect"
)

// TestErrors: what an agent answers is told from a connection that breaks, which is only tried again.
func TestErrors(t *testing.T) {
	t.Parallel()
	lost := errors.New("http2: client connection lost")
	for _, test := range []struct {
		name string
		err  error
		want backend.Code
	}{
		{"cut in the middle of a message", connect.NewError(connect.CodeInternal, fmt.Errorf("protocol error: incomplete envelope: %w", lost)), backend.CodeUnavailable},
		{"cut before an answer", connect.NewError(connect.CodeUnknown, lost), backend.CodeUnavailable},
		{"no address", connect.NewError(connect.CodeUnavailable, io.EOF), backend.CodeUnavailable},
		{"no address of an environment that is gone", connect.NewError(connect.CodeUnavailable, backend.Errorf(backend.CodeNotFound, "the environment is gone")), backend.CodeUnavailable},
		{"a lease that was lost meanwhile", fmt.Errorf("commit: %w", backend.Errorf(backend.CodeStaleLease, "another replica has it")), backend.CodeStaleLease},
		{"a program's own", io.ErrUnexpectedEOF, backend.CodeUnavailable},
		{"none of these", errors.New("a mistake"), backend.CodeInternal},
	} {
		if got := backend.CodeOf(agentconn.Error("ask", test.err)); got != test.want {
			t.Errorf("%s is %s, want %s", test.name, got, test.want)
		}
	}
	var gone *backend.Error
	err := agentconn.Error("ask", connect.NewError(connect.CodeUnavailable, backend.Errorf(backend.CodeUnavailable, "the agent does not listen")))
	if !errors.As(err, &gone) || gone.Message != "ask: the agent does not listen" {
		t.Errorf("people are told %v", err)
	}
	if err := agentconn.Error("ask", context.Canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("a call that was given up is %v", err)
	}
}

// failing answers each call with an error of its own.
type failing struct {
	agentv1connect.UnimplementedAgentServiceHandler
	code connect.Code
}

// Status implements agentv1connect.AgentServiceHandler.
func (f failing) Status(context.Context, *connect.Request[agentv1.StatusRequest]) (*connect.Response[agentv1.StatusResponse], error) {
	return nil, connect.NewError(f.code, errors.New("so it is"))
}

func TestErrorsOfTheAgent(t *testing.T) {
	t.Parallel()
	for code, want := range map[connect.Code]backend.Code{
		connect.CodeInternal: backend.CodeInternal, connect.CodeUnknown: backend.CodeInternal, connect.CodeNotFound: backend.CodeNotFound,
		connect.CodeAborted: backend.CodeConflict, connect.CodeFailedPrecondition: backend.CodePreconditionFailed,
		connect.CodeUnavailable: backend.CodeUnavailable, connect.CodePermissionDenied: backend.CodeUnauthenticated,
	} {
		mux := http.NewServeMux()
		mux.Handle(agentv1connect.NewAgentServiceHandler(failing{code: code}))
		server := httptest.NewServer(mux)
		_, err := agentv1connect.NewAgentServiceClient(server.Client(), server.URL).Status(t.Context(), connect.NewRequest(&agentv1.StatusRequest{}))
		if got := backend.CodeOf(agentconn.Error("ask", err)); got != want {
			t.Errorf("an agent's %s is %s, want %s", code, got, want)
		}
		server.Close()
	}
}

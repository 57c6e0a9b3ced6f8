package agentconn_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	agentv1 "codingplatform/proto/gen/agent/v1"
	"codingplatform/proto/gen/agent/v1/agentv1connect"
)

// agentOf is the greeting of an agent of other versions than this one: a real one of now has one.
type agentOf struct {
	agentv1connect.UnimplementedAgentServiceHandler
	oldest, newest uint32
	// answers a version that nobody asked for, if it is not 0.
	answers uint32
}

// Hello implements agentv1connect.AgentServiceHandler.
func (a agentOf) Hello(_ context.Context, r *connect.Request[agentv1.HelloRequest]) (*connect.Response[agentv1.HelloResponse], error) {
	spoken := min(a.newest, r.Msg.GetMaxProtocol())
	if a.answers != 0 {
		spoken = a.answers
	} else if spoken < a.oldest || spoken < r.Msg.GetMinProtocol() {
		return nil, connect.NewError(connect.CodeFailedPrecondition, fmt.Errorf("no common protocol: the agent speaks %d to %d", a.oldest, a.newest))
	}
	return connect.NewResponse(&agentv1.HelloResponse{
		Protocol: spoken, SessionId: r.Msg.GetSessionId(), EnvironmentId: r.Msg.GetEnvironmentId(), Incarnation: "i", Version: "2.0",
	}), nil
}

// at is a runtime whose environments are all at one address, and the credentials for it.
type at struct {
	backend.Runtime
	server *httptest.Server
}

// Dial implements backend.Runtime.
func (a at) Dial(ctx context.Context, _ backend.Environment) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp", a.server.Listener.Addr().String())
}

// ClientConfig implements agentconn.Credentials.
func (a at) ClientConfig(backend.SessionID, backend.EnvironmentID) (*tls.Config, error) {
	roots := x509.NewCertPool()
	roots.AddCert(a.server.Certificate())
	return &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}}, nil
}

// TestAgentsOfOtherVersions are served where there is a version in common, and refused in words where not: on either
// side, for the backend may be the older one or the newer.
func TestAgentsOfOtherVersions(t *testing.T) {
	t.Parallel()
	const now = agentconn.NewestProtocol
	for _, test := range []struct {
		name  string
		agent agentOf
		words string // of the refusal; none: it is served
	}{
		{"of now", agentOf{oldest: now, newest: now}, ""},
		{"newer, and knows this one's", agentOf{oldest: agentconn.OldestProtocol, newest: now + 3}, ""},
		{"newer, and does not", agentOf{oldest: now + 1, newest: now + 3}, "no common protocol"},
		{"older than what is known", agentOf{oldest: 0, newest: agentconn.OldestProtocol - 1}, "no common protocol"},
		{"newer, and does not ask", agentOf{answers: now + 1}, "stop the session and start it again"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			mux := http.NewServeMux()
			mux.Handle(agentv1connect.NewAgentServiceHandler(test.agent))
			server := httptest.NewUnstartedServer(mux)
			server.EnableHTTP2 = true
			server.StartTLS()
			t.Cleanup(server.Close)
			place := at{server: server}
			conn, err := agentconn.Connect(t.Context(), place, place, "test", backend.Environment{ID: "e", SessionID: "s"})
			if err == nil {
				conn.Close()
			}
			switch {
			case test.words == "" && err != nil:
				t.Errorf("it is refused: %v", err)
			case test.words != "" && (backend.CodeOf(err) != backend.CodePreconditionFailed || !strings.Contains(err.Error(), test.words)):
				t.Errorf("it is answered with %v, want a refusal with %q", err, test.words)
			}
		})
	}
}

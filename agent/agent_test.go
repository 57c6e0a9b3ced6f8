package agent_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"codingplatform/agent"
	"codingplatform/agent/agenttest"
	"codingplatform/agent/identity"
	agentv1 "codingplatform/proto/gen/agent/v1"
	"codingplatform/proto/gen/agent/v1/agentv1connect"
)

func hello(session, environment string) *connect.Request[agentv1.HelloRequest] {
	return connect.NewRequest(&agentv1.HelloRequest{MinProtocol: 1, MaxProtocol: 1, SessionId: session, EnvironmentId: environment, Replica: "test"})
}

func TestHello(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, nil)
	answer, err := a.Agent.Hello(t.Context(), hello(agenttest.SessionID, agenttest.EnvironmentID))
	if err != nil || answer.Msg.GetIncarnation() != a.Incarnation || answer.Msg.GetVersion() != "test" {
		t.Fatalf("%v %v", answer, err)
	}
	for _, wrong := range [][2]string{{"other", agenttest.EnvironmentID}, {agenttest.SessionID, "other"}} {
		if _, err := a.Agent.Hello(t.Context(), hello(wrong[0], wrong[1])); connect.CodeOf(err) != connect.CodeFailedPrecondition {
			t.Errorf("hello for %v: %v", wrong, err)
		}
	}
	// A backend may be older or newer than the agent, as long as they have a version in common.
	for _, test := range []struct {
		oldest, newest uint32
		served         bool
	}{{1, 1, true}, {1, 7, true}, {0, 1, true}, {2, 7, false}, {0, 0, false}, {1000, 1001, false}} {
		request := hello(agenttest.SessionID, agenttest.EnvironmentID)
		request.Msg.MinProtocol, request.Msg.MaxProtocol = test.oldest, test.newest
		answer, err := a.Agent.Hello(t.Context(), request)
		switch {
		case test.served && (err != nil || answer.Msg.GetProtocol() < test.oldest || answer.Msg.GetProtocol() > test.newest):
			t.Errorf("a backend of versions %d to %d: %v, %v", test.oldest, test.newest, answer, err)
		case !test.served && (connect.CodeOf(err) != connect.CodeFailedPrecondition || !strings.Contains(err.Error(), "no common protocol")):
			t.Errorf("a backend of versions %d to %d: %v, want a refusal", test.oldest, test.newest, err)
		}
	}
}

func TestOnlyBackendsMayCall(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, nil)
	stranger := agenttest.NewAuthority(t)
	for name, client := range map[string]*http.Client{
		"nobody":                    a.Client(t, a.Authority.Client("")),
		"another agent":             a.Client(t, a.Authority.Client(identity.AgentURI("other", "other"))),
		"itself":                    a.Client(t, a.Authority.Client(identity.AgentURI(agenttest.SessionID, agenttest.EnvironmentID))),
		"another authority's agent": a.Client(t, stranger.Client(identity.BackendURI)),
	} {
		calls := agentv1connect.NewAgentServiceClient(client, "https://agent")
		if _, err := calls.Hello(t.Context(), hello(agenttest.SessionID, agenttest.EnvironmentID)); err == nil {
			t.Errorf("%s may call", name)
		}
		client.CloseIdleConnections()
	}
}

func TestHealthNeedsNoSecrets(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, nil)
	for path, want := range map[string]int{"/healthz": http.StatusNoContent, "/readyz": http.StatusNoContent, "/": http.StatusNotFound} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.Health+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil || res.StatusCode != want {
			t.Errorf("%s answers %d, %v", path, res.StatusCode, err)
		}
	}
}

func TestOrphanEnds(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, func(o *agent.Options) { o.OrphanTimeout = 50 * time.Millisecond })
	if err := a.Wait(); !errors.Is(err, agent.ErrOrphaned) {
		t.Errorf("it ended with %v", err)
	}
}

func TestRunProcess(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, nil)
	run := func(request *agentv1.RunProcessRequest) (string, string, *agentv1.ProcessExit) {
		t.Helper()
		var stdout, stderr strings.Builder
		var exit *agentv1.ProcessExit
		stream, err := a.Processes.RunProcess(t.Context(), connect.NewRequest(request))
		if err != nil {
			t.Fatal(err)
		}
		for stream.Receive() {
			stdout.Write(stream.Msg().GetStdout())
			stderr.Write(stream.Msg().GetStderr())
			exit = stream.Msg().GetExit()
		}
		if err := errors.Join(stream.Err(), stream.Close()); err != nil {
			t.Fatal(err)
		}
		return stdout.String(), stderr.String(), exit
	}
	stdout, stderr, exit := run(&agentv1.RunProcessRequest{
		Command: []string{"sh", "-c", "cat; echo problem >&2; exit 3"}, Stdin: []byte("to be read"),
	})
	if exit.GetCode() != 3 || stdout != "to be read" || stderr != "problem\n" {
		t.Errorf("exit %v, stdout %q, stderr %q", exit, stdout, stderr)
	}
	if _, _, exit := run(&agentv1.RunProcessRequest{Command: []string{"sleep", "1000"}, TimeoutMs: 20}); exit.GetSignal() != "SIGTERM" || exit.GetReason() == "" {
		t.Errorf("after its time: %v", exit)
	}
	if stdout, _, exit := run(&agentv1.RunProcessRequest{Command: []string{"seq", "100000"}, MaxOutputBytes: 10}); len(stdout) != 10 || !exit.GetTruncated() {
		t.Errorf("%d bytes of at most 10, %v", len(stdout), exit)
	}
	stream, err := a.Processes.RunProcess(t.Context(), connect.NewRequest(&agentv1.RunProcessRequest{Command: []string{"true"}, Cwd: "../.."}))
	if err == nil {
		for stream.Receive() {
			t.Errorf("ran outside of the workspace: %v", stream.Msg())
		}
		err = stream.Err()
	}
	if connect.CodeOf(err) != connect.CodeInvalidArgument {
		t.Errorf("a folder outside: %v", err)
	}
}

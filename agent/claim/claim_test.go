package claim_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"

	"connectrpc.com/connect"

	"codingplatform/agent/agenttest"
	"codingplatform/agent/claim"
	"codingplatform/agent/identity"
	agentv1 "codingplatform/proto/gen/agent/v1"
	"codingplatform/proto/gen/agent/v1/agentv1connect"
)

// waiting is an agent that nobody has claimed yet.
type waiting struct {
	authority        *agenttest.Authority
	listener, health net.Listener
	claimed          chan claim.Claimed
	client           agentv1connect.ClaimServiceClient
}

func start(t *testing.T) *waiting {
	t.Helper()
	var config net.ListenConfig
	listen := func() net.Listener {
		l, err := config.Listen(t.Context(), "tcp", "localhost:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	w := &waiting{authority: agenttest.NewAuthority(t), listener: listen(), health: listen(), claimed: make(chan claim.Claimed, 1)}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		claimed, err := claim.Wait(ctx, claim.Config{
			Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Identity: w.authority.Unclaimed("e"), Version: "v",
			Listener: w.listener, Health: w.health,
		})
		switch {
		case err == nil:
			w.claimed <- claimed
		case !errors.Is(err, context.Canceled):
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	w.client = w.dial(t, identity.BackendURI)
	return w
}

func (w *waiting) dial(t *testing.T, uri string) agentv1connect.ClaimServiceClient {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: w.authority.Client(uri)}
	t.Cleanup(transport.CloseIdleConnections)
	return agentv1connect.NewClaimServiceClient(&http.Client{Transport: transport}, "https://"+w.listener.Addr().String())
}

func request(t *testing.T, id identity.Identity) *connect.Request[agentv1.ClaimRequest] {
	t.Helper()
	content, err := json.Marshal(id)
	if err != nil {
		t.Fatal(err)
	}
	return connect.NewRequest(&agentv1.ClaimRequest{MinProtocol: 1, MaxProtocol: 1, Identity: content, Env: []string{"A=b"}})
}

// TestClaimIsTakenOnce has many backends claim one agent at once.
func TestClaimIsTakenOnce(t *testing.T) {
	t.Parallel()
	w := start(t)
	response, err := http.Get("http://" + w.health.Addr().String() + "/readyz")
	if err != nil || response.StatusCode != http.StatusNoContent {
		t.Fatalf("readyz before the claim: %v, %v", response, err)
	}
	_ = response.Body.Close()

	sessions := []string{"s0", "s1", "s2", "s3", "s4", "s5"}
	errs := make([]error, len(sessions))
	var group sync.WaitGroup
	for i, session := range sessions {
		client, message := w.dial(t, identity.BackendURI), request(t, w.authority.Agent(session, "e"))
		group.Go(func() { _, errs[i] = client.Claim(t.Context(), message) })
	}
	claimed := <-w.claimed
	// The socket listens on, for the session's agent: who came too late for the claim is in its queue.
	met := make(chan int)
	go func() {
		count := 0
		for {
			conn, err := w.listener.Accept()
			if err != nil {
				met <- count
				return
			}
			count++
			_ = conn.Close()
		}
	}()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a connection after the claim: %v, want it accepted and closed", err)
	}
	group.Wait()
	if err := errors.Join(conn.Close(), w.listener.Close()); err != nil {
		t.Error(err)
	}
	if count := <-met; count < 1 {
		t.Error("nobody was accepted after the claim")
	}
	for i, session := range sessions {
		if won := errs[i] == nil; won != (session == claimed.Identity.SessionID) {
			t.Errorf("session %s was answered %v; the agent is that of %s", session, errs[i], claimed.Identity.SessionID)
		}
	}
	if claimed.Identity.EnvironmentID != "e" || !slices.Equal(claimed.Env, []string{"A=b"}) {
		t.Errorf("the agent was told %s, %q", claimed.Identity.EnvironmentID, claimed.Env)
	}
}

// TestClaimIsRefused: each changes nothing, so that the whole one at the end is taken.
func TestClaimIsRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	good := w.authority.Agent("s", "e")
	another := w.authority.Agent("s", "f")
	renamed := another
	renamed.EnvironmentID = "e"
	newer, env := request(t, good), request(t, good)
	newer.Msg.MinProtocol, newer.Msg.MaxProtocol = 1000, 1001
	env.Msg.Env = []string{"=b"}
	for _, test := range []struct {
		name    string
		request *connect.Request[agentv1.ClaimRequest]
		uri     string
		// want 0 is a refused handshake.
		want connect.Code
	}{
		{"another environment's", request(t, another), identity.BackendURI, connect.CodeFailedPrecondition},
		{"another's certificate", request(t, renamed), identity.BackendURI, connect.CodeInvalidArgument},
		{"no session's", request(t, w.authority.Unclaimed("e")), identity.BackendURI, connect.CodeInvalidArgument},
		{"no identity", connect.NewRequest(&agentv1.ClaimRequest{MinProtocol: 1, MaxProtocol: 1}), identity.BackendURI, connect.CodeInvalidArgument},
		{"a newer protocol", newer, identity.BackendURI, connect.CodeFailedPrecondition},
		{"an environment without a name", env, identity.BackendURI, connect.CodeInvalidArgument},
		{"not a backend", request(t, good), identity.AgentURI("s", "e"), 0},
		{"an agent that waits as well", request(t, good), identity.UnclaimedURI("f"), 0},
	} {
		if _, err := w.dial(t, test.uri).Claim(t.Context(), test.request); err == nil || test.want != 0 && connect.CodeOf(err) != test.want {
			t.Errorf("%s: %v, want code %d", test.name, err, test.want)
		}
	}
	select {
	case claimed := <-w.claimed:
		t.Fatalf("it was taken for %s", claimed.Identity.SessionID)
	default:
	}
	if _, err := w.client.Claim(t.Context(), request(t, good)); err != nil {
		t.Fatal(err)
	}
	if claimed := <-w.claimed; claimed.Identity.SessionID != "s" {
		t.Errorf("the agent is that of %s", claimed.Identity.SessionID)
	}
}

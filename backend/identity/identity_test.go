package identity

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	agentidentity "codingplatform/agent/identity"
	"codingplatform/backend"
)

func open(t *testing.T, dir string) *Authority {
	t.Helper()
	a, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// server is the configuration of an agent, made from what the agent reads.
func server(t *testing.T, a *Authority, session backend.SessionID, environment backend.EnvironmentID) *tls.Config {
	t.Helper()
	bundle, err := a.IssueAgent(session, environment)
	if err != nil {
		t.Fatal(err)
	}
	id, err := agentidentity.Load("-", bytes.NewReader(bundle))
	if err != nil {
		t.Fatal(err)
	}
	config, err := id.ServerTLS()
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// handshake returns what the client and the server say; both have read from the other when there is no error.
func handshake(t *testing.T, serverConfig, clientConfig *tls.Config) (clientErr, serverErr error) {
	t.Helper()
	c, s := net.Pipe()
	defer func() { _ = c.Close() }()
	deadline := time.Now().Add(20 * time.Second)
	if err := errors.Join(c.SetDeadline(deadline), s.SetDeadline(deadline)); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		conn := tls.Server(s, serverConfig)
		err := conn.HandshakeContext(t.Context())
		if err == nil {
			_, err = conn.Write([]byte("x"))
		}
		_ = s.Close()
		done <- err
	}()
	conn := tls.Client(c, clientConfig)
	clientErr = conn.HandshakeContext(t.Context())
	if clientErr == nil {
		// In TLS 1.3 a refused client certificate shows on the first read.
		_, clientErr = conn.Read(make([]byte, 1))
	}
	_ = c.Close()
	return clientErr, <-done
}

func client(t *testing.T, a *Authority, session backend.SessionID, environment backend.EnvironmentID) *tls.Config {
	t.Helper()
	config, err := a.ClientConfig(session, environment)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// unclaimedServer is the configuration of an agent that waits for a session.
func unclaimedServer(t *testing.T, a *Authority, environment backend.EnvironmentID) *tls.Config {
	t.Helper()
	bundle, err := a.IssueUnclaimed(environment)
	if err != nil {
		t.Fatal(err)
	}
	id, err := agentidentity.Parse(bundle)
	if err != nil {
		t.Fatal(err)
	}
	if !id.Unclaimed() {
		t.Fatal("the identity of an unclaimed agent has a session")
	}
	config, err := id.ServerTLS()
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func claimant(t *testing.T, a *Authority, session backend.SessionID) *tls.Config {
	t.Helper()
	config, err := a.ClaimConfig(session, "e1")
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func TestHandshake(t *testing.T) {
	dir := t.TempDir()
	ours, others := open(t, dir), open(t, t.TempDir())
	agent := server(t, ours, "s1", "e1")

	otherClient := client(t, others, "s1", "e1")
	// A client that trusts anybody, to see the agent's refusal.
	blind := otherClient.Clone()
	blind.VerifyConnection = nil
	none := client(t, ours, "s1", "e1")
	none.GetClientCertificate = nil
	// An agent that attacks another one with its own certificate.
	attacker := none.Clone()
	attacker.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return &server(t, ours, "s1", "e1").Certificates[0], nil
	}
	old := client(t, ours, "s1", "e1")
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	// The backend's certificate at a listener: no agent either.
	backendCert, err := ours.cas[0].clientCertificate(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	impostor := agent.Clone()
	impostor.Certificates = []tls.Certificate{*backendCert}

	for name, test := range map[string]struct {
		server, client *tls.Config
		ok             bool
		byClient       bool
	}{
		"its own backend":         {agent, client(t, ours, "s1", "e1"), true, false},
		"the same CA, read again": {agent, client(t, open(t, dir), "s1", "e1"), true, false},
		"another session":         {agent, client(t, ours, "s2", "e1"), false, true},
		"another environment":     {agent, client(t, ours, "s1", "e2"), false, true},
		"a longer environment":    {agent, client(t, ours, "s1", "e11"), false, true},
		"another CA's agent":      {server(t, others, "s1", "e1"), client(t, ours, "s1", "e1"), false, true},
		"the backend as an agent": {impostor, client(t, ours, "s1", "e1"), false, true},
		"another CA's backend":    {agent, blind, false, false},
		"no certificate":          {agent, none, false, false},
		"an agent as a backend":   {agent, attacker, false, false},
		"TLS 1.2":                 {agent, old, false, false},

		"an unclaimed agent, to claim it":          {unclaimedServer(t, ours, "e1"), claimant(t, ours, "s1"), true, false},
		"the session's agent, to claim it again":   {agent, claimant(t, ours, "s1"), true, false},
		"an unclaimed agent as a session's":        {unclaimedServer(t, ours, "e1"), client(t, ours, "s1", "e1"), false, true},
		"an unclaimed agent of another pod":        {unclaimedServer(t, ours, "e2"), claimant(t, ours, "s1"), false, true},
		"another session's agent, to claim it":     {agent, claimant(t, ours, "s2"), false, true},
		"another CA's unclaimed agent":             {unclaimedServer(t, others, "e1"), claimant(t, ours, "s1"), false, true},
		"an unclaimed agent, by another CA":        {unclaimedServer(t, ours, "e1"), blind, false, false},
		"an unclaimed agent, without certificate":  {unclaimedServer(t, ours, "e1"), withoutCertificate(claimant(t, ours, "s1")), false, false},
		"the backend's certificate at a claimable": {impostor, claimant(t, ours, "s1"), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			clientErr, serverErr := handshake(t, test.server, test.client)
			if test.ok {
				if clientErr != nil || serverErr != nil {
					t.Fatalf("client: %v, server: %v; want none", clientErr, serverErr)
				}
				return
			}
			if clientErr == nil || serverErr == nil {
				t.Fatalf("client: %v, server: %v; want a refusal that both see", clientErr, serverErr)
			}
			if test.byClient != errors.Is(clientErr, ErrNotAgent) {
				t.Errorf("client: %v; refused by the client: want %v", clientErr, test.byClient)
			}
		})
	}
}

func withoutCertificate(config *tls.Config) *tls.Config {
	config.GetClientCertificate = nil
	return config
}

func TestClientCertificateIsRenewed(t *testing.T) {
	a := open(t, t.TempDir()).cas[0]
	now := time.Now()
	first, err := a.clientCertificate(now)
	if err != nil {
		t.Fatal(err)
	}
	same, err := a.clientCertificate(now.Add(clientLife/2 - time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	next, err := a.clientCertificate(now.Add(clientLife/2 + time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if same != first || next == first {
		t.Errorf("kept before half of its life: %v, renewed after it: %v", same == first, next != first)
	}
}

func TestOpenGuardsTheKey(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	path := filepath.Join(dir, "ca.pem")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("%v, %v: something was left beside it", entries, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("Open of a key that others read: %v", err)
	}
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte("broken"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("Open of a broken CA made a new one")
	}
}

func TestIncompleteNamesAreRefused(t *testing.T) {
	a := open(t, t.TempDir())
	if _, err := a.IssueAgent("", "e"); err == nil {
		t.Error("an agent without a session")
	}
	if _, err := a.IssueUnclaimed(""); err == nil {
		t.Error("an agent without an environment")
	}
	if _, err := a.ClientConfig("s", ""); err == nil {
		t.Error("a client without an environment")
	}
	if _, err := a.ClaimConfig("", "e"); err == nil {
		t.Error("a claim without a session")
	}
}

func TestReadOfAMountedAuthority(t *testing.T) {
	content, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if _, err := Read(path); err == nil {
		t.Error("a CA was made where one was to be read")
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, ok := range map[os.FileMode]bool{0o400: true, 0o440: true, 0o444: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); (err == nil) != ok {
			t.Errorf("Read with mode %04o: %v", mode, err)
		}
	}
}

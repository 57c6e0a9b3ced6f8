package identity

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"codingplatform/backend"
)

// ErrNotAgent is the reason of a refused handshake.
var ErrNotAgent = errors.New("the agent is not that of this session and environment")

// ClientConfig is for connections to the agent of exactly this session and environment.
func (a *Authority) ClientConfig(session backend.SessionID, environment backend.EnvironmentID) (*tls.Config, error) {
	if session == "" || environment == "" {
		return nil, errors.New("make a client's configuration: a session and an environment are needed")
	}
	return a.clientConfig("h2", agentURI(session, environment)), nil
}

// ClaimConfig is for handing a session to an agent that has none. It accepts the agent of this environment as long as
// it is unclaimed, and the same agent when it is that session's already; Unclaimed tells which it is. The agent of any
// other session is refused, whatever its environment.
func (a *Authority) ClaimConfig(session backend.SessionID, environment backend.EnvironmentID) (*tls.Config, error) {
	if session == "" || environment == "" {
		return nil, errors.New("make a client's configuration: a session and an environment are needed")
	}
	return a.clientConfig("http/1.1", unclaimedURI(environment), agentURI(session, environment)), nil
}

// Unclaimed says whether the agent at the other end of a connection by ClaimConfig has no session yet.
func (a *Authority) Unclaimed(state tls.ConnectionState, environment backend.EnvironmentID) bool {
	return a.verify(state, []string{unclaimedURI(environment)}) == nil
}

func (a *Authority) clientConfig(protocol string, want ...string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		// A host name says nothing here, since agents have URIs: Go's check, which insists on a name, is
		// replaced by verify as a whole.
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection below checks chain, usage and URI
		VerifyConnection:   func(state tls.ConnectionState) error { return a.verify(state, want) },
		GetClientCertificate: func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return a.trusted(asked.AcceptableCAs).clientCertificate(time.Now())
		},
		NextProtos: []string{protocol},
		// A resumed handshake would carry an old identity on.
		SessionTicketsDisabled: true,
	}
}

// verify accepts an agent that has one of the wanted URIs, and no other.
func (a *Authority) verify(state tls.ConnectionState, want []string) error {
	if len(state.PeerCertificates) == 0 {
		return ErrNotAgent
	}
	leaf := state.PeerCertificates[0]
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: a.roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err != nil {
		return fmt.Errorf("%w: %w", ErrNotAgent, err)
	}
	if len(leaf.URIs) != 1 || !slices.Contains(want, leaf.URIs[0].String()) || len(leaf.ExtKeyUsage) == 0 {
		return ErrNotAgent
	}
	return nil
}

// trusted is the first CA that the other side trusts, by the names that it says. Where it trusts none the first is
// as good as any: it is refused.
func (a *Authority) trusted(names [][]byte) *ca {
	for _, c := range a.cas {
		if slices.ContainsFunc(names, func(name []byte) bool { return bytes.Equal(name, c.cert.RawSubject) }) {
			return c
		}
	}
	return a.cas[0]
}

// clientCertificate returns the backend's own, renewed when half of its life is over.
func (c *ca) clientCertificate(now time.Time) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client != nil && now.Add(clientLife/2).Before(c.client.Leaf.NotAfter) {
		return c.client, nil
	}
	der, key, err := c.issue(backendURI, x509.ExtKeyUsageClientAuth, clientLife)
	if err != nil {
		return nil, fmt.Errorf("issue the backend's certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("issue the backend's certificate: %w", err)
	}
	c.client = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
	return c.client, nil
}

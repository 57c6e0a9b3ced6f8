package identity

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
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
	want := agentURI(session, environment)
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		// A host name says nothing here, since agents have URIs: Go's check, which insists on a name, is
		// replaced by verify as a whole.
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection below checks chain, usage and URI
		VerifyConnection:   func(state tls.ConnectionState) error { return a.verify(state, want) },
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return a.clientCertificate(time.Now())
		},
		NextProtos: []string{"h2"},
		// A resumed handshake would carry an old identity on.
		SessionTicketsDisabled: true,
	}, nil
}

func (a *Authority) verify(state tls.ConnectionState, want string) error {
	if len(state.PeerCertificates) == 0 {
		return ErrNotAgent
	}
	leaf := state.PeerCertificates[0]
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: a.roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err != nil {
		return fmt.Errorf("%w: %w", ErrNotAgent, err)
	}
	if len(leaf.URIs) != 1 || leaf.URIs[0].String() != want || len(leaf.ExtKeyUsage) == 0 {
		return ErrNotAgent
	}
	return nil
}

// clientCertificate returns the backend's own, renewed when half of its life is over.
func (a *Authority) clientCertificate(now time.Time) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.client != nil && now.Add(clientLife/2).Before(a.client.Leaf.NotAfter) {
		return a.client, nil
	}
	der, key, err := a.issue(backendURI, x509.ExtKeyUsageClientAuth, clientLife)
	if err != nil {
		return nil, fmt.Errorf("issue the backend's certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("issue the backend's certificate: %w", err)
	}
	a.client = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
	return a.client, nil
}

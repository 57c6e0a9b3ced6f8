package identity

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// BackendURI is the only URI of a backend's client certificate.
const BackendURI = "codingplatform://backend"

// maxIdentityBytes bounds what is read as an identity.
const maxIdentityBytes = 256 << 10

// AgentURI is the URI that the certificate of an agent carries.
func AgentURI(session, environment string) string {
	return "codingplatform://session/" + session + "/environment/" + environment
}

// UnclaimedURI is the URI that the certificate of an agent carries which has no session yet.
func UnclaimedURI(environment string) string {
	return "codingplatform://unclaimed/environment/" + environment
}

// Identity is who the agent is, and whom it trusts. It holds a private key: never log it.
type Identity struct {
	SessionID     string `json:"session_id"`
	EnvironmentID string `json:"environment_id"`
	CAPEM         string `json:"ca_pem"`
	CertPEM       string `json:"cert_pem"`
	KeyPEM        string `json:"key_pem"`
}

// Load reads an identity as JSON from a file, or from stdin when path is "-", and checks it.
func Load(path string, stdin io.Reader) (Identity, error) {
	reader := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return Identity{}, fmt.Errorf("read identity: %w", err)
		}
		defer func() { _ = f.Close() }() // read only
		reader = f
	}
	return read(reader)
}

// Parse is Load of what is in memory.
func Parse(content []byte) (Identity, error) { return read(bytes.NewReader(content)) }

func read(reader io.Reader) (Identity, error) {
	var id Identity
	dec := json.NewDecoder(io.LimitReader(reader, maxIdentityBytes))
	if err := dec.Decode(&id); err != nil {
		return Identity{}, fmt.Errorf("read identity: %w", err)
	}
	if _, err := id.ServerTLS(); err != nil {
		return Identity{}, err
	}
	return id, nil
}

// Unclaimed says whether it is that of an agent which has no session yet.
func (id Identity) Unclaimed() bool { return id.SessionID == "" }

func (id Identity) uri() string {
	if id.Unclaimed() {
		return UnclaimedURI(id.EnvironmentID)
	}
	return AgentURI(id.SessionID, id.EnvironmentID)
}

// ServerTLS is the configuration of the agent's listener. It fails when the identity is incomplete or its
// certificate is not that of its session and environment.
func (id Identity) ServerTLS() (*tls.Config, error) {
	if id.EnvironmentID == "" {
		return nil, errors.New("identity: environment_id is needed")
	}
	cert, err := tls.X509KeyPair([]byte(id.CertPEM), []byte(id.KeyPEM))
	if err != nil {
		return nil, fmt.Errorf("identity: certificate and key: %w", err)
	}
	if !hasOnlyURI(cert.Leaf, id.uri()) {
		return nil, errors.New("identity: the certificate is not that of this session and environment")
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(id.CAPEM)) {
		return nil, errors.New("identity: no CA certificate")
	}
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{cert},
		ClientAuth:             tls.RequireAndVerifyClientCert,
		ClientCAs:              roots,
		NextProtos:             []string{"h2", "http/1.1"},
		SessionTicketsDisabled: true,
		VerifyConnection:       verifyBackend,
	}, nil
}

// ErrNotBackend is the reason of a refused handshake.
var ErrNotBackend = errors.New("the caller is not a backend of this installation")

// verifyBackend runs after the chain has been verified against the CA for client authentication.
func verifyBackend(state tls.ConnectionState) error {
	if len(state.VerifiedChains) == 0 || len(state.PeerCertificates) == 0 {
		return ErrNotBackend
	}
	leaf := state.PeerCertificates[0]
	if !hasOnlyURI(leaf, BackendURI) || !forClients(leaf) {
		return ErrNotBackend
	}
	return nil
}

func hasOnlyURI(cert *x509.Certificate, uri string) bool {
	return cert != nil && len(cert.URIs) == 1 && cert.URIs[0].String() == uri
}

// forClients wants the usage named: a certificate without any usages would pass the chain's check.
func forClients(cert *x509.Certificate) bool {
	return slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
}

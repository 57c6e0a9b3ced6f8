package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"codingplatform/backend"
)

const (
	backendURI = "codingplatform://backend"

	authorityLife = 30 * 365 * 24 * time.Hour
	// agentLife is longer than an environment may live: an agent cannot ask for another certificate.
	agentLife = 365 * 24 * time.Hour
	// clientLife is short since a new one costs nothing; half of it is left at least when it is used.
	clientLife = 24 * time.Hour
	// skew of clocks between the machines of an installation.
	skew = 10 * time.Minute
)

// Authority issues the installation's certificates. Its methods may be called at once from many goroutines.
type Authority struct {
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	pem   []byte
	roots *x509.CertPool

	mu     sync.Mutex
	client *tls.Certificate
}

// Open reads the CA in dir, or makes both when they are missing. A CA that cannot be read, or that others may
// read, is an error: a new one would cut the running agents off.
func Open(dir string) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of the certificate authority: %w", err)
	}
	path := filepath.Join(dir, "ca.pem")
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := create(path); err != nil {
			return nil, fmt.Errorf("make the certificate authority: %w", err)
		}
		// Another process may have been first; what is in the place counts.
		content, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the certificate authority: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the certificate authority: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s holds the installation's secret key and can be read by others (mode %04o): chmod 600 it", path, info.Mode().Perm())
	}
	a, err := parse(content)
	if err != nil {
		return nil, fmt.Errorf("read the certificate authority %s: %w", path, err)
	}
	return a, nil
}

// Read reads a CA that was put in place by others, such as a mounted Secret, and makes none. Its group may read
// it: that is how a Secret is given to a user that is not root.
func Read(path string) (*Authority, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the certificate authority: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the certificate authority: %w", err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("%s holds the installation's secret key and can be read by everybody (mode %04o)", path, info.Mode().Perm())
	}
	a, err := parse(content)
	if err != nil {
		return nil, fmt.Errorf("read the certificate authority %s: %w", path, err)
	}
	return a, nil
}

// Generate makes a new CA: its certificate and its key as PEM.
func Generate() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	now := time.Now()
	cert := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: "Coding Platform installation"},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(authorityLife),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate: %w", err)
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	return append(encodeCert(der), keyPEM...), nil
}

// create writes a new CA to path, whole and durably, unless there is one.
func create(path string) error {
	content, err := Generate()
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".ca-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		if err = os.Link(file.Name(), path); errors.Is(err, fs.ErrExist) {
			err = nil
		}
	}
	return errors.Join(err, os.Remove(file.Name()))
}

func parse(content []byte) (*Authority, error) {
	pair, err := tls.X509KeyPair(content, content)
	if err != nil {
		return nil, err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return nil, errors.New("it is not a certificate authority with an ECDSA key")
	}
	if time.Now().After(pair.Leaf.NotAfter) {
		return nil, fmt.Errorf("it expired on %s", pair.Leaf.NotAfter.Format(time.DateOnly))
	}
	a := &Authority{cert: pair.Leaf, key: key, pem: encodeCert(pair.Leaf.Raw), roots: x509.NewCertPool()}
	a.roots.AddCert(pair.Leaf)
	return a, nil
}

// bundle is what the agent reads as its identity.
type bundle struct {
	SessionID     backend.SessionID     `json:"session_id"`
	EnvironmentID backend.EnvironmentID `json:"environment_id"`
	CAPEM         string                `json:"ca_pem"`
	CertPEM       string                `json:"cert_pem"`
	KeyPEM        string                `json:"key_pem"`
}

// IssueAgent makes the identity of one agent, as the JSON that the agent reads. It holds a private key: hand
// it to that agent and forget it.
func (a *Authority) IssueAgent(session backend.SessionID, environment backend.EnvironmentID) ([]byte, error) {
	if session == "" || environment == "" {
		return nil, errors.New("issue an agent's identity: a session and an environment are needed")
	}
	der, key, err := a.issue(agentURI(session, environment), x509.ExtKeyUsageServerAuth, agentLife)
	if err != nil {
		return nil, fmt.Errorf("issue an agent's identity: %w", err)
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return nil, fmt.Errorf("issue an agent's identity: %w", err)
	}
	out, err := json.Marshal(bundle{
		SessionID: session, EnvironmentID: environment, CAPEM: string(a.pem), CertPEM: string(encodeCert(der)), KeyPEM: string(keyPEM),
	})
	if err != nil {
		return nil, fmt.Errorf("issue an agent's identity: %w", err)
	}
	return out, nil
}

func (a *Authority) issue(uri string, usage x509.ExtKeyUsage, life time.Duration) ([]byte, *ecdsa.PrivateKey, error) {
	name, err := url.Parse(uri)
	if err != nil || name.String() != uri {
		return nil, nil, fmt.Errorf("%q is no URI", uri)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	now := time.Now()
	end := now.Add(life)
	if end.After(a.cert.NotAfter) {
		end = a.cert.NotAfter
	}
	cert := &x509.Certificate{
		SerialNumber:          serial(),
		URIs:                  []*url.URL{name},
		NotBefore:             now.Add(-skew),
		NotAfter:              end,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{usage},
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, nil, fmt.Errorf("sign the certificate: %w", err)
	}
	return der, key, nil
}

func agentURI(session backend.SessionID, environment backend.EnvironmentID) string {
	return "codingplatform://session/" + string(session) + "/environment/" + string(environment)
}

func serial() *big.Int {
	// RFC 5280, 4.1.2.2: positive, at most 20 bytes; 16 random ones are never used twice.
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return new(big.Int).SetBytes(b)
}

func encodeCert(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the key: %w", err)
	}
	return bytes.TrimLeft(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), "\n"), nil
}

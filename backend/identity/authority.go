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
	// cas are those of the file, in its order: the first signs what agents get, all are trusted, and an agent is
	// shown a certificate by one that it trusts.
	cas   []*ca
	pem   []byte
	roots *x509.CertPool
}

// ca is one CA of the file.
type ca struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey

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
	number := serial()
	cert := &x509.Certificate{
		SerialNumber: number,
		// A name of its own, so that an agent can say which of two it trusts.
		Subject:               pkix.Name{CommonName: "Coding Platform installation", SerialNumber: number.Text(16)},
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

// parse reads one CA or, while one takes over from another, several: each a certificate followed by its key.
func parse(content []byte) (*Authority, error) {
	a := &Authority{roots: x509.NewCertPool()}
	var cert *pem.Block
	for {
		var block *pem.Block
		if block, content = pem.Decode(content); block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			if cert != nil {
				return nil, errors.New("a certificate has no key after it")
			}
			cert = block
			continue
		}
		if cert == nil {
			return nil, errors.New("a key has no certificate before it")
		}
		one, err := parseCA(pem.EncodeToMemory(cert), pem.EncodeToMemory(block))
		if err != nil {
			return nil, err
		}
		for _, other := range a.cas {
			// An agent says whom it trusts by these names alone.
			if bytes.Equal(other.cert.RawSubject, one.cert.RawSubject) {
				return nil, fmt.Errorf("two certificate authorities have one name, %s", one.cert.Subject)
			}
		}
		a.cas, cert = append(a.cas, one), nil
		a.pem = append(a.pem, encodeCert(one.cert.Raw)...)
		a.roots.AddCert(one.cert)
	}
	if cert != nil {
		return nil, errors.New("a certificate has no key after it")
	}
	if len(bytes.TrimSpace(content)) > 0 {
		return nil, errors.New("something else than PEM is in it")
	}
	if len(a.cas) == 0 {
		return nil, errors.New("there is none in it")
	}
	return a, nil
}

func parseCA(cert, key []byte) (*ca, error) {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	ecdsaKey, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return nil, errors.New("it is not a certificate authority with an ECDSA key")
	}
	if time.Now().After(pair.Leaf.NotAfter) {
		return nil, fmt.Errorf("it expired on %s", pair.Leaf.NotAfter.Format(time.DateOnly))
	}
	return &ca{cert: pair.Leaf, key: ecdsaKey}, nil
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
	return a.issueBundle(session, environment, agentURI(session, environment))
}

// IssueUnclaimed makes the identity of an agent that has no session yet: it names its environment alone, and opens
// nothing but a claim (ClaimConfig).
func (a *Authority) IssueUnclaimed(environment backend.EnvironmentID) ([]byte, error) {
	if environment == "" {
		return nil, errors.New("issue an agent's identity: an environment is needed")
	}
	return a.issueBundle("", environment, unclaimedURI(environment))
}

func (a *Authority) issueBundle(session backend.SessionID, environment backend.EnvironmentID, uri string) ([]byte, error) {
	der, key, err := a.cas[0].issue(uri, x509.ExtKeyUsageServerAuth, agentLife)
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

func (c *ca) issue(uri string, usage x509.ExtKeyUsage, life time.Duration) ([]byte, *ecdsa.PrivateKey, error) {
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
	if end.After(c.cert.NotAfter) {
		end = c.cert.NotAfter
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
	der, err := x509.CreateCertificate(rand.Reader, cert, c.cert, key.Public(), c.key)
	if err != nil {
		return nil, nil, fmt.Errorf("sign the certificate: %w", err)
	}
	return der, key, nil
}

func agentURI(session backend.SessionID, environment backend.EnvironmentID) string {
	return "codingplatform://session/" + string(session) + "/environment/" + string(environment)
}

func unclaimedURI(environment backend.EnvironmentID) string {
	return "codingplatform://unclaimed/environment/" + string(environment)
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

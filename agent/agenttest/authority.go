package agenttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/url"
	"testing"
	"time"

	"codingplatform/agent/identity"
)

// Authority issues certificates for one test.
type Authority struct {
	t    testing.TB
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// NewAuthority makes an authority of its own.
func NewAuthority(tb testing.TB) *Authority {
	tb.Helper()
	a := &Authority{t: tb, key: newKey(tb)}
	template := template(tb, "test authority")
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err == nil {
		a.cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		tb.Fatalf("make an authority: %v", err)
	}
	return a
}

// Agent issues an agent's identity.
func (a *Authority) Agent(session, environment string) identity.Identity {
	a.t.Helper()
	cert, key := a.issue(identity.AgentURI(session, environment), x509.ExtKeyUsageServerAuth)
	return identity.Identity{
		SessionID: session, EnvironmentID: environment, CAPEM: encode("CERTIFICATE", a.cert.Raw), CertPEM: cert, KeyPEM: key,
	}
}

// Unclaimed issues the identity of an agent that has no session yet.
func (a *Authority) Unclaimed(environment string) identity.Identity {
	a.t.Helper()
	cert, key := a.issue(identity.UnclaimedURI(environment), x509.ExtKeyUsageServerAuth)
	return identity.Identity{EnvironmentID: environment, CAPEM: encode("CERTIFICATE", a.cert.Raw), CertPEM: cert, KeyPEM: key}
}

// Client is the TLS configuration of a caller with this URI in its certificate; "": without a certificate.
func (a *Authority) Client(uri string) *tls.Config {
	a.t.Helper()
	config := &tls.Config{
		MinVersion: tls.VersionTLS13,
		// What a backend checks instead is tested where it is done, in backend/identity.
		InsecureSkipVerify: true, //nolint:gosec // see above
	}
	if uri == "" {
		return config
	}
	certPEM, keyPEM := a.issue(uri, x509.ExtKeyUsageClientAuth)
	cert, err := tls.X509KeyPair([]byte(certPEM), []byte(keyPEM))
	if err != nil {
		a.t.Fatalf("make a client's certificate: %v", err)
	}
	config.Certificates = []tls.Certificate{cert}
	return config
}

func (a *Authority) issue(uri string, usage x509.ExtKeyUsage) (certPEM, keyPEM string) {
	a.t.Helper()
	parsed, err := url.Parse(uri)
	if err != nil {
		a.t.Fatal(err)
	}
	key := newKey(a.t)
	template := template(a.t, "test")
	template.URIs, template.ExtKeyUsage = []*url.URL{parsed}, []x509.ExtKeyUsage{usage}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatalf("issue a certificate: %v", err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", raw)
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func template(tb testing.TB, name string) *x509.Certificate {
	tb.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		tb.Fatal(err)
	}
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

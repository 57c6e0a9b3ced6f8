package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const certificateLife = 365 * 24 * time.Hour

// pki makes what proves the cluster's parts to one another: <name>.crt and <name>.key in pki/, and kubeconfigs.
type pki struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// makePKI makes all of it unless it is there.
func (c *cluster) makePKI() error {
	dir := c.path("pki")
	// Its number is that of what is made: a former version's is made anew.
	done := filepath.Join(dir, "complete-2")
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return err
	}
	p := &pki{dir: dir}
	if err := p.issue("ca", pkix.Name{CommonName: "kubernetes"}, nil); err != nil {
		return err
	}
	if err := p.issue("service-accounts", pkix.Name{CommonName: "service-accounts"}, nil); err != nil {
		return err
	}
	addresses := []net.IP{net.ParseIP(nodeIP), net.ParseIP(serviceIP), net.IPv4(127, 0, 0, 1)}
	for name, subject := range map[string]pkix.Name{
		"apiserver":  {CommonName: "kube-apiserver", Organization: []string{"system:masters"}},
		"aggregator": {CommonName: "aggregator"},
		"kubelet":    {CommonName: "system:node:" + nodeName, Organization: []string{"system:nodes"}},
		"admin":      {CommonName: "admin", Organization: []string{"system:masters"}},
		"controller": {CommonName: "system:kube-controller-manager"},
		"scheduler":  {CommonName: "system:kube-scheduler"},
		"proxy":      {CommonName: "system:kube-proxy"},
	} {
		if err := p.issue(name, subject, addresses); err != nil {
			return err
		}
	}
	for _, name := range []string{"kubelet", "admin", "controller", "scheduler", "proxy"} {
		config := fmt.Sprintf(kubeconfig, filepath.Join(dir, "ca.crt"), filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key"))
		if err := os.WriteFile(filepath.Join(dir, name+".kubeconfig"), []byte(config), 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(done, nil, 0o600)
}

const kubeconfig = `apiVersion: v1
kind: Config
clusters:
- name: cluster
  cluster: {server: "https://` + nodeIP + `:6443", certificate-authority: %q}
users:
- name: user
  user: {client-certificate: %q, client-key: %q}
contexts:
- name: cluster
  context: {cluster: cluster, user: user}
current-context: cluster
`

// issue makes a key and its certificate; the first one is the authority.
func (p *pki) issue(name string, subject pkix.Name, addresses []net.IP) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return fmt.Errorf("make a serial number: %w", err)
	}
	cert := &x509.Certificate{
		SerialNumber: serial, Subject: subject,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(certificateLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: addresses, BasicConstraintsValid: true,
	}
	if addresses != nil {
		cert.DNSNames = []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost", metricsName}
	}
	parent, signer := p.cert, p.key
	if parent == nil {
		cert.IsCA, cert.ExtKeyUsage, cert.KeyUsage = true, nil, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
		parent, signer = cert, key
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), signer)
	if err != nil {
		return fmt.Errorf("sign the certificate of %s: %w", name, err)
	}
	if p.cert == nil {
		if p.cert, err = x509.ParseCertificate(der); err != nil {
			return fmt.Errorf("read the certificate of %s: %w", name, err)
		}
		p.key = key
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode the key of %s: %w", name, err)
	}
	return errors.Join(
		os.WriteFile(filepath.Join(p.dir, name+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(filepath.Join(p.dir, name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600),
	)
}

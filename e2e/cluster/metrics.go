package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// metricsPort is where metrics-server listens on the node's address: kubelet has its usual one.
const metricsPort = "4443"

// metricsObjects send what is asked of metrics.k8s.io, as an HPA does, to metrics-server, which is no pod here.
const metricsObjects = `apiVersion: v1
kind: Service
metadata: {name: metrics-server, namespace: kube-system}
spec:
  ports: [{name: https, port: 443, targetPort: ` + metricsPort + `}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: metrics-server, namespace: kube-system, labels: {kubernetes.io/service-name: metrics-server}}
addressType: IPv4
endpoints: [{addresses: [` + nodeIP + `], conditions: {ready: true}}]
ports: [{name: https, port: ` + metricsPort + `, protocol: TCP}]
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec:
  group: metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  service: {name: metrics-server, namespace: kube-system}
  caBundle: %s
`

// metricsName is how the API server calls it, and what its certificate names.
const metricsName = "metrics-server.kube-system.svc"

// startMetrics starts metrics-server, and registers it once it answers: with an API registered that nobody serves no
// namespace can be deleted. It knows of a pod some ten seconds after the pod has started.
func (c *cluster) startMetrics(ctx context.Context) error {
	pki := func(name string) string { return c.path("pki", name) }
	err := c.start("metrics-server", c.path("bin", "metrics-server"), "--kubeconfig="+pki("admin.kubeconfig"),
		"--authentication-kubeconfig="+pki("admin.kubeconfig"), "--authorization-kubeconfig="+pki("admin.kubeconfig"),
		"--bind-address="+nodeIP, "--secure-port="+metricsPort, "--tls-cert-file="+pki("apiserver.crt"), "--tls-private-key-file="+pki("apiserver.key"),
		"--kubelet-certificate-authority="+pki("ca.crt"), "--kubelet-preferred-address-types=InternalIP", "--kubelet-use-node-status-port",
		"--kubelet-request-timeout=5s", "--metric-resolution=10s")
	if err != nil {
		return err
	}
	authority, err := os.ReadFile(pki("ca.crt"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	own, err := tls.LoadX509KeyPair(pki("admin.crt"), pki("admin.key"))
	if err != nil {
		return fmt.Errorf("read the administrator's certificate: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}}}
	defer client.CloseIdleConnections()
	err = c.wait(ctx, "metrics-server", "metrics-server", func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+nodeIP+":"+metricsPort+"/livez", http.NoBody)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }() // nothing in it is read
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("it answers %s", response.Status)
		}
		return nil
	})
	if err != nil {
		return err
	}
	apply := c.kubectlCommand(ctx, []string{"apply", "-f", "-"})
	apply.Stdin = strings.NewReader(fmt.Sprintf(metricsObjects, base64.StdEncoding.EncodeToString(authority)))
	if out, err := apply.CombinedOutput(); err != nil {
		return fmt.Errorf("register metrics-server: %w: %s", err, out)
	}
	return nil
}

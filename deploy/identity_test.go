//go:build cluster

package deploy_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// agentIdentity is what an agent is handed.
type agentIdentity struct {
	CAPEM   string `json:"ca_pem"`
	CertPEM string `json:"cert_pem"`
	KeyPEM  string `json:"key_pem"`
}

// identity reads it as only an administrator of the cluster can.
func (p product) identity(t *testing.T) agentIdentity {
	t.Helper()
	content, err := base64.StdEncoding.DecodeString(kubectl(t, "get", "secret", "-n", workspaces, p.pod(t), "-o", `jsonpath={.data.identity\.json}`))
	if err != nil {
		t.Fatal(err)
	}
	var id agentIdentity
	if err := json.Unmarshal(content, &id); err != nil {
		t.Fatalf("the identity is no JSON: %v", err)
	}
	return id
}

// agentRefuses calls a session's agent as others than a backend can: with no certificate, with that of another
// session's pod, with the agent's own, without TLS, and with an older TLS.
func (p product) agentRefuses(t *testing.T) {
	other := p
	other.session = p.newSession(t)
	program(t, other.api, other.session, "first", "", nil, "true")
	ip := kubectl(t, "get", "pod", "-n", workspaces, p.pod(t), "-o", "jsonpath={.status.podIP}")
	address := net.JoinHostPort(ip, "8443")
	own, foreign := p.identity(t), other.identity(t)
	if own.CertPEM == foreign.CertPEM || own.KeyPEM == foreign.KeyPEM {
		t.Fatal("two pods have one identity")
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(own.CAPEM)) {
		t.Fatal("the identity has no authority")
	}
	certificate := func(id agentIdentity) []tls.Certificate {
		cert, err := tls.X509KeyPair([]byte(id.CertPEM), []byte(id.KeyPEM))
		if err != nil {
			t.Fatal(err)
		}
		return []tls.Certificate{cert}
	}
	for _, test := range []struct {
		name         string
		certificates []tls.Certificate
		version      uint16
		// want is in the error: it is the agent that refuses, and not a network that does not reach it.
		want string
	}{
		{"no certificate", nil, tls.VersionTLS13, "certificate required"},
		{"another pod's certificate", certificate(foreign), tls.VersionTLS13, "bad certificate"},
		{"the agent's own certificate", certificate(own), tls.VersionTLS13, "bad certificate"},
		{"TLS 1.2", certificate(own), tls.VersionTLS12, "protocol version"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dialer := tls.Dialer{Config: &tls.Config{
				Certificates: test.certificates, MinVersion: tls.VersionTLS12, MaxVersion: test.version,
				// The agent's certificate names no host: here it is the caller that is judged.
				InsecureSkipVerify: true, //nolint:gosec // as said above
				NextProtos:         []string{"h2"},
			}}
			conn, err := dialer.DialContext(t.Context(), "tcp", address)
			if err == nil {
				// In TLS 1.3 the refusal comes after the client's handshake.
				_, err = conn.Read(make([]byte, 1))
				if cerr := conn.Close(); cerr != nil {
					t.Log(cerr)
				}
			}
			if err == nil || !strings.Contains(err.Error(), "remote error: tls: ") {
				t.Fatalf("the agent answers with %v, want a refusal", err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("the agent refuses with %q, want %q in it", err, test.want)
			}
		})
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err == nil {
		_ = response.Body.Close()
		if response.StatusCode < 400 {
			t.Errorf("without TLS the agent answers %s", response.Status)
		}
	}
}

// TestBackendMayDoNothingElse has the API server list all that the service account may do.
func TestBackendMayDoNothingElse(t *testing.T) {
	kubectl(t, "apply", "-f", "base/01-namespace.yaml", "-f", "base/02-rbac.yaml")
	t.Cleanup(func() {
		kubectl(t, "delete", "-f", "base/01-namespace.yaml", "--ignore-not-found", "--timeout=120s")
	})
	for namespace, want := range map[string][]string{
		workspaces: {
			"events [list watch]",
			"persistentvolumeclaims [get list watch create delete]",
			"pods [get list watch create patch delete]",
			"secrets [get create delete]",
		},
		backends: nil, "kube-system": nil, "default": nil,
	} {
		var review struct {
			Status struct {
				Incomplete    bool
				ResourceRules []struct {
					Verbs, APIGroups, Resources, ResourceNames []string
				}
			}
		}
		decode(t, []byte(kubectlIn(t, `{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectRulesReview","spec":{"namespace":"`+namespace+`"}}`,
			"create", "--validate=false", "-f", "-", "-o", "json", "--as=system:serviceaccount:coding-platform:backend-sa",
			"--as-group=system:serviceaccounts", "--as-group=system:serviceaccounts:coding-platform", "--as-group=system:authenticated")), &review)
		if review.Status.Incomplete {
			t.Errorf("in %s the API server does not know all that the backend may do", namespace)
		}
		var may []string
		for _, rule := range review.Status.ResourceRules {
			// Whoever is signed in may ask what he may do.
			if slices.Equal(rule.APIGroups, []string{"authorization.k8s.io"}) || slices.Equal(rule.APIGroups, []string{"authentication.k8s.io"}) {
				continue
			}
			for _, resource := range rule.Resources {
				may = append(may, strings.TrimPrefix(strings.Join(rule.APIGroups, ",")+"/"+resource, "/")+" ["+strings.Join(rule.Verbs, " ")+"]")
			}
		}
		slices.Sort(may)
		if !slices.Equal(may, want) {
			t.Errorf("in %s the backend may do %q, want %q", namespace, may, want)
		}
	}
}

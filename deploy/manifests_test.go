//go:build cluster

package deploy_test

import (
	"strings"
	"testing"
)

// TestOverlays has the API server itself judge every object of every overlay.
func TestOverlays(t *testing.T) {
	kubectl(t, "apply", "-f", "base/01-namespace.yaml")
	t.Cleanup(func() {
		kubectl(t, "delete", "-f", "base/01-namespace.yaml", "--ignore-not-found", "--timeout=120s")
	})
	for _, overlay := range []string{"kind", "production", "pool", "tls"} {
		t.Run(overlay, func(t *testing.T) {
			out := kubectl(t, "apply", "-k", "overlays/"+overlay, "--dry-run=server")
			for _, want := range []string{"deployment.apps/backend", "horizontalpodautoscaler.autoscaling/backend", "networkpolicy.networking.k8s.io/workspaces"} {
				if !strings.Contains(out, want) {
					t.Errorf("%s lacks %s:\n%s", overlay, want, out)
				}
			}
			if strings.Contains(out, "Warning") {
				t.Errorf("%s is warned of:\n%s", overlay, out)
			}
		})
	}
	t.Run("kind's own", func(t *testing.T) {
		out := kubectl(t, "apply", "-f", "kind/postgres.yaml", "-f", "kind/node-port.yaml", "--dry-run=server")
		if strings.Contains(out, "Warning") {
			t.Errorf("it is warned of:\n%s", out)
		}
	})
}

// TestBackendMayDoWhatItMust lists what the service account may do and, above all, what not.
func TestBackendMayDoWhatItMust(t *testing.T) {
	kubectl(t, "apply", "-f", "base/01-namespace.yaml", "-f", "base/02-rbac.yaml")
	t.Cleanup(func() {
		kubectl(t, "delete", "-f", "base/01-namespace.yaml", "--ignore-not-found", "--timeout=120s")
	})
	const account = "--as=system:serviceaccount:coding-platform:backend-sa"
	for question, want := range map[string]string{
		"create pods -n " + workspaces:                      "yes",
		"watch pods -n " + workspaces:                       "yes",
		"patch pods -n " + workspaces:                       "yes",
		"delete pods -n " + workspaces:                      "yes",
		"create secrets -n " + workspaces:                   "yes",
		"delete persistentvolumeclaims -n " + workspaces:    "yes",
		"watch events -n " + workspaces:                     "yes",
		"list secrets -n " + workspaces:                     "no",
		"update secrets -n " + workspaces:                   "no",
		"create pods --subresource=exec -n " + workspaces:   "no",
		"create pods --subresource=attach -n " + workspaces: "no",
		"get pods --subresource=log -n " + workspaces:       "no",
		"create serviceaccounts/token -n " + workspaces:     "no",
		"create rolebindings -n " + workspaces:              "no",
		"get secrets -n " + backends:                        "no",
		"create pods -n " + backends:                        "no",
		"get secrets -n kube-system":                        "no",
		"list pods --all-namespaces":                        "no",
		"get nodes":                                         "no",
	} {
		// can-i ends with 1 for a no, which is an answer here.
		out := kubectlMay(t, append([]string{"auth", "can-i", account}, strings.Fields(question)...)...)
		if answer, _, _ := strings.Cut(out, "\n"); answer != want && !strings.HasPrefix(answer, want+" ") {
			t.Errorf("may the backend %s? %q, want %s", question, out, want)
		}
	}
}

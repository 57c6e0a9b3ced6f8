//go:build cluster

package deploy_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestKubeconform has kubeconform judge every manifest by the schemas of the API server, strictly: what it does not know
// is an error.
func TestKubeconform(t *testing.T) {
	dir := t.TempDir()
	writeSchemas(t, dir)
	for _, manifest := range []string{"base", "overlays/kind", "overlays/production", "overlays/pool", "overlays/tls", "overlays/monitoring"} {
		conform(t, dir, manifest, kubectl(t, "kustomize", manifest))
	}
	for _, file := range []string{"kind/postgres.yaml", "kind/node-port.yaml"} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		conform(t, dir, file, string(content))
	}
}

func conform(t *testing.T, schemas, name, manifest string) {
	t.Helper()
	check := exec.CommandContext(t.Context(), "go", "tool", "-modfile=../tools/go.mod", "kubeconform", "-strict", "-summary",
		// That of Prometheus' operator is not the API server's.
		"-skip", "ServiceMonitor", "-schema-location", schemas+"/{{ .ResourceKind }}{{ .KindSuffix }}.json")
	check.Stdin = strings.NewReader(manifest)
	out, err := check.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Invalid: 0, Errors: 0") {
		t.Errorf("%s: %v: %s", name, err, out)
	}
}

// writeSchemas writes a JSON Schema for each kind of the API server's, by the names that kubeconform looks for.
func writeSchemas(t *testing.T, dir string) {
	t.Helper()
	var document struct {
		Definitions map[string]map[string]any
	}
	decode(t, []byte(kubectl(t, "get", "--raw", "/openapi/v2")), &document)
	write := func(name string, schema any) {
		content, err := json.Marshal(schema)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, definition := range document.Definitions {
		if definition["properties"] != nil {
			definition["additionalProperties"] = false
		}
		// OpenAPI 2 has no word for what may be either.
		if definition["format"] == "int-or-string" || strings.HasSuffix(name, "resource.Quantity") {
			document.Definitions[name] = map[string]any{"type": []string{"string", "integer", "number"}}
		}
		kinds, _ := definition["x-kubernetes-group-version-kind"].([]any)
		for _, kind := range kinds {
			k, _ := kind.(map[string]any)
			group, _ := k["group"].(string)
			version, _ := k["version"].(string)
			suffix := "-" + version
			if first, _, _ := strings.Cut(group, "."); first != "" {
				suffix = "-" + first + suffix
			}
			called, _ := k["kind"].(string)
			write(strings.ToLower(called)+suffix+".json", map[string]any{"$ref": "definitions.json#/definitions/" + name})
		}
	}
	write("definitions.json", map[string]any{"definitions": document.Definitions})
}

//go:build cluster

package deploy_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"codingplatform/backend/postgrestest"
)

const (
	backends   = "coding-platform"
	workspaces = "coding-platform-workspaces"
	// hostIP is this machine's address on its link to the cluster.
	hostIP = "10.200.0.1"
)

// kubectl runs `cluster kubectl`, and returns what it printed. CLUSTER names that program.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), os.Getenv("CLUSTER"), append([]string{"--dir", os.Getenv("CLUSTER_DIR"), "kubectl"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// kubectlIn runs kubectl with input, and returns what it printed.
func kubectlIn(t *testing.T, input string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Getenv("CLUSTER"), append([]string{"--dir", os.Getenv("CLUSTER_DIR"), "kubectl"}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// kubectlMay runs kubectl and returns what it printed, also when it ends with 1.
func kubectlMay(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Getenv("CLUSTER"), append([]string{"--dir", os.Getenv("CLUSTER_DIR"), "kubectl"}, args...)...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// exposePostgres makes a database and returns its URL for pods, and that for this process. The server itself
// listens on no network.
func exposePostgres(t *testing.T) (forPods, here string) {
	t.Helper()
	here = postgrestest.NewEmpty(t)
	config, err := pgx.ParseConfig(here)
	if err != nil {
		t.Fatal(err)
	}
	return expose(t, func() (*pgx.ConnConfig, error) { return config, nil }), here
}

// expose lets pods reach a server that listens on no network, and returns its URL for them. Where it is is asked for
// with each connection.
func expose(t *testing.T, where func() (*pgx.ConnConfig, error)) (forPods string) {
	t.Helper()
	config, err := where()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", hostIP+":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // the test ended
			}
			now, err := where()
			if err != nil {
				_ = conn.Close() // the caller sees its connection end
				continue
			}
			network, address := pgNetwork(now)
			go forward(t.Context(), conn, network, address)
		}
	}()
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(config.User, config.Password), Host: listener.Addr().String(), Path: "/" + config.Database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

func pgNetwork(config *pgx.ConnConfig) (network, address string) {
	if strings.HasPrefix(config.Host, "/") {
		return "unix", config.Host + "/.s.PGSQL." + itoa(config.Port)
	}
	return "tcp", net.JoinHostPort(config.Host, itoa(config.Port))
}

func forward(ctx context.Context, conn net.Conn, network, address string) {
	server, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		_ = conn.Close() // the caller sees its connection end
		return
	}
	done := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{conn, server}, {server, conn}} {
		go func() {
			// One side's end is the other's, whatever it was.
			_, _ = io.Copy(pair[0], pair[1])
			_ = pair[0].Close()
			done <- struct{}{}
		}()
	}
	<-done
	<-done
}

// install applies an overlay with its Secrets, and returns when two backends are ready; all of it ends with the
// test.
func install(t *testing.T, overlay, databaseURL string) (serviceURL string) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(kubectl(t, "get", "pods,events", "--all-namespaces", "-o", "wide"))
			t.Log(kubectl(t, "logs", "-n", backends, "-l", "app=backend", "--tail=60", "--prefix"))
		}
		kubectl(t, "delete", "-k", overlay, "--ignore-not-found", "--wait=true", "--timeout=120s")
	})
	// A run that was broken off may have left it.
	kubectl(t, "delete", "-k", overlay, "--ignore-not-found", "--wait=true", "--timeout=120s")
	kubectl(t, "apply", "-f", "base/01-namespace.yaml")
	authority, err := exec.CommandContext(t.Context(), os.Getenv("BACKEND"), "authority").Output()
	if err != nil {
		t.Fatalf("make an authority: %v", err)
	}
	path := t.TempDir() + "/ca.pem"
	if err := os.WriteFile(path, authority, 0o600); err != nil {
		t.Fatal(err)
	}
	kubectl(t, "create", "secret", "generic", "backend-identity", "-n", backends, "--from-file=ca.pem="+path)
	kubectl(t, "create", "secret", "generic", "backend-database", "-n", backends, "--from-literal=url="+databaseURL)
	kubectl(t, "apply", "-k", overlay, "--dry-run=server")
	kubectl(t, "apply", "-k", overlay)
	kubectl(t, "rollout", "status", "deployment/backend", "-n", backends, "--timeout=120s")
	serviceURL = "http://" + kubectl(t, "get", "service", "backend", "-n", backends, "-o", "jsonpath={.spec.clusterIP}")
	answers(t, serviceURL)
	return serviceURL
}

// answers waits until a Service leads to its pods: the node's proxy learns of them after they are ready, and a connection
// that is begun before that never arrives. So each try has one of its own.
func answers(t *testing.T, address string) {
	t.Helper()
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/api/health/ready", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
			err = errors.New(response.Status)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("the Service does not answer: %v", err)
		}
	}
}

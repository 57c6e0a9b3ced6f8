//go:build cluster

package deploy_test

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// poolSize is how many pods the overlay keeps ready.
const poolSize = 2

// waiting selects the pods that wait for sessions.
const waiting = "app=code-execution,coding-platform/pool"

// TestPool has the product with the pool on: sessions get pods that were ready, and the pool is kept when the replica
// that keeps it is killed.
func TestPool(t *testing.T) {
	tagImages(t)
	p := newProduct(t, "overlays/pool")
	p.waitForPool(t)
	t.Run("WarmStart", p.warmStart)
	t.Run("KeeperIsKilled", p.keeperIsKilled)
	t.Run("AnotherTemplate", p.anotherTemplate)
}

// tagImages gives the images the names that the overlays for production have.
func tagImages(t *testing.T) {
	t.Helper()
	cluster(t, "tag", "localhost/backend:dev", "docker.io/library/coding-platform-backend:1")
	cluster(t, "tag", "localhost/code-execution:dev", "docker.io/library/code-execution:1")
}

// waitForPool waits until as many pods are ready for sessions as should be.
func (p product) waitForPool(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		states := strings.Fields(kubectl(t, "get", "pods", "-n", workspaces, "-l", waiting,
			"-o", `jsonpath={range .items[*]}{.metadata.deletionTimestamp}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}`))
		// What is being deleted has its time before the word.
		ready := 0
		for _, state := range states {
			if state == "True" {
				ready++
			}
		}
		if ready >= poolSize {
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("there are no %d pods that wait for sessions:\n%s", poolSize, kubectl(t, "get", "pods", "-n", workspaces, "-o", "wide"))
		}
	}
}

// keeper is the replica that was elected to look after what belongs to no session.
func (p product) keeper(t *testing.T) (replica string) {
	t.Helper()
	p.query(t, `SELECT holder FROM elections WHERE name = 'upkeep'`, nil, &replica)
	return replica
}

// strategy is how the session's environment was started.
func (p product) strategy(t *testing.T) string {
	t.Helper()
	var now struct{ Environment struct{ Strategy string } }
	decode(t, call(t, http.StatusOK, http.MethodGet, p.address+"/api/workspace/"+p.session+"/status", p.token, nil), &now)
	return now.Environment.Strategy
}

// warmStart saves a file with nothing running, and reads it in a terminal of a pod that was ready.
func (p product) warmStart(t *testing.T) {
	pods := kubectl(t, "get", "pods", "-n", workspaces, "-l", waiting, "-o", "jsonpath={.items[*].metadata.name}")
	p.save(t, "before.txt", "before\n")
	if out := string(program(t, p.api, p.session, "warm", "", nil, "/bin/sh", "-c", "cat before.txt; echo warm >warm.txt")); out != "before\r\n" {
		t.Errorf("in the pod the file holds %q", out)
	}
	fileIsSaved(t, p.file("warm.txt"), p.token, "warm\n")
	if got := p.strategy(t); got != "warm" {
		t.Errorf("the session was started %q", got)
	}
	if pod := p.pod(t); !strings.Contains(pods, pod) {
		t.Errorf("the session has pod %s, and those that waited were %s", pod, pods)
	}
	warm := 0
	counted := regexp.MustCompile(`coding_platform_environment_start_seconds_count\{strategy="warm"\} (\d+)`)
	for name, address := range backendPods(t) {
		status, answer := try(t, http.MethodGet, strings.Replace(address, ":8002", ":9090", 1)+"/metrics", "", nil)
		if status != http.StatusOK {
			t.Fatalf("the metrics of %s: %d %s", name, status, answer)
		}
		if found := counted.FindSubmatch(answer); found != nil {
			n, err := strconv.Atoi(string(found[1]))
			if err != nil {
				t.Fatal(err)
			}
			warm += n
		}
	}
	if warm != 1 {
		t.Errorf("the backends count %d warm starts, want 1", warm)
	}
}

// keeperIsKilled kills the process of the replica that was elected to keep the pool, and its pod: another keeps it, and
// sessions are started from it.
func (p product) keeperIsKilled(t *testing.T) {
	p.waitForPool(t)
	keeper := p.keeper(t)
	if backendPods(t)[keeper] == "" {
		t.Fatalf("the elected replica %q is none of %v", keeper, backendPods(t))
	}
	for _, pid := range podProcesses(t, backends, keeper) {
		// Its pause may go with it.
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
	}
	kubectl(t, "delete", "pod", "-n", backends, keeper, "--force", "--grace-period=0", "--wait=false")
	former := kubectl(t, "get", "pods", "-n", workspaces, "-l", waiting, "-o", "jsonpath={.items[*].metadata.name}")
	kubectl(t, "delete", "pods", "-n", workspaces, "-l", waiting, "--grace-period=0", "--force")
	p.waitForPool(t)
	if now := p.keeper(t); now == keeper {
		t.Errorf("the pool is kept by %s, which was killed", now)
	}
	kubectl(t, "rollout", "status", "deployment/backend", "-n", backends, "--timeout=120s")
	answers(t, p.address)
	p.session = p.newSession(t)
	if out := string(program(t, p.api, p.session, "warm", "", nil, "echo", "warm")); out != "warm\r\n" || p.strategy(t) != "warm" {
		t.Errorf("a session that was started %q printed %q", p.strategy(t), out)
	}
	if pod := p.pod(t); strings.Contains(former, pod) {
		t.Errorf("the session has pod %s, which was deleted", pod)
	}
}

// anotherTemplate rolls out another image and other limits for sessions, while a session's terminal prints: that session
// stays as it is, pods that wait are replaced, and the next session has what is new.
func (p product) anotherTemplate(t *testing.T) {
	const next = "docker.io/library/code-execution:2"
	cluster(t, "tag", "localhost/code-execution:dev", next)
	form := func(selector string) string {
		return kubectl(t, "get", "pods", "-n", workspaces, "-l", selector, "-o",
			`jsonpath={range .items[*].spec.containers[0]}{.image} {.resources.limits.memory}{"\n"}{end}`)
	}
	ofSession := func() string { return form("coding-platform/session=" + p.session) }
	running, former := p.pod(t), ofSession()
	p.while(t, "upgraded", 1800, func() {
		kubectl(t, "set", "env", "deployment/backend", "-n", backends, "WORKSPACE_MEMORY_LIMIT=500Mi", "WORKSPACE_IMAGE="+next)
		kubectl(t, "rollout", "status", "deployment/backend", "-n", backends, "--timeout=180s")
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for now := ""; now != strings.Repeat(next+" 500Mi\n", poolSize); now = form(waiting) {
			select {
			case <-tick.C:
			case <-t.Context().Done():
				t.Fatalf("the pods that wait are %s", now)
			}
		}
	})
	p.waitForPool(t)
	answers(t, p.address)
	if now := p.pod(t); now != running || ofSession() != former {
		t.Errorf("the session that ran was moved from %s (%s) to %s (%s)", running, former, now, ofSession())
	}
	p.session = p.newSession(t)
	if out := string(program(t, p.api, p.session, "limits", "", nil, "echo", "warm")); out != "warm\r\n" || p.strategy(t) != "warm" {
		t.Errorf("a session that was started %q printed %q", p.strategy(t), out)
	}
	if got := ofSession(); got != next+" 500Mi\n" {
		t.Errorf("the next session's pod is %s", got)
	}
}

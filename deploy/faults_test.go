//go:build cluster

package deploy_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"codingplatform/client"
)

// TestFaults takes away, one after the other, what an installation stands on.
func TestFaults(t *testing.T) {
	p := newProduct(t, "overlays/kind")
	program(t, p.api, p.session, "first", "", nil, "/bin/sh", "-c", "echo kept >kept.txt")
	fileIsSaved(t, p.file("kept.txt"), p.token, "kept\n")
	t.Run("TwoReplicas", p.twoReplicas)
	t.Run("Inside", p.inside)
	t.Run("AgentRefuses", p.agentRefuses)
	t.Run("PostgresRestart", p.postgresRestart)
	t.Run("APIServerGone", p.apiServerGone)
	t.Run("FightForALease", p.fightForALease)
	t.Run("NetworkCut", p.networkCut)
	t.Run("Evicted", p.evicted)
	t.Run("Drain", p.drain)
	t.Run("Scales", p.scales)
	t.Run("ImageNotThere", p.imageNotThere)
}

// lines is a program that prints n numbered lines, ten a second, and then writes a file.
func lines(n int, file string) (script string, printed string) {
	var want strings.Builder
	for i := range n {
		fmt.Fprintf(&want, "line %d\r\n", i)
	}
	return fmt.Sprintf(`i=0; while [ $i -lt %d ]; do echo "line $i"; i=$((i+1)); sleep 0.1; done; echo done >%s`, n, file), want.String()
}

// postgresRestart stops the database while a terminal prints and the editor saves: the terminal does not notice, and
// what is saved is taken when the database is back.
func (p product) postgresRestart(t *testing.T) {
	script, want := lines(100, "after-restart.txt")
	stopped := false
	refusals := 0
	out := program(t, p.api, p.session, "restart", "", func(_ client.Event, n int) {
		if stopped || n < len(want)/4 {
			return
		}
		stopped = true
		p.database.stop(t)
		if code, answer := try(t, http.MethodPost, p.file("saved.txt"), p.token, []byte(`{"content":"none"}`)); code < 500 {
			t.Errorf("with no database a save is answered %d: %s", code, answer)
		}
		if code, answer := try(t, http.MethodGet, p.address+"/api/health/live", "", nil); code != http.StatusOK {
			t.Errorf("with no database the backend says that it is not alive: %d %s", code, answer)
		}
		p.database.start(t)
		refusals = p.saveUntilTaken(t, "saved.txt", "saved\n")
	}, "/bin/sh", "-c", script)
	if !stopped || string(out) != want {
		t.Errorf("stopped %v; the terminal printed %d bytes, want %d:\n%s", stopped, len(out), len(want), out)
	}
	fileIsSaved(t, p.file("after-restart.txt"), p.token, "done\n")
	if out := string(program(t, p.api, p.session, "see", "", nil, "/bin/sh", "-c", "until test -e saved.txt; do sleep 0.1; done; cat saved.txt")); out != "saved\r\n" {
		t.Errorf("on the disk the file holds %q", out)
	}
	t.Logf("after the restart %d saves were refused until one was taken", refusals)
}

// apiServerGone kills the API server for a minute: who works in a running session does not notice.
func (p product) apiServerGone(t *testing.T) {
	pod := p.pod(t)
	before := backendPods(t)
	script, want := lines(600, "after-minute.txt")
	gone, saves := false, 0
	// What runs already is left as it is.
	back := sync.OnceFunc(func() { cluster(t, "up") })
	t.Cleanup(back)
	out := program(t, p.api, p.session, "minute", "", func(_ client.Event, n int) {
		if !gone {
			gone = true
			killProcess(t, "apiserver")
		}
		// About once a second.
		if n > saves*len(want)/60 {
			saves++
			p.save(t, "editor.txt", strconv.Itoa(saves)+"\n")
		}
	}, "/bin/sh", "-c", script)
	if string(out) != want {
		t.Errorf("the terminal printed %d bytes, want %d:\n%s", len(out), len(want), out)
	}
	if out := string(program(t, p.api, p.session, "new", "", nil, "cat", "kept.txt")); out != "kept\r\n" {
		t.Errorf("a new terminal printed %q", out)
	}
	fileIsSaved(t, p.file("after-minute.txt"), p.token, "done\n")
	fileIsSaved(t, p.file("editor.txt"), p.token, strconv.Itoa(saves)+"\n")
	back()
	kubectl(t, "rollout", "status", "deployment/backend", "-n", backends, "--timeout=120s")
	if now := p.pod(t); now != pod {
		t.Errorf("the session was in %s and is in %s", pod, now)
	}
	for name := range backendPods(t) {
		if before[name] == "" {
			t.Errorf("backend %s is new: one was restarted", name)
		}
	}
	t.Logf("%d saves were taken without an API server", saves)
}

// killProcess kills one of the cluster's own processes.
func killProcess(t *testing.T, name string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(os.Getenv("CLUSTER_DIR"), "pids", name))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("kill %s: %v", name, err)
	}
}

// fightForALease has both backends start and use one session at the same moment, and then stops the one that holds
// it in its tracks: its viewers are told to be gone, the other goes on, and the former holder, awake again, changes
// nothing.
func (p product) fightForALease(t *testing.T) {
	p.session = p.newSession(t)
	pods := backendPods(t)
	if len(pods) < 2 {
		t.Fatalf("there are backends %v, want two", pods)
	}
	apis := map[string]*client.API{}
	var both sync.WaitGroup
	for name, address := range pods {
		api, err := client.New(address, p.token)
		if err != nil {
			t.Fatal(err)
		}
		apis[name] = api
		both.Go(func() {
			out := program(t, api, p.session, name, "", nil, "/bin/sh", "-c", `for i in $(seq 100); do echo $i >"$0-$i.txt"; done; echo ok`, name)
			if string(out) != "ok\r\n" {
				t.Errorf("by %s it printed %q", name, out)
			}
		})
	}
	both.Wait()
	p.pod(t)
	for name := range pods {
		for _, i := range []string{"1", "50", "100"} {
			fileIsSaved(t, p.file(name+"-"+i+".txt"), p.token, i+"\n")
		}
	}
	holder, epoch := p.lease(t)
	if pods[holder] == "" {
		t.Fatalf("the lease's holder %q is none of %v", holder, pods)
	}
	// Somebody looks on by each of them.
	var looking *stream
	for name, address := range pods {
		at := p
		at.address = address
		if s := at.events(t); name != holder {
			looking = s
		}
	}
	looking.until(t, "two viewers", func(m streamed) bool { return m.Type == "presence" && len(m.Viewers) == 2 })
	frozen := freeze(t, holder)
	looking.until(t, "one viewer", func(m streamed) bool { return m.Type == "presence" && len(m.Viewers) == 1 })
	for name, address := range pods {
		if name == holder {
			continue
		}
		out := string(program(t, apis[name], p.session, "taken-over", "", nil, "/bin/sh", "-c", "echo over >over.txt; cat "+holder+"-1.txt"))
		if out != "1\r\n" {
			t.Errorf("by the other backend it printed %q", out)
		}
		other := p
		other.address = address
		fileIsSaved(t, other.file("over.txt"), p.token, "over\n")
	}
	now, later := p.lease(t)
	if now == holder || later <= epoch {
		t.Errorf("the lease was %s's of epoch %d and is %s's of epoch %d", holder, epoch, now, later)
	}
	frozen()
	// The former holder serves the session as any replica does, from what the other one has committed.
	out := string(program(t, apis[holder], p.session, "awake", "", nil, "/bin/sh", "-c", "cat over.txt; echo awake >awake.txt"))
	if out != "over\r\n" {
		t.Errorf("by the former holder it printed %q", out)
	}
	fileIsSaved(t, p.file("awake.txt"), p.token, "awake\n")
	if after, last := p.lease(t); last < later {
		t.Errorf("the lease of epoch %d is now %s's of epoch %d", later, after, last)
	}
}

// lease is who holds the session's, and its epoch.
func (p product) lease(t *testing.T) (holder string, epoch int64) {
	t.Helper()
	p.query(t, `SELECT lease_holder, lease_epoch FROM workspaces WHERE session_id = $1`, []any{p.session}, &holder, &epoch)
	return holder, epoch
}

// podProcesses are the PIDs of a pod, its pause among them.
func podProcesses(t *testing.T, namespace, pod string) []int {
	t.Helper()
	uid := kubectl(t, "get", "pod", "-n", namespace, pod, "-o", "jsonpath={.metadata.uid}")
	var pids []int
	for _, pattern := range []string{"/sys/fs/cgroup/pids/", "/sys/fs/cgroup/"} {
		for _, class := range []string{"/*/pod", "/pod"} {
			procs, err := filepath.Glob(pattern + "coding-platform-cluster/kubepods" + class + uid + "/*/cgroup.procs")
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range procs {
				content, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				for field := range strings.FieldsSeq(string(content)) {
					pid, err := strconv.Atoi(field)
					if err != nil {
						t.Fatal(err)
					}
					pids = append(pids, pid)
				}
			}
		}
	}
	if len(pids) == 0 {
		t.Fatalf("pod %s has no processes", pod)
	}
	return pids
}

// freeze stops a backend's processes, and returns what lets them go on.
func freeze(t *testing.T, pod string) (thaw func()) {
	t.Helper()
	pids := podProcesses(t, backends, pod)
	signal := func(signal syscall.Signal) {
		for _, pid := range pids {
			if err := syscall.Kill(pid, signal); err != nil {
				t.Errorf("%s to %d: %v", signal, pid, err)
			}
		}
	}
	signal(syscall.SIGSTOP)
	thawed := false
	thaw = func() {
		if !thawed {
			thawed = true
			signal(syscall.SIGCONT)
		}
	}
	t.Cleanup(thaw)
	return thaw
}

// evicted has a program fill /tmp beyond its size: the pod is evicted, the reason is told, and the next start has what
// was saved.
func (p product) evicted(t *testing.T) {
	pod := p.pod(t)
	// The terminal ends with its pod: nobody waits for it.
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	greedy := p.api.Terminal(client.Options{
		Session: p.session, Terminal: "greedy", Stream: true, Handle: func(client.Event) error { return nil },
		Command: []string{"/bin/sh", "-c", "head -c 300M /dev/zero >/tmp/much; cat"},
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// How it ends is the eviction's: hung up, or cut off.
		exit, err := greedy.Run(ctx)
		t.Logf("the terminal of the evicted pod ended with %+v, %v", exit, err)
	}()
	over := p.until(t, "stopped or failed", func(s status) bool { return s.Phase == "stopped" || s.Phase == "failed" })
	if !strings.Contains(over.Reason, "evicted by its node") || !strings.Contains(over.Reason, "exceeds the limit") {
		t.Errorf("the reason for the end is %q", over.Reason)
	}
	stop()
	<-ended
	p.save(t, "after-eviction.txt", "saved\n")
	if out := string(program(t, p.api, p.session, "evicted", "", nil, "cat", "kept.txt", "after-eviction.txt")); out != "kept\r\nsaved\r\n" {
		t.Errorf("after a new start the files hold %q", out)
	}
	if now := p.pod(t); now == pod {
		t.Errorf("the session is still in %s", pod)
	}
}

// drain empties the node of sessions' pods: the reason is told, a start says what it waits for, and goes on when the
// node is back.
func (p product) drain(t *testing.T) {
	p.pod(t)
	kubectl(t, "drain", "node", "--pod-selector=app=code-execution", "--ignore-daemonsets", "--force", "--delete-emptydir-data", "--timeout=120s")
	back := sync.OnceFunc(func() { kubectl(t, "uncordon", "node") })
	t.Cleanup(back)
	over := p.until(t, "stopped or failed", func(s status) bool { return s.Phase == "stopped" || s.Phase == "failed" })
	if over.Reason != "its node is being emptied" {
		t.Errorf("the reason for the end is %q", over.Reason)
	}
	p.save(t, "meanwhile.txt", "meanwhile\n")
	call(t, http.StatusAccepted, http.MethodPost, p.address+"/api/workspace/"+p.session+"/start", p.token, nil)
	p.until(t, "waiting for a node", func(s status) bool { return strings.Contains(s.Reason, "no node has room for it") })
	back()
	if out := string(program(t, p.api, p.session, "drained", "", nil, "cat", "kept.txt", "meanwhile.txt")); out != "kept\r\nmeanwhile\r\n" {
		t.Errorf("after a new start the files hold %q", out)
	}
}

// imageNotThere gives backends the name of an image that cannot be pulled: a start fails with that reason.
func (p product) imageNotThere(t *testing.T) {
	p.session = p.newSession(t)
	former := backendPods(t)
	kubectl(t, "set", "env", "deployment/backend", "-n", backends, "WORKSPACE_IMAGE=localhost/missing:1", "WORKSPACE_PULL_POLICY=IfNotPresent")
	kubectl(t, "rollout", "status", "deployment/backend", "-n", backends, "--timeout=180s")
	// The former ones go on for some seconds, with the former image.
	for name := range former {
		kubectl(t, "wait", "--for=delete", "pod/"+name, "-n", backends, "--timeout=60s")
	}
	call(t, http.StatusAccepted, http.MethodPost, p.address+"/api/workspace/"+p.session+"/start", p.token, nil)
	now := p.until(t, "failed for its image", func(s status) bool { return strings.Contains(s.Reason, "the image cannot be pulled") })
	t.Logf("the session is %+v", now)
	p.until(t, "failed", func(s status) bool {
		return s.Phase == "failed" && strings.Contains(s.Reason, "the image cannot be pulled")
	})
}

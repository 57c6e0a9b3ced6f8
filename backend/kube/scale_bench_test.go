//go:build cluster

package kube_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"codingplatform/backend/postgrestest"
	"codingplatform/client"
)

// BenchmarkScale has SCALE_SESSIONS (2,000) sessions with five idle terminals to every two of them on one backend, then on
// two, then on four, which are processes of this machine with one PostgreSQL, a real API server and a real scheduler. The
// agents are the product's, without containers (crowd). From one number of backends to the next the former ones are told
// to end and others take over: sessions, terminals and their viewers stay. It tells, of all backends together, what a
// session costs in memory and in requests to the API server with a quarter, half and all of them; what all cost while
// nobody does anything, and while 200 terminals print ten lines a second; and how starts go of which 20 begin in each
// second, beside the others: how long each takes, and whose the processor is meanwhile.
func BenchmarkScale(b *testing.B) {
	sessions, err := strconv.Atoi(cmp.Or(os.Getenv("SCALE_SESSIONS"), "2000"))
	if err != nil || sessions < 40 {
		b.Fatalf("SCALE_SESSIONS=%q: 40 or more are wanted: %v", os.Getenv("SCALE_SESSIONS"), err)
	}
	for b.Loop() {
		scaled(b, sessions)
	}
	b.ReportMetric(0, "ns/op")
}

const (
	// scaleParallel is how many sessions are started at once, and scaleSpan how long each state is looked at.
	scaleParallel = 16
	scaleSpan     = 10 * time.Second
	// scaleActive is how many terminals print, or a tenth of the sessions' number where that is less; scaleChurn how many
	// sessions come in a second.
	scaleActive = 200
	scaleChurn  = 20
	// crowdSize is how many agents share a node, about, of 60 nodes at most.
	crowdSize = 100
)

// fleet is some backends and those who use them.
type fleet struct {
	b        *testing.B
	p        place
	dir      string
	database string
	crowd    []int // pids
	token    string
	api      *client.API
	http     *http.Client
	ctx      context.Context //nolint:containedctx // that of all terminals
	viewers  sync.WaitGroup
	printed  atomic.Int64
	// online are the terminals whose viewers are connected.
	online atomic.Int64

	// backends are those that take connections, turn about.
	backends atomic.Pointer[[]*replica]
	turn     atomic.Int64
	made     int
}

// replica is a backend's process.
type replica struct {
	address, metrics string
	process          *exec.Cmd
	end              func()
}

func scaled(b *testing.B, sessions int) {
	b.Helper()
	active := min(scaleActive, sessions/10)
	terminals := 5 * sessions / 2
	kernelLimit(b, "kernel.pty.max", terminals+active+1000)
	kernelLimit(b, "fs.inotify.max_user_instances", sessions+1000)
	p := newPlace(b)
	b.Cleanup(func() { p.empty(b) })
	ctx, stop := context.WithCancel(b.Context())
	f := &fleet{b: b, p: p, ctx: ctx, dir: b.TempDir(), database: postgrestest.New(b), crowd: newCrowd(b, p, max(2, sessions/crowdSize))}
	ca, err := exec.CommandContext(ctx, os.Getenv("BACKEND"), "authority").Output()
	if err == nil {
		err = os.WriteFile(filepath.Join(f.dir, "ca.pem"), ca, 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
	defer f.replace(0)
	defer f.viewers.Wait()
	defer stop()
	f.replace(1)
	f.signUp()

	var open []string
	before := f.memory()
	for _, part := range []int{sessions / 4, sessions / 2, sessions} {
		began, requests, used := time.Now(), f.requests(), f.used()
		first := len(open)
		open = append(open, f.open(first, part-first)...)
		took, n := time.Since(began), float64(part-first)
		b.Logf("%d sessions, %d terminals: started %.1f a second, %d at once; each has %.0f KiB of the backend's memory, and its start %.1f requests to the API server",
			part, f.online.Load(), n/took.Seconds(), scaleParallel, float64(f.memory()-before)/1024/float64(part), (f.requests()-requests)/n)
		b.Logf("  CPU of a start with its terminals: %s", f.used().since(used).each(int(n)))
	}
	for _, backends := range []int{1, 2, 4} {
		if backends > 1 {
			began := time.Now()
			f.replace(backends)
			gone := time.Since(began)
			f.until("all viewers are back", func() bool { return f.online.Load() == int64(terminals) })
			viewers := time.Since(began)
			f.until("all sessions are driven", func() bool { return f.sum(drivenLine) >= float64(sessions) })
			b.Logf("%d backends: the former were gone after %.1f s, all %d viewers back after %.1f s, all %d sessions driven after %.1f s",
				backends, gone.Seconds(), terminals, viewers.Seconds(), sessions, time.Since(began).Seconds())
		}
		idle, asked := f.span()
		b.Logf("%d backends, %d sessions, %d idle terminals: %.0f KiB of memory for each session; %.1f %% of a core, %.2f requests to the API server a second",
			backends, sessions, terminals, float64(f.memory())/1024/float64(sessions), 100*idle.Seconds()/scaleSpan.Seconds(), asked/scaleSpan.Seconds())
		end := f.print(open, active)
		busy, asked := f.span()
		end()
		b.Logf("  %d terminals that print ten lines a second besides: %.1f %% of a core, %.2f requests a second", active, 100*busy.Seconds()/scaleSpan.Seconds(), asked/scaleSpan.Seconds())
		f.churn()
	}
}

// churn has scaleChurn sessions begin in each second of scaleSpan, which are used and deleted, and waits for all of them.
func (f *fleet) churn() {
	began, requests, used := time.Now(), f.requests(), f.used()
	n := int(scaleSpan.Seconds() * scaleChurn)
	starts := make([]time.Duration, n)
	var all sync.WaitGroup
	tick := time.NewTicker(time.Second / scaleChurn)
	defer tick.Stop()
	for i := range n {
		all.Go(func() {
			begun := time.Now()
			id := f.session()
			leave := f.attach(id, "one", "cat")
			starts[i] = time.Since(begun)
			leave()
			f.call(http.MethodDelete, "/api/sessions/"+id, nil, nil)
		})
		<-tick.C
	}
	all.Wait()
	took := time.Since(began)
	slices.Sort(starts)
	f.b.Logf("  %d sessions a second began, were used and deleted: %.1f a second ended; a start took %d ms at the median, %d ms at the 95th percentile; %.1f requests each",
		scaleChurn, float64(n)/took.Seconds(), starts[n/2].Milliseconds(), starts[n*95/100].Milliseconds(), (f.requests()-requests)/float64(n))
	f.b.Logf("  CPU of each: %s; the processors were %.0f %% busy", f.used().since(used).each(n), 100*f.used().since(used).all.Seconds()/took.Seconds()/float64(runtime.NumCPU()))
}

// replace starts n backends, lets new connections come to them alone, and then has the former ones end.
func (f *fleet) replace(n int) {
	f.b.Helper()
	var now []*replica
	for range n {
		f.made++
		now = append(now, f.process("replica-"+strconv.Itoa(f.made),
			"--runtime", "kubernetes", "--kubeconfig", os.Getenv("CLUSTER_KUBECONFIG"), "--workspace-namespace", f.p.namespace,
			"--workspace-cpu-request", crowdCPU, "--workspace-cpu-limit", crowdCPU,
			"--workspace-image", image(), "--workspace-pull-policy", "Never", "--identity-ca", filepath.Join(f.dir, "ca.pem"),
			"--database-url", f.database, "--bcrypt-cost", "10", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"))
	}
	former := f.backends.Swap(&now)
	if former == nil {
		return
	}
	var ends sync.WaitGroup
	for _, r := range *former {
		ends.Go(r.end)
	}
	ends.Wait()
}

// signUp makes the user whose sessions all are, and what reaches the backends of the moment.
func (f *fleet) signUp() {
	f.b.Helper()
	f.http = &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 2 * scaleParallel,
		// As a Service does: each connection goes to the next backend.
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			backends := *f.backends.Load()
			return (&net.Dialer{}).DialContext(ctx, network, backends[int(f.turn.Add(1))%len(backends)].address)
		},
	}}
	var user struct{ Token string }
	f.call(http.MethodPost, "/api/users/register", map[string]string{
		"username": "ada", "email": "ada@example.org", "password": "correct horse battery",
	}, &user)
	f.token = user.Token
	api, err := client.New(service, f.token)
	if err != nil {
		f.b.Fatal(err)
	}
	f.api = api.WithHTTP(f.http)
}

// service stands for the backends of the moment.
const service = "http://backends"

var readyAt, metricsAt = regexp.MustCompile(`ready at http://([\w.:]+)`), regexp.MustCompile(`metrics at (http://[\w.:]+/metrics)`)

// process starts a backend.
func (f *fleet) process(name string, args ...string) *replica {
	f.b.Helper()
	log, err := os.Create(filepath.Join(f.dir, name+".log"))
	if err != nil {
		f.b.Fatal(err)
	}
	// Not with ctx: it drains when it is asked to end.
	cmd := exec.Command(os.Getenv("BACKEND"), append([]string{"serve", "--replica", name, "--data-dir", filepath.Join(f.dir, name)}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		f.b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	end := sync.OnceFunc(func() {
		err := cmd.Process.Signal(syscall.SIGTERM)
		if err := errors.Join(err, <-ended, log.Close()); err != nil {
			f.b.Errorf("%s: %v", name, err)
		}
	})
	f.b.Cleanup(end)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		content, err := os.ReadFile(log.Name())
		if err != nil {
			f.b.Fatal(err)
		}
		if at, metrics := readyAt.FindSubmatch(content), metricsAt.FindSubmatch(content); at != nil && metrics != nil {
			return &replica{address: string(at[1]), metrics: string(metrics[1]), process: cmd, end: end}
		}
		select {
		case <-tick.C:
		case err := <-ended:
			ended <- err
			f.b.Fatalf("%s ended: %v\n%s", name, err, content)
		}
	}
}

// call makes one request to a backend.
func (f *fleet) call(method, path string, in, out any) {
	if err := f.try(method, path, in, out); err != nil && f.ctx.Err() == nil {
		f.b.Error(err)
	}
}

func (f *fleet) try(method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(f.ctx, method, service+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+f.token)
	response, err := f.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // read only
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, answer)
	}
	if out != nil {
		return json.Unmarshal(answer, out)
	}
	return nil
}

// open makes n sessions, each with two terminals or three that stay open.
func (f *fleet) open(first, n int) []string {
	ids := make([]string, n)
	f.parallel(n, func(i int) {
		ids[i] = f.session()
		for _, name := range []string{"one", "two", "three"}[:2+(first+i)%2] {
			f.attach(ids[i], name, "cat")
		}
	})
	return ids
}

func (f *fleet) session() string {
	var made struct{ Data struct{ ID string } }
	f.call(http.MethodPost, "/api/sessions/", map[string]string{"name": "scale"}, &made)
	return made.Data.ID
}

// attach opens a terminal, which starts its session, and returns when it is there; it stays open until the returned
// function, or the end.
func (f *fleet) attach(session, name string, command ...string) (leave func()) {
	ctx, cancel := context.WithCancel(f.ctx)
	attached, ended := make(chan struct{}), make(chan struct{})
	var once sync.Once
	online := false
	told := func(state client.State) {
		if now := state.Phase == client.Online; now != online {
			online = now
			f.online.Add(map[bool]int64{true: 1, false: -1}[now])
		}
	}
	terminal := f.api.Terminal(client.Options{Session: session, Terminal: name, Command: command, OnState: told, Handle: func(e client.Event) error {
		switch e := e.(type) {
		case client.Attached:
			once.Do(func() { close(attached) })
		case client.Output:
			f.printed.Add(int64(len(e.Data)))
		}
		return nil
	}})
	f.viewers.Go(func() {
		defer close(ended)
		defer told(client.State{})
		if _, err := terminal.Run(ctx); err != nil && ctx.Err() == nil {
			f.b.Errorf("terminal %s of %s: %v", name, session, err)
		}
	})
	select {
	case <-attached:
	case <-ended:
	case <-f.ctx.Done():
	}
	return func() {
		cancel()
		<-ended
	}
}

// parallel calls do for 0 to n-1.
func (f *fleet) parallel(n int, do func(int)) {
	var workers sync.WaitGroup
	var next atomic.Int64
	for range scaleParallel {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && f.ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	workers.Wait()
}

// print has n sessions print in one more terminal, until end.
func (f *fleet) print(sessions []string, n int) (end func()) {
	leaves := make([]func(), n)
	f.parallel(n, func(i int) {
		// Nobody types, so that the read waits; a sleep would be 2,000 new processes a second.
		leaves[i] = f.attach(sessions[i], "active", "/bin/bash", "-c", "while ! read -r -t 0.1; do echo a line of the size that lines have; done")
	})
	before := f.printed.Load()
	return func() {
		if f.printed.Load() == before {
			f.b.Error("the terminals that were to print have printed nothing")
		}
		f.parallel(n, func(i int) {
			leaves[i]()
			// Who leaves a terminal leaves its program to go on.
			f.call(http.MethodDelete, "/api/workspace/"+sessions[i]+"/terminals/active", nil, nil)
		})
	}
}

// span is what the backends use in scaleSpan.
func (f *fleet) span() (cpu time.Duration, requests float64) {
	before, asked := f.cpu(), f.requests()
	time.Sleep(scaleSpan) // what is measured is what they do meanwhile
	return f.cpu() - before, f.requests() - asked
}

// until returns when it is so.
func (f *fleet) until(what string, is func() bool) {
	f.b.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); !is(); <-tick.C {
		if time.Since(begun) > 5*time.Minute {
			f.b.Fatalf("it is not so that %s", what)
		}
	}
}

// empty deletes the place's pods without asking a node.
func (p place) empty(b *testing.B) {
	b.Helper()
	none := int64(0)
	err := p.client.CoreV1().Pods(p.namespace).DeleteCollection(context.WithoutCancel(b.Context()), metav1.DeleteOptions{GracePeriodSeconds: &none}, metav1.ListOptions{})
	if err != nil {
		b.Error(err)
	}
}

// memory is what all backends have resident, in bytes.
func (f *fleet) memory() int {
	total := 0
	for _, r := range *f.backends.Load() {
		total += f.field(r, "status", regexp.MustCompile(`VmRSS:\s+(\d+) kB`)) * 1024
	}
	return total
}

// cpu is what all backends have used, in all.
func (f *fleet) cpu() time.Duration {
	total := time.Duration(0)
	for _, r := range *f.backends.Load() {
		total += f.cpuOf(r.process.Process.Pid)
	}
	return total
}

func (f *fleet) field(r *replica, file string, pattern *regexp.Regexp) int {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", r.process.Process.Pid, file))
	if err != nil {
		f.b.Fatal(err)
	}
	found := pattern.FindSubmatch(content)
	if found == nil {
		f.b.Fatalf("%s of a backend: %s", file, content)
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil {
		f.b.Fatal(err)
	}
	return n
}

var (
	requestsLine = regexp.MustCompile(`(?m)^coding_platform_kubernetes_requests_total\{.*\} (\S+)$`)
	drivenLine   = regexp.MustCompile(`(?m)^coding_platform_sessions (\S+)$`)
)

// requests is how many all backends have made to the API server.
func (f *fleet) requests() float64 { return f.sum(requestsLine) }

// sum adds up what all backends tell Prometheus in such lines.
func (f *fleet) sum(line *regexp.Regexp) float64 {
	total := 0.0
	for _, r := range *f.backends.Load() {
		request, err := http.NewRequestWithContext(f.ctx, http.MethodGet, r.metrics, http.NoBody)
		if err != nil {
			f.b.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			f.b.Fatal(err)
		}
		content, err := io.ReadAll(response.Body)
		if err = errors.Join(err, response.Body.Close()); err != nil {
			f.b.Fatal(err)
		}
		for _, found := range line.FindAllSubmatch(content, -1) {
			n, err := strconv.ParseFloat(string(found[1]), 64)
			if err != nil {
				f.b.Fatal(err)
			}
			total += n
		}
	}
	return total
}

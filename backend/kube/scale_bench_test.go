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
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"codingplatform/backend/postgrestest"
	"codingplatform/client"
)

// BenchmarkScale has SCALE_SESSIONS (200) sessions with two terminals each on 1, 2 and 4 backends that are processes of
// this machine, with one PostgreSQL, a real API server and a real scheduler. The agents are the product's, without
// containers (crowd). Of all backends together it tells, with a quarter, half and all of the sessions, what one session
// costs them in memory and in requests to the API server; then what they cost when nobody does anything, when a tenth of
// the terminals print ten lines a second, and how many sessions come and go in a second.
func BenchmarkScale(b *testing.B) {
	sessions, err := strconv.Atoi(cmp.Or(os.Getenv("SCALE_SESSIONS"), "200"))
	if err != nil || sessions < 8 {
		b.Fatalf("SCALE_SESSIONS=%q: 8 or more are wanted: %v", os.Getenv("SCALE_SESSIONS"), err)
	}
	for _, backends := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("backends=%d", backends), func(b *testing.B) {
			for b.Loop() {
				b.Log("\n" + scaled(b, backends, sessions))
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

const (
	// scaleParallel is how many sessions are started at once, and scaleSpan how long each state is looked at.
	scaleParallel = 8
	scaleSpan     = 10 * time.Second
)

// fleet is some backends and those who use them.
type fleet struct {
	b        *testing.B
	backends []*replica
	token    string
	ctx      context.Context //nolint:containedctx // that of all terminals
	viewers  sync.WaitGroup
	printed  atomic.Int64
}

// replica is a backend's process.
type replica struct {
	url, metrics string
	process      *exec.Cmd
	api          *client.API
}

func scaled(b *testing.B, backends, sessions int) string {
	b.Helper()
	p := newPlace(b)
	newCrowd(b, p)
	ctx, stop := context.WithCancel(b.Context())
	f := &fleet{b: b, ctx: ctx}
	defer f.viewers.Wait()
	defer stop()
	f.start(p, backends)

	var told strings.Builder
	before := f.memory()
	var open []string
	for _, part := range []int{sessions / 4, sessions / 2, sessions} {
		began, requests := time.Now(), f.requests()
		added := f.open(part - len(open))
		took := time.Since(began)
		open = append(open, added...)
		fmt.Fprintf(&told, "  %d sessions, %d terminals: started %.1f a second; %.0f KiB of memory and %.1f requests to the API server each\n",
			len(open), 2*len(open), float64(len(added))/took.Seconds(), float64(f.memory()-before)/1024/float64(len(open)), (f.requests()-requests)/float64(len(added)))
	}
	idle, asked := f.span()
	fmt.Fprintf(&told, "  idle: %.1f %% of a core, %.2f requests to the API server a second\n", 100*idle.Seconds()/scaleSpan.Seconds(), asked/scaleSpan.Seconds())
	end := f.print(open, len(open)/5)
	active, asked := f.span()
	end()
	fmt.Fprintf(&told, "  %d terminals that print ten lines a second: %.1f %% of a core, %.2f requests a second\n", len(open)/5, 100*active.Seconds()/scaleSpan.Seconds(), asked/scaleSpan.Seconds())
	n, asked := f.churn()
	fmt.Fprintf(&told, "  churn: %.1f sessions a second started, used and deleted, %.1f requests each\n", float64(n)/scaleSpan.Seconds(), asked/float64(n))
	f.closeAll(open)
	p.untilEmpty(b)
	return told.String()
}

// start has n backends serve one user.
func (f *fleet) start(p place, n int) {
	f.b.Helper()
	dir, program := f.b.TempDir(), os.Getenv("BACKEND")
	ca, err := exec.CommandContext(f.ctx, program, "authority").Output()
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "ca.pem"), ca, 0o600)
	}
	if err != nil {
		f.b.Fatal(err)
	}
	database := postgrestest.New(f.b)
	for i := range n {
		f.backends = append(f.backends, f.process(dir, "replica-"+strconv.Itoa(i),
			"--runtime", "kubernetes", "--kubeconfig", os.Getenv("CLUSTER_KUBECONFIG"), "--workspace-namespace", p.namespace,
			"--workspace-image", image(), "--workspace-pull-policy", "Never", "--identity-ca", filepath.Join(dir, "ca.pem"),
			"--database-url", database, "--bcrypt-cost", "10", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"))
	}
	var user struct{ Token string }
	f.call(f.backends[0], http.MethodPost, "/api/users/register", map[string]string{
		"username": "ada", "email": "ada@example.org", "password": "correct horse battery",
	}, &user)
	f.token = user.Token
	for _, r := range f.backends {
		api, err := client.New(r.url, f.token)
		if err != nil {
			f.b.Fatal(err)
		}
		r.api = api
	}
}

var readyAt, metricsAt = regexp.MustCompile(`ready at (http://[\w.:]+)`), regexp.MustCompile(`metrics at (http://[\w.:]+/metrics)`)

// process starts a backend, which ends with the benchmark.
func (f *fleet) process(dir, name string, args ...string) *replica {
	f.b.Helper()
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		f.b.Fatal(err)
	}
	// Not with ctx: it drains when it is asked to end.
	cmd := exec.Command(os.Getenv("BACKEND"), append([]string{"serve", "--replica", name, "--data-dir", filepath.Join(dir, name)}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		f.b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	f.b.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			f.b.Error(err)
		}
		if err := <-ended; err != nil {
			f.b.Errorf("%s: %v", name, err)
		}
		if err := log.Close(); err != nil {
			f.b.Error(err)
		}
	})
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		content, err := os.ReadFile(log.Name())
		if err != nil {
			f.b.Fatal(err)
		}
		if at, metrics := readyAt.FindSubmatch(content), metricsAt.FindSubmatch(content); at != nil && metrics != nil {
			return &replica{url: string(at[1]), metrics: string(metrics[1]), process: cmd}
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
func (f *fleet) call(r *replica, method, path string, in, out any) {
	if err := f.try(r, method, path, in, out); err != nil && f.ctx.Err() == nil {
		f.b.Error(err)
	}
}

func (f *fleet) try(r *replica, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(f.ctx, method, r.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+f.token)
	response, err := http.DefaultClient.Do(request)
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

// open makes n sessions, each with two terminals that stay open, turn about on the backends.
func (f *fleet) open(n int) []string {
	ids := make([]string, n)
	f.parallel(n, func(i int) {
		r := f.backends[i%len(f.backends)]
		ids[i] = f.session(r)
		for _, name := range []string{"one", "two"} {
			f.attach(r, ids[i], name, "cat")
		}
	})
	return ids
}

func (f *fleet) session(r *replica) string {
	var made struct{ Data struct{ ID string } }
	f.call(r, http.MethodPost, "/api/sessions/", map[string]string{"name": "scale"}, &made)
	return made.Data.ID
}

// attach opens a terminal, which starts its session, and returns when it is there; it stays open until the returned
// function, or the end.
func (f *fleet) attach(r *replica, session, name string, command ...string) (leave func()) {
	ctx, cancel := context.WithCancel(f.ctx)
	attached, ended := make(chan struct{}), make(chan struct{})
	var once sync.Once
	terminal := r.api.Terminal(client.Options{Session: session, Terminal: name, Command: command, Handle: func(e client.Event) error {
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

// print has n sessions print in a third terminal, until end.
func (f *fleet) print(sessions []string, n int) (end func()) {
	leaves := make([]func(), n)
	f.parallel(n, func(i int) {
		leaves[i] = f.attach(f.backends[i%len(f.backends)], sessions[i], "active", "/bin/sh", "-c", "while sleep 0.1; do echo a line of the size that lines have; done")
	})
	before := f.printed.Load()
	return func() {
		if f.printed.Load() == before {
			f.b.Error("the terminals that were to print have printed nothing")
		}
		for _, leave := range leaves {
			leave()
		}
	}
}

// span is what the backends use in scaleSpan.
func (f *fleet) span() (cpu time.Duration, requests float64) {
	before, asked := f.cpu(), f.requests()
	time.Sleep(scaleSpan) // what is measured is what they do meanwhile
	return f.cpu() - before, f.requests() - asked
}

// churn starts sessions, uses them and deletes them for scaleSpan.
func (f *fleet) churn() (n int, requests float64) {
	asked, end := f.requests(), time.Now().Add(scaleSpan)
	var done atomic.Int64
	f.parallel(scaleParallel, func(i int) {
		for time.Now().Before(end) {
			r := f.backends[i%len(f.backends)]
			id := f.session(r)
			leave := f.attach(r, id, "one", "cat")
			leave()
			f.call(r, http.MethodDelete, "/api/sessions/"+id, nil, nil)
			done.Add(1)
		}
	})
	return int(max(done.Load(), 1)), f.requests() - asked
}

// untilEmpty returns when no pod is left.
func (p place) untilEmpty(b *testing.B) {
	b.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		pods, err := p.client.CoreV1().Pods(p.namespace).List(b.Context(), metav1.ListOptions{Limit: 1})
		if err != nil {
			b.Fatal(err)
		}
		if len(pods.Items) == 0 {
			return
		}
	}
}

// closeAll deletes the sessions, so that nothing of them runs on.
func (f *fleet) closeAll(sessions []string) {
	f.parallel(len(sessions), func(i int) {
		f.call(f.backends[i%len(f.backends)], http.MethodDelete, "/api/sessions/"+sessions[i], nil, nil)
	})
}

// memory is what all backends have resident, in bytes.
func (f *fleet) memory() int {
	total := 0
	for _, r := range f.backends {
		total += f.field(r, "status", regexp.MustCompile(`VmRSS:\s+(\d+) kB`)) * 1024
	}
	return total
}

// cpu is what all backends have used, in all.
func (f *fleet) cpu() time.Duration {
	const tick = time.Second / 100 // USER_HZ
	total := time.Duration(0)
	stat := regexp.MustCompile(`\) \S(?: -?\d+){10} (\d+)`)
	system := regexp.MustCompile(`\) \S(?: -?\d+){11} (\d+)`)
	for _, r := range f.backends {
		total += time.Duration(f.field(r, "stat", stat)+f.field(r, "stat", system)) * tick
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

var requestsLine = regexp.MustCompile(`(?m)^coding_platform_kubernetes_requests_total\{.*\} (\S+)$`)

// requests is how many all backends have made to the API server.
func (f *fleet) requests() float64 {
	total := 0.0
	for _, r := range f.backends {
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
		for _, found := range requestsLine.FindAllSubmatch(content, -1) {
			n, err := strconv.ParseFloat(string(found[1]), 64)
			if err != nil {
				f.b.Fatal(err)
			}
			total += n
		}
	}
	return total
}

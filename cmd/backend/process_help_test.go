package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a backend of its own, so that it can be killed.
type process struct {
	cmd *exec.Cmd
	url string
}

func startProcess(tb testing.TB, dir string, args ...string) *process {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(self, append(append([]string{"serve"}, flags(dir)...), args...)...)
	cmd.Env = append(os.Environ(), asBackend+"=1")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	bounded(tb, cmd)
	tb.Cleanup(func() { _ = cmd.Process.Kill() }) // of a test that failed
	p := &process{cmd: cmd}
	ready := make(chan string, 1)
	go func() {
		defer close(ready)
		var line []byte
		buffer := make([]byte, 4096)
		for {
			n, err := stderr.Read(buffer)
			line = append(line, buffer[:n]...)
			for i := bytes.IndexByte(line, '\n'); i >= 0; i = bytes.IndexByte(line, '\n') {
				_, _ = tb.Output().Write(line[:i+1])
				if _, after, found := strings.Cut(string(line[:i]), `"ready at `); found {
					url, _, _ := strings.Cut(after, `"`)
					ready <- url
				}
				line = line[i+1:]
			}
			if err != nil {
				return
			}
		}
	}()
	url, ok := <-ready
	if !ok {
		tb.Fatalf("the backend did not start: %v", cmd.Wait())
	}
	p.url = url
	return p
}

func (p *process) end(tb testing.TB, signal os.Signal) {
	tb.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		tb.Fatal(err)
	}
	err := p.cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && (signal != os.Kill || !errors.As(err, &exit)) {
		tb.Fatalf("the backend ended with: %v", err)
	}
}

// lifetime is how long a process of a test may live: several times what the slowest takes on a busy machine, and less
// than the whole run has.
const lifetime = 5 * time.Minute

// bounded ends a process that lives for too long, so that what waits for it goes on, and has it and the agents below it
// say first what their goroutines do.
func bounded(tb testing.TB, cmd *exec.Cmd) {
	tb.Helper()
	timer := time.AfterFunc(lifetime, func() {
		if cmd.Process.Signal(syscall.Signal(0)) != nil {
			return // it has ended long ago
		}
		tb.Errorf("process %d (%s) still runs after %s", cmd.Process.Pid, strings.Join(cmd.Args[1:], " "), lifetime)
		for _, pid := range agentsBelow(cmd.Process.Pid) {
			_ = syscall.Kill(pid, syscall.SIGQUIT)
		}
		_ = cmd.Process.Signal(syscall.SIGQUIT)
	})
	tb.Cleanup(func() { timer.Stop() })
}

// agentsBelow are the agents among a process's descendants.
func agentsBelow(pid int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	for _, stat := range stats {
		content, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(content[strings.LastIndexByte(string(content), ')')+1:]))
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
		if parent, err := strconv.Atoi(fields[1]); err == nil {
			children[parent] = append(children[parent], child)
		}
	}
	var agents []int
	for below := children[pid]; len(below) > 0; below = below[1:] {
		if exe, err := os.Readlink("/proc/" + strconv.Itoa(below[0]) + "/exe"); err == nil && filepath.Base(exe) == filepath.Base(agentBin) {
			agents = append(agents, below[0])
		}
		below = append(below, children[below[0]]...)
	}
	return agents
}

// showAgentLogs shows what the agents of a failed test said.
func showAgentLogs(tb testing.TB, dir string) {
	tb.Helper()
	logs, _ := filepath.Glob(filepath.Join(dir, "sessions", "*", "agent.log")) // the pattern is right
	for _, log := range logs {
		if content, err := os.ReadFile(log); err == nil {
			tb.Logf("%s:\n%s", log, content)
		}
	}
}

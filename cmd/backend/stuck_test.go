package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

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

package sysinfo_test

import (
	"bufio"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"codingplatform/agent/sysinfo"
)

// TestSessionMembers are a leader and what it has started, in the background too, and neither what has begun a session of its
// own nor what has ended and is not waited for.
func TestSessionMembers(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `sleep 60 & echo $!; setsid sh -c 'echo $$; exec sleep 60' & cat`)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for lines := bufio.NewScanner(out); len(pids) < 2 && lines.Scan(); {
		pid, err := strconv.Atoi(strings.TrimSpace(lines.Text()))
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	if len(pids) < 2 {
		t.Fatal("the shell told nothing")
	}
	leader, background, apart := cmd.Process.Pid, pids[0], pids[1]
	members := func() (ids []int) {
		t.Helper()
		all, err := sysinfo.SessionMembers(leader)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			ids = append(ids, p.PID)
		}
		return ids
	}
	if ids := members(); !slices.Contains(ids, leader) || !slices.Contains(ids, background) || slices.Contains(ids, apart) {
		t.Errorf("the members are %v; %d and %d are wanted, and not %d", ids, leader, background, apart)
	}
	// The leader has ended, as nothing is to be read; who is to be waited for is no member.
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Waitid(unix.P_PID, leader, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if p, err := sysinfo.ReadProcess(leader); err != nil || p.State != 'Z' {
		t.Fatalf("the leader is not to be waited for: %+v, %v", p, err)
	}
	if ids := members(); slices.Contains(ids, leader) || !slices.Contains(ids, background) {
		t.Errorf("after the leader's end the members are %v", ids)
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

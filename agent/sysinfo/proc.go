package sysinfo

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// clockTicks is USER_HZ, in which the kernel reports CPU times; it is 100 on every Linux that Go runs on.
const clockTicks = 100

// initialPIDNamespace is the inode of the machine's first PID namespace (PROC_PID_INIT_INO in
// linux/proc_ns.h). In any other one, /proc lists only the namespace's own processes.
const initialPIDNamespace = "pid:[4026531836]"

// Process is one line of /proc: see proc_pid_stat(5).
type Process struct {
	PID     int
	Comm    string
	State   byte
	Parent  int
	Group   int
	Session int
	// User and System are CPU time used, with that of children already waited for in ChildUser and
	// ChildSystem.
	User, System, ChildUser, ChildSystem time.Duration
	// Start is the time of start in clock ticks since boot; with PID it names a process for good.
	Start uint64
}

// ReadProcess reads one process. The error wraps os.ErrNotExist when it has gone.
func ReadProcess(pid int) (Process, error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return Process{}, fmt.Errorf("read process %d: %w", pid, err)
	}
	return parseStat(data)
}

var errStat = errors.New("malformed stat line")

// parseStat parses /proc/PID/stat. The name may hold spaces and parentheses, so the last one ends it.
func parseStat(data []byte) (Process, error) {
	open, end := bytes.IndexByte(data, '('), bytes.LastIndexByte(data, ')')
	if open < 1 || end < open {
		return Process{}, errStat
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data[:open])))
	if err != nil {
		return Process{}, fmt.Errorf("%w: %w", errStat, err)
	}
	fields := strings.Fields(string(data[end+1:]))
	if len(fields) < 20 || len(fields[0]) != 1 {
		return Process{}, errStat
	}
	p := Process{PID: pid, Comm: string(data[open+1 : end]), State: fields[0][0]}
	for i, dst := range map[int]*int{1: &p.Parent, 2: &p.Group, 3: &p.Session} {
		if *dst, err = strconv.Atoi(fields[i]); err != nil {
			return Process{}, fmt.Errorf("%w: %w", errStat, err)
		}
	}
	for i, dst := range map[int]*time.Duration{11: &p.User, 12: &p.System, 13: &p.ChildUser, 14: &p.ChildSystem} {
		ticks, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return Process{}, fmt.Errorf("%w: %w", errStat, err)
		}
		*dst = time.Duration(ticks) * (time.Second / clockTicks)
	}
	if p.Start, err = strconv.ParseUint(fields[19], 10, 64); err != nil {
		return Process{}, fmt.Errorf("%w: %w", errStat, err)
	}
	return p, nil
}

// numbers lists the processes that /proc shows.
func numbers() (pids []int, err error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	defer func() { _ = dir.Close() }() // read only
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// Processes lists all processes that /proc shows.
func Processes() ([]Process, error) {
	pids, err := numbers()
	if err != nil {
		return nil, err
	}
	all := make([]Process, 0, len(pids))
	for _, pid := range pids {
		if p, err := ReadProcess(pid); err == nil { // else it has gone meanwhile
			all = append(all, p)
		}
	}
	return all, nil
}

// SessionMembers lists the processes whose session ID (setsid) is one of a terminal's leader, zombies left out. No more is
// read of the others.
func SessionMembers(session int) ([]Process, error) {
	pids, err := numbers()
	if err != nil {
		return nil, err
	}
	var members []Process
	for _, pid := range pids {
		if id, err := unix.Getsid(pid); err == nil && id != session {
			continue
		}
		// Also where a security module does not let one ask.
		if p, err := ReadProcess(pid); err == nil && p.Session == session && p.State != 'Z' && p.State != 'X' {
			members = append(members, p)
		}
	}
	return members, nil
}

// Usage is what the users' processes of an environment use.
type Usage struct {
	// CPU is the time used by them since the agent started, those that have ended included.
	CPU time.Duration
	// Count is how many there are now, the agent not counted.
	Count int
}

// UserUsage sums up the processes that belong to the environment of the process self: all that /proc shows
// when self (or its parent) is process 1 of a PID namespace of its own, else the descendants of self. CPU of
// self and of its init is not counted, that of children that they waited for is.
func UserUsage(self int) (Usage, error) {
	all, err := Processes()
	if err != nil {
		return Usage{}, err
	}
	children := make(map[int][]Process, len(all))
	agent := Process{}
	for _, p := range all {
		children[p.Parent] = append(children[p.Parent], p)
		if p.PID == self {
			agent = p
		}
	}
	own, err := os.Readlink("/proc/1/ns/pid")
	if err != nil {
		// Process 1 is someone else's: then the namespace is not ours alone either.
		own = initialPIDNamespace
	}
	var usage Usage
	if own != initialPIDNamespace && (self == 1 || agent.Parent == 1) {
		for _, p := range all {
			usage.CPU += p.ChildUser + p.ChildSystem
			if p.PID != self && p.PID != 1 {
				usage.CPU += p.User + p.System
				usage.Count++
			}
		}
		// The init has not waited for the agent, so no time is counted twice.
		return usage, nil
	}
	usage.CPU = agent.ChildUser + agent.ChildSystem
	for queue := []int{self}; len(queue) > 0; queue = queue[1:] {
		for _, p := range children[queue[0]] {
			usage.CPU += p.User + p.System + p.ChildUser + p.ChildSystem
			usage.Count++
			queue = append(queue, p.PID)
		}
	}
	return usage, nil
}

// WorkingDirectory is the current directory of a process. The error wraps os.ErrNotExist when it has gone.
func WorkingDirectory(pid int) (string, error) {
	dir, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "cwd"))
	if err != nil {
		return "", fmt.Errorf("working directory of %d: %w", pid, err)
	}
	return strings.TrimSuffix(dir, " (deleted)"), nil
}

// ResidentBytes is the resident memory of the calling process.
func ResidentBytes() (uint64, error) {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, fmt.Errorf("resident memory: %w", err)
	}
	fields := strings.Fields(string(data))
	if len(fields) < 2 {
		return 0, fmt.Errorf("resident memory: malformed %q", data)
	}
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("resident memory: %w", err)
	}
	return pages * uint64(os.Getpagesize()), nil //nolint:gosec // a page size is positive
}

// PreferOOMKill makes a process the kernel's first choice when memory runs out (proc_pid_oom_score_adj(5)).
// Its children inherit that.
func PreferOOMKill(pid int) error {
	path := filepath.Join("/proc", strconv.Itoa(pid), "oom_score_adj")
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("raise oom_score_adj of %d: %w", pid, err)
	}
	_, err = f.WriteString("1000")
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("raise oom_score_adj of %d: %w", pid, err)
	}
	return nil
}

package sysinfo

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// unlimited is the least value that stands for "no limit" in control group version 1, which writes the
// largest multiple of the page size instead of a word.
const unlimited = 1 << 60

// Cgroup is the control group of the agent, as far as it can be read. The zero value knows nothing, and all
// its answers are 0.
type Cgroup struct {
	// memory, pids are folders; empty when not found.
	memory, pids string
	v2           bool
}

// FindCgroup looks for the control group of the calling process under root, normally "/". Inside a cgroup
// namespace, or with the hierarchy mounted from the group itself, the group is the mount's top.
func FindCgroup(root string) Cgroup {
	data, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return Cgroup{}
	}
	mount := filepath.Join(root, "sys/fs/cgroup")
	var c Cgroup
	for line := range strings.Lines(string(data)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		if parts[0] == "0" && parts[1] == "" {
			if dir := firstWith("memory.events", filepath.Join(mount, parts[2]), mount); dir != "" && c.memory == "" {
				c.memory, c.pids, c.v2 = dir, dir, true
			}
			continue
		}
		for controller := range strings.SplitSeq(parts[1], ",") {
			base := filepath.Join(mount, controller)
			switch controller {
			case "memory":
				if dir := firstWith("memory.oom_control", filepath.Join(base, parts[2]), base); dir != "" {
					c.memory, c.v2 = dir, false
				}
			case "pids":
				if dir := firstWith("pids.current", filepath.Join(base, parts[2]), base); dir != "" {
					c.pids = dir
				}
			default:
			}
		}
	}
	return c
}

func firstWith(file string, dirs ...string) string {
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
			return dir
		}
	}
	return ""
}

// OOMKills is how often the kernel killed a process of the group for lack of memory.
func (c Cgroup) OOMKills() uint64 {
	if c.v2 {
		return keyed(c.memory, "memory.events", "oom_kill")
	}
	return keyed(c.memory, "memory.oom_control", "oom_kill")
}

// Memory is what the group uses and its limit in bytes; a limit of 0 is none.
func (c Cgroup) Memory() (used, limit uint64) {
	if c.v2 {
		return number(c.memory, "memory.current"), number(c.memory, "memory.max")
	}
	return number(c.memory, "memory.usage_in_bytes"), number(c.memory, "memory.limit_in_bytes")
}

// ProcessLimit is the largest number of processes of the group; 0 is no limit.
func (c Cgroup) ProcessLimit() uint64 { return number(c.pids, "pids.max") }

// number reads a file of one number; "max", and a number that stands for no limit, are 0.
func number(dir, name string) uint64 {
	if dir == "" {
		return 0
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return 0
	}
	n, err := strconv.ParseUint(string(bytes.TrimSpace(data)), 10, 64)
	if err != nil || n >= unlimited {
		return 0
	}
	return n
}

// keyed reads one value of a file of "key value" lines.
func keyed(dir, name, key string) uint64 {
	if dir == "" {
		return 0
	}
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }() // read only
	for lines := bufio.NewScanner(f); lines.Scan(); {
		k, v, ok := strings.Cut(lines.Text(), " ")
		if !ok || k != key {
			continue
		}
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			return 0
		}
		return n
	}
	return 0
}

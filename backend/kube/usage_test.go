//go:build cluster

package kube_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// usage is the processor's time of each part of a benchmark, and of the whole machine.
type usage struct {
	parts map[string]time.Duration
	all   time.Duration
}

// used is what each part has used so far: the backends, PostgreSQL, who uses the backends, the agents, and the
// programs of the cluster that CLUSTER_KUBECONFIG is in the directory of.
func (f *fleet) used() usage {
	u := usage{parts: map[string]time.Duration{"backends": f.cpu(), "users": f.cpuOf(os.Getpid())}, all: f.machineCPU()}
	for _, node := range f.crowd {
		u.parts["agents"] += f.cpuOf(node)
	}
	u.parts["PostgreSQL"] = f.postgresCPU()
	pids, err := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(os.Getenv("CLUSTER_KUBECONFIG"))), "pids", "*"))
	if err != nil {
		f.b.Fatal(err)
	}
	for _, path := range pids {
		content, err := os.ReadFile(path)
		if err != nil {
			f.b.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
		if err != nil {
			f.b.Fatalf("%s: %v", path, err)
		}
		u.parts[filepath.Base(path)] = f.cpuOf(pid)
	}
	return u
}

func (u usage) since(before usage) usage {
	d := usage{parts: map[string]time.Duration{}, all: u.all - before.all}
	for name, used := range u.parts {
		d.parts[name] = used - before.parts[name]
	}
	return d
}

// each tells what one of n used, of the parts that are worth it.
func (u usage) each(n int) string {
	names := slices.SortedFunc(maps.Keys(u.parts), func(a, b string) int { return int(u.parts[b] - u.parts[a]) })
	var words []string
	for _, name := range names {
		if ms := u.parts[name].Seconds() * 1000 / float64(n); ms >= 0.1 {
			words = append(words, fmt.Sprintf("%s %.1f ms", name, ms))
		}
	}
	return fmt.Sprintf("%s; of the whole machine %.1f ms", strings.Join(words, ", "), u.all.Seconds()*1000/float64(n))
}

// userHz is the kernel's unit of processes' times (USER_HZ).
const userHz = time.Second / 100

// cpuOf is what a process has used; 0: it is gone.
func (f *fleet) cpuOf(pid int) time.Duration {
	fields := statOf(pid)
	if len(fields) < 13 {
		return 0
	}
	return f.ticks(fields[11]) + f.ticks(fields[12])
}

// statOf are the fields of /proc/PID/stat after the program's name (proc(5)), from its state on; nil: it is gone.
func statOf(pid int) []string {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	return strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:]))
}

func (f *fleet) ticks(field string) time.Duration {
	n, err := strconv.ParseInt(field, 10, 64)
	if err != nil {
		f.b.Fatal(err)
	}
	return time.Duration(n) * userHz
}

// postgresCPU is what this process's PostgreSQL has used, connections that have ended included.
func (f *fleet) postgresCPU() time.Duration {
	names, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		f.b.Fatal(err)
	}
	parents, servers := map[int]int{}, map[int][]string{}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil || strings.TrimSpace(string(content)) != "postgres" {
			continue // another program, or one that is gone
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			f.b.Fatal(err)
		}
		if fields := statOf(pid); len(fields) > 14 {
			parent, err := strconv.Atoi(fields[1])
			if err != nil {
				f.b.Fatal(err)
			}
			parents[pid], servers[pid] = parent, fields
		}
	}
	var total time.Duration
	for pid, parent := range parents {
		switch fields := servers[pid]; {
		case parent == os.Getpid():
			total += f.ticks(fields[11]) + f.ticks(fields[12]) + f.ticks(fields[13]) + f.ticks(fields[14])
		case parents[parent] == os.Getpid():
			total += f.ticks(fields[11]) + f.ticks(fields[12])
		}
	}
	return total
}

// machineCPU is what all processors have done, but for waiting.
func (f *fleet) machineCPU() time.Duration {
	content, err := os.ReadFile("/proc/stat")
	if err != nil {
		f.b.Fatal(err)
	}
	line, _, _ := strings.Cut(string(content), "\n")
	var total time.Duration
	for i, field := range strings.Fields(line)[1:] {
		if i != 3 && i != 4 && i < 8 { // idle, waiting for disks; guests are in the first two
			total += f.ticks(field)
		}
	}
	return total
}

package local

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"codingplatform/backend"
)

// limits is what bounds one environment.
type limits struct {
	// cgroups to put the sandbox into, before it is started.
	cgroups []string
	// visible are those that are shown inside, read-only.
	visible []visible
	// events counts kills for want of memory; empty: not counted.
	events string
	// words for people.
	words string

	// What no cgroup limits.
	rlimitMemory    bool
	rlimitProcesses bool
}

type visible struct{ dir, at string }

// limit makes the cgroups for an environment, as far as the kernel lets this process.
func (r *Runtime) limit(id backend.EnvironmentID) limits {
	wanted := []limitation{
		{controller: "memory", value: r.cfg.MemoryBytes, words: "memory " + bytesInWords(r.cfg.MemoryBytes)},
		{controller: "pids", value: r.cfg.Processes, words: strconv.FormatInt(r.cfg.Processes, 10) + " processes"},
		{controller: "cpu", value: int64(math.Round(r.cfg.CPU * cpuPeriod)), words: "CPU " + strconv.FormatFloat(r.cfg.CPU, 'f', -1, 64) + " cores"},
	}
	made := newCgroups("coding-platform-"+string(id), wanted)
	l := limits{cgroups: made.dirs, visible: made.visible, events: made.events}
	var words []string
	for _, w := range wanted {
		switch {
		case w.value == 0:
			words = append(words, w.controller+" not limited")
		case made.limited[w.controller]:
			words = append(words, w.words+" ("+made.version+")")
		case w.controller == "memory":
			l.rlimitMemory = true
			words = append(words, w.words+" for each process (rlimit: cgroups cannot be made here)")
		case w.controller == "pids":
			l.rlimitProcesses = true
			words = append(words, w.words+" (rlimit)")
		default:
			words = append(words, w.controller+" not limited (cgroups cannot be made here)")
		}
	}
	l.words = strings.Join(words, ", ")
	return l
}

// applyRlimits sets what the cgroups do not, on the sandbox's first process, from which all others inherit.
// Inside of its user namespace the number of processes is counted for the sandbox alone.
func (r *Runtime) applyRlimits(l limits, pid int) error {
	set := func(resource int, name string, value int64) error {
		if value < 0 {
			return nil
		}
		limit := unix.Rlimit{Cur: uint64(value), Max: uint64(value)}
		if err := unix.Prlimit(pid, resource, &limit, nil); err != nil {
			return fmt.Errorf("limit the sandbox's %s: %w", name, err)
		}
		return nil
	}
	if l.rlimitMemory {
		if err := set(unix.RLIMIT_DATA, "memory", r.cfg.MemoryBytes); err != nil {
			return err
		}
	}
	if l.rlimitProcesses {
		if err := set(unix.RLIMIT_NPROC, "processes", r.cfg.Processes); err != nil {
			return err
		}
	}
	// A core dump of a large program would fill the volume.
	return set(unix.RLIMIT_CORE, "core dumps", 0)
}

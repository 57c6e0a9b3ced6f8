package local

import (
	"math"
	"strconv"
	"strings"

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

// rlimitScript becomes the agent, with what the cgroups do not limit; everything in the sandbox inherits it. It
// runs inside, where the number of processes is counted for the sandbox alone, and not for all of its user's.
func (r *Runtime) rlimitScript(l limits) string {
	// A core dump of a large program would fill the volume.
	script := "ulimit -c 0"
	if l.rlimitMemory {
		script += " && ulimit -d " + strconv.FormatInt(r.cfg.MemoryBytes>>10, 10)
	}
	if l.rlimitProcesses {
		script += " && ulimit -u " + strconv.FormatInt(r.cfg.Processes, 10)
	}
	return script + ` && exec "$@"`
}

package sysinfo

import "golang.org/x/sys/unix"

// Limits are the bounds on the environment's resources.
type Limits struct {
	// Memory in bytes and Processes; 0: none known.
	Memory, Processes uint64
	// Source is "cgroup", "rlimit" or "none".
	Source string
}

// FindLimits looks for limits of the control group, and else for those that a process inherits. An inherited
// memory limit is one of address space, for each process by itself.
func FindLimits(c Cgroup) Limits {
	_, memory := c.Memory()
	if processes := c.ProcessLimit(); memory > 0 || processes > 0 {
		return Limits{Memory: memory, Processes: processes, Source: "cgroup"}
	}
	l := Limits{Memory: rlimit(unix.RLIMIT_AS), Processes: rlimit(unix.RLIMIT_NPROC), Source: "rlimit"}
	if l.Memory == 0 {
		l.Source = "none"
	}
	return l
}

func rlimit(resource int) uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(resource, &limit); err != nil || limit.Cur >= unlimited {
		return 0
	}
	return limit.Cur
}

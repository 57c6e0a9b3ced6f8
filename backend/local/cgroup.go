package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	cgroupMount = "/sys/fs/cgroup"
	// cpuPeriod is in microseconds.
	cpuPeriod = 100_000
)

// limitation is one value for one controller; 0: none. For the CPU, microseconds in each cpuPeriod.
type limitation struct {
	controller string
	value      int64
	words      string
}

// cgroups is what was made for one environment.
type cgroups struct {
	version string
	dirs    []string
	visible []visible
	events  string
	limited map[string]bool
}

// newCgroups makes groups with the limits that are wanted; what cannot be made is missing in limited.
func newCgroups(name string, wanted []limitation) cgroups {
	if _, err := os.Stat(filepath.Join(cgroupMount, "cgroup.controllers")); err == nil {
		return newUnified(name, wanted)
	}
	return newLegacy(name, wanted)
}

// newUnified makes a group of version 2: beside this process's own, or at the top. (Below its own, the kernel
// allows none while processes are in it.)
func newUnified(name string, wanted []limitation) cgroups {
	c := cgroups{version: "cgroup v2", limited: map[string]bool{}}
	own := ownCgroup("")
	for _, base := range slices.Compact([]string{filepath.Join(cgroupMount, filepath.Dir(own)), cgroupMount}) {
		if !enableControllers(base, wanted) {
			continue
		}
		dir := filepath.Join(base, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			continue
		}
		for _, w := range wanted {
			if w.value == 0 {
				continue
			}
			var err error
			switch w.controller {
			case "memory":
				err = write(dir, "memory.max", strconv.FormatInt(w.value, 10))
				if err == nil {
					// Swapping would only make the machine slow; kernels without swap accounting lack the file.
					_ = write(dir, "memory.swap.max", "0")
					c.events = filepath.Join(dir, "memory.events")
				}
			case "pids":
				err = write(dir, "pids.max", strconv.FormatInt(w.value, 10))
			case "cpu":
				err = write(dir, "cpu.max", strconv.FormatInt(w.value, 10)+" "+strconv.Itoa(cpuPeriod))
			default:
				continue
			}
			c.limited[w.controller] = err == nil
		}
		c.dirs, c.visible = []string{dir}, []visible{{dir, cgroupMount}}
		return c
	}
	return c
}

// enableControllers makes them usable in groups below base; true when at least one is.
func enableControllers(base string, wanted []limitation) bool {
	usable := false
	for _, w := range wanted {
		// One write each: one that is missing would fail them all.
		_ = write(base, "cgroup.subtree_control", "+"+w.controller)
		enabled, err := os.ReadFile(filepath.Join(base, "cgroup.subtree_control"))
		usable = usable || err == nil && slices.Contains(strings.Fields(string(enabled)), w.controller)
	}
	return usable
}

// newLegacy makes a group of version 1 for each controller, below this process's own.
func newLegacy(name string, wanted []limitation) cgroups {
	c := cgroups{version: "cgroup v1", limited: map[string]bool{}}
	for _, w := range wanted {
		if w.value == 0 {
			continue
		}
		mount := filepath.Join(cgroupMount, w.controller)
		base := filepath.Join(mount, ownCgroup(w.controller))
		if _, err := os.Stat(base); err != nil {
			// In a container the mount's top is the own group.
			base = mount
		}
		dir := filepath.Join(base, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			continue
		}
		var err error
		switch w.controller {
		case "memory":
			err = write(dir, "memory.limit_in_bytes", strconv.FormatInt(w.value, 10))
			_ = write(dir, "memory.memsw.limit_in_bytes", strconv.FormatInt(w.value, 10)) // only with swap accounting
		case "pids":
			err = write(dir, "pids.max", strconv.FormatInt(w.value, 10))
		case "cpu":
			err = errors.Join(write(dir, "cpu.cfs_period_us", strconv.Itoa(cpuPeriod)), write(dir, "cpu.cfs_quota_us", strconv.FormatInt(w.value, 10)))
		default:
			err = errors.New("unknown controller")
		}
		if err != nil {
			_ = os.Remove(dir) // empty: it was made just now
			continue
		}
		c.limited[w.controller] = true
		c.dirs = append(c.dirs, dir)
		c.visible = append(c.visible, visible{dir, filepath.Join(cgroupMount, w.controller)})
		if w.controller == "memory" {
			c.events = filepath.Join(dir, "memory.oom_control")
		}
	}
	return c
}

// ownCgroup is this process's group for a controller of version 1, or of version 2 for "".
func ownCgroup(controller string) string {
	content, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "/"
	}
	for line := range strings.Lines(string(content)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) == 3 && slices.Contains(strings.Split(parts[1], ","), controller) {
			return parts[2]
		}
	}
	return "/"
}

// join puts a process into the groups.
func (l limits) join(pid int) error {
	for _, dir := range l.cgroups {
		if err := write(dir, "cgroup.procs", strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("put the sandbox into its cgroup: %w", err)
		}
	}
	return nil
}

func write(dir, file, value string) error {
	return os.WriteFile(filepath.Join(dir, file), []byte(value), 0o644)
}

// oomKills is how often the kernel killed a process of the group for want of memory.
func oomKills(file string) int {
	if file == "" {
		return 0
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(content)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); ok {
			if n, err := strconv.Atoi(value); err == nil {
				return n
			}
		}
	}
	return 0
}

// removeCgroups removes groups without processes. The kernel may count a process for a moment after its end,
// and tells nobody when it does no more.
func removeCgroups(ctx context.Context, dirs []string) error {
	var errs []error
	for _, dir := range dirs {
		for delay := time.Millisecond; ; delay *= 2 {
			err := os.Remove(dir)
			if err == nil || errors.Is(err, fs.ErrNotExist) {
				break
			}
			if !errors.Is(err, unix.EBUSY) || delay > time.Second || ctx.Err() != nil {
				errs = append(errs, fmt.Errorf("remove a cgroup: %w", err))
				break
			}
			timer := time.NewTimer(delay)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
			}
		}
	}
	return errors.Join(errs...)
}

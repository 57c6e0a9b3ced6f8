package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	cgroups = "/sys/fs/cgroup"
	// groupRoot is above everything of the cluster; own above its own processes, kubelet's above the pods.
	groupRoot = "coding-platform-cluster"
	ownGroup  = "own"
)

// makeGroups makes the root in each hierarchy (one with cgroup v2).
func (c *cluster) makeGroups() error {
	c.groups = nil
	if controllers, err := os.ReadFile(cgroups + "/cgroup.controllers"); err == nil {
		root := filepath.Join(cgroups, groupRoot)
		c.groups = []string{root}
		if err := os.MkdirAll(filepath.Join(root, ownGroup), 0o755); err != nil {
			return fmt.Errorf("make the control group: %w", err)
		}
		enable := "+" + strings.Join(strings.Fields(string(controllers)), " +")
		for _, dir := range []string{cgroups, root} {
			if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte(enable), 0o644); err != nil {
				return fmt.Errorf("turn the controllers on: %w", err)
			}
		}
		return nil
	}
	hierarchies, err := filepath.Glob(cgroups + "/*/cgroup.procs")
	if err != nil {
		return err
	}
	for _, procs := range hierarchies {
		hierarchy := filepath.Dir(procs)
		if filepath.Base(hierarchy) == "unified" {
			continue
		}
		if real, err := filepath.EvalSymlinks(hierarchy); err != nil || real != hierarchy {
			continue // cpu and cpuacct may be names of one
		}
		root := filepath.Join(hierarchy, groupRoot)
		for _, dir := range []string{root, filepath.Join(root, ownGroup)} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return fmt.Errorf("make a control group: %w", err)
			}
			// A cpuset takes nobody in before it has cores and memory.
			for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
				value, err := os.ReadFile(filepath.Join(filepath.Dir(dir), name))
				if errors.Is(err, fs.ErrNotExist) {
					continue
				}
				if err == nil {
					err = os.WriteFile(filepath.Join(dir, name), value, 0o644)
				}
				if err != nil {
					return fmt.Errorf("prepare the cpuset: %w", err)
				}
			}
		}
		c.groups = append(c.groups, root)
	}
	if len(c.groups) == 0 {
		return errors.New("there are no control groups at " + cgroups)
	}
	return nil
}

// groupPIDs are the processes below a control group.
func groupPIDs(root string) ([]int, error) {
	var pids []int
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		if entry.Name() != "cgroup.procs" {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil // the group went meanwhile
		}
		for field := range bytes.FieldsSeq(content) {
			if pid, err := strconv.Atoi(string(field)); err == nil && pid > 0 {
				pids = append(pids, pid)
			}
		}
		return nil
	})
	return pids, err
}

// tracked is the hierarchy that processes are found by.
func (c *cluster) tracked() string {
	if _, err := os.Stat(cgroups + "/cgroup.controllers"); err == nil {
		return filepath.Join(cgroups, groupRoot)
	}
	return filepath.Join(cgroups, "pids", groupRoot)
}

// killGroups ends every process of the cluster: by SIGTERM, then by SIGKILL.
func (c *cluster) killGroups(ctx context.Context, grace time.Duration) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	begun := time.Now()
	for signal := syscall.SIGTERM; ; {
		pids, err := groupPIDs(c.tracked())
		if err != nil {
			return fmt.Errorf("find the cluster's processes: %w", err)
		}
		if len(pids) == 0 {
			return nil
		}
		if time.Since(begun) > grace {
			signal = syscall.SIGKILL
		}
		if signal == syscall.SIGKILL || time.Since(begun) < 50*time.Millisecond {
			for _, pid := range pids {
				if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
					return fmt.Errorf("end process %d: %w", pid, err)
				}
			}
		}
		if time.Since(begun) > grace+20*time.Second {
			return fmt.Errorf("processes %v do not end", pids)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// removeGroups removes the control groups, the deepest first.
func removeGroups() error {
	roots, err := filepath.Glob(cgroups + "/*/" + groupRoot)
	if err != nil {
		return err
	}
	var errs []error
	for _, root := range append(roots, filepath.Join(cgroups, groupRoot)) {
		var dirs []string
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		errs = append(errs, err)
		slices.Reverse(dirs)
		for _, dir := range dirs {
			if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, fmt.Errorf("remove a control group: %w", err))
			}
		}
	}
	return errors.Join(errs...)
}

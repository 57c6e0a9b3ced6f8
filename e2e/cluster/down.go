package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// down ends every process, and takes away mounts, control groups and the network. Data and images stay unless
// purged: the next start is quicker.
func (c *cluster) down(ctx context.Context, purge bool) error {
	// Who would start things again goes first; whatever containers hold goes with the groups.
	if _, err := os.Stat(c.tracked()); err == nil {
		if err := c.killGroups(ctx, stopTimeout); err != nil {
			return err
		}
	}
	// What is still mounted must not be deleted through the mount.
	if err := c.unmount(); err != nil {
		return err
	}
	errs := []error{removeGroups(), removeNetwork(ctx), os.RemoveAll(c.path("pids"))}
	// What was running there is no more.
	for _, name := range []string{"run", "kubelet", "pod-logs", "cni-data"} {
		errs = append(errs, os.RemoveAll(c.path(name)))
	}
	// The containers' own state is of no use without them, and names of pods that are gone.
	for _, name := range []string{"etcd", "pki", "logs", "containerd", "volumes"} {
		if purge {
			errs = append(errs, os.RemoveAll(c.path(name)))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("take the cluster away: %w", err)
	}
	fmt.Println("cluster: down")
	return nil
}

// unmount takes away what kubelet and containerd mounted, the innermost first.
func (c *cluster) unmount() error {
	file, err := os.Open("/proc/self/mounts")
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // read only
	var points []string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) > 1 && strings.HasPrefix(fields[1], c.dir+"/") {
			points = append(points, fields[1])
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	slices.SortFunc(points, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, point := range points {
		err := syscall.Unmount(point, 0)
		for begun := time.Now(); errors.Is(err, syscall.EBUSY) && time.Since(begun) < 5*time.Second; {
			err = syscall.Unmount(point, 0)
		}
		if err != nil && !errors.Is(err, syscall.EINVAL) {
			return fmt.Errorf("unmount %s: %w", point, err)
		}
	}
	return nil
}

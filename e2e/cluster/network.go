package main

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// The cluster's addresses.
const (
	hostIP      = "10.200.0.1"
	nodeIP      = "10.200.0.2"
	serviceIP   = "10.96.0.1"
	serviceCIDR = "10.96.0.0/16"
	podCIDR     = "10.244.0.0/24"

	namespace = "coding-platform-cluster"
	hostLink  = "cpcluster0"
	nodeLink  = "cpcluster1"
)

const namespacePath = "/run/netns/" + namespace

// makeNetwork makes the namespace, its link to the machine and the routes, unless they are there.
func makeNetwork(ctx context.Context) error {
	if _, err := os.Stat(namespacePath); err == nil {
		return nil
	}
	err := steps(ctx, [][]string{
		{"ip", "netns", "add", namespace},
		{"ip", "link", "add", hostLink, "type", "veth", "peer", "name", nodeLink, "netns", namespace},
		{"ip", "addr", "add", hostIP + "/24", "dev", hostLink},
		{"ip", "link", "set", hostLink, "up"},
		{"ip", "-n", namespace, "link", "set", "lo", "up"},
		{"ip", "-n", namespace, "addr", "add", nodeIP + "/24", "dev", nodeLink},
		{"ip", "-n", namespace, "link", "set", nodeLink, "up"},
		{"ip", "route", "add", podCIDR, "via", nodeIP},
		{"ip", "route", "add", serviceCIDR, "via", nodeIP},
		// A service's address must have a route before it is translated; the machine sends nothing on.
		{"ip", "-n", namespace, "route", "add", "default", "via", hostIP},
		{"nsenter", "--net=" + namespacePath, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"},
	})
	if err != nil {
		return errors.Join(fmt.Errorf("make the cluster's network: %w", err), removeNetwork(context.WithoutCancel(ctx)))
	}
	return nil
}

// removeNetwork ends the link, and the machine's routes with it.
func removeNetwork(ctx context.Context) error {
	if _, err := os.Stat(namespacePath); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var errs []error
	if _, err := os.Stat("/sys/class/net/" + hostLink); err == nil {
		errs = append(errs, command(ctx, "ip", "link", "delete", hostLink))
	}
	return errors.Join(append(errs, command(ctx, "ip", "netns", "delete", namespace))...)
}

func steps(ctx context.Context, commands [][]string) error {
	for _, argv := range commands {
		if err := command(ctx, argv...); err != nil {
			return err
		}
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

const usage = "usage: cluster [--dir DIR] up | down [--purge] | load FILE... | tag IMAGE NAME | kubectl ARGS..."

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(exit.ExitCode())
	case err != nil:
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("cluster", flag.ContinueOnError)
	dir := flags.String("dir", "build/cluster", "directory of its programs (bin/) and data")
	if err := flags.Parse(args); err != nil {
		return err
	}
	abs, err := filepath.Abs(*dir)
	if err != nil {
		return fmt.Errorf("find the cluster's directory: %w", err)
	}
	c := &cluster{dir: abs}
	if flags.NArg() == 0 {
		return errors.New(usage)
	}
	rest := flags.Args()[1:]
	if os.Geteuid() != 0 && flags.Arg(0) != "kubectl" {
		return errors.New("a cluster must be run as root")
	}
	switch flags.Arg(0) {
	case "up":
		return c.up(ctx)
	case "down":
		return c.down(ctx, len(rest) == 1 && rest[0] == "--purge")
	case "load":
		return c.load(ctx, rest)
	case "tag":
		if len(rest) == 2 {
			return c.ctr(ctx, "images", "tag", "--force", rest[0], rest[1])
		}
	case "kubectl":
		return c.kubectl(ctx, rest)
	}
	return errors.New(usage)
}

// cluster is one, by its directory.
type cluster struct {
	dir string
	// groups are the directories of its control groups, made by makeGroups.
	groups []string
}

func (c *cluster) path(names ...string) string {
	return filepath.Join(append([]string{c.dir}, names...)...)
}

// command runs a program to its end; what it said is in the error.
func command(ctx context.Context, argv ...string) error {
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", argv[0], err, out)
	}
	return nil
}

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"time"
)

// config is every setting of the agent. It has flags only: its environment is the users'.
type config struct {
	Listen        string
	Health        string
	Root          string
	State         string
	Identity      string
	Shell         string
	Home          string
	Path          string
	Env           []string
	OrphanTimeout time.Duration
	LogLevel      slog.Level
	LogFormat     string
	Version       bool
}

// errUsage says that the arguments are not right; what is wrong has been told.
var errUsage = errors.New("wrong usage")

func parseConfig(args []string, output io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("agent", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.StringVar(&c.Listen, "listen", "", "where backends call: unix:PATH or tcp:HOST:PORT; required")
	flags.StringVar(&c.Health, "health", "", "HOST:PORT of /healthz and /readyz in plain HTTP; empty: none")
	flags.StringVar(&c.Root, "root", "/app", "the workspace directory")
	flags.StringVar(&c.State, "state", "", "directory for the agent's own files, outside of the workspace; required")
	flags.StringVar(&c.Identity, "identity", "-", "file with the agent's identity as JSON; -: standard input")
	flags.StringVar(&c.Shell, "shell", "/bin/bash", "shell of terminals")
	flags.StringVar(&c.Home, "home", "", "home of users' programs; empty: the workspace")
	flags.StringVar(&c.Path, "path", "", "PATH of users' programs; empty: the usual one")
	flags.Func("env", "KEY=value for users' programs; repeat for more", func(s string) error {
		if key, _, ok := strings.Cut(s, "="); !ok || key == "" {
			return errors.New("must be KEY=value")
		}
		c.Env = append(c.Env, s)
		return nil
	})
	flags.DurationVar(&c.OrphanTimeout, "orphan-timeout", 0, "end when no backend has called for so long; 0: never")
	flags.TextVar(&c.LogLevel, "log-level", slog.LevelInfo, "debug, info, warn or error")
	flags.StringVar(&c.LogFormat, "log-format", "text", "text or json")
	flags.BoolVar(&c.Version, "version", false, "print the version and end")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return c, err
		}
		return c, errUsage // flags have told it
	}
	if c.Version {
		return c, nil
	}
	if err := c.validate(flags.Args()); err != nil {
		_, _ = fmt.Fprintf(output, "agent: %s\n", err)
		return c, errUsage
	}
	return c, nil
}

func (c *config) validate(rest []string) error {
	var errs []error
	if len(rest) > 0 {
		errs = append(errs, fmt.Errorf("unexpected argument %q", rest[0]))
	}
	if network, address, _ := strings.Cut(c.Listen, ":"); address == "" || network != "unix" && network != "tcp" {
		errs = append(errs, fmt.Errorf("--listen %q: must be unix:PATH or tcp:HOST:PORT", c.Listen))
	}
	if !filepath.IsAbs(c.Root) || !filepath.IsAbs(c.State) {
		errs = append(errs, fmt.Errorf("--root %q and --state %q must be absolute paths", c.Root, c.State))
	} else if inside, err := filepath.Rel(c.Root, c.State); err == nil && filepath.IsLocal(inside) {
		errs = append(errs, fmt.Errorf("--state %q must not be inside of --root %q", c.State, c.Root))
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		errs = append(errs, fmt.Errorf("--log-format %q: must be text or json", c.LogFormat))
	}
	if c.OrphanTimeout < 0 {
		errs = append(errs, errors.New("--orphan-timeout must not be negative"))
	}
	return errors.Join(errs...)
}

// Command agent runs inside a session's environment: it owns the terminals, the processes and the workspace
// directory, and serves the backend over mutual TLS. As pid 1 it starts itself once more as a child, reaps
// orphans and passes signals on.
//
// Exit codes: 0 after a stop that was asked for (SIGTERM, SIGINT), 1 after a failure, 2 for wrong usage, 3 when no
// backend has called for --orphan-timeout.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"codingplatform/agent"
	"codingplatform/agent/cores"
	"codingplatform/agent/reap"
)

// version is set when a release is built.
var version = "dev"

const (
	exitFailure  = 1
	exitUsage    = 2
	exitOrphaned = 3
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	cfg, err := parseConfig(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return exitUsage
	}
	if cfg.Version {
		_, _ = fmt.Fprintln(stdout, version)
		return 0
	}
	logger := newLogger(cfg, stderr)
	// Programs of the user have the same user ID; without this they could read this memory, and the key in it.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		logger.Error("the agent ended", "error", fmt.Errorf("hide the agent's memory: %w", err))
		return exitFailure
	}
	if os.Getpid() == 1 {
		code, err := reap.Init(logger, append([]string{"/proc/self/exe"}, args...), os.Environ())
		if err != nil {
			logger.Error("the agent ended", "error", err)
			return exitFailure
		}
		return code
	}
	cores.Start()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	err = serve(ctx, cfg, stdin, logger)
	switch {
	case errors.Is(err, agent.ErrOrphaned):
		logger.Info("the agent ended", "reason", err.Error())
		return exitOrphaned
	case err != nil:
		logger.Error("the agent ended", "error", err)
		return exitFailure
	}
	return 0
}

func newLogger(cfg config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

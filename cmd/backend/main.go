// Command backend serves the product: HTTP, WebSocket and the frontend; it keeps the files in PostgreSQL and
// runs the sessions' environments.
//
//	backend serve [flags]     serve (the default)
//	backend migrate [flags]   bring the database's schema up to date, and end
//	backend authority         print a new certificate authority, for --identity-ca
//	backend backup FILE       write all that the database holds into a file, while backends serve
//	backend restore FILE      fill an empty database with it
//	backend version           print the version
//
// and what a person uses at another machine, or a script (docs/cli.md):
//
//	backend login             sign in at a server
//	backend sessions          list sessions and their terminals
//	backend attach SESSION    a terminal there, in the terminal here
//	backend logout            sign out
//
// Exit codes: 0 after a stop that was asked for, 1 after a failure, 2 for wrong usage; attach has its program's.
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
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"codingplatform/backend/identity"
	"codingplatform/client/cli"
)

// version is set when a release is built.
var version = "dev"

const (
	exitFailure = 1
	exitUsage   = 2
)

// gcPercent is how much the heap may grow before it is collected, in percent of what is in use. Most of a backend's is
// of sockets that idle: to collect it more often than Go would costs little, and saves a third of the memory.
const gcPercent = 50

func main() {
	os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

func run(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	command := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, args = args[0], args[1:]
	}
	if slices.Contains(cli.Commands(), command) {
		return cli.Run(context.Background(), command, args, getenv, os.Stdin, stdout, stderr)
	}
	switch command {
	case "version":
		_, _ = fmt.Fprintln(stdout, version)
		return 0
	case "authority":
		content, err := identity.Generate()
		if err == nil {
			_, err = stdout.Write(content)
		}
		if err != nil {
			_, _ = fmt.Fprintf(stderr, "backend: make a certificate authority: %s\n", err)
			return exitFailure
		}
		return 0
	case "help":
		printUsage(stdout)
		return 0
	case "serve", "migrate", "backup", "restore":
	default:
		_, _ = fmt.Fprintf(stderr, "backend: there is no command %q\n\n", command)
		printUsage(stderr)
		return exitUsage
	}
	cfg, err := parseConfig(args, getenv, stderr, command == "backup" || command == "restore")
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "backend: the settings are not right:\n%s\n\nbackend help lists them all.\n", err)
		return exitUsage
	}
	logger := newLogger(cfg, stderr)

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once: draining may take long.
	context.AfterFunc(ctx, stop)
	switch command {
	case "migrate":
		err = migrate(ctx, cfg, logger)
	case "backup":
		err = backup(ctx, cfg, logger, stdout)
	case "restore":
		err = restore(ctx, cfg, logger)
	default:
		if getenv("GOGC") == "" {
			debug.SetGCPercent(gcPercent)
		}
		err = serve(ctx, cfg, logger, nil)
	}
	if err != nil {
		logger.Error("the backend ended", "error", err)
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

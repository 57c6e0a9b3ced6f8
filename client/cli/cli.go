package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"codingplatform/client"
)

const (
	exitFailure = 1
	exitUsage   = 2
)

// Commands are the names that Run knows.
func Commands() []string { return []string{"attach", "sessions", "login", "logout"} }

// Run is one of the Commands, with the arguments after its name. It returns the exit code. ctx is that of the whole
// program; signals are Run's own matter, since an attached terminal takes most of them for itself.
func Run(ctx context.Context, command string, args []string, getenv func(string) string, stdin *os.File, stdout, stderr io.Writer) int {
	cfg, err := parseConfig(command, args, getenv, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "backend %s: %s\n\nbackend %s -help says more.\n", command, err, command)
		return exitUsage
	}
	switch command {
	case "login":
		err = login(ctx, cfg, stdin, stderr)
		if interrupted, ok := errors.AsType[*signalError](err); ok {
			_, _ = fmt.Fprintln(stderr)
			return exitSignal + int(interrupted.signal)
		}
		return failed(stderr, err)
	case "logout":
		return failed(stderr, logout(ctx, cfg, stderr))
	}
	api, err := signedIn(cfg)
	switch {
	case command == "attach" && err != nil:
		_ = failed(stderr, err)
		return exitAttach
	case command == "attach":
		return runAttach(ctx, cfg, api, stdin, stdout, stderr)
	case err != nil:
		return failed(stderr, err)
	}
	return failed(stderr, listSessions(ctx, api, stdout))
}

// signedIn is the server with the token that was given or stored.
func signedIn(cfg config) (*client.API, error) {
	token := cfg.Token
	if token == "" {
		stored, err := loadCredentials()
		if err != nil {
			return nil, err
		}
		token = stored.Servers[serverKey(cfg.URL)].Token
	}
	return client.New(cfg.URL, token)
}

func failed(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	hint := ""
	if errors.Is(err, client.ErrUnauthenticated) {
		hint = " (backend login signs in)"
	}
	_, _ = fmt.Fprintf(stderr, "backend: %s%s\n", printable(err.Error()), hint)
	return exitFailure
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"codingplatform/agent"
	"codingplatform/agent/filesrpc"
	"codingplatform/agent/identity"
	"codingplatform/agent/sysinfo"
)

// serve runs the agent until ctx ends.
func serve(ctx context.Context, cfg config, stdin io.Reader, logger *slog.Logger) error {
	restore, err := sysinfo.HandleIgnoredSignals()
	if err != nil {
		return err
	}
	defer restore()
	id, err := identity.Load(cfg.Identity, stdin)
	if err != nil {
		return err
	}
	incarnation := agent.NewIncarnation()
	files, err := filesrpc.New(filesrpc.Config{
		Root: cfg.Root, State: cfg.State, Logger: logger, Incarnation: incarnation,
		SessionID: id.SessionID, EnvironmentID: id.EnvironmentID,
	})
	if err != nil {
		return err
	}
	server, err := agent.New(agent.Options{
		Logger: logger, Identity: id, Version: version, Incarnation: incarnation, Root: cfg.Root, State: cfg.State,
		Home: cfg.Home, Shell: cfg.Shell, Path: cfg.Path, Env: cfg.Env, Files: files, OrphanTimeout: cfg.OrphanTimeout,
	})
	if err != nil {
		return err
	}
	listener, err := listen(ctx, cfg.Listen)
	if err != nil {
		return err
	}
	var health net.Listener
	if cfg.Health != "" {
		if health, err = (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Health); err != nil {
			return errors.Join(fmt.Errorf("listen for health checks: %w", err), listener.Close())
		}
	}
	logger.InfoContext(ctx, "serving", "listen", cfg.Listen, "session_id", id.SessionID, "environment_id", id.EnvironmentID, "version", version)
	return server.Run(ctx, listener, health)
}

// listen opens "unix:PATH", which only this user may enter, or "tcp:ADDRESS". A socket that a former agent left
// behind is replaced.
func listen(ctx context.Context, where string) (net.Listener, error) {
	network, address, _ := strings.Cut(where, ":")
	if network == "unix" {
		if err := os.Remove(address); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("remove the former socket: %w", err)
		}
		// Set for the moment of creation, so that the socket is never open to others. Nothing else runs yet.
		defer unix.Umask(unix.Umask(0o177))
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", where, err)
	}
	return listener, nil
}

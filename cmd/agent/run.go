package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"codingplatform/agent"
	"codingplatform/agent/claim"
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
	listener, health, err := listenAll(ctx, cfg)
	if err != nil {
		return err
	}
	server, err := prepare(ctx, cfg, id, listener, health, logger)
	if err != nil {
		if ctx.Err() != nil {
			err = nil // it was asked to end before anybody had claimed it
		}
		return errors.Join(err, closeAll(listener, health))
	}
	return server.Run(ctx, listener, health)
}

// prepare makes the agent of id's session; one that has none waits until it is claimed for one.
func prepare(ctx context.Context, cfg config, id identity.Identity, listener, health net.Listener, logger *slog.Logger) (*agent.Server, error) {
	if id.Unclaimed() {
		logger.InfoContext(ctx, "waiting for a session", "listen", cfg.Listen, "environment_id", id.EnvironmentID, "version", version)
		claimed, err := claim.Wait(ctx, claim.Config{Logger: logger, Identity: id, Version: version, Listener: listener, Health: health})
		if err != nil {
			return nil, err
		}
		id, cfg.Env = claimed.Identity, slices.Concat(cfg.Env, claimed.Env)
	}
	incarnation := agent.NewIncarnation()
	files, err := filesrpc.New(filesrpc.Config{
		Root: cfg.Root, State: cfg.State, Logger: logger, Incarnation: incarnation,
		SessionID: id.SessionID, EnvironmentID: id.EnvironmentID,
	})
	if err != nil {
		return nil, err
	}
	logger.InfoContext(ctx, "serving", "listen", cfg.Listen, "session_id", id.SessionID, "environment_id", id.EnvironmentID, "version", version)
	return agent.New(agent.Options{
		Logger: logger, Identity: id, Version: version, Incarnation: incarnation, Root: cfg.Root, State: cfg.State,
		Home: cfg.Home, Shell: cfg.Shell, Path: cfg.Path, Env: cfg.Env, Files: files, OrphanTimeout: cfg.OrphanTimeout,
	})
}

// listenAll opens what backends and, where that is asked for, the kubelet call; health is nil without.
func listenAll(ctx context.Context, cfg config) (listener, health net.Listener, err error) {
	if listener, err = listen(ctx, cfg.Listen); err != nil {
		return nil, nil, err
	}
	if cfg.Health != "" {
		if health, err = (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Health); err != nil {
			return nil, nil, errors.Join(fmt.Errorf("listen for health checks: %w", err), listener.Close())
		}
	}
	return listener, health, nil
}

func closeAll(listeners ...net.Listener) error {
	var errs []error
	for _, l := range listeners {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
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

package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"codingplatform/backend/pgembed"
	"codingplatform/backend/postgres"
)

// maintainInterval is how often what has expired is deleted.
const maintainInterval = time.Hour

// database is the store, and the server behind it when that is ours.
type database struct {
	store     *postgres.Store
	listenURL string
	embedded  *pgembed.Server
}

// startServer answers the URLs of the database: the setting's, or those of an embedded server that it starts.
func startServer(ctx context.Context, cfg config, logger *slog.Logger) (url, listenURL string, server *pgembed.Server, err error) {
	if cfg.DatabaseURL != "" {
		url, listenURL = cfg.DatabaseURL, cfg.ListenerURL
		if listenURL == "" {
			listenURL = url
		}
		return url, listenURL, nil, nil
	}
	server, err = pgembed.Start(ctx, pgembed.Config{
		DataDir: embeddedDir(cfg), BinDir: cfg.PostgresBin, RunAs: cfg.RunAs, Logger: logger,
	})
	if err != nil {
		return "", "", nil, err
	}
	return server.URL(), server.URL(), server, nil
}

func embeddedDir(cfg config) string { return filepath.Join(cfg.DataDir, "postgres") }

func openDatabase(ctx context.Context, cfg config, logger *slog.Logger) (*database, error) {
	url, listenURL, server, err := startServer(ctx, cfg, logger)
	if err != nil {
		return nil, err
	}
	d := &database{listenURL: listenURL, embedded: server}
	// On one machine nobody else would do it. The lock of a migration needs the direct connection.
	if err := postgres.Migrate(ctx, listenURL); err != nil {
		return nil, errors.Join(err, d.close(context.WithoutCancel(ctx)))
	}
	if d.store, err = postgres.Open(ctx, postgres.Config{URL: url, Logger: logger}); err != nil {
		return nil, errors.Join(err, d.close(context.WithoutCancel(ctx)))
	}
	return d, nil
}

func (d *database) close(ctx context.Context) error {
	if d.store != nil {
		d.store.Close()
	}
	if d.embedded == nil {
		return nil
	}
	return d.embedded.Stop(ctx)
}

// migrate brings the schema up to date.
func migrate(ctx context.Context, cfg config, logger *slog.Logger) error {
	_, listenURL, server, err := startServer(ctx, cfg, logger)
	if err != nil {
		return err
	}
	err = postgres.Migrate(ctx, listenURL)
	if server != nil {
		err = errors.Join(err, server.Stop(context.WithoutCancel(ctx)))
	}
	if err == nil {
		logger.InfoContext(ctx, "the schema is up to date")
	}
	return err
}

// maintain deletes what has expired, until ctx is done: tokens, shares, past versions, and contents that nothing refers
// to any more. A failure is logged and tried again an interval later.
func maintain(ctx context.Context, cfg config, store *postgres.Store, logger *slog.Logger) error {
	ticker := time.NewTicker(maintainInterval)
	defer ticker.Stop()
	for {
		for _, task := range []struct {
			what string
			run  func(context.Context) (int64, error)
		}{
			{"tokens", store.DeleteExpiredTokens},
			{"shares", store.DeleteExpiredShares},
			{"deleted sessions", func(ctx context.Context) (int64, error) { return store.PurgeTrash(ctx, cfg.TrashAge) }},
			{"versions", func(ctx context.Context) (int64, error) {
				return store.TrimHistory(ctx, cfg.HistoryAge, cfg.HistoryVersions)
			}},
			{"contents", store.CollectBlobs},
		} {
			n, err := task.run(ctx)
			if err != nil && ctx.Err() == nil {
				logger.ErrorContext(ctx, "deleting what has expired failed; trying again later", "what", task.what, "error", err)
			} else if n > 0 {
				logger.InfoContext(ctx, "deleted what had expired", "what", task.what, "count", n)
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"codingplatform/backend/pgembed"
	"codingplatform/backend/postgres"
)

// Backups in a directory are told from other files by their names, which sort by time.
const (
	backupPattern = "coding-platform-*.zip"
	backupName    = "coding-platform-20060102T150405Z.zip"
)

// backup writes all that the database holds into cfg.File: a file, a directory that gets one named after the time, or -
// for standard output. A file is there whole or not at all.
func backup(ctx context.Context, cfg config, logger *slog.Logger, stdout io.Writer) (err error) {
	url, stop, err := directDatabase(ctx, cfg, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if cfg.File == "-" {
		_, err := postgres.WriteDump(ctx, url, stdout)
		return err
	}
	path, dir := cfg.File, ""
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		dir, path = path, filepath.Join(path, time.Now().UTC().Format(backupName))
	}
	// Readable by its owner alone: it holds every user's files.
	file, err := os.OpenFile(path+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write the backup: %w", err)
	}
	dump, err := postgres.WriteDump(ctx, url, file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(path+".part", path)
	}
	if err != nil {
		if rerr := os.Remove(path + ".part"); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
		return fmt.Errorf("write the backup: %w", err)
	}
	logger.InfoContext(ctx, "the backup is written", "file", path, "schema", dump.Schema, "tables", len(dump.Tables), "rows", dump.Rows())
	if dir == "" || cfg.BackupKeep == 0 {
		return nil
	}
	return thin(ctx, dir, cfg.BackupKeep, logger)
}

// thin deletes all but the newest backups of a directory.
func thin(ctx context.Context, dir string, keep int, logger *slog.Logger) error {
	all, err := filepath.Glob(filepath.Join(dir, backupPattern))
	if err != nil {
		return fmt.Errorf("list the backups: %w", err)
	}
	slices.Sort(all)
	for _, old := range all[:max(0, len(all)-keep)] {
		if err := os.Remove(old); err != nil {
			return fmt.Errorf("delete an old backup: %w", err)
		}
		logger.InfoContext(ctx, "deleted an old backup", "file", old)
	}
	return nil
}

// newest is the path of a backup: of the newest one where path is a directory of them.
func newest(path string) (string, error) {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return path, nil //nolint:nilerr // who opens it says what is wrong
	}
	all, err := filepath.Glob(filepath.Join(path, backupPattern))
	if err != nil || len(all) == 0 {
		return "", errors.Join(fmt.Errorf("there is no backup named %s in %s", backupPattern, path), err)
	}
	return slices.Max(all), nil
}

// restore fills an empty database with a backup. No directory of a session may be left on this machine: it would be
// newer, or older, than what the database then has.
func restore(ctx context.Context, cfg config, logger *slog.Logger) (err error) {
	path, err := newest(cfg.File)
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open the backup: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("open the backup: %w", err)
	}
	if cfg.Runtime == "local" {
		sessions := filepath.Join(cfg.DataDir, "sessions")
		if left, err := os.ReadDir(sessions); err == nil && len(left) > 0 {
			return fmt.Errorf("there are directories of %d sessions in %s, of another database: move it away, then try again", len(left), sessions)
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("look for sessions' directories: %w", err)
		}
	}
	url, stop, err := directDatabase(ctx, cfg, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	dump, err := postgres.ReadDump(ctx, url, file, info.Size())
	if err != nil {
		return fmt.Errorf("restore %s: %w", path, err)
	}
	logger.InfoContext(ctx, "the backup is restored", "file", path, "made_at", dump.MadeAt, "schema", dump.Schema, "rows", dump.Rows())
	return postgres.Migrate(ctx, url)
}

// directDatabase answers the database's direct URL: the setting's, that of an embedded server that a backend runs, or of
// one that is started for the moment, and stopped by stop.
func directDatabase(ctx context.Context, cfg config, logger *slog.Logger) (url string, stop func() error, err error) {
	nothing := func() error { return nil }
	if cfg.DatabaseURL == "" {
		if url, err = pgembed.Running(embeddedDir(cfg)); err != nil || url != "" {
			return url, nothing, err
		}
	}
	_, url, server, err := startServer(ctx, cfg, logger)
	if err != nil || server == nil {
		return url, nothing, err
	}
	return url, func() error { return server.Stop(context.WithoutCancel(ctx)) }, nil
}

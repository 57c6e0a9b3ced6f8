package pgembed

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"
)

const (
	roleName     = "platform"
	databaseName = "platform"
	// startTimeout covers a recovery after a crash, too.
	startTimeout = 2 * time.Minute
	// stopTimeout of a fast shutdown, which ends with a checkpoint; then an immediate one, which the next start
	// recovers from.
	stopTimeout = 20 * time.Second
)

// Config says where and how the server runs.
type Config struct {
	// DataDir is for the server alone, see the package; made when it is missing.
	DataDir string
	// BinDir holds the server's programs (initdb, postgres); empty: postgres/ beside this program, or
	// build/postgres below the working directory, or the system's newest.
	BinDir string
	// RunAs is the user for the server when this process is root.
	RunAs string
	// Volatile trades the data's safety for speed: a machine that crashes may lose all. For tests.
	Volatile bool
	Logger   *slog.Logger
}

func (c *Config) complete() error {
	if c.DataDir == "" {
		return errors.New("embedded PostgreSQL: a data directory is needed")
	}
	if c.Logger == nil {
		return errors.New("embedded PostgreSQL: a logger is needed")
	}
	abs, err := filepath.Abs(c.DataDir)
	if err != nil {
		return fmt.Errorf("embedded PostgreSQL: data directory: %w", err)
	}
	c.DataDir = abs
	if c.BinDir != "" {
		// The programs run in another directory.
		if c.BinDir, err = filepath.Abs(c.BinDir); err != nil {
			return fmt.Errorf("embedded PostgreSQL: directory of programs: %w", err)
		}
	}
	return nil
}

// settings are those that the product needs, for a small machine. They are given on the command line, so
// that they change with the program and not with the data directory.
func (s *Server) settings(socketDir string) []string {
	settings := []string{
		"listen_addresses=",
		"unix_socket_directories=" + socketDir,
		"unix_socket_permissions=0700",
		"password_encryption=scram-sha-256",
		"max_connections=100",
		"shared_buffers=64MB",
		"effective_cache_size=512MB",
		"work_mem=8MB",
		"maintenance_work_mem=64MB",
		"max_wal_size=512MB",
		"min_wal_size=80MB",
		"checkpoint_timeout=10min",
		"wal_compression=on",
		"random_page_cost=1.1",
		// Nothing reads the log but this package: see logWriter.
		"logging_collector=off",
		"log_destination=stderr",
		"log_line_prefix=",
		"log_checkpoints=off",
		"log_min_messages=warning",
		// A statement may hold what users wrote.
		"log_min_error_statement=panic",
		"log_parameter_max_length_on_error=0",
		"lc_messages=C",
		"log_timezone=UTC",
		"timezone=UTC",
		"cluster_name=coding-platform",
	}
	if s.cfg.Volatile {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_compression=off", "autovacuum_naptime=1h", "max_connections=300")
	}
	args := make([]string, 0, 2*len(settings))
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	return args
}

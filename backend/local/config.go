package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/runas"
)

// Networks of a sandbox.
const (
	NetworkHost = "host"
	NetworkNone = "none"
)

const defaultOrphanTimeout = 30 * time.Minute

// Issuer makes the identity of one agent: identity.Authority does.
type Issuer interface {
	IssueAgent(session backend.SessionID, environment backend.EnvironmentID) ([]byte, error)
}

// Config says how sandboxes are made.
type Config struct {
	// DataDir of the backend; sessions are kept in sessions/ below it.
	DataDir string
	// AgentBin is the agent's program: static, since the sandbox has its own file system.
	AgentBin string
	// Bwrap is bubblewrap's program; empty: looked up in PATH.
	Bwrap string
	// RunAs is the user for sandboxes when this process is root.
	RunAs    string
	Identity Issuer
	// Network is NetworkHost (the default) or NetworkNone.
	Network string
	// MemoryBytes, Processes and CPU (cores) limit one sandbox; 0: no limit.
	MemoryBytes int64
	Processes   int64
	CPU         float64
	// OrphanTimeout after which an agent that no backend calls ends; 0: 30 minutes.
	OrphanTimeout time.Duration
	Logger        *slog.Logger
}

func (c *Config) complete() error {
	var errs []error
	if c.DataDir == "" || c.AgentBin == "" {
		errs = append(errs, errors.New("a data directory and the agent's program are needed"))
	}
	if c.Identity == nil || c.Logger == nil {
		errs = append(errs, errors.New("an issuer of identities and a logger are needed"))
	}
	if c.Network == "" {
		c.Network = NetworkHost
	}
	if c.Network != NetworkHost && c.Network != NetworkNone {
		errs = append(errs, fmt.Errorf("network %q: must be %s or %s", c.Network, NetworkHost, NetworkNone))
	}
	if c.MemoryBytes < 0 || c.Processes < 0 || c.CPU < 0 {
		errs = append(errs, errors.New("limits must not be negative"))
	}
	if c.OrphanTimeout == 0 {
		c.OrphanTimeout = defaultOrphanTimeout
	}
	for _, path := range []*string{&c.DataDir, &c.AgentBin} {
		abs, err := filepath.Abs(*path)
		if err != nil {
			errs = append(errs, err)
		}
		*path = abs
	}
	return errors.Join(errs...)
}

// New makes a runtime. It starts nothing; environments of a former process are found on the first need.
func New(cfg Config) (*Runtime, error) {
	if err := cfg.complete(); err != nil {
		return nil, fmt.Errorf("local runtime: %w", err)
	}
	user, err := runas.Resolve(cfg.RunAs)
	if err != nil {
		return nil, fmt.Errorf("local runtime: %w", err)
	}
	mode := os.FileMode(0o700)
	if user.Switch {
		// Sandboxes pass through to their own; the names in it say nothing to who cannot list it.
		mode = 0o711
	}
	sessions := filepath.Join(cfg.DataDir, "sessions")
	if err := os.MkdirAll(sessions, 0o755); err != nil {
		return nil, fmt.Errorf("local runtime: make the sessions' directory: %w", err)
	}
	for _, dir := range []string{cfg.DataDir, sessions} {
		if err := os.Chmod(dir, mode); err != nil {
			return nil, fmt.Errorf("local runtime: close %s to others: %w", dir, err)
		}
	}
	r := &Runtime{cfg: cfg, user: user, sessions: sessions, dirMode: mode}
	r.registry.init()
	r.closing.done, r.closing.cancels = make(chan struct{}), map[*live]context.CancelFunc{}
	return r, nil
}

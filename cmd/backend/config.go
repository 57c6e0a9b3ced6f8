package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/session"
	"codingplatform/client/cli"
)

// config is every setting of the backend. Each is a flag with an environment variable behind it.
type config struct {
	// File is the argument of backup and restore.
	File             string
	Listen           string
	MetricsListen    string
	DatabaseURL      string
	ListenerURL      string
	DataDir          string
	PostgresBin      string
	RunAs            string
	Runtime          string
	AgentBin         string
	IdentityCA       string
	Kube             kubeConfig
	SandboxNetwork   string
	SandboxMemory    int64
	SandboxProcesses int64
	SandboxCPU       float64
	Replica          string
	Origins          []string
	TrustProxy       bool
	TokenTTL         time.Duration
	BcryptCost       int
	MaxFileBytes     int64
	MaxWorkspace     int64
	MaxFiles         int64
	MaxRecording     int64
	Ignore           []string
	Idle             session.IdlePolicy
	Running          backend.RunLimits
	LeaseTTL         time.Duration
	StopGrace        time.Duration
	TrashAge         time.Duration
	HistoryAge       time.Duration
	HistoryVersions  int
	BackupKeep       int
	LogLevel         slog.Level
	LogFormat        string
}

// kubeConfig is what the runtime of that name needs besides.
type kubeConfig struct {
	Config, Namespace, Image, PullPolicy             string
	CPURequest, CPULimit, MemoryRequest, MemoryLimit string
	Volume, VolumeSize, StorageClass                 string
	PoolMin, PoolMax                                 int
	// Rate and Burst are of requests to the API server.
	Rate, Burst int
}

// setting ties a flag to its variable and its place in config.
type setting struct {
	name, env, fallback, usage string
	set                        func(*config, string) error
}

// defaultIgnore is what is listed but not saved: what tools make again from what is saved.
const defaultIgnore = "node_modules/,__pycache__/,.venv/,venv/,.cache/,.npm/,.pytest_cache/,.mypy_cache/,.ruff_cache/,.tox/,*.pyc,.DS_Store"

func settings() []setting {
	return []setting{
		{"listen", "LISTEN", "localhost:8002", "address to serve HTTP on", text(func(c *config) *string { return &c.Listen })},
		{"metrics-listen", "METRICS_LISTEN", "", "address to serve Prometheus' /metrics on, for example :9090; it asks nobody who he is, so let no ingress reach it; empty: nowhere", text(func(c *config) *string { return &c.MetricsListen })},
		{"database-url", "DATABASE_URL", "", "PostgreSQL 15 or newer, as a URL; empty: an embedded one in the data directory", text(func(c *config) *string { return &c.DatabaseURL })},
		{"database-listener-url", "DATABASE_LISTENER_URL", "", "the same database past a transaction-pooling proxy, for LISTEN; empty: database-url", text(func(c *config) *string { return &c.ListenerURL })},
		{"data-dir", "DATA_DIR", defaultDataDir(), "directory of the embedded database, the certificates and the sessions' volumes", text(func(c *config) *string { return &c.DataDir })},
		{"postgres-bin", "POSTGRES_BIN", "", "directory of the embedded PostgreSQL's programs; empty: beside this program, else the system's newest", text(func(c *config) *string { return &c.PostgresBin })},
		{"run-as", "RUN_AS", "nobody", "user for PostgreSQL and the sandboxes when started as root", text(func(c *config) *string { return &c.RunAs })},
		{"runtime", "RUNTIME", "local", "where environments run: local (bubblewrap sandboxes on this machine) or kubernetes (pods)", text(func(c *config) *string { return &c.Runtime })},
		{"agent-bin", "AGENT_BIN", "", "the agent's program; empty: beside this program", text(func(c *config) *string { return &c.AgentBin })},
		{"identity-ca", "IDENTITY_CA", "", "file with the certificate authority for backends and agents (backend authority makes one); empty: made in the data directory", text(func(c *config) *string { return &c.IdentityCA })},
		{"kubeconfig", "KUBECONFIG", "", "how the cluster is reached; empty: as the pod's service account", text(func(c *config) *string { return &c.Kube.Config })},
		{"workspace-namespace", "WORKSPACE_NAMESPACE", "coding-platform-workspaces", "namespace of the sessions' pods", text(func(c *config) *string { return &c.Kube.Namespace })},
		{"workspace-image", "WORKSPACE_IMAGE", "code-execution:latest", "image of the sessions' pods", text(func(c *config) *string { return &c.Kube.Image })},
		{"workspace-pull-policy", "WORKSPACE_PULL_POLICY", "IfNotPresent", "when that image is pulled: Always, IfNotPresent or Never", text(func(c *config) *string { return &c.Kube.PullPolicy })},
		{"workspace-cpu-request", "WORKSPACE_CPU_REQUEST", "200m", "CPU that a pod is sure of", text(func(c *config) *string { return &c.Kube.CPURequest })},
		{"workspace-cpu-limit", "WORKSPACE_CPU_LIMIT", "500m", "CPU that a pod may use", text(func(c *config) *string { return &c.Kube.CPULimit })},
		{"workspace-memory-request", "WORKSPACE_MEMORY_REQUEST", "256Mi", "memory that a pod is sure of", text(func(c *config) *string { return &c.Kube.MemoryRequest })},
		{"workspace-memory-limit", "WORKSPACE_MEMORY_LIMIT", "512Mi", "memory that a pod may use", text(func(c *config) *string { return &c.Kube.MemoryLimit })},
		{"workspace-volume", "WORKSPACE_VOLUME", "emptydir", "what /app is on: emptydir (ends with the pod) or claim (a PersistentVolumeClaim per session)", text(func(c *config) *string { return &c.Kube.Volume })},
		{"workspace-volume-size", "WORKSPACE_VOLUME_SIZE", "1Gi", "size of that volume", text(func(c *config) *string { return &c.Kube.VolumeSize })},
		{"workspace-storage-class", "WORKSPACE_STORAGE_CLASS", "", "storage class of the claims; empty: the cluster's default", text(func(c *config) *string { return &c.Kube.StorageClass })},
		{"workspace-pool-min", "WORKSPACE_POOL_MIN", "0", "pods that are kept ready for sessions to come, where pods have no claims; one more for each start of the last minute", count(func(c *config) *int { return &c.Kube.PoolMin })},
		{"workspace-pool-max", "WORKSPACE_POOL_MAX", "0", "so many of them at most; 0: none", count(func(c *config) *int { return &c.Kube.PoolMax })},
		{"kubernetes-rate", "KUBERNETES_RATE", "200", "requests to the API server that a backend makes in a second; more wait", count(func(c *config) *int { return &c.Kube.Rate })},
		{"kubernetes-burst", "KUBERNETES_BURST", "400", "and at once, after it has made none for a while", count(func(c *config) *int { return &c.Kube.Burst })},
		{"sandbox-network", "SANDBOX_NETWORK", "host", "network of a sandbox: host or none", text(func(c *config) *string { return &c.SandboxNetwork })},
		{"sandbox-memory", "SANDBOX_MEMORY", "2147483648", "memory of a sandbox in bytes, where the kernel can limit it; 0: no limit", number(func(c *config) *int64 { return &c.SandboxMemory })},
		{"sandbox-processes", "SANDBOX_PROCESSES", "1024", "processes of a sandbox; 0: no limit", number(func(c *config) *int64 { return &c.SandboxProcesses })},
		{"sandbox-cpu", "SANDBOX_CPU", "0", "cores of a sandbox, where the kernel can limit them; 0: no limit", func(c *config, s string) (err error) {
			c.SandboxCPU, err = strconv.ParseFloat(s, 64)
			return err
		}},
		{"replica", "REPLICA", "", "name of this process among its peers; empty: local, or the host's name", text(func(c *config) *string { return &c.Replica })},
		{"allowed-origins", "ALLOWED_ORIGINS", "", "origins besides the server's own whose pages may call it, comma-separated, for example http://localhost:3000", list(func(c *config) *[]string { return &c.Origins })},
		{"trust-proxy", "TRUST_PROXY", "false", "believe X-Forwarded-For and X-Forwarded-Proto: only behind a proxy that sets them", func(c *config, s string) (err error) {
			c.TrustProxy, err = strconv.ParseBool(s)
			return err
		}},
		{"token-ttl", "TOKEN_TTL", "720h", "how long a sign-in lasts", duration(func(c *config) *time.Duration { return &c.TokenTTL })},
		{"bcrypt-cost", "BCRYPT_COST", "12", "cost of password hashes, 10 to 15", func(c *config, s string) (err error) {
			c.BcryptCost, err = strconv.Atoi(s)
			return err
		}},
		{"max-file-bytes", "MAX_FILE_BYTES", "10485760", "largest file that is saved; larger ones are shown as not saved", number(func(c *config) *int64 { return &c.MaxFileBytes })},
		{"max-workspace-bytes", "MAX_WORKSPACE_BYTES", "1073741824", "all files of a workspace together", number(func(c *config) *int64 { return &c.MaxWorkspace })},
		{"max-files", "MAX_FILES", "100000", "files and folders of a workspace", number(func(c *config) *int64 { return &c.MaxFiles })},
		{"max-recording-bytes", "MAX_RECORDING_BYTES", "67108864", "largest recording of a terminal; it ends there", number(func(c *config) *int64 { return &c.MaxRecording })},
		{"ignore", "IGNORE", defaultIgnore, "patterns in gitignore syntax of what is listed but not saved, comma-separated", list(func(c *config) *[]string { return &c.Ignore })},
		{"idle-timeout", "IDLE_TIMEOUT", "1h", "an environment in which nothing is at work stops after this long when it is open where nobody sees it, as in a tab behind others; 0: never", duration(func(c *config) *time.Duration { return &c.Idle.Idle })},
		{"present-timeout", "PRESENT_TIMEOUT", "2h", "the same when somebody has it before their eyes", duration(func(c *config) *time.Duration { return &c.Idle.Present })},
		{"closed-timeout", "CLOSED_TIMEOUT", "1h", "the same when it is open nowhere", duration(func(c *config) *time.Duration { return &c.Idle.Closed })},
		{"active-timeout", "ACTIVE_TIMEOUT", "0", "an environment whose programs are at work stops after this long without input; 0: never", duration(func(c *config) *time.Duration { return &c.Idle.Active })},
		{"idle-warning", "IDLE_WARNING", "2m", "the user is told this long before, and may say that it shall stay", duration(func(c *config) *time.Duration { return &c.Idle.Warn })},
		{"max-age", "MAX_AGE", "0", "no environment runs longer than this; 0: no limit", duration(func(c *config) *time.Duration { return &c.Idle.MaxAge })},
		{"max-running", "MAX_RUNNING", "0", "sessions that run at once, of all users; more wait for their turn; 0: no limit", count(func(c *config) *int { return &c.Running.Total })},
		{"max-running-per-user", "MAX_RUNNING_PER_USER", "0", "sessions of one user that run at once; more wait until one stops; 0: no limit", count(func(c *config) *int { return &c.Running.PerUser })},
		{"lease-ttl", "LEASE_TTL", "8s", "how long a dead replica's sessions wait for another", duration(func(c *config) *time.Duration { return &c.LeaseTTL })},
		{"stop-grace", "STOP_GRACE", "3s", "how long programs have to end when their environment stops", duration(func(c *config) *time.Duration { return &c.StopGrace })},
		{"deleted-session-age", "DELETED_SESSION_AGE", "168h", "a deleted session can be brought back for this long", duration(func(c *config) *time.Duration { return &c.TrashAge })},
		{"history-age", "HISTORY_AGE", "720h", "past versions older than this may be dropped", duration(func(c *config) *time.Duration { return &c.HistoryAge })},
		{"history-versions", "HISTORY_VERSIONS", "100", "this many newest versions of a file are kept whatever their age", func(c *config, s string) (err error) {
			c.HistoryVersions, err = strconv.Atoi(s)
			return err
		}},
		{"backup-keep", "BACKUP_KEEP", "0", "backups that backup leaves in a directory, the newest; 0: all", func(c *config, s string) (err error) {
			c.BackupKeep, err = strconv.Atoi(s)
			return err
		}},
		{"log-level", "LOG_LEVEL", "info", "debug, info, warn or error", func(c *config, s string) error { return c.LogLevel.UnmarshalText([]byte(s)) }},
		{"log-format", "LOG_FORMAT", "text", "text or json", text(func(c *config) *string { return &c.LogFormat })},
	}
}

func text(at func(*config) *string) func(*config, string) error {
	return func(c *config, s string) error { *at(c) = s; return nil }
}

func number(at func(*config) *int64) func(*config, string) error {
	return func(c *config, s string) (err error) {
		*at(c), err = strconv.ParseInt(s, 10, 64)
		return err
	}
}

func count(at func(*config) *int) func(*config, string) error {
	return func(c *config, s string) (err error) {
		*at(c), err = strconv.Atoi(s)
		return err
	}
}

func duration(at func(*config) *time.Duration) func(*config, string) error {
	return func(c *config, s string) (err error) {
		*at(c), err = time.ParseDuration(s)
		return err
	}
}

func list(at func(*config) *[]string) func(*config, string) error {
	return func(c *config, s string) error {
		*at(c) = nil
		for part := range strings.SplitSeq(s, ",") {
			if part = strings.TrimSpace(part); part != "" {
				*at(c) = append(*at(c), part)
			}
		}
		return nil
	}
}

// defaultDataDir is where a machine's software keeps its data: files of users outlive a clone of this
// repository.
func defaultDataDir() string {
	if os.Geteuid() == 0 {
		return "/var/lib/coding-platform"
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "coding-platform")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "coding-platform-data"
	}
	return filepath.Join(home, ".local", "share", "coding-platform")
}

// parseConfig reads flags, and the environment for those not given. All errors are told at once. Those commands that
// have a file to work on are told of it as wantsFile.
func parseConfig(args []string, getenv func(string) string, output io.Writer, wantsFile bool) (config, error) {
	var c config
	var errs []error
	flags := flag.NewFlagSet("backend serve", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.Usage = func() { printUsage(output) }
	all := settings()
	for _, s := range all {
		value, from := s.fallback, "default"
		if v := getenv(s.env); v != "" {
			value, from = v, s.env
		}
		if err := s.set(&c, value); err != nil {
			errs = append(errs, fmt.Errorf("%s (%s): %q: %w", s.name, from, value, err))
		}
		flags.Func(s.name, s.usage, func(v string) error { return s.set(&c, v) })
	}
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	rest := flags.Args()
	if wantsFile {
		if len(rest) == 0 {
			errs = append(errs, errors.New("a file is needed: backup FILE (or a directory, or - for standard output), restore FILE"))
		} else {
			c.File, rest = rest[0], rest[1:]
		}
	}
	if len(rest) > 0 {
		errs = append(errs, fmt.Errorf("unexpected argument %q", rest[0]))
	}
	return c, errors.Join(append(errs, c.validate())...)
}

// printUsage prints the settings as docs/configuration.md has them.
func printUsage(w io.Writer) {
	_, _ = fmt.Fprintf(w, "usage: backend serve|migrate|authority [flags]\n       backend backup|restore [flags] FILE\n\nEach flag has an environment variable behind it; the flag wins.\n\n")
	for _, s := range settings() {
		fallback := s.fallback
		if s.name == "data-dir" {
			fallback = "/var/lib/coding-platform as root, else ~/.local/share/coding-platform"
		}
		_, _ = fmt.Fprintf(w, "  --%s  (%s)\n        %s (default %q)\n", s.name, s.env, s.usage, fallback)
	}
	_, _ = fmt.Fprintln(w)
	cli.PrintUsage(w)
}

func (c *config) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		bad("listen: %w", err)
	}
	if c.MetricsListen != "" {
		if _, _, err := net.SplitHostPort(c.MetricsListen); err != nil {
			bad("metrics-listen: %w", err)
		}
	}
	for name, v := range map[string]string{"database-url": c.DatabaseURL, "database-listener-url": c.ListenerURL} {
		if _, err := url.Parse(v); err != nil {
			bad("%s: is no URL", name)
		}
	}
	switch c.Runtime {
	case "local":
	case "kubernetes":
		if c.DatabaseURL == "" {
			bad("database-url: is needed with runtime kubernetes, where several backends share a database")
		}
		if c.IdentityCA == "" {
			bad("identity-ca: is needed with runtime kubernetes, where several backends share an authority")
		}
	default:
		bad("runtime: %q: must be local or kubernetes", c.Runtime)
	}
	if c.Kube.PoolMin < 0 || c.Kube.PoolMax < c.Kube.PoolMin {
		bad("workspace-pool-min, workspace-pool-max: must be 0 or more, the first not more than the second")
	}
	if c.Kube.Rate < 1 || c.Kube.Burst < c.Kube.Rate {
		bad("kubernetes-rate, kubernetes-burst: must be 1 or more, the first not more than the second")
	}
	if c.SandboxNetwork != "host" && c.SandboxNetwork != "none" {
		bad("sandbox-network: %q: must be host or none", c.SandboxNetwork)
	}
	if c.BcryptCost < 10 || c.BcryptCost > 15 {
		bad("bcrypt-cost: %d: must be from 10 to 15", c.BcryptCost)
	}
	if c.MaxFileBytes < 1 || c.MaxWorkspace < 1 || c.MaxFiles < 1 {
		bad("max-file-bytes, max-workspace-bytes, max-files: must be positive")
	}
	if c.MaxRecording < 1<<20 {
		bad("max-recording-bytes: must be 1048576 or more")
	}
	if c.TrashAge <= 0 {
		bad("deleted-session-age: must be more than nothing")
	}
	if c.BackupKeep < 0 {
		bad("backup-keep: must not be negative")
	}
	if c.Running.Total < 0 || c.Running.PerUser < 0 {
		bad("max-running, max-running-per-user: must be 0 or more")
	}
	if c.Idle.Warn < 0 {
		bad("idle-warning: must be 0 or more")
	}
	if c.LeaseTTL < time.Second {
		bad("lease-ttl: must be a second or more")
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		bad("log-format: %q: must be text or json", c.LogFormat)
	}
	for _, o := range c.Origins {
		if u, err := url.Parse(o); err != nil || u.Scheme == "" || u.Host == "" {
			bad("allowed-origins: %q: must be like https://ide.example.org", o)
		}
	}
	if c.DataDir == "" {
		bad("data-dir: must not be empty")
	} else if !filepath.IsAbs(c.DataDir) {
		abs, err := filepath.Abs(c.DataDir)
		if err != nil {
			bad("data-dir: %w", err)
		}
		c.DataDir = abs
	}
	if c.Replica == "" {
		c.Replica = "local"
		if c.Runtime == "kubernetes" {
			host, err := os.Hostname()
			if err != nil {
				bad("replica: %w", err)
			}
			c.Replica = host
		}
	}
	return errors.Join(errs...)
}

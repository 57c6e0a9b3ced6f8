package kube

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"codingplatform/backend"
)

// Kinds of volume at /app.
const (
	// VolumeEmptyDir ends with the pod: the next one gets its files from Postgres.
	VolumeEmptyDir = "emptydir"
	// VolumeClaim is a PersistentVolumeClaim per session: it stays until the session is removed.
	VolumeClaim = "claim"
)

// Issuer makes the identities of agents, and proves a backend to those that have no session yet: identity.Authority
// does.
type Issuer interface {
	IssueAgent(session backend.SessionID, environment backend.EnvironmentID) ([]byte, error)
	IssueUnclaimed(environment backend.EnvironmentID) ([]byte, error)
	ClaimConfig(session backend.SessionID, environment backend.EnvironmentID) (*tls.Config, error)
	Unclaimed(state tls.ConnectionState, environment backend.EnvironmentID) bool
}

// Config says how pods are made.
type Config struct {
	// REST is how the API server is reached.
	REST *rest.Config
	// Namespace of the pods.
	Namespace string
	// Image has the agent at /usr/local/bin/agent.
	Image      string
	PullPolicy string
	Identity   Issuer
	// The container's resources, as Kubernetes writes them.
	CPURequest, CPULimit, MemoryRequest, MemoryLimit string
	// Volume is VolumeEmptyDir or VolumeClaim, VolumeSize its size, StorageClass that of a claim; empty: the default.
	Volume, VolumeSize, StorageClass string
	// OrphanTimeout after which an agent that no backend calls ends; 0: 30 minutes.
	OrphanTimeout time.Duration
	// GateTimeout after which a pod is settled that its maker has not let start; 0: a minute.
	GateTimeout time.Duration
	// Pool says how many pods wait for sessions. None do where each session has a volume of its own.
	Pool PoolSize
	// Replica names this backend, for the agents' logs.
	Replica string
	Logger  *slog.Logger
}

const (
	defaultOrphanTimeout = 30 * time.Minute
	defaultGateTimeout   = time.Minute
)

func (c *Config) complete() error {
	var errs []error
	if c.REST == nil || c.Identity == nil || c.Logger == nil {
		errs = append(errs, errors.New("a client's configuration, an issuer of identities and a logger are needed"))
	}
	if c.Namespace == "" || c.Image == "" {
		errs = append(errs, errors.New("a namespace and an image are needed"))
	}
	if c.Volume != VolumeEmptyDir && c.Volume != VolumeClaim {
		errs = append(errs, fmt.Errorf("volume %q: must be %s or %s", c.Volume, VolumeEmptyDir, VolumeClaim))
	}
	for name, quantity := range map[string]string{
		"CPU request": c.CPURequest, "CPU limit": c.CPULimit, "memory request": c.MemoryRequest, "memory limit": c.MemoryLimit, "volume size": c.VolumeSize,
	} {
		if _, err := resource.ParseQuantity(quantity); err != nil {
			errs = append(errs, fmt.Errorf("%s %q: %w", name, quantity, err))
		}
	}
	if err := c.Pool.validate(); err != nil {
		errs = append(errs, err)
	}
	if c.OrphanTimeout == 0 {
		c.OrphanTimeout = defaultOrphanTimeout
	}
	if c.GateTimeout == 0 {
		c.GateTimeout = defaultGateTimeout
	}
	return errors.Join(errs...)
}

// New makes a runtime and returns when it knows all pods; Close ends it.
func New(ctx context.Context, cfg Config) (*Runtime, error) {
	if err := cfg.complete(); err != nil {
		return nil, fmt.Errorf("kubernetes runtime: %w", err)
	}
	reach := rest.CopyConfig(cfg.REST)
	reach.Wrap(func(next http.RoundTripper) http.RoundTripper { return newPace(next, cfg.Logger) })
	client, err := kubernetes.NewForConfig(reach)
	if err != nil {
		return nil, fmt.Errorf("kubernetes runtime: make a client: %w", err)
	}
	r := &Runtime{cfg: cfg, client: client, registry: newRegistry()}
	r.template = cfg.template()
	if err := r.observe(ctx); err != nil {
		return nil, fmt.Errorf("kubernetes runtime: %w", err)
	}
	return r, nil
}

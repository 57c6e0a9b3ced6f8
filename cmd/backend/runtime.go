package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"codingplatform/backend"
	"codingplatform/backend/identity"
	"codingplatform/backend/kube"
	"codingplatform/backend/local"
	"codingplatform/backend/metrics"
)

func openAuthority(cfg config) (*identity.Authority, error) {
	if cfg.IdentityCA != "" {
		return identity.Read(cfg.IdentityCA)
	}
	return identity.Open(filepath.Join(cfg.DataDir, "identity"))
}

// openRuntime makes the runtime that the settings name; stop ends what it does in the background.
func openRuntime(ctx context.Context, cfg config, authority *identity.Authority, told *metrics.Metrics, logger *slog.Logger) (runtime backend.Runtime, stop func(), err error) {
	if cfg.Runtime == "kubernetes" {
		return openKube(ctx, cfg, authority, told, logger)
	}
	runtime, err = openLocal(ctx, cfg, authority, logger)
	return runtime, func() {}, err
}

func openKube(ctx context.Context, cfg config, authority *identity.Authority, told *metrics.Metrics, logger *slog.Logger) (backend.Runtime, func(), error) {
	var reach *rest.Config
	var err error
	if cfg.Kube.Config == "" {
		reach, err = rest.InClusterConfig()
	} else {
		reach, err = clientcmd.BuildConfigFromFlags("", cfg.Kube.Config)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("find the cluster (--kubeconfig says how it is reached): %w", err)
	}
	reach.QPS, reach.Burst, reach.UserAgent = float32(cfg.Kube.Rate), cfg.Kube.Burst, "coding-platform-backend/"+version
	reach.Wrap(told.Cluster)
	k := cfg.Kube
	runtime, err := kube.New(ctx, kube.Config{
		REST: reach, Namespace: k.Namespace, Image: k.Image, PullPolicy: k.PullPolicy, Identity: authority,
		CPURequest: k.CPURequest, CPULimit: k.CPULimit, MemoryRequest: k.MemoryRequest, MemoryLimit: k.MemoryLimit,
		Volume: k.Volume, VolumeSize: k.VolumeSize, StorageClass: k.StorageClass,
		Pool: kube.PoolSize{Min: k.PoolMin, Max: k.PoolMax}, Replica: cfg.Replica, Logger: logger,
	})
	if err != nil {
		return nil, nil, err
	}
	return runtime, runtime.Close, nil
}

func openLocal(ctx context.Context, cfg config, authority *identity.Authority, logger *slog.Logger) (*local.Runtime, error) {
	agent := cfg.AgentBin
	if agent == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find this program's directory (--agent-bin names the agent): %w", err)
		}
		agent = filepath.Join(filepath.Dir(self), "agent")
	}
	runtime, err := local.New(local.Config{
		DataDir: cfg.DataDir, AgentBin: agent, RunAs: cfg.RunAs, Identity: authority, Network: cfg.SandboxNetwork,
		MemoryBytes: cfg.SandboxMemory, Processes: cfg.SandboxProcesses, CPU: cfg.SandboxCPU, Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	if err := runtime.Check(ctx); err != nil {
		return nil, err
	}
	return runtime, nil
}

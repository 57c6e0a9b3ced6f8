package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

const (
	nodeName    = "node"
	upTimeout   = 3 * time.Minute
	stopTimeout = 15 * time.Second
)

// up starts what does not run, and returns when a pod could be made.
func (c *cluster) up(ctx context.Context) error {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, upTimeout)
	defer cancel()
	if _, err := os.Stat(c.path("bin", "kubernetes")); err != nil {
		return fmt.Errorf("its program is not built (make cluster-build): %w", err)
	}
	if err := errors.Join(c.makePKI(), c.makeGroups()); err != nil {
		return err
	}
	if err := makeNetwork(ctx); err != nil {
		return err
	}
	if err := c.startControlPlane(ctx); err != nil {
		return err
	}
	if err := c.startNode(ctx); err != nil {
		return err
	}
	if err := c.startMetrics(ctx); err != nil {
		return err
	}
	err := c.wait(ctx, "kubelet", "the node", func(ctx context.Context) error {
		out, err := c.kubectlOutput(ctx, "get", "node", nodeName, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`)
		if err == nil && out != "True" {
			err = fmt.Errorf("node %s is not ready: %s", nodeName, out)
		}
		return err
	})
	if err != nil {
		return err
	}
	err = c.wait(ctx, "controller-manager", "the default service account", func(ctx context.Context) error {
		_, err := c.kubectlOutput(ctx, "get", "serviceaccount", "default", "-o", "name")
		return err
	})
	if err != nil {
		return err
	}
	fmt.Printf("cluster: up after %.1f s; KUBECONFIG=%s\n", time.Since(begun).Seconds(), c.path("pki", "admin.kubeconfig"))
	return nil
}

func (c *cluster) startControlPlane(ctx context.Context) error {
	kubernetes, pki := c.path("bin", "kubernetes"), func(name string) string { return c.path("pki", name) }
	err := c.start("etcd", kubernetes, "etcd", "--data-dir="+c.path("etcd"), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls=http://127.0.0.1:2379", "--advertise-client-urls=http://127.0.0.1:2379",
		"--listen-peer-urls=http://127.0.0.1:2380", "--initial-advertise-peer-urls=http://127.0.0.1:2380", "--initial-cluster=default=http://127.0.0.1:2380")
	if err != nil {
		return err
	}
	err = c.start("apiserver", kubernetes, "kube-apiserver", "--etcd-servers=http://127.0.0.1:2379",
		"--advertise-address="+nodeIP, "--bind-address="+nodeIP, "--secure-port=6443", "--service-cluster-ip-range="+serviceCIDR,
		"--client-ca-file="+pki("ca.crt"), "--tls-cert-file="+pki("apiserver.crt"), "--tls-private-key-file="+pki("apiserver.key"),
		"--kubelet-certificate-authority="+pki("ca.crt"), "--kubelet-client-certificate="+pki("apiserver.crt"), "--kubelet-client-key="+pki("apiserver.key"),
		// A name of the node would be looked up in vain: exec and logs would hang.
		"--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file="+pki("service-accounts.crt"), "--service-account-signing-key-file="+pki("service-accounts.key"),
		"--requestheader-client-ca-file="+pki("ca.crt"), "--requestheader-allowed-names=aggregator", "--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file="+pki("aggregator.crt"), "--proxy-client-key-file="+pki("aggregator.key"), "--enable-aggregator-routing",
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction")
	if err != nil {
		return err
	}
	err = c.wait(ctx, "apiserver", "the API server", func(ctx context.Context) error {
		_, err := c.kubectlOutput(ctx, "get", "--raw=/readyz")
		return err
	})
	if err != nil {
		return err
	}
	// Before the API server is ready they would wait long between their tries.
	err = c.start("controller-manager", kubernetes, "kube-controller-manager", "--kubeconfig="+pki("controller.kubeconfig"), "--bind-address=127.0.0.1",
		"--use-service-account-credentials", "--service-account-private-key-file="+pki("service-accounts.key"), "--root-ca-file="+pki("ca.crt"),
		"--cluster-signing-cert-file="+pki("ca.crt"), "--cluster-signing-key-file="+pki("ca.key"), "--leader-elect=false",
		"--authentication-kubeconfig="+pki("controller.kubeconfig"), "--authorization-kubeconfig="+pki("controller.kubeconfig"))
	if err != nil {
		return err
	}
	return c.start("scheduler", kubernetes, "kube-scheduler", "--kubeconfig="+pki("scheduler.kubeconfig"), "--bind-address=127.0.0.1", "--leader-elect=false",
		"--authentication-kubeconfig="+pki("scheduler.kubeconfig"), "--authorization-kubeconfig="+pki("scheduler.kubeconfig"))
}

// kubectlOutput is what kubectl prints.
func (c *cluster) kubectlOutput(ctx context.Context, args ...string) (string, error) {
	out, err := c.kubectlCommand(ctx, args).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

func (c *cluster) kubectlCommand(ctx context.Context, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.path("bin", "kubernetes"), append([]string{"kubectl"}, args...)...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.path("pki", "admin.kubeconfig"))
	return cmd
}

func (c *cluster) kubectl(ctx context.Context, args []string) error {
	cmd := c.kubectlCommand(ctx, args)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

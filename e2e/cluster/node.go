package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

const (
	pauseImage = "localhost/pause:1"
	// pluginDir is where Debian has the network plugins.
	pluginDir = "/usr/lib/cni"
)

const containerdConfig = `version = 2
root = %[1]q
state = %[2]q
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]
[grpc]
address = %[3]q
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "` + pauseImage + `"
disable_apparmor = true
# Without CAP_SYS_RESOURCE a lower score than one's own is refused, and every sandbox with it.
restrict_oom_score_adj = true
# Not in /run/netns, where they would stay.
netns_mounts_under_state_dir = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "` + pluginDir + `"
conf_dir = %[4]q
`

const networkConfig = `{
  "cniVersion": "0.4.0", "name": "cluster",
  "plugins": [
    {"type": "bridge", "bridge": "pods0", "isGateway": true, "hairpinMode": true,
     "ipam": {"type": "host-local", "ranges": [[{"subnet": "` + podCIDR + `"}]], "routes": [{"dst": "0.0.0.0/0"}], "dataDir": %q}},
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
`

const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: %[1]q}
authorization: {mode: Webhook}
address: ` + nodeIP + `
tlsCertFile: %[2]q
tlsPrivateKeyFile: %[3]q
containerRuntimeEndpoint: unix://%[4]s
cgroupDriver: cgroupfs
cgroupRoot: /` + groupRoot + `
cgroupsPerQOS: true
enforceNodeAllocatable: [pods]
failSwapOn: false
failCgroupV1: false
# The images were imported: once collected they could not be had again.
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 100Mi, nodefs.available: 1%%, nodefs.inodesFree: 1%%}
makeIPTablesUtilChains: true
registerNode: true
resolvConf: %[5]q
podLogsDir: %[6]q
`

// startNode starts containerd, kubelet and kube-proxy.
func (c *cluster) startNode(ctx context.Context) error {
	files := map[string]string{
		"containerd.toml":      fmt.Sprintf(containerdConfig, c.path("containerd"), c.path("run", "containerd"), c.socket(), c.path("cni")),
		"cni/10-pods.conflist": fmt.Sprintf(networkConfig, c.path("cni-data")),
		"kubelet.yaml":         fmt.Sprintf(kubeletConfig, c.path("pki", "ca.crt"), c.path("pki", "kubelet.crt"), c.path("pki", "kubelet.key"), c.socket(), c.path("resolv.conf"), c.path("pod-logs")),
		"resolv.conf":          "nameserver " + hostIP + "\n",
		"kubelet/.keep":        "",
		"run/containerd/.keep": "",
		"pod-logs/.keep":       "",
	}
	for name, content := range files {
		if err := os.MkdirAll(filepath.Dir(c.path(name)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(c.path(name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	if err := c.start("containerd", "containerd", "--config", c.path("containerd.toml")); err != nil {
		return err
	}
	err := c.wait(ctx, "containerd", "containerd", func(ctx context.Context) error { return c.ctr(ctx, "version") })
	if err != nil {
		return err
	}
	if err := c.loadPause(ctx); err != nil {
		return err
	}
	if running, err := c.running("kubelet"); err != nil {
		return err
	} else if !running {
		// What is known of it from before a stop, its pods among it, holds no more.
		if _, err := c.kubectlOutput(ctx, "delete", "node", nodeName, "--ignore-not-found"); err != nil {
			return err
		}
	}
	kubernetes := c.path("bin", "kubernetes")
	err = c.start("kubelet", kubernetes, "kubelet", "--config="+c.path("kubelet.yaml"), "--kubeconfig="+c.path("pki", "kubelet.kubeconfig"),
		"--root-dir="+c.path("kubelet"), "--hostname-override="+nodeName, "--node-ip="+nodeIP)
	if err != nil {
		return err
	}
	err = c.start("proxy", kubernetes, "kube-proxy", "--kubeconfig="+c.path("pki", "proxy.kubeconfig"), "--proxy-mode=iptables",
		"--cluster-cidr="+podCIDR, "--hostname-override="+nodeName, "--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0s",
		"--conntrack-tcp-timeout-close-wait=0s", "--bind-address="+nodeIP)
	if err != nil {
		return err
	}
	return c.start("provisioner", c.path("bin", "provisioner"), "-kubeconfig="+c.path("pki", "admin.kubeconfig"), "-dir="+c.path("volumes"))
}

func (c *cluster) socket() string { return c.path("run", "containerd.sock") }

func (c *cluster) ctr(ctx context.Context, args ...string) error {
	return command(ctx, append([]string{"ctr", "--address", c.socket(), "--namespace", "k8s.io"}, args...)...)
}

// load imports images, and says under which names.
func (c *cluster) load(ctx context.Context, files []string) error {
	if len(files) == 0 {
		return errors.New("no image is named")
	}
	for _, file := range files {
		if err := c.ctr(ctx, "images", "import", file); err != nil {
			return fmt.Errorf("import %s: %w", file, err)
		}
		fmt.Println("cluster: loaded", file)
	}
	return nil
}

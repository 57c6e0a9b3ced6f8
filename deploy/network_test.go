//go:build cluster

package deploy_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"codingplatform/client"
)

// clusterNetwork is the namespace of the cluster's node, bridge the one that its pods are joined by.
const (
	clusterNetwork = "/run/netns/coding-platform-cluster"
	bridge         = "pods0"
)

// networkCut takes the session's pod off the network while it prints and the editor saves, until the backends have
// noticed: what was printed meanwhile comes when it is back, each byte once, and the saved file reaches the disk.
func (p product) networkCut(t *testing.T) {
	pod := p.pod(t)
	script, want := lines(600, "after-cut.txt")
	var back func()
	out := program(t, p.api, p.session, "cut", "", func(_ client.Event, n int) {
		if back != nil || n < len(want)/20 {
			return
		}
		back = cut(t, pod)
		now := p.until(t, "not ready", func(s status) bool { return s.Phase != "ready" })
		t.Logf("without a network the session is %+v", now)
		p.save(t, "meanwhile-cut.txt", "meanwhile\n")
		back()
	}, "/bin/sh", "-c", script)
	if back == nil || string(out) != want {
		t.Errorf("cut %v; the terminal printed %d bytes, want %d:\n%s", back != nil, len(out), len(want), out)
	}
	p.until(t, "ready", func(s status) bool { return s.Phase == "ready" })
	fileIsSaved(t, p.file("after-cut.txt"), p.token, "done\n")
	if out := string(program(t, p.api, p.session, "see-cut", "", nil, "/bin/sh", "-c", "until test -e meanwhile-cut.txt; do sleep 0.1; done; cat meanwhile-cut.txt")); out != "meanwhile\r\n" {
		t.Errorf("on the disk the file holds %q", out)
	}
	if now := p.pod(t); now != pod {
		t.Errorf("the session was in %s and is in %s", pod, now)
	}
}

// cut takes a session's pod off the bridge: nothing comes or goes, and nobody is told. The returned function joins it
// again.
func cut(t *testing.T, pod string) (heal func()) {
	t.Helper()
	pids := podProcesses(t, workspaces, pod)
	var links []struct {
		IfName    string `json:"ifname"`
		LinkIndex int    `json:"link_index"`
		IfIndex   int    `json:"ifindex"`
	}
	inside := func(args ...string) []byte {
		out, err := exec.CommandContext(t.Context(), "nsenter", args...).Output()
		if err != nil {
			t.Fatalf("nsenter %s: %v", strings.Join(args, " "), err)
		}
		return out
	}
	if err := json.Unmarshal(inside(fmt.Sprintf("--net=/proc/%d/ns/net", pids[0]), "ip", "-j", "link", "show", "eth0"), &links); err != nil || len(links) != 1 {
		t.Fatalf("the pod's interfaces are %+v, %v", links, err)
	}
	index := links[0].LinkIndex
	if err := json.Unmarshal(inside("--net="+clusterNetwork, "ip", "-j", "link", "show", "master", bridge), &links); err != nil {
		t.Fatal(err)
	}
	name := ""
	for _, link := range links {
		if link.IfIndex == index {
			name = link.IfName
		}
	}
	if name == "" {
		t.Fatalf("interface %s of pod %s is none of %+v", strconv.Itoa(index), pod, links)
	}
	inside("--net="+clusterNetwork, "ip", "link", "set", name, "nomaster")
	heal = sync.OnceFunc(func() {
		// Also at the end of a test whose context is over.
		if out, err := exec.Command("nsenter", "--net="+clusterNetwork, "ip", "link", "set", name, "master", bridge).CombinedOutput(); err != nil {
			t.Errorf("join %s to the network again: %v: %s", name, err, out)
		}
	})
	t.Cleanup(heal)
	return heal
}

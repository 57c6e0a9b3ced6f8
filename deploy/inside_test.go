//go:build cluster

package deploy_test

import (
	"net/netip"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// inside is what a program in a pod tries. It prints a line for each thing that it may or may not do.
const inside = `
import json, os, socket, ssl, sys, tempfile, urllib.error, urllib.request

print("user", os.getuid(), os.getgid(), sorted(os.getgroups()))
status = dict(l.split(":\t", 1) for l in open("/proc/self/status").read().splitlines() if ":\t" in l)
print("capabilities", status["CapEff"], status["CapPrm"], status["CapBnd"], "no_new_privs", status["NoNewPrivs"], "seccomp", status["Seccomp"])
print("token", os.path.exists("/var/run/secrets/kubernetes.io"))

writable = []
for root, dirs, files in os.walk("/"):
    if root in ("/proc", "/sys"):
        dirs[:] = []
        continue
    try:
        with tempfile.TemporaryFile(dir=root):
            writable.append(root)
        dirs[:] = []  # what is in it is
        continue
    except OSError:
        pass
    writable += [os.path.join(root, f) for f in files if not os.path.islink(os.path.join(root, f)) and os.access(os.path.join(root, f), os.W_OK) and not root.startswith("/dev")]
print("writable", sorted(writable))

for path in ("/proc/1/mem", "/proc/1/environ", "/proc/1/fd/0"):
    try:
        open(path, "rb").read(1)
        print("agent", path, "read")
    except OSError:
        print("agent", path, "refused")
try:
    os.kill(1, 9)
    os.kill(1, 19)
except OSError:
    pass

unchecked = ssl._create_unverified_context()
for path in ("/api/v1/namespaces", "/api/v1/namespaces/coding-platform-workspaces/secrets"):
    try:
        with urllib.request.urlopen("https://10.96.0.1" + path, context=unchecked, timeout=10) as answer:
            print("apiserver", path, answer.status)
    except urllib.error.HTTPError as refusal:
        print("apiserver", path, "refused" if refusal.code in (401, 403) else refusal.code)
    except OSError:
        print("apiserver", path, "refused")

identity = json.load(open("/etc/agent/identity.json"))
with tempfile.NamedTemporaryFile("w") as pem:
    pem.write(identity["cert_pem"] + identity["key_pem"])
    pem.flush()
    own = ssl._create_unverified_context()
    own.load_cert_chain(pem.name)
for who, address in (("own", "127.0.0.1"), ("other", sys.argv[1])):
    for how, context in (("none", unchecked), ("its own", own)):
        try:
            with socket.create_connection((address, 8443), 10) as plain, context.wrap_socket(plain) as secure:
                secure.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
                print("drive", who, "with", how, "answered", secure.recv(1))
        except ssl.SSLError as refusal:
            print("drive", who, "with", how, "refused", refusal.reason)
        except ConnectionResetError:
            print("drive", who, "with", how, "refused")
`

// inside looks from inside of a session's pod, with another session's pod beside it.
func (p product) inside(t *testing.T) {
	other := p
	other.session = p.newSession(t)
	program(t, other.api, other.session, "first", "", nil, "true")
	address := strings.TrimSpace(kubectl(t, "get", "pod", "-n", workspaces, other.pod(t), "-o", "jsonpath={.status.podIP}"))
	out := strings.ReplaceAll(string(program(t, p.api, p.session, "inside", "", nil, "python3", "-c", inside, address)), "\r\n", "\n")
	for _, want := range []string{
		"user 1000 1000 [1000]",
		"capabilities 0000000000000000 0000000000000000 0000000000000000 no_new_privs 1 seccomp 2",
		"token False",
		"agent /proc/1/mem refused", "agent /proc/1/environ refused", "agent /proc/1/fd/0 refused",
		"apiserver /api/v1/namespaces refused", "apiserver /api/v1/namespaces/coding-platform-workspaces/secrets refused",
	} {
		if !strings.Contains(out, want+"\n") {
			t.Errorf("inside of the pod it is not so that: %s", want)
		}
	}
	for _, want := range []string{"drive own with none refused", "drive own with its own refused", "drive other with none refused", "drive other with its own refused"} {
		if !strings.Contains(out, want) {
			t.Errorf("inside of the pod it is not so that: %s", want)
		}
	}
	for line := range strings.Lines(out) {
		rest, found := strings.CutPrefix(line, "writable ")
		if !found {
			continue
		}
		var dirs []string
		decode(t, []byte(strings.ReplaceAll(rest, "'", `"`)), &dirs)
		for _, dir := range dirs {
			switch dir {
			case "/app", "/tmp", "/home/user", "/dev/shm", "/var/lib/agent":
			default:
				// What only looks like it: the kernel's own files are elsewhere, and terminals are the user's.
				if !strings.HasPrefix(dir, "/dev/") {
					t.Errorf("a program can write to %s", dir)
				}
			}
		}
	}
	// The agent has survived.
	if out := string(program(t, p.api, p.session, "alive", "", nil, "echo", "alive")); out != "alive\r\n" {
		t.Errorf("afterwards a terminal prints %q", out)
	}
	if t.Failed() {
		t.Log(out)
	}
}

// TestPolicies reads the network policies as the API server has them, and asks them who may talk to whom. Whether the
// network heeds them is the network plugin's.
func TestPolicies(t *testing.T) {
	kubectl(t, "apply", "-f", "base/01-namespace.yaml")
	t.Cleanup(func() {
		kubectl(t, "delete", "-f", "base/01-namespace.yaml", "--ignore-not-found", "--timeout=120s")
	})
	var policy networkingv1.NetworkPolicy
	decode(t, []byte(kubectl(t, "apply", "-f", "base/06-network-policies.yaml", "-o", "json")), &policy)
	if policy.Namespace != workspaces || len(policy.Spec.PodSelector.MatchLabels)+len(policy.Spec.PodSelector.MatchExpressions) != 0 || len(policy.Spec.PolicyTypes) != 2 {
		t.Fatalf("the policy is not for everything in %s, both ways: %+v", workspaces, policy.Spec)
	}
	for address, may := range map[string]bool{
		"10.96.0.1": false, "10.200.0.2": false, "172.20.0.1": false, "192.168.1.1": false, "100.64.0.1": false, // API servers, pods, PostgreSQL
		"169.254.169.254": false, "fd00:ec2::254": false, "100.100.100.200": false, // metadata
		"fc00::1": false, "fe80::1": false,
		"1.1.1.1": true, "140.82.121.4": true, "2606:4700::1111": true,
	} {
		if got := reaches(&policy, netip.MustParseAddr(address)); got != may {
			t.Errorf("a workspace may reach %s: %v, want %v", address, got, may)
		}
	}
	// Of pods, only DNS is reached, and only backends reach.
	for _, rule := range policy.Spec.Egress {
		for _, peer := range rule.To {
			if peer.IPBlock != nil {
				continue
			}
			if got := described(peer) + portsOf(rule.Ports); got != "kubernetes.io/metadata.name=kube-system k8s-app=kube-dns UDP/53 TCP/53" {
				t.Errorf("a workspace may reach pods by %s", got)
			}
		}
	}
	if len(policy.Spec.Ingress) != 1 || len(policy.Spec.Ingress[0].From) != 1 {
		t.Fatalf("who may reach a workspace: %+v", policy.Spec.Ingress)
	}
	if got := described(policy.Spec.Ingress[0].From[0]) + portsOf(policy.Spec.Ingress[0].Ports); got != "kubernetes.io/metadata.name=coding-platform app=backend TCP/8443" {
		t.Errorf("a workspace is reached by %s", got)
	}
}

// reaches says whether an egress rule allows an address.
func reaches(policy *networkingv1.NetworkPolicy, to netip.Addr) bool {
	for _, rule := range policy.Spec.Egress {
		for _, peer := range rule.To {
			if peer.IPBlock == nil || !netip.MustParsePrefix(peer.IPBlock.CIDR).Contains(to) {
				continue
			}
			excepted := false
			for _, except := range peer.IPBlock.Except {
				excepted = excepted || netip.MustParsePrefix(except).Contains(to)
			}
			if !excepted {
				return true
			}
		}
	}
	return false
}

func described(peer networkingv1.NetworkPolicyPeer) string {
	if peer.NamespaceSelector == nil || peer.PodSelector == nil {
		return "everything of a kind"
	}
	return metav1.FormatLabelSelector(peer.NamespaceSelector) + " " + metav1.FormatLabelSelector(peer.PodSelector)
}

func portsOf(ports []networkingv1.NetworkPolicyPort) string {
	var text strings.Builder
	for _, port := range ports {
		text.WriteString(" " + string(*port.Protocol) + "/" + port.Port.String())
	}
	return text.String()
}

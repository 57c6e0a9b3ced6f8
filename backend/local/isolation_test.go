package local_test

import (
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/local"
	"codingplatform/backend/pgembed"
	"codingplatform/backend/runtimetest"
)

// secret is in the environment of the test's process, as a backend's settings are.
const secret = "isolation-secret-of-the-backend"

// A program in a sandbox looks for all that it must not find.
func TestIsolation(t *testing.T) {
	t.Setenv("ISOLATION_SECRET", secret)
	p := newPlace(t)
	r := p.open(t, nil)
	bin, err := filepath.Glob("../../build/postgres/*/bin")
	if err != nil {
		t.Fatal(err)
	}
	cfg := pgembed.Config{DataDir: filepath.Join(p.dir, "postgres"), RunAs: "nobody", Volatile: true, Logger: slog.New(slog.DiscardHandler)}
	if len(bin) > 0 {
		cfg.BinDir = bin[len(bin)-1]
	}
	database, err := pgembed.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := database.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
	databaseURL, err := url.Parse(database.URL())
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(databaseURL.Query().Get("host"), ".s.PGSQL.5432")

	neighbour := runtimetest.Start(t, r, backend.EnvironmentSpec{SessionID: runtimetest.NewSession()})
	if out, code := runtimetest.Command(t, runtimetest.Connect(t, r, p.authority, neighbour), "/bin/sh", "-c", "echo neighbour >secret.txt; echo neighbour >~/secret.txt; echo neighbour >/tmp/secret.txt"); code != 0 {
		t.Fatalf("the neighbour: %d, %s", code, out)
	}
	env := runtimetest.Start(t, r, backend.EnvironmentSpec{SessionID: runtimetest.NewSession()})
	conn := runtimetest.Connect(t, r, p.authority, env)
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}

	for _, path := range []string{
		p.dir, filepath.Join(p.dir, "identity", "ca.pem"), filepath.Join(p.dir, "sessions"),
		filepath.Join(p.dir, "sessions", string(neighbour.SessionID), "app", "secret.txt"),
		filepath.Join(p.dir, "sessions", string(env.SessionID), "environment.json"),
		socket, home, "/root", "/tmp/secret.txt", "/app/secret.txt", "/home/user/secret.txt",
		"/etc/shadow", "/etc/sudoers", "/etc/machine-id", "/boot", "/mnt", "/srv", "/media", "/var/run", "/run/dbus", "/sys/kernel", "/dev/sda", "/dev/vda", "/dev/kmsg", "/dev/mem",
	} {
		if out, code := runtimetest.Command(t, conn, "/bin/ls", "-d", path); code == 0 {
			t.Errorf("%s is visible: %s", path, out)
		}
	}
	for name, test := range map[string]struct{ script, want string }{
		"the processes are its own":           {`[ $(ls -d /proc/[0-9]* | wc -l) -lt 12 ] && cat /proc/1/comm`, "agent\n"},
		"the backend's environment is unseen": {`cat /proc/*/environ 2>/dev/null | tr '\0' '\n' | grep -c ` + secret, "0\n"},
		"the agent's memory is unreadable":    {`head -c 1 /proc/1/mem >/dev/null 2>&1; echo $?`, "1\n"},
		"the agent's environment":             {`cat /proc/1/environ 2>/dev/null | tr '\0' '\n' | grep -cvE '^(PATH|HOME|LANG|PWD|OLDPWD|SHLVL|_|container)='`, "0\n"},
		"no capabilities":                     {`grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status | grep -cv 0000000000000000`, "0\n"},
		"no new privileges":                   {`grep NoNewPrivs /proc/self/status | cut -f2`, "1\n"},
		"no further user namespaces":          {`unshare -U true 2>/dev/null; test $? -ne 0 && echo refused`, "refused\n"},
		"its user":                            {`id -un; id -u; echo $USER $HOME; hostname`, "user\n1000\nuser /home/user\nworkspace\n"},
		"the root is read-only":               {`touch /x /usr/x /etc/x /opt/agent/x /run/x 2>/dev/null; ls -d /x /usr/x /etc/x /opt/agent/x /run/x 2>/dev/null | wc -l`, "0\n"},
		"the agent cannot be replaced":        {`echo x 2>/dev/null >/opt/agent/agent || echo refused`, "refused\n"},
		"it can write where it should":        {`touch /app/x ~/x /tmp/x /var/tmp/x /dev/shm/x && echo ok`, "ok\n"},
		"the first process lives":             {`kill -9 1; kill -0 1 && echo lives`, "lives\n"},
		"python and node":                     {`python3 -c 'import ssl, sys; print(sys.version_info >= (3, 11))'; node -p '1+1'; git --version | cut -c1-3`, "True\n2\ngit\n"},
		"terminals can be made":               {`python3 -c 'import pty, os; m, s = pty.openpty(); print(os.isatty(s))'`, "True\n"},
		"the limits are seen":                 {`cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || ulimit -d`, map[bool]string{true: "1073741824\n", false: "1048576\n"}[strings.Contains(env.Limits, "cgroup v")]},
		"the limits cannot be changed":        {`echo 1 2>/dev/null >/sys/fs/cgroup/memory/memory.limit_in_bytes || echo 1 2>/dev/null >/sys/fs/cgroup/memory.max || echo refused`, "refused\n"},
	} {
		if out, _ := runtimetest.Command(t, conn, "/bin/sh", "-c", test.script); out != test.want {
			t.Errorf("%s: %q, want %q", name, out, test.want)
		}
	}
	// Nothing of this process's descriptors is open in the agent: its own log, pipes, sockets and files only.
	links, err := filepath.Glob("/proc/" + strconv.Itoa(agentPID(t, p, env)) + "/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		target, err := os.Readlink(link)
		if err == nil && strings.HasPrefix(target, p.dir) && !strings.HasSuffix(target, "/agent.log") &&
			!strings.Contains(target, "/state") && !strings.Contains(target, "/app") {
			t.Errorf("the agent holds %s open", target)
		}
	}
}

// agentPID finds the sandbox's first process among the test's descendants, by its record.
func agentPID(t *testing.T, p place, env backend.Environment) int {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sed", "-n", `/"init"/,/}/s/.*"pid": \([0-9]*\),/\1/p`,
		filepath.Join(p.dir, "sessions", string(env.SessionID), "environment.json")).Output()
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestNetworkNone(t *testing.T) {
	p := newPlace(t)
	r := p.open(t, func(c *local.Config) { c.Network = local.NetworkNone })
	env := runtimetest.Start(t, r, backend.EnvironmentSpec{SessionID: runtimetest.NewSession()})
	conn := runtimetest.Connect(t, r, p.authority, env)
	if out, _ := runtimetest.Command(t, conn, "/bin/sh", "-c", `grep -c : /proc/net/dev; grep -c lo: /proc/net/dev`); out != "1\n1\n" {
		t.Errorf("the interfaces: %q, want the loopback alone", out)
	}
}

// A death that nobody asked for is told with its cause, also when the whole group was killed.
func TestKilledAgent(t *testing.T) {
	p := newPlace(t)
	r := p.open(t, nil)
	w := runtimetest.Watch(t, r)
	env := runtimetest.Start(t, r, backend.EnvironmentSpec{SessionID: runtimetest.NewSession()})
	runtimetest.Connect(t, r, p.authority, env)
	if err := syscall.Kill(agentPID(t, p, env), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	events := w.Until(t, env.ID, backend.EnvironmentEnded)
	if reason := events[len(events)-1].Reason; !strings.HasPrefix(reason, "ended by SIGKILL") {
		t.Errorf("the reason is %q, want SIGKILL", reason)
	}
	if left, err := filepath.Glob("/sys/fs/cgroup/*/coding-platform-" + string(env.ID)); err != nil || len(left) > 0 {
		t.Errorf("cgroups are left: %v, %v", left, err)
	}
	next := runtimetest.Start(t, r, backend.EnvironmentSpec{SessionID: env.SessionID})
	runtimetest.Connect(t, r, p.authority, next)
}

// An agent that hangs is killed after its grace, with all that runs in its sandbox.
func TestHangingAgentIsKilled(t *testing.T) {
	p := newPlace(t)
	r := p.open(t, nil)
	w := runtimetest.Watch(t, r)
	env := runtimetest.Start(t, r, backend.EnvironmentSpec{SessionID: runtimetest.NewSession()})
	runtimetest.Connect(t, r, p.authority, env)
	pid := agentPID(t, p, env)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := r.Stop(t.Context(), env.SessionID, env.ID, 10*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	events := w.Until(t, env.ID, backend.EnvironmentEnded)
	if reason := events[len(events)-1].Reason; !strings.HasPrefix(reason, "killed: it did not stop within") {
		t.Errorf("the reason is %q", reason)
	}
}

// What died while there was no backend is cleaned by the next one.
func TestLeftoversAreCleaned(t *testing.T) {
	p := newPlace(t)
	first := p.open(t, nil)
	env, err := first.Start(t.Context(), backend.EnvironmentSpec{SessionID: runtimetest.NewSession()})
	if err != nil {
		t.Fatal(err)
	}
	runtimetest.Connect(t, first, p.authority, env)
	pid := agentPID(t, p, env)
	first.Close()
	w := runtimetest.Watch(t, p.open(t, nil))
	w.Until(t, env.ID, backend.EnvironmentRunning)
	second := p.open(t, nil)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	w.Until(t, env.ID, backend.EnvironmentEnded)
	if err := second.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Join(p.dir, "sessions", string(env.SessionID)))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Name() == "run" || entry.Name() == "environment.json" {
			t.Errorf("%s is left", entry.Name())
		}
	}
}

// The sandbox's user cannot lead the backend to another socket.
func TestSocketIsNoLink(t *testing.T) {
	p := newPlace(t)
	r := p.open(t, nil)
	env := runtimetest.Start(t, r, backend.EnvironmentSpec{SessionID: runtimetest.NewSession()})
	conn := runtimetest.Connect(t, r, p.authority, env)
	if out, code := runtimetest.Command(t, conn, "/bin/sh", "-c", "cd /run/agent && mv agent.sock other.sock && ln -s other.sock agent.sock"); code != 0 {
		t.Fatalf("%d, %s", code, out)
	}
	if c, err := r.Dial(t.Context(), env); backend.CodeOf(err) != backend.CodeUnavailable {
		t.Errorf("Dial through a link: %v, %v; want CodeUnavailable", c, err)
	}
}

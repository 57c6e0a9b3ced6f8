package local_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"codingplatform/backend"
	"codingplatform/backend/identity"
	"codingplatform/backend/local"
	"codingplatform/backend/runtimetest"
)

// agentBin is the real agent, built for the tests.
var agentBin string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "local-test-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	agentBin = filepath.Join(dir, "agent")
	build := exec.CommandContext(context.Background(), "go", "build", "-o", agentBin, "codingplatform/cmd/agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		panic("build the agent: " + err.Error() + "\n" + string(out))
	}
	return m.Run()
}

// place is a data directory that the sandboxes' user reaches.
type place struct {
	dir       string
	authority *identity.Authority
}

func newPlace(t *testing.T) place {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil {
		t.Fatal(err)
	}
	authority, err := identity.Open(filepath.Join(dir, "identity"))
	if err != nil {
		t.Fatal(err)
	}
	return place{dir, authority}
}

func (p place) config(tb testing.TB) local.Config {
	tb.Helper()
	return local.Config{
		DataDir: p.dir, AgentBin: agentBin, RunAs: "nobody", Identity: p.authority,
		MemoryBytes: 1 << 30, Processes: 256, CPU: 1.5,
		Logger: slog.New(slog.NewTextHandler(tb.Output(), nil)),
	}
}

func (p place) open(tb testing.TB, change func(*local.Config)) *local.Runtime {
	tb.Helper()
	cfg := p.config(tb)
	if change != nil {
		change(&cfg)
	}
	r, err := local.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		r.Close()
		left, err := filepath.Glob(filepath.Join(p.dir, "sessions", "*", "environment.json"))
		if err != nil || len(left) > 0 {
			tb.Errorf("environments are left: %v, %v", left, err)
		}
	})
	return r
}

func TestConformance(t *testing.T) {
	runtimetest.Run(t, func(t *testing.T) runtimetest.Fixture {
		t.Helper()
		p := newPlace(t)
		return runtimetest.Fixture{
			Runtime:     p.open(t, nil),
			Credentials: p.authority,
			Again:       func(tb testing.TB) backend.Runtime { tb.Helper(); return p.open(tb, nil) },
			Broken: func(tb testing.TB) (backend.Runtime, string) {
				tb.Helper()
				// Not static, and its linker is not there.
				broken := filepath.Join(p.dir, "broken-agent")
				script := "#!/nonexistent/interpreter\n"
				if err := errors.Join(os.WriteFile(broken, []byte(script), 0o755), os.Chmod(broken, 0o755)); err != nil {
					tb.Fatal(err)
				}
				return p.open(tb, func(c *local.Config) { c.AgentBin = broken }), "/opt/agent/agent: "
			},
		}
	})
}

func TestCheck(t *testing.T) {
	p := newPlace(t)
	if err := p.open(t, nil).Check(t.Context()); err != nil {
		t.Errorf("Check: %v", err)
	}
	entries, err := os.ReadDir(filepath.Join(p.dir, "sessions"))
	if err != nil || len(entries) > 0 {
		t.Errorf("Check left %v, %v", entries, err)
	}
	if err := p.open(t, func(c *local.Config) { c.Network = local.NetworkNone }).Check(t.Context()); err != nil {
		t.Errorf("Check without a network: %v", err)
	}
}

func TestCheckTellsTheFix(t *testing.T) {
	for words, fix := range map[string]string{
		"bwrap: No permissions to create new namespace, likely because the kernel does not allow it": "kernel.apparmor_restrict_unprivileged_userns=0",
		"bwrap: setting up uid map: Permission denied":                                               "user.max_user_namespaces",
		"bwrap: Can't mount proc on /newroot/proc: Operation not permitted":                          "systempaths=unconfined",
		"bwrap: Unknown option --disable-userns":                                                     "0.8 or newer",
		"bwrap: Something else":                                                                      "Something else",
	} {
		p := newPlace(t)
		bwrap := filepath.Join(p.dir, "bwrap")
		script := "#!/bin/sh\ncat >&2 <<'E'\n" + words + "\nE\nexit 1\n"
		if err := errors.Join(os.WriteFile(bwrap, []byte(script), 0o755), os.Chmod(bwrap, 0o755)); err != nil {
			t.Fatal(err)
		}
		r := p.open(t, func(c *local.Config) { c.Bwrap = bwrap })
		err := r.Check(t.Context())
		if backend.CodeOf(err) != backend.CodeUnavailable || !strings.Contains(err.Error(), fix) || !strings.Contains(err.Error(), strings.TrimPrefix(words, "bwrap: ")) {
			t.Errorf("%s: Check = %v, want CodeUnavailable with %q", words, err, fix)
		}
		if _, err := r.Start(t.Context(), backend.EnvironmentSpec{SessionID: runtimetest.NewSession()}); err == nil || !strings.Contains(err.Error(), fix) {
			t.Errorf("%s: Start = %v, want %q", words, err, fix)
		}
	}
	p := newPlace(t)
	if err := p.open(t, func(c *local.Config) { c.AgentBin = filepath.Join(p.dir, "nothing") }).Check(t.Context()); err == nil || !strings.Contains(err.Error(), "make build") {
		t.Errorf("Check without an agent: %v", err)
	}
}

func TestSessionIDsAreNoPaths(t *testing.T) {
	r := newPlace(t).open(t, nil)
	for _, id := range []backend.SessionID{"", ".", "..", "../x", "a/b", ".probe", "a\x00b", backend.SessionID(strings.Repeat("a", 65))} {
		if _, err := r.Start(t.Context(), backend.EnvironmentSpec{SessionID: id}); backend.CodeOf(err) != backend.CodeInvalid {
			t.Errorf("Start of %q: %v, want CodeInvalid", id, err)
		}
		if err := r.Remove(t.Context(), id); backend.CodeOf(err) != backend.CodeInvalid {
			t.Errorf("Remove of %q: %v, want CodeInvalid", id, err)
		}
	}
}

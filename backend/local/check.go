package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"codingplatform/backend"
)

// bwrap finds bubblewrap's program.
func (r *Runtime) bwrap() (string, error) {
	if r.cfg.Bwrap != "" {
		return r.cfg.Bwrap, nil
	}
	for _, path := range []string{"/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"} {
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	path, err := exec.LookPath("bwrap")
	if err != nil {
		return "", errors.New("bubblewrap is not installed, and environments run in its sandboxes: " +
			"install it (apt-get install bubblewrap, dnf install bubblewrap, apk add bubblewrap) or run make setup")
	}
	return path, nil
}

// probeScript tells, one a line, what the sandbox lacks. A version that is too old counts as missing.
const probeScript = `
[ -x /bin/bash ] || echo bash
command -v git >/dev/null || echo git
command -v node >/dev/null || echo node
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || echo python3
`

// Check makes a sandbox and looks around in it. CodeUnavailable when none can be made or it lacks a shell, with
// what to do in the message. Languages that are missing are logged: everything else works without them. It
// also adopts or cleans what a former process left.
func (r *Runtime) Check(ctx context.Context) error {
	if err := r.check(ctx); err != nil {
		return backend.Errorf(backend.CodeUnavailable, "environments cannot run on this machine: %w", err)
	}
	return r.scan(ctx)
}

func (r *Runtime) check(ctx context.Context) error {
	if err := r.user.Reaches(r.sessions); err != nil {
		return fmt.Errorf("sandboxes run as %s, not as root, and do not reach their files: %w: set data-dir to a directory below one that all may enter, "+
			"for example /var/lib/coding-platform, or chmod o+x what is in the way", r.user.Name, err)
	}
	bwrap, err := r.bwrap()
	if err != nil {
		return err
	}
	agent, err := r.reachableAgent()
	if err != nil {
		return fmt.Errorf("%w: run make build, or set agent-bin", err)
	}
	missing, err := r.probe(ctx, bwrap, agent)
	if err != nil {
		return err
	}
	for _, name := range missing {
		switch name {
		case "bash":
			return errors.New("the sandbox has no /bin/bash: install bash on this machine")
		case "python3":
			r.cfg.Logger.WarnContext(ctx, "sandboxes have no Python 3.11 or newer: install it below /usr (python3 of Debian 12 will do); one in a home directory is not visible to them")
		default:
			r.cfg.Logger.WarnContext(ctx, "sandboxes lack a program: install it below /usr; one in a home directory is not visible to them", "program", name)
		}
	}
	return nil
}

// probe runs probeScript in a sandbox like any other, but for the agent.
func (r *Runtime) probe(ctx context.Context, bwrap, agent string) (missing []string, err error) {
	dir, err := os.MkdirTemp(r.sessions, ".probe-")
	if err != nil {
		return nil, fmt.Errorf("make a sandbox: %w", err)
	}
	l := layout{dir}
	defer func() { err = errors.Join(err, l.remove()) }()
	if err := errors.Join(l.make(r.user, r.dirMode), r.writeEtc(l)); err != nil {
		return nil, err
	}
	limits := r.limit(backend.EnvironmentID(strings.TrimPrefix(filepath.Base(dir), ".")))
	defer func() { err = errors.Join(err, removeCgroups(ctx, limits.cgroups)) }()
	r.cfg.Logger.InfoContext(ctx, "limits of a sandbox", "limits", limits.words, "network", r.cfg.Network, "user", r.user.Name)
	p, err := r.run(ctx, l, append(append([]string{bwrap}, r.sandbox(l, agent, limits)...), "/bin/sh", "-c", probeScript), limits)
	if err != nil {
		return nil, err
	}
	if err := p.stdin.Close(); err != nil {
		return nil, errors.Join(fmt.Errorf("make a sandbox: %w", err), p.kill())
	}
	select {
	case <-p.reaped:
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), p.kill())
	}
	out, err := os.ReadFile(l.log())
	if err != nil {
		return nil, fmt.Errorf("make a sandbox: %w", err)
	}
	if code, ok := l.exitCode(); !ok || strings.Contains(string(out), "bwrap:") {
		return nil, explain(l.lastWords())
	} else if code > 1 {
		return nil, fmt.Errorf("a sandbox was made, and ended with exit code %d: %s", code, oneLine(string(out)))
	}
	return strings.Fields(string(out)), nil
}

// explain adds to bwrap's words what to do about them.
func explain(words string) error {
	words = oneLine(words)
	has := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(words, part) {
				return true
			}
		}
		return false
	}
	switch {
	case has("Unknown option"):
		return fmt.Errorf("bubblewrap is too old: 0.8 or newer is needed: %s", words)
	case has("mount proc", "Can't mount proc"):
		return fmt.Errorf("the kernel does not let a sandbox have its own /proc: %s: in a container, start that with --security-opt systempaths=unconfined", words)
	case has("namespace", "uid map", "RTM_NEWADDR", "loopback"):
		return fmt.Errorf("this machine does not let ordinary users make user namespaces, which sandboxes need: %s: "+
			"on Ubuntu 23.10 and newer, sysctl kernel.apparmor_restrict_unprivileged_userns=0; "+
			"on older Debian, sysctl kernel.unprivileged_userns_clone=1; "+
			"elsewhere, sysctl user.max_user_namespaces=28633; "+
			"in a container, start that with --security-opt seccomp=unconfined --security-opt apparmor=unconfined", words)
	default:
		return fmt.Errorf("bwrap: %s", strings.TrimPrefix(words, "bwrap: "))
	}
}

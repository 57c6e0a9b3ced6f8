package runtimetest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
)

func startAndHello(t *testing.T, f Fixture) {
	t.Helper()
	session := NewSession()
	before := time.Now().Add(-time.Minute)
	env := Start(t, f.Runtime, backend.EnvironmentSpec{SessionID: session})
	if env.ID == "" || env.SessionID != session || env.Limits == "" || env.CreatedAt.Before(before) || env.CreatedAt.After(time.Now().Add(time.Minute)) {
		t.Errorf("Start = %+v", env)
	}
	conn := Connect(t, f.Runtime, f.Credentials, env)
	if conn.Incarnation == "" {
		t.Error("the agent has no incarnation")
	}
	if out, code := Command(t, conn, "pwd"); out != "/app\n" || code != 0 {
		t.Errorf("pwd = %q, %d; want /app", out, code)
	}
}

func startOfALiveOne(t *testing.T, f Fixture) {
	t.Helper()
	spec := backend.EnvironmentSpec{SessionID: NewSession()}
	var group sync.WaitGroup
	got := make([]backend.Environment, 6)
	errs := make([]error, len(got))
	for i := range got {
		group.Go(func() { got[i], errs[i] = f.Runtime.Start(t.Context(), spec) })
	}
	group.Wait()
	env := Start(t, f.Runtime, spec)
	for i := range got {
		if errs[i] != nil || got[i].ID != env.ID {
			t.Errorf("Start at once = %+v, %v; want environment %s for all", got[i], errs[i], env.ID)
		}
	}
}

func findAndList(t *testing.T, f Fixture) {
	t.Helper()
	if _, err := f.Runtime.Find(t.Context(), NewSession()); backend.CodeOf(err) != backend.CodeNotFound {
		t.Errorf("Find of nothing: %v, want CodeNotFound", err)
	}
	one := Start(t, f.Runtime, backend.EnvironmentSpec{SessionID: NewSession()})
	two := Start(t, f.Runtime, backend.EnvironmentSpec{SessionID: NewSession()})
	if one.ID == two.ID {
		t.Fatalf("two sessions share environment %s", one.ID)
	}
	for _, env := range []backend.Environment{one, two} {
		if found, err := f.Runtime.Find(t.Context(), env.SessionID); err != nil || found.ID != env.ID {
			t.Errorf("Find = %+v, %v; want %s", found, err, env.ID)
		}
	}
	listed, err := f.Runtime.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, env := range []backend.Environment{one, two} {
		if !slices.ContainsFunc(listed, func(e backend.Environment) bool { return e.ID == env.ID && e.SessionID == env.SessionID }) {
			t.Errorf("List lacks %s: %+v", env.ID, listed)
		}
	}
}

func watch(t *testing.T, f Fixture) {
	t.Helper()
	early := Start(t, f.Runtime, backend.EnvironmentSpec{SessionID: NewSession()})
	w := Watch(t, f.Runtime)
	w.Until(t, early.ID, backend.EnvironmentRunning)
	late := Start(t, f.Runtime, backend.EnvironmentSpec{SessionID: NewSession()})
	w.Until(t, late.ID, backend.EnvironmentRunning)
	for _, env := range []backend.Environment{early, late} {
		Connect(t, f.Runtime, f.Credentials, env)
		if err := f.Runtime.Stop(t.Context(), env.SessionID, env.ID, stopGrace); err != nil {
			t.Fatal(err)
		}
		events := w.Until(t, env.ID, backend.EnvironmentEnded)
		last := events[len(events)-1]
		if last.Phase != backend.EnvironmentEnded || last.Reason == "" || last.SessionID != env.SessionID {
			t.Errorf("the last event is %+v, want an end with its reason", last)
		}
		order := []backend.EnvironmentPhase{backend.EnvironmentStarting, backend.EnvironmentRunning, backend.EnvironmentStopping, backend.EnvironmentEnded}
		if !slices.IsSortedFunc(events, func(a, b backend.Environment) int {
			return slices.Index(order, a.Phase) - slices.Index(order, b.Phase)
		}) {
			t.Errorf("phases are out of order: %+v", events)
		}
	}
}

func stop(t *testing.T, f Fixture) {
	t.Helper()
	env := Start(t, f.Runtime, backend.EnvironmentSpec{SessionID: NewSession()})
	Connect(t, f.Runtime, f.Credentials, env)
	if err := f.Runtime.Stop(t.Context(), env.SessionID, env.ID, stopGrace); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Runtime.Find(t.Context(), env.SessionID); backend.CodeOf(err) != backend.CodeNotFound {
		t.Errorf("Find after Stop: %v, want CodeNotFound", err)
	}
	if conn, err := f.Runtime.Dial(t.Context(), env); backend.CodeOf(err) != backend.CodeUnavailable {
		t.Errorf("Dial after Stop: %v, %v; want CodeUnavailable", conn, err)
	}
	for what, env := range map[string]backend.Environment{"again": env, "of nothing": {SessionID: NewSession(), ID: "none"}} {
		if err := f.Runtime.Stop(t.Context(), env.SessionID, env.ID, stopGrace); err != nil {
			t.Errorf("Stop %s: %v", what, err)
		}
	}
}

func stopOfAnother(t *testing.T, f Fixture) {
	t.Helper()
	spec := backend.EnvironmentSpec{SessionID: NewSession()}
	former := Start(t, f.Runtime, spec)
	if err := f.Runtime.Stop(t.Context(), former.SessionID, former.ID, stopGrace); err != nil {
		t.Fatal(err)
	}
	env := Start(t, f.Runtime, spec)
	if env.ID == former.ID {
		t.Fatalf("a new environment has the ID of the former one, %s", env.ID)
	}
	// Who still thinks of the former one must not end the new one.
	if err := f.Runtime.Stop(t.Context(), env.SessionID, former.ID, stopGrace); err != nil {
		t.Fatal(err)
	}
	Connect(t, f.Runtime, f.Credentials, env)
	if _, err := f.Runtime.Dial(t.Context(), former); backend.CodeOf(err) != backend.CodeUnavailable {
		t.Errorf("Dial of the former environment: %v, want CodeUnavailable", err)
	}
}

func volumeOutlivesAndEnds(t *testing.T, f Fixture) {
	t.Helper()
	spec := backend.EnvironmentSpec{SessionID: NewSession()}
	shell := func(script string) (string, int32) {
		env := Start(t, f.Runtime, spec)
		out, code := Command(t, Connect(t, f.Runtime, f.Credentials, env), "/bin/sh", "-c", script)
		if err := f.Runtime.Stop(t.Context(), env.SessionID, env.ID, stopGrace); err != nil {
			t.Fatal(err)
		}
		return out, code
	}
	// A folder that its owner cannot enter must not keep Remove from its work.
	if out, code := shell(`echo kept >file; mkdir -p closed/inner; touch closed/inner/x; chmod 000 closed/inner closed`); code != 0 {
		t.Fatalf("write: %d, %s", code, out)
	}
	if f.Volatile {
		if out, _ := shell(`ls -A`); out != "" {
			t.Errorf("after a stop, there is %q", out)
		}
	} else if out, _ := shell(`cat file`); out != "kept\n" {
		t.Errorf("after a stop, the file holds %q", out)
	}
	for range 2 {
		if err := f.Runtime.Remove(t.Context(), spec.SessionID); err != nil {
			t.Fatalf("Remove: %v", err)
		}
	}
	if out, _ := shell(`ls -A`); out != "" {
		t.Errorf("after Remove, there is %q", out)
	}
	if err := f.Runtime.Remove(t.Context(), spec.SessionID); err != nil {
		t.Errorf("Remove: %v", err)
	}
}

func dialOfAnother(t *testing.T, f Fixture) {
	t.Helper()
	mine := Start(t, f.Runtime, backend.EnvironmentSpec{SessionID: NewSession()})
	other := Start(t, f.Runtime, backend.EnvironmentSpec{SessionID: NewSession()})
	Connect(t, f.Runtime, f.Credentials, mine)
	Connect(t, f.Runtime, f.Credentials, other)
	conn, err := agentconn.Connect(t.Context(), redirected{f.Runtime, other}, f.Credentials, "runtimetest", mine)
	if err == nil {
		conn.Close()
		t.Error("an agent was taken for that of another environment")
	}
	mixed := backend.Environment{SessionID: mine.SessionID, ID: other.ID}
	if conn, err := f.Runtime.Dial(t.Context(), mixed); backend.CodeOf(err) != backend.CodeUnavailable {
		t.Errorf("Dial of an environment of another session: %v, %v; want CodeUnavailable", conn, err)
	}
}

func adoption(t *testing.T, f Fixture) {
	t.Helper()
	first := Watch(t, f.Runtime)
	env := Start(t, f.Runtime, backend.EnvironmentSpec{SessionID: NewSession()})
	before := Connect(t, f.Runtime, f.Credentials, env)
	again := f.Again(t)

	if found, err := again.Find(t.Context(), env.SessionID); err != nil || found.ID != env.ID || found.Limits != env.Limits || !found.CreatedAt.Equal(env.CreatedAt) {
		t.Errorf("Find by another = %+v, %v; want %+v", found, err, env)
	}
	listed, err := again.List(t.Context())
	if err != nil || !slices.ContainsFunc(listed, func(e backend.Environment) bool { return e.ID == env.ID }) {
		t.Errorf("List by another = %+v, %v; want %s in it", listed, err, env.ID)
	}
	if started, err := again.Start(t.Context(), backend.EnvironmentSpec{SessionID: env.SessionID}); err != nil || started.ID != env.ID {
		t.Errorf("Start by another = %+v, %v; want %s", started, err, env.ID)
	}
	second := Watch(t, again)
	second.Until(t, env.ID, backend.EnvironmentRunning)
	if after := Connect(t, again, f.Credentials, env); after.Incarnation != before.Incarnation {
		t.Errorf("the agent was started anew: %s, then %s", before.Incarnation, after.Incarnation)
	}
	if err := again.Stop(t.Context(), env.SessionID, env.ID, stopGrace); err != nil {
		t.Fatal(err)
	}
	second.Until(t, env.ID, backend.EnvironmentEnded)
	first.Until(t, env.ID, backend.EnvironmentEnded)
	if _, err := f.Runtime.Find(t.Context(), env.SessionID); backend.CodeOf(err) != backend.CodeNotFound {
		t.Errorf("Find after another stopped it: %v, want CodeNotFound", err)
	}
}

func failingStart(t *testing.T, f Fixture) {
	t.Helper()
	broken, words := f.Broken(t)
	w := Watch(t, broken)
	session := NewSession()
	env, err := broken.Start(t.Context(), backend.EnvironmentSpec{SessionID: session})
	if err == nil {
		t.Cleanup(func() {
			if err := broken.Stop(context.WithoutCancel(t.Context()), session, env.ID, stopGrace); err != nil {
				t.Error(err)
			}
		})
		events := w.Until(t, env.ID, backend.EnvironmentEnded)
		if reason := events[len(events)-1].Reason; !strings.Contains(reason, words) {
			t.Errorf("the reason is %q, want %q in it", reason, words)
		}
	} else if backend.CodeOf(err) != backend.CodeUnavailable || !strings.Contains(err.Error(), words) {
		t.Errorf("Start: %v; want CodeUnavailable and %q", err, words)
	}
	if _, err := broken.Find(t.Context(), session); backend.CodeOf(err) != backend.CodeNotFound {
		t.Errorf("Find after a start that failed: %v, want CodeNotFound", err)
	}
}

func environment(t *testing.T, f Fixture) {
	t.Helper()
	env := Start(t, f.Runtime, backend.EnvironmentSpec{SessionID: NewSession(), Env: map[string]string{"GREETING": "two words = ok"}})
	conn := Connect(t, f.Runtime, f.Credentials, env)
	if out, code := Command(t, conn, "/bin/sh", "-c", `echo "$GREETING"`); out != "two words = ok\n" || code != 0 {
		t.Errorf("GREETING = %q, %d", out, code)
	}
}

// installing makes a package for npm and one for pip, and installs both as users do.
const installing = `
mkdir /tmp/tool && cd /tmp/tool
echo '{"name":"npm-tool","version":"1.0.0","bin":{"npm-tool":"cli.js"}}' >package.json
printf '#!/usr/bin/env node\nconsole.log(42)\n' >cli.js
npm pack --silent >/dev/null
npm install --global --offline --no-audit --no-fund --silent ./npm-tool-1.0.0.tgz
/usr/bin/python3 - <<'PY'
import zipfile
with zipfile.ZipFile("pip_tool-1.0-py3-none-any.whl", "w") as z:
    z.writestr("pip_tool.py", "def main(): print(43)\n")
    z.writestr("pip_tool-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: pip-tool\nVersion: 1.0\n")
    z.writestr("pip_tool-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    z.writestr("pip_tool-1.0.dist-info/entry_points.txt", "[console_scripts]\npip-tool = pip_tool:main\n")
    z.writestr("pip_tool-1.0.dist-info/RECORD", "".join(f"{name},,\n" for name in z.namelist()))
PY
/usr/bin/python3 -m pip install --quiet --disable-pip-version-check --no-index ./pip_tool-1.0-py3-none-any.whl
`

// install has a user install programs without root: they are in the PATH, and stay as long as the volume does.
func install(t *testing.T, f Fixture) {
	t.Helper()
	spec := backend.EnvironmentSpec{SessionID: NewSession()}
	env := Start(t, f.Runtime, spec)
	out, code := Command(t, Connect(t, f.Runtime, f.Credentials, env), "/bin/sh", "-euc", installing)
	if code != 0 {
		t.Fatalf("it cannot be installed: %d, %s", code, out)
	}
	if f.Volatile {
		return
	}
	if err := f.Runtime.Stop(t.Context(), env.SessionID, env.ID, stopGrace); err != nil {
		t.Fatal(err)
	}
	env = Start(t, f.Runtime, spec)
	out, code = Command(t, Connect(t, f.Runtime, f.Credentials, env), "/bin/sh", "-c", "npm-tool; pip-tool")
	if out != "42\n43\n" || code != 0 {
		t.Errorf("after a restart the installed programs printed %q, %d", out, code)
	}
}

package local_test

import (
	"strings"
	"testing"

	"codingplatform/backend"
	"codingplatform/backend/local"
	"codingplatform/backend/runtimetest"
)

// What a program takes too much of is refused to it or ends it; the agent goes on.
func TestLimitsHitTheProgram(t *testing.T) {
	p := newPlace(t)
	r := p.open(t, func(c *local.Config) { c.MemoryBytes, c.Processes = 192<<20, 100 })
	env := runtimetest.Start(t, r, backend.EnvironmentSpec{SessionID: runtimetest.NewSession()})
	for _, words := range []string{"memory 192 MiB", "100 processes", "1.5 cores"} {
		if !strings.Contains(env.Limits, words) && !strings.Contains(env.Limits, "cannot be made here") {
			t.Errorf("the limits %q lack %q", env.Limits, words)
		}
	}
	conn := runtimetest.Connect(t, r, p.authority, env)
	for name, command := range map[string][]string{
		"memory":    {"python3", "-c", "x = bytearray(600 << 20); print(len(x))"},
		"processes": {"python3", "-c", "import subprocess\nrunning = [subprocess.Popen(['sleep', '60']) for _ in range(200)]"},
	} {
		if out, code := runtimetest.Command(t, conn, command...); code == 0 {
			t.Errorf("%s: %d, %s; want a failure", name, code, out)
		}
		if out, code := runtimetest.Command(t, conn, "echo", "alive"); out != "alive\n" || code != 0 {
			t.Errorf("%s: afterwards the agent answers %q, %d", name, out, code)
		}
	}
	if found, err := r.Find(t.Context(), env.SessionID); err != nil || found.ID != env.ID {
		t.Errorf("Find = %+v, %v", found, err)
	}
}

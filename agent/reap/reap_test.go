package reap_test

import (
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"codingplatform/agent/reap"
)

// asInit makes the test's binary an init for a command of the shell.
const asInit = "TEST_RUN_AS_INIT"

func TestMain(m *testing.M) {
	if script := os.Getenv(asInit); script != "" {
		// In a namespace of its own it would be pid 1; here it takes over orphans all the same.
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			os.Exit(99)
		}
		code, err := reap.Init(slog.New(slog.DiscardHandler), []string{"/bin/sh", "-c", script}, os.Environ())
		if err != nil {
			os.Exit(98)
		}
		os.Exit(code)
	}
	os.Exit(m.Run())
}

func initCommand(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), asInit+"="+script)
	return cmd
}

func TestInitAnswersItsChildsExit(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -TERM $$": 128 + 15} {
		cmd := initCommand(t, script)
		// Its exit code is looked at, whatever the error says.
		_ = cmd.Run()
		if got := cmd.ProcessState.ExitCode(); got != want {
			t.Errorf("%q ends with %d, want %d", script, got, want)
		}
	}
}

func TestInitReapsOrphans(t *testing.T) {
	t.Parallel()
	// The grandchild outlives its parent, becomes the init's, ends, and must not stay as a zombie. The loop ends
	// when it is gone from the process table.
	cmd := initCommand(t, `orphan=$(sh -c 'sleep 0.05 >/dev/null & echo $!'); while [ -e /proc/$orphan ]; do sleep 0.01; done; echo reaped`)
	out, err := cmd.Output()
	if err != nil || strings.TrimSpace(string(out)) != "reaped" {
		t.Errorf("%q %v", out, err)
	}
}

func TestInitPassesSignalsOn(t *testing.T) {
	t.Parallel()
	cmd := initCommand(t, `trap 'echo told; exit 5' TERM; echo ready; while :; do sleep 0.02; done`)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 64)
	n, err := stdout.Read(buffer)
	if err != nil || !strings.HasPrefix(string(buffer[:n]), "ready") {
		t.Fatalf("%q %v", buffer[:n], err)
	}
	if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	n, err = stdout.Read(buffer)
	if err != nil || strings.TrimSpace(string(buffer[:n])) != "told" {
		t.Errorf("%q %v", buffer[:n], err)
	}
	_ = cmd.Wait() // its exit code tells
	if got := cmd.ProcessState.ExitCode(); got != 5 {
		t.Errorf("it ended with %d", got)
	}
}

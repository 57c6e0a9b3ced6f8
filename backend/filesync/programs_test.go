package filesync_test

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func (w *world) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(w.tb.Context(), name, args...)
	cmd.Dir = w.root
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: w.credential}
	return cmd
}

// running is a world with an agent and one replica, restored and in step.
func running(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, "")
	w.startAgent()
	w.startReplica("a")
	w.flush()
	return w
}

func TestTarOfManyFiles(t *testing.T) {
	t.Parallel()
	w := running(t)
	w.sh(`
		mkdir ../src && cd ../src
		for d in $(seq 100); do mkdir -p many/$d/deep; for f in $(seq 100); do echo "$d $f" > many/$d/deep/$f; done; done
		tar cf ../many.tar many
		cd ../app && tar xf ../many.tar`)
	w.untilEqual()
	if n := strings.Count(w.sh("find . -type f"), "\n"); n != 10_000 {
		t.Errorf("tar has written %d files", n)
	}
}

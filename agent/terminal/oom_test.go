package terminal_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"codingplatform/agent/program"
	"codingplatform/agent/sysinfo"
	"codingplatform/agent/terminal"
)

// TestOutOfMemoryIsSaid has the kernel's count rise beside a terminal whose shell prints that a job of its was killed.
func TestOutOfMemoryIsSaid(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	const count = "sys/fs/cgroup/workspace/memory.events"
	write("proc/self/cgroup", "0::/workspace\n")
	write(count, "oom 0\noom_kill 0\n")
	m := terminal.NewManager(terminal.Config{
		Logger: slog.New(slog.DiscardHandler), Shell: []string{"sh"}, Incarnation: "a", Cgroup: sysinfo.FindCgroup(root),
		Base: program.Base{Root: t.TempDir(), Env: os.Environ()},
	})
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- m.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	}()
	v, err := m.Attach("1", terminal.Attach{Client: "x"}, &terminal.Spec{
		Name: "1", Size: terminal.Size{Cols: 80, Rows: 24}, Command: []string{"sh", "-c", "echo ready; read x; echo Killed; read y"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	var shown bytes.Buffer
	buf := make([]byte, terminal.MaxOutput)
	see := func(text string) {
		t.Helper()
		for !bytes.Contains(shown.Bytes(), []byte(text)) {
			event, err := v.Next(buf)
			if err != nil {
				t.Fatalf("waiting for %q: %v; it showed %q", text, err, shown.Bytes())
			}
			switch e := event.(type) {
			case terminal.Attached:
				shown.Write(e.Snapshot)
			case terminal.Output:
				shown.Write(e.Data)
			case nil:
				if err := v.Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	see("ready")
	if bytes.Contains(shown.Bytes(), []byte("out of memory")) {
		t.Fatalf("nothing was killed yet, and it shows %q", shown.Bytes())
	}
	write(count, "oom 1\noom_kill 1\n")
	if err := v.Input(t.Context(), 0, []byte("\n")); err != nil {
		t.Fatal(err)
	}
	see("Killed")
	see("out of memory]")
}

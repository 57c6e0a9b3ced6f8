package pidfd_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"codingplatform/backend/pidfd"
)

func TestWaitSeesTheEnd(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "cat")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	start, err := pidfd.StartTime(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	p, err := pidfd.Open(cmd.Process.Pid, start)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := pidfd.Open(cmd.Process.Pid, start+1); !errors.Is(err, pidfd.ErrGone) {
		t.Errorf("Open with another start time: %v, want ErrGone", err)
	}

	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	if err := p.Wait(ctx); !errors.Is(err, stopped) {
		t.Errorf("Wait with an ended context: %v, want its cause", err)
	}

	done := make(chan error, 1)
	go func() { done <- p.Wait(t.Context()) }()
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("Wait: %v", err)
	}
	if _, err := pidfd.StartTime(cmd.Process.Pid); !errors.Is(err, pidfd.ErrGone) {
		t.Errorf("StartTime of a zombie: %v, want ErrGone", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := p.Signal(syscall.SIGTERM); !errors.Is(err, pidfd.ErrGone) {
		t.Errorf("Signal after the end: %v, want ErrGone", err)
	}
}

func TestOpenSelf(t *testing.T) {
	p, err := pidfd.Open(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Signal(0); err != nil {
		t.Errorf("Signal 0 to oneself: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	// The Go runtime handles SIGTERM, and nobody can handle SIGKILL.
	for sig, want := range map[syscall.Signal]bool{syscall.SIGTERM: true, syscall.SIGKILL: false} {
		if got, err := pidfd.Catches(os.Getpid(), sig); err != nil || got != want {
			t.Errorf("Catches %v = %v, %v; want %v", sig, got, err, want)
		}
	}
}

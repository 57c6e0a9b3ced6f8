package filesync_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"codingplatform/agent"
	"codingplatform/agent/files"
	"codingplatform/agent/filesrpc"
	"codingplatform/agent/identity"
	"codingplatform/agent/watch"
	"codingplatform/backend"
)

// asAgent makes the test's binary an agent, so that it can be killed, stopped and given other rights.
const asAgent = "TEST_RUN_AS_AGENT"

// agentSpec is what a child needs to be an agent, as JSON on its standard input.
type agentSpec struct {
	Root, State, Socket string
	Identity            json.RawMessage
	PollInterval        time.Duration
	// Watches limits the folders that are watched; 0: as the kernel does.
	Watches int
}

// agentMain is cmd/agent with an engine that can be limited.
func agentMain(stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	if err := agentServe(ctx, stdin, stdout, logger); err != nil {
		logger.Error("the agent ended", "error", err)
		return 1
	}
	return 0
}

func agentServe(ctx context.Context, stdin io.Reader, stdout io.Writer, logger *slog.Logger) error {
	var spec agentSpec
	if err := json.NewDecoder(stdin).Decode(&spec); err != nil {
		return err
	}
	go func() {
		// The pipe is open as long as the test lives.
		_, _ = io.Copy(io.Discard, stdin)
		os.Exit(3)
	}()
	id, err := identity.Load("-", strings.NewReader(string(spec.Identity)))
	if err != nil {
		return err
	}
	incarnation := agent.NewIncarnation()
	service, err := filesrpc.New(filesrpc.Config{
		Root: spec.Root, State: spec.State, Logger: logger, Incarnation: incarnation,
		SessionID: id.SessionID, EnvironmentID: id.EnvironmentID, PollInterval: spec.PollInterval,
		NewWatcher: func(root string) (files.Watcher, error) { return watch.New(root, spec.Watches) },
	})
	if err != nil {
		return err
	}
	server, err := agent.New(agent.Options{
		Logger: logger, Identity: id, Version: "test", Incarnation: incarnation, Root: spec.Root, State: spec.State, Files: service,
	})
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", spec.Socket)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(stdout, "ready"); err != nil {
		return err
	}
	return server.Run(ctx, listener, nil)
}

// process is a running agent.
type process struct {
	cmd    *exec.Cmd
	env    backend.Environment
	socket string
	logged chan struct{} // closed when its output has ended
	failed bool
}

// startAgent starts an agent on the world's volume, and returns when it listens.
func (w *world) startAgent() *process {
	w.tb.Helper()
	w.mu.Lock()
	w.agents++
	n := w.agents
	w.mu.Unlock()
	env := backend.Environment{ID: backend.EnvironmentID(fmt.Sprintf("env-%d", n)), SessionID: w.session, Phase: backend.EnvironmentRunning}
	id, err := w.authority.IssueAgent(env.SessionID, env.ID)
	if err != nil {
		w.tb.Fatal(err)
	}
	p := &process{env: env, socket: filepath.Join(w.dir, "sockets", fmt.Sprintf("a%d.sock", n)), logged: make(chan struct{})}
	spec, err := json.Marshal(agentSpec{
		Root: w.root, State: w.state, Socket: p.socket, Identity: id, PollInterval: w.pollInterval, Watches: w.watches,
	})
	if err != nil {
		w.tb.Fatal(err)
	}
	self := w.program
	if self == "" {
		if self, err = os.Executable(); err != nil {
			w.tb.Fatal(err)
		}
	}
	command := slices.Concat(w.wrap, []string{self}, w.after)
	p.cmd = exec.Command(command[0], command[1:]...) // it ends by endAgent
	p.cmd.Env = append(os.Environ(), asAgent+"=1")
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: w.credential}
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		w.tb.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		w.tb.Fatal(err)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		w.tb.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		w.tb.Fatal(err)
	}
	if _, err := stdin.Write(append(spec, '\n')); err != nil {
		w.tb.Fatal(err)
	}
	go func() {
		defer close(p.logged)
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if strings.Contains(lines.Text(), "DATA RACE") || strings.HasPrefix(lines.Text(), "panic:") {
				p.failed = true
			}
			_, _ = fmt.Fprintf(w.tb.Output(), "%s: %s\n", env.ID, lines.Text())
		}
	}()
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		w.tb.Fatalf("the agent did not start: %v", errors.Join(err, p.cmd.Wait()))
	}
	w.mu.Lock()
	w.agent = p
	w.mu.Unlock()
	w.progress()
	return p
}

// end ends an agent with a signal and waits for it.
func (w *world) endAgent(sig syscall.Signal) {
	w.tb.Helper()
	w.mu.Lock()
	p := w.agent
	w.agent = nil
	w.mu.Unlock()
	if p == nil {
		return
	}
	if err := p.cmd.Process.Signal(sig); err != nil {
		w.tb.Errorf("end the agent: %v", err)
	}
	<-p.logged
	err := p.cmd.Wait()
	if err != nil && sig == syscall.SIGTERM || p.failed {
		w.tb.Errorf("the agent ended with: %v", err)
	}
}

// signalAgent sends a signal that does not end it.
func (w *world) signalAgent(sig syscall.Signal) {
	w.tb.Helper()
	if err := w.agent.cmd.Process.Signal(sig); err != nil {
		w.tb.Errorf("signal the agent: %v", err)
	}
}

// asNobody has agent and programs run without a superuser's rights.
func (w *world) asNobody() {
	w.tb.Helper()
	if os.Getuid() != 0 {
		return
	}
	const nobody = 65534
	w.credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	if err := os.Chmod(w.dir, 0o755); err != nil { // another user passes through
		w.tb.Fatal(err)
	}
	for _, dir := range []string{w.root, w.state, filepath.Join(w.dir, "sockets")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			w.tb.Fatal(err)
		}
		if err := os.Chown(dir, nobody, nobody); err != nil {
			w.tb.Fatal(err)
		}
	}
	// The program itself may lie where only root comes by.
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		w.tb.Fatal(err)
	}
	w.program = filepath.Join(w.dir, "agent")
	if err := os.WriteFile(w.program, self, 0o755); err != nil {
		w.tb.Fatal(err)
	}
}

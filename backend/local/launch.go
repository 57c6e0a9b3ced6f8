package local

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/pidfd"
)

// holdScript waits until this process has put it into its cgroups, and then becomes bwrap; when this process
// is killed meanwhile, it ends.
const holdScript = `read -r _ <&3 || exit 125; exec 3<&-; exec "$@"`

// launch starts a sandbox. The session is locked.
func (r *Runtime) launch(ctx context.Context, l layout, spec backend.EnvironmentSpec) (e *live, err error) {
	bwrap, err := r.bwrap()
	if err != nil {
		return nil, err
	}
	agent, err := r.reachableAgent()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(l.make(r.user, r.dirMode), r.writeEtc(l)); err != nil {
		return nil, err
	}
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	rec := record{
		ID: backend.EnvironmentID(rand.Text()), SessionID: spec.SessionID, CreatedAt: time.Now().UTC().Truncate(time.Millisecond), BootID: boot,
	}
	bundle, err := r.cfg.Identity.IssueAgent(rec.SessionID, rec.ID)
	if err != nil {
		return nil, err
	}
	limits := r.limit(rec.ID)
	rec.Limits, rec.Cgroups, rec.MemoryEvents, rec.MemoryBytes = limits.words, limits.cgroups, limits.events, r.cfg.MemoryBytes
	p, err := r.run(ctx, l, append(append([]string{bwrap}, r.sandbox(l, agent, limits)...), r.agentCommand(spec, limits)...), limits)
	if err != nil {
		return nil, errors.Join(err, removeCgroups(ctx, rec.Cgroups))
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.kill(), cleanUp(context.WithoutCancel(ctx), rec, l))
		}
	}()
	e = &live{rec: rec, layout: l, phase: backend.EnvironmentRunning, ended: make(chan struct{})}
	if e.init, err = pidfd.Open(p.init, 0); err != nil {
		return nil, fmt.Errorf("its first process ended at once: %s", l.lastWords())
	}
	if e.outer, err = pidfd.Open(p.outer, 0); err != nil {
		return nil, errors.Join(fmt.Errorf("bwrap ended at once: %s", l.lastWords()), e.init.Close())
	}
	if e.rec.Init, err = identify(p.init); err == nil {
		e.rec.Outer, err = identify(p.outer)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("it ended at once: %s", l.lastWords()), e.init.Close(), e.outer.Close())
	}
	// Recorded before the agent can do anything: without its identity it waits, and ends when this process does.
	if err := l.writeRecord(e.rec); err != nil {
		return nil, errors.Join(err, e.init.Close(), e.outer.Close())
	}
	_, err = p.stdin.Write(bundle)
	if err = errors.Join(err, p.stdin.Close()); err != nil && e.init.Signal(0) == nil {
		return nil, errors.Join(fmt.Errorf("give the agent its identity: %w", err), e.init.Close(), e.outer.Close())
	}
	// One that has ended meanwhile is reported by Watch, with its reason.
	return e, nil
}

// process is a sandbox that was just started.
type process struct {
	// outer is bwrap's PID, init that of the sandbox's first process.
	outer, init int
	stdin       *os.File
	reaped      <-chan struct{}
}

// kill ends it; the first process may be gone already.
func (p *process) kill() error {
	err := p.stdin.Close()
	if errors.Is(err, os.ErrClosed) {
		err = nil
	}
	for _, pid := range []int{p.init, p.outer} {
		if pid == 0 {
			continue
		}
		if kerr := syscall.Kill(pid, syscall.SIGKILL); kerr != nil && !errors.Is(kerr, syscall.ESRCH) {
			err = errors.Join(err, fmt.Errorf("kill process %d: %w", pid, kerr))
		}
	}
	<-p.reaped
	return err
}

// run starts argv (bwrap and its arguments) and returns when the sandbox's first process exists. What went
// wrong is in the error, in bwrap's words.
func (r *Runtime) run(ctx context.Context, l layout, argv []string, limits limits) (p *process, err error) {
	var opened []*os.File
	defer func() {
		for _, file := range opened {
			_ = file.Close() // those of the child, or of a start that failed
		}
	}()
	pipe := func() (*os.File, *os.File, error) {
		reader, writer, err := os.Pipe()
		if err != nil {
			return nil, nil, fmt.Errorf("make a pipe: %w", err)
		}
		opened = append(opened, reader)
		return reader, writer, nil
	}
	file := func(path string) (*os.File, error) {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
		if err != nil {
			return nil, fmt.Errorf("make the sandbox's log: %w", err)
		}
		opened = append(opened, f)
		return f, nil
	}
	stdin, identity, err := pipe()
	if err != nil {
		return nil, err
	}
	hold, release, err := pipe()
	if err != nil {
		return nil, errors.Join(err, identity.Close())
	}
	info, infoWriter, err := pipe()
	if err != nil {
		return nil, errors.Join(err, identity.Close(), release.Close())
	}
	status, serr := file(l.status())
	log, lerr := file(l.log())
	if err := errors.Join(serr, lerr); err != nil {
		return nil, errors.Join(err, identity.Close(), release.Close(), infoWriter.Close())
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "/bin/sh", append([]string{"-c", holdScript, "sh"}, argv...)...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, log, log
	cmd.ExtraFiles = []*os.File{hold, infoWriter, status}
	// A session of its own: Ctrl-C in the backend's terminal is not for the sandboxes.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: r.user.Credential()}
	err = cmd.Start()
	if err = errors.Join(err, infoWriter.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("run bwrap: %w", err), identity.Close(), release.Close())
	}
	reaped := make(chan struct{})
	go func() {
		defer close(reaped)
		// How it ended is read from status.json, like that of one that was adopted.
		_ = cmd.Wait()
	}()
	p = &process{outer: cmd.Process.Pid, stdin: identity, reaped: reaped}
	joined := limits.join(p.outer)
	if joined == nil {
		_, joined = release.WriteString("\n")
	}
	if err := errors.Join(joined, release.Close()); err != nil {
		return nil, errors.Join(err, p.kill())
	}
	p.init, err = readInfo(ctx, info)
	if err != nil {
		if kerr := p.kill(); kerr != nil {
			err = errors.Join(err, kerr)
		}
		if words := l.lastWords(); words != "" {
			return nil, explain(words)
		}
		return nil, err
	}
	return p, nil
}

// readInfo waits for bwrap's word on the first process.
func readInfo(ctx context.Context, info *os.File) (int, error) {
	stop := context.AfterFunc(ctx, func() { _ = info.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var said struct {
		ChildPID int `json:"child-pid"`
	}
	err := json.NewDecoder(info).Decode(&said)
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err != nil:
		return 0, fmt.Errorf("bwrap did not start: %w", err)
	case said.ChildPID == 0:
		return 0, errors.New("bwrap did not start a process")
	}
	return said.ChildPID, nil
}

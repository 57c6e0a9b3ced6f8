package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// joinScript puts itself into the control groups named before "--", closes its descriptor 3 to say so, and then becomes
// the rest.
const joinScript = `while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit 125; shift; done; shift; exec 3>&-; exec "$@"`

// start starts a process of the cluster in its network and control groups, unless it runs already. It outlives
// this command; its output goes to logs/<name>.log, its PID to pids/<name>.
func (c *cluster) start(name string, argv ...string) error {
	if running, err := c.running(name); err != nil || running {
		return err
	}
	if err := errors.Join(os.MkdirAll(c.path("logs"), 0o755), os.MkdirAll(c.path("pids"), 0o755)); err != nil {
		return err
	}
	log, err := os.OpenFile(c.path("logs", name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the process has its own
	args := []string{"-c", joinScript, "sh"}
	for _, group := range c.groups {
		args = append(args, filepath.Join(group, ownGroup))
	}
	args = append(args, "--", "nsenter", "--net="+namespacePath)
	cmd := exec.Command("/bin/sh", append(args, argv...)...) //nolint:noctx // it outlives this command
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.dir, log, log
	cmd.Env = []string{"PATH=" + c.path("bin") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin", "HOME=" + c.dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	joined, joins, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = joined.Close() }() // read only
	cmd.ExtraFiles = []*os.File{joins}
	err = cmd.Start()
	if cerr := joins.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	// Before it is in its groups it does not count as running.
	if _, err := io.Copy(io.Discard, joined); err != nil {
		return fmt.Errorf("wait for %s to start: %w", name, err)
	}
	if err := os.WriteFile(c.path("pids", name), []byte(strconv.Itoa(cmd.Process.Pid)), 0o644); err != nil {
		return err
	}
	return cmd.Process.Release()
}

// running says whether the process of that name lives and is the cluster's: PIDs are used again.
func (c *cluster) running(name string) (bool, error) {
	content, err := os.ReadFile(c.path("pids", name))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return false, fmt.Errorf("read the PID of %s: %w", name, err)
	}
	groups, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return false, nil
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false, nil
	}
	// "pid (name) state …": Z is one that ended and was not waited for.
	zombie := bytes.Contains(stat[bytes.LastIndexByte(stat, ')'):], []byte(") Z"))
	return !zombie && bytes.Contains(groups, []byte("/"+groupRoot+"/"+ownGroup)), nil
}

// wait tries until it works, the process ends, or ctx does.
func (c *cluster) wait(ctx context.Context, name, what string, try func(context.Context) error) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		running, rerr := c.running(name)
		if rerr != nil {
			return rerr
		}
		if !running {
			return fmt.Errorf("%s ended; its last words:\n%s", name, c.lastWords(name))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w; the last words of %s:\n%s", what, err, name, c.lastWords(name))
		}
	}
}

func (c *cluster) lastWords(name string) string {
	file, err := os.Open(c.path("logs", name+".log"))
	if err != nil {
		return err.Error()
	}
	defer func() { _ = file.Close() }() // read only
	const most = 3000
	if info, err := file.Stat(); err == nil && info.Size() > most {
		if _, err := file.Seek(-most, io.SeekEnd); err != nil {
			return err.Error()
		}
	}
	content, err := io.ReadAll(file)
	if err != nil {
		return err.Error()
	}
	return string(content)
}

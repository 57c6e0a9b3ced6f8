package local

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"codingplatform/backend"
)

// The sandbox's own places.
const (
	inApp   = "/app"
	inHome  = "/home/user"
	inState = "/var/lib/agent"
	inRun   = "/run/agent"
	inAgent = "/opt/agent/agent"

	inPath = "/home/user/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	inUID  = "1000"
)

// tmpBytes bounds /tmp, which is memory.
const tmpBytes = 1 << 30

// Descriptors of bwrap, in the order of exec.Cmd.ExtraFiles.
const (
	holdFD   = 3
	infoFD   = 4
	statusFD = 5
)

// sharedEtc is what of the host's /etc programs need: certificates, the linker's cache, names of things.
// Nothing of it is secret, and what is missing is left out.
func sharedEtc() []string {
	return []string{
		"alternatives", "ca-certificates", "ca-certificates.conf", "crypto-policies", "fonts", "inputrc", "ld.so.cache",
		"ld.so.conf", "ld.so.conf.d", "localtime", "matplotlibrc", "mime.types", "pki", "protocols", "services", "ssl", "terminfo",
	}
}

// sandbox is bwrap's arguments up to the program.
func (r *Runtime) sandbox(l layout, agentBin string, limits limits) []string {
	args := []string{
		"--unshare-user", "--uid", inUID, "--gid", inUID, "--disable-userns",
		"--unshare-pid", "--as-pid-1", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
		"--hostname", "workspace", "--new-session", "--cap-drop", "ALL", "--clearenv",
		"--setenv", "PATH", inPath, "--setenv", "HOME", inHome, "--setenv", "LANG", "C.UTF-8",
		"--info-fd", strconv.Itoa(infoFD), "--json-status-fd", strconv.Itoa(statusFD),
	}
	if r.cfg.Network == NetworkNone {
		args = append(args, "--unshare-net")
	}
	args = append(args, "--ro-bind", "/usr", "/usr")
	for _, dir := range []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32"} {
		path := "/" + dir
		if target, err := os.Readlink(path); err == nil {
			args = append(args, "--symlink", target, path)
		} else if _, err := os.Stat(path); err == nil {
			args = append(args, "--ro-bind", path, path)
		}
	}
	size := int64(tmpBytes)
	if r.cfg.MemoryBytes > 0 {
		size = min(size, r.cfg.MemoryBytes)
	}
	args = append(args,
		"--proc", "/proc", "--dev", "/dev",
		"--perms", "1777", "--size", strconv.FormatInt(size, 10), "--tmpfs", "/tmp",
		"--dir", "/var", "--symlink", "/tmp", "/var/tmp", "--dir", "/etc",
	)
	for _, name := range slices.Sorted(maps.Keys(r.etc(nil))) {
		args = append(args, "--ro-bind", filepath.Join(l.etc(), name), "/etc/"+name)
	}
	for _, name := range sharedEtc() {
		args = append(args, "--ro-bind-try", "/etc/"+name, "/etc/"+name)
	}
	for _, bind := range limits.visible {
		args = append(args, "--ro-bind", bind.dir, bind.at)
	}
	return append(args,
		"--bind", l.app(), inApp, "--bind", l.home(), inHome, "--bind", l.state(), inState, "--bind", l.run(), inRun,
		"--ro-bind", agentBin, inAgent, "--remount-ro", "/", "--chdir", inApp, "--",
	)
}

// agentCommand is the sandbox's first process.
func (r *Runtime) agentCommand(spec backend.EnvironmentSpec, limits limits) []string {
	command := []string{
		"/bin/bash", "-c", r.rlimitScript(limits), "agent", inAgent, "--listen", "unix:" + inRun + "/" + socketName, "--root", inApp, "--state", inState, "--identity", "-",
		"--orphan-timeout", r.cfg.OrphanTimeout.String(), "--shell", "/bin/bash", "--home", inHome, "--path", inPath,
		"--env", "USER=user", "--env", "LOGNAME=user",
	}
	for _, key := range slices.Sorted(maps.Keys(spec.Env)) {
		command = append(command, "--env", key+"="+spec.Env[key])
	}
	return command
}

// etc is the sandbox's own part of /etc. resolv is the host's resolv.conf.
func (r *Runtime) etc(resolv []byte) map[string]string {
	return map[string]string{
		"passwd":        "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\nuser:x:" + inUID + ":" + inUID + ":user:" + inHome + ":/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
		"group":         "root:x:0:\nuser:x:" + inUID + ":\nnogroup:x:65534:\n",
		"hosts":         "127.0.0.1 localhost workspace\n::1 localhost\n",
		"hostname":      "workspace\n",
		"nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nnetworks: files\nservices: files\nprotocols: files\n",
		// On many hosts it is a link into /run, and changes with the network: each environment gets what holds now.
		"resolv.conf": string(resolv),
		"profile":     "# Login shells start with what the terminal gives them.\n",
	}
}

// writeEtc makes the files that sandbox binds.
func (r *Runtime) writeEtc(l layout) error {
	if err := os.RemoveAll(l.etc()); err != nil {
		return fmt.Errorf("remove a former /etc: %w", err)
	}
	if err := os.Mkdir(l.etc(), 0o755); err != nil {
		return fmt.Errorf("make the sandbox's /etc: %w", err)
	}
	if err := os.Chmod(l.etc(), 0o755); err != nil {
		return fmt.Errorf("make the sandbox's /etc: %w", err)
	}
	resolv, err := os.ReadFile("/etc/resolv.conf")
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("read the machine's resolv.conf: %w", err)
	}
	for name, content := range r.etc(resolv) {
		if err := replaceFile(filepath.Join(l.etc(), name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("make the sandbox's /etc: %w", err)
		}
	}
	return nil
}

// reachableAgent is the agent's program, or a copy where the sandbox's user does not reach that.
func (r *Runtime) reachableAgent() (string, error) {
	path, err := filepath.EvalSymlinks(r.cfg.AgentBin)
	if err != nil {
		return "", fmt.Errorf("find the agent's program (agent-bin): %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("find the agent's program (agent-bin): %w", err)
	}
	if info.IsDir() || info.Mode()&0o111 == 0 {
		return "", fmt.Errorf("the agent's program %s (agent-bin) is not an executable file", path)
	}
	if r.user.Reaches(path) == nil {
		return path, nil
	}
	programs := filepath.Join(r.cfg.DataDir, "programs")
	target := filepath.Join(programs, fmt.Sprintf("agent-%d-%d", info.Size(), info.ModTime().UnixNano()))
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	if err := os.MkdirAll(programs, 0o755); err != nil {
		return "", fmt.Errorf("copy the agent's program: %w", err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("copy the agent's program: %w", err)
	}
	former, err := filepath.Glob(filepath.Join(programs, "agent-*"))
	if err != nil {
		return "", fmt.Errorf("copy the agent's program: %w", err)
	}
	if err := replaceFile(target, content, 0o755); err != nil {
		return "", fmt.Errorf("copy the agent's program: %w", err)
	}
	for _, old := range former {
		// Running sandboxes keep theirs.
		if err := os.Remove(old); err != nil && !os.IsNotExist(err) {
			return "", fmt.Errorf("remove an old copy of the agent's program: %w", err)
		}
	}
	return target, nil
}

// oneLine makes a program's words fit into an error.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/creack/pty"
)

// bench is a backend in a process of its own, with sessions.
type bench struct {
	b   *testing.B
	dir string
	p   *process
	c   *client
}

func newBench(b *testing.B, args ...string) *bench {
	b.Helper()
	dir := dataDir(b)
	p := startProcess(b, dir, args...)
	b.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			p.end(b, os.Interrupt)
		}
	})
	c := &client{t: b, url: p.url}
	c.register("ada")
	return &bench{b: b, dir: dir, p: p, c: c}
}

// agents are the processes of the backend's agents, as this machine numbers them.
func (n *bench) agents() []int {
	n.b.Helper()
	return n.running("agent", n.started)
}

// running are the processes of a program that are wanted.
func (n *bench) running(program string, wanted func(pid int) bool) []int {
	n.b.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		n.b.Fatal(err)
	}
	var pids []int
	for _, path := range all {
		// Those that are gone, or not ours to look at, are none.
		if exe, err := os.Readlink(path); err != nil || filepath.Base(exe) != program {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			n.b.Fatal(err)
		}
		if wanted(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// started says whether a process runs in a sandbox of the backend's: one of those above it was told its directory.
func (n *bench) started(pid int) bool {
	for pid > 1 {
		told, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			return false // gone
		}
		if bytes.Contains(told, []byte(n.dir)) {
			return true
		}
		pid = n.parent(pid)
	}
	return false
}

// parent is the process that started another; 0: it is gone.
func (n *bench) parent(pid int) int {
	n.b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, text, _ := strings.Cut(string(status), "\nPPid:\t")
	text, _, _ = strings.Cut(text, "\n")
	parent, err := strconv.Atoi(text)
	if err != nil {
		n.b.Fatal(err)
	}
	return parent
}

// cpu is the time that processes have spent on a CPU, by the scheduler's own count.
func (n *bench) cpu(pids ...int) time.Duration {
	n.b.Helper()
	total := time.Duration(0)
	for _, pid := range pids {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil || len(tasks) == 0 {
			n.b.Fatalf("no tasks of process %d: %v", pid, err)
		}
		for _, path := range tasks {
			data, err := os.ReadFile(path)
			if err != nil {
				n.b.Fatal(err)
			}
			spent, err := strconv.ParseInt(strings.Fields(string(data))[0], 10, 64)
			if err != nil {
				n.b.Fatal(err)
			}
			total += time.Duration(spent)
		}
	}
	return total
}

// memory is what processes have to themselves, in bytes.
func (n *bench) memory(pids ...int) int {
	n.b.Helper()
	total := 0
	for _, pid := range pids {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			n.b.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if rest, ok := strings.CutPrefix(line, "Private_Dirty:"); ok {
				kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
				if err != nil {
					n.b.Fatal(err)
				}
				total += kilobytes << 10
			}
		}
	}
	return total
}

// peer is one end of a terminal, however it is reached.
type peer interface {
	io.Writer
	// next is the next piece of output.
	next() []byte
}

// socketPeer is a terminal over a WebSocket, which acknowledges what it has read.
type socketPeer struct {
	b        *testing.B
	ws       *websocket.Conn
	offset   int64
	snapshot int
	acked    int64
	attached bool
	frames   int
	room     bytes.Buffer
}

func (n *bench) open(session, name string, command ...string) *socketPeer {
	n.b.Helper()
	return n.join(session, name, "bench-"+name, command...)
}

// join is one more viewer of a terminal.
func (n *bench) join(session, name, client string, command ...string) *socketPeer {
	n.b.Helper()
	query := url.Values{"session": {session}, "terminal": {name}, "cols": {"80"}, "rows": {"24"}, "client": {client}}
	query["command"] = command
	s := &socketPeer{b: n.b, ws: n.c.dial(n.b.Context(), query)}
	for !s.attached {
		s.frame()
	}
	return s
}

// read takes one frame, which is good until the next one: the client runs on the cores of what it measures.
func (s *socketPeer) read() (websocket.MessageType, []byte, error) {
	kind, r, err := s.ws.Reader(s.b.Context())
	if err != nil {
		return 0, nil, err
	}
	s.room.Reset()
	_, err = s.room.ReadFrom(r)
	return kind, s.room.Bytes(), err
}

// frame takes one frame and answers its output, if it is one of output.
func (s *socketPeer) frame() []byte {
	kind, data, err := s.read()
	if err != nil {
		s.b.Fatalf("read the terminal: %v", err)
	}
	if kind == websocket.MessageText {
		var m message
		if err := json.Unmarshal(data, &m); err != nil {
			s.b.Fatal(err)
		}
		switch m.Type {
		case "attached":
			s.attached, s.offset, s.snapshot, s.acked = true, m.Offset, m.Snapshot, m.Offset
		case "error":
			s.b.Fatalf("the terminal answers %s", data)
		}
		return nil
	}
	s.frames++
	drawn := min(s.snapshot, len(data))
	s.snapshot -= drawn
	s.offset += int64(len(data) - drawn)
	return data[drawn:]
}

func (s *socketPeer) next() []byte {
	for {
		if data := s.frame(); len(data) > 0 {
			s.ack(16 << 10)
			return data
		}
	}
}

// ack acknowledges what was read when it is as much as least.
func (s *socketPeer) ack(least int64) {
	if s.offset-s.acked < least {
		return
	}
	s.acked = s.offset
	if err := s.ws.Write(s.b.Context(), websocket.MessageText, fmt.Appendf(nil, `{"type":"ack","offset":%d}`, s.offset)); err != nil {
		s.b.Fatalf("acknowledge: %v", err)
	}
}

// watch reads and acknowledges until the socket ends.
func (s *socketPeer) watch() {
	for {
		kind, data, err := s.read()
		if err != nil {
			return
		}
		if kind != websocket.MessageBinary {
			continue
		}
		s.offset += int64(len(data))
		if s.offset-s.acked >= 16<<10 {
			s.acked = s.offset
			// An error is the next read's too.
			_ = s.ws.Write(s.b.Context(), websocket.MessageText, fmt.Appendf(nil, `{"type":"ack","offset":%d}`, s.offset))
		}
	}
}

func (s *socketPeer) Write(p []byte) (int, error) {
	return len(p), s.ws.Write(s.b.Context(), websocket.MessageBinary, p)
}

// filePeer is a bare PTY, or ssh with pipes for its terminal's two directions.
type filePeer struct {
	b   *testing.B
	in  io.Writer
	out io.Reader
	buf []byte
}

func (f *filePeer) Write(p []byte) (int, error) { return f.in.Write(p) }

func (f *filePeer) next() []byte {
	n, err := f.out.Read(f.buf)
	if err != nil {
		f.b.Fatalf("read the terminal: %v", err)
	}
	return f.buf[:n]
}

func newBare(b *testing.B, command string) *filePeer {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), "sh", "-c", command)
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 80, Rows: 24})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = master.Close()
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	return &filePeer{b: b, in: master, out: master, buf: make([]byte, 64<<10)}
}

// sshd is an OpenSSH server on loopback.
type sshd struct {
	b    *testing.B
	dir  string
	port string
	pid  int
}

func newSSHD(b *testing.B) *sshd {
	b.Helper()
	_, port, err := net.SplitHostPort(freePort(b))
	if err != nil {
		b.Fatal(err)
	}
	s := &sshd{b: b, dir: b.TempDir(), port: port}
	for _, name := range []string{"host", "user"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(s.dir, name)).CombinedOutput(); err != nil {
			b.Fatalf("make a key: %v: %s", err, out)
		}
	}
	config := fmt.Sprintf("Port %s\nListenAddress 127.0.0.1\nHostKey %[2]s/host\nAuthorizedKeysFile %[2]s/user.pub\nStrictModes no\nUsePAM no\nPidFile none\nMaxStartups 1000\nPermitRootLogin yes\n", s.port, s.dir)
	path := filepath.Join(s.dir, "config")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		b.Fatal(err)
	}
	// It wants to separate its privileges in a directory of the system's.
	if os.Geteuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			b.Fatal(err)
		}
	}
	cmd := exec.Command("/usr/sbin/sshd", "-D", "-e", "-f", path)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatalf("start sshd: %v (Debian's openssh-server has it)", err)
	}
	s.pid = cmd.Process.Pid
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	buf, got := make([]byte, 4096), ""
	for !strings.Contains(got, "Server listening") {
		n, err := stderr.Read(buf)
		got += string(buf[:n])
		if err != nil {
			b.Fatalf("sshd: %s", got)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, stderr) }()
	return s
}

// open runs a command on a terminal behind ssh.
func (s *sshd) open(command string) *filePeer {
	s.b.Helper()
	cmd := exec.Command("ssh", "-q", "-tt", "-p", s.port, "-i", filepath.Join(s.dir, "user"), "-o", "StrictHostKeyChecking=no",
		"-o", "UserKnownHostsFile=/dev/null", "127.0.0.1", command)
	in, err := cmd.StdinPipe()
	if err != nil {
		s.b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.b.Fatal(err)
	}
	s.b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &filePeer{b: s.b, in: in, out: out, buf: make([]byte, 64<<10)}
}

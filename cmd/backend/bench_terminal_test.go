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

// The terminal's benchmarks (make bench-terminal) measure the whole chain but the browser against a bare PTY and
// against OpenSSH on loopback, turn about in one run. Backend and agents are processes of their own, whose CPU time
// and memory the kernel counts.

// bench is a backend in a process of its own, with sessions.
type bench struct {
	b   *testing.B
	dir string
	p   *process
	c   *client
}

func newBench(b *testing.B) *bench {
	b.Helper()
	dir := dataDir(b)
	p := startProcess(b, dir)
	b.Cleanup(func() { p.end(b, os.Interrupt) })
	c := &client{t: b, url: p.url}
	c.register("ada")
	return &bench{b: b, dir: dir, p: p, c: c}
}

// agents are the processes of all agents, as this machine numbers them.
func (n *bench) agents() []int {
	n.b.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		n.b.Fatal(err)
	}
	var pids []int
	for _, path := range all {
		// Those that are gone, or not ours to look at, are none.
		if exe, err := os.Readlink(path); err != nil || filepath.Base(exe) != "agent" {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			n.b.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
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
}

func (n *bench) open(session, name string, command ...string) *socketPeer {
	n.b.Helper()
	query := url.Values{"session": {session}, "terminal": {name}, "cols": {"80"}, "rows": {"24"}, "client": {"bench-" + name}}
	query["command"] = command
	s := &socketPeer{b: n.b, ws: n.c.dial(n.b.Context(), query)}
	for !s.attached {
		s.frame()
	}
	return s
}

// frame takes one frame and answers its output, if it is one of output.
func (s *socketPeer) frame() []byte {
	kind, data, err := s.ws.Read(s.b.Context())
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

func seen(p peer, want string) {
	var got []byte
	for !bytes.Contains(got, []byte(want)) {
		got = append(got[max(0, len(got)-len(want)):], p.next()...)
	}
}

// echoing waits until a program is ready that echoes each byte once and at once.
func echoing(p peer) peer {
	seen(p, "ready")
	return p
}

const rawEcho = "stty raw -echo; printf rea''dy; exec cat"

// echoes times one byte there and back, in turn over terminals.
func echoes(b *testing.B, peers []peer, count int) []time.Duration {
	b.Helper()
	times := make([]time.Duration, 0, count)
	for i := range count {
		p := peers[i%len(peers)]
		start := time.Now()
		if _, err := p.Write([]byte{'x'}); err != nil {
			b.Fatal(err)
		}
		p.next()
		times = append(times, time.Since(start))
	}
	return times
}

func BenchmarkTerminalEcho(b *testing.B) {
	for _, count := range []int{1, 50} {
		b.Run(strconv.Itoa(count), func(b *testing.B) {
			n, s := newBench(b), newSSHD(b)
			var ours, theirs, bare []peer
			session := ""
			for i := range count {
				if i%25 == 0 {
					session = n.c.createSession(fmt.Sprintf("echo %d", i))
				}
				ours = append(ours, echoing(n.open(session, strconv.Itoa(i), "sh", "-c", rawEcho)))
				theirs = append(theirs, echoing(s.open(rawEcho)))
				bare = append(bare, echoing(newBare(b, rawEcho)))
			}
			var o, t, f []time.Duration
			for b.Loop() {
				for range 10 { // turn about
					f = append(f, echoes(b, bare, 300)...)
					t = append(t, echoes(b, theirs, 300)...)
					o = append(o, echoes(b, ours, 300)...)
				}
			}
			b.ReportMetric(micros(percentile(f, 0.5)), "bare-p50-µs")
			b.ReportMetric(micros(percentile(t, 0.5)), "ssh-p50-µs")
			b.ReportMetric(micros(percentile(t, 0.99)), "ssh-p99-µs")
			b.ReportMetric(micros(percentile(o, 0.5)), "p50-µs")
			b.ReportMetric(micros(percentile(o, 0.99)), "p99-µs")
			b.ReportMetric(micros(percentile(o, 0.5))/micros(percentile(t, 0.5)), "p50-x-ssh")
			b.ReportMetric(micros(percentile(o, 0.99))/micros(percentile(t, 0.99)), "p99-x-ssh")
		})
	}
}

// pour runs a program that writes size bytes of text, and times it.
func pour(b *testing.B, p peer, size int) time.Duration {
	b.Helper()
	seen(p, "ready")
	start := time.Now()
	if _, err := p.Write([]byte("\n")); err != nil {
		b.Fatal(err)
	}
	for got := 0; got < size+size/73; { // each line has a carriage return more
		got += len(p.next())
	}
	return time.Since(start)
}

func BenchmarkTerminalThroughput(b *testing.B) {
	const size = 100_000_000
	n, s := newBench(b), newSSHD(b)
	session := n.c.createSession("throughput")
	// The same bytes from the page cache for all: what makes them must not be what is measured.
	make100 := fmt.Sprintf("yes 0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz | head -c %d > ", size)
	path := filepath.Join(b.TempDir(), "text")
	if out, err := exec.Command("sh", "-c", make100+path).CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	inside := make100 + "/tmp/text; "
	wait := "stty -echo; printf rea''dy; read x; exec cat "
	var o, t, f []time.Duration
	var agentSpent, backendSpent time.Duration
	frames := 0
	rounds := 0
	for b.Loop() {
		for range 3 {
			rounds++
			f = append(f, pour(b, newBare(b, wait+path), size))
			t = append(t, pour(b, s.open(wait+path), size))
			p := n.open(session, "t"+strconv.Itoa(rounds), "sh", "-c", inside+wait+"/tmp/text")
			agents, backend := n.agents(), n.p.cmd.Process.Pid
			agentBefore, backendBefore := n.cpu(agents...), n.cpu(backend)
			o = append(o, pour(b, p, size))
			agentSpent += n.cpu(agents...) - agentBefore
			backendSpent += n.cpu(backend) - backendBefore
			frames += p.frames
		}
	}
	speed := func(times []time.Duration) float64 { return size / percentile(times, 0.5).Seconds() / 1e6 }
	b.ReportMetric(speed(f), "bare-MB/s")
	b.ReportMetric(speed(t), "ssh-MB/s")
	b.ReportMetric(speed(o), "MB/s")
	b.ReportMetric(speed(o)/speed(f), "x-bare")
	b.ReportMetric(agentSpent.Seconds()/float64(rounds), "agent-cpu-s/100MB")
	b.ReportMetric(backendSpent.Seconds()/float64(rounds), "backend-cpu-s/100MB")
	b.ReportMetric(size/1e3*float64(rounds)/float64(frames), "kB/frame")
}

// BenchmarkTerminalInterrupt times Ctrl-C to the prompt under a flood, with a client that renders 15 MB/s.
func BenchmarkTerminalInterrupt(b *testing.B) {
	n := newBench(b)
	session := n.c.createSession("interrupt")
	var times []time.Duration
	for b.Loop() {
		for i := range 15 {
			p := n.open(session, "i"+strconv.Itoa(i), "sh", "-c", `trap 'trap "" INT; kill $!; wait; printf "the-pro""mpt"; exec sleep 100' INT; yes & wait`)
			// It renders for a while before.
			rendered, begin := 0, time.Now()
			render := func() []byte {
				data := p.frame()
				rendered += len(data)
				time.Sleep(time.Until(begin.Add(time.Duration(float64(rendered) / 15e6 * float64(time.Second)))))
				p.ack(16 << 10)
				return data
			}
			for rendered < 4<<20 {
				render()
			}
			start := time.Now()
			if _, err := p.Write([]byte{3}); err != nil {
				b.Fatal(err)
			}
			var tail []byte
			for !bytes.Contains(tail, []byte("the-prompt")) {
				tail = append(tail[max(0, len(tail)-16):], render()...)
			}
			times = append(times, time.Since(start))
			_ = p.ws.CloseNow()
		}
	}
	b.ReportMetric(float64(percentile(times, 0.5))/1e6, "p50-ms")
	b.ReportMetric(float64(percentile(times, 0.9))/1e6, "p90-ms")
}

// BenchmarkTerminalIdle is what terminals cost that nobody types into: memory of the agent and of the backend for each,
// and the CPU time of all of them together.
func BenchmarkTerminalIdle(b *testing.B) {
	const sessions, each = 16, 31
	for b.Loop() {
		n := newBench(b)
		ids := make([]string, sessions)
		for i := range ids {
			ids[i] = n.c.createSession(fmt.Sprintf("idle %d", i))
			n.open(ids[i], "first", "cat")
		}
		backend := n.p.cmd.Process.Pid
		agentBefore, backendBefore := n.memory(n.agents()...), n.memory(backend)
		for _, id := range ids {
			for i := range each {
				n.open(id, strconv.Itoa(i), "cat")
			}
		}
		const terminals = sessions * each
		agents := n.agents()
		b.ReportMetric(float64(n.memory(agents...)-agentBefore)/terminals/1024, "agent-KiB/terminal")
		b.ReportMetric(float64(n.memory(backend)-backendBefore)/terminals/1024, "backend-KiB/terminal")
		before := n.cpu(append(agents, backend)...)
		time.Sleep(5 * time.Second)
		b.ReportMetric(float64(n.cpu(append(agents, backend)...)-before)/float64(5*time.Second)*100, "idle-cpu-%")
	}
}

// BenchmarkTerminalViewers is what 500 viewers cost who see 40 KB a second each.
func BenchmarkTerminalViewers(b *testing.B) {
	const sessions, each = 25, 20
	for b.Loop() {
		n := newBench(b)
		for i := range sessions {
			id := n.c.createSession(fmt.Sprintf("viewers %d", i))
			for j := range each {
				p := n.open(id, strconv.Itoa(j), "sh", "-c", "while :; do head -c 4000 /dev/zero | tr '\\0' x; sleep 0.1; done")
				go func() {
					for {
						_, data, err := p.ws.Read(b.Context())
						if err != nil {
							return // the end
						}
						p.offset += int64(len(data))
						if p.offset-p.acked > 16<<10 {
							p.acked = p.offset
							_ = p.ws.Write(b.Context(), websocket.MessageText, fmt.Appendf(nil, `{"type":"ack","offset":%d}`, p.offset))
						}
					}
				}()
			}
		}
		pids := append(n.agents(), n.p.cmd.Process.Pid)
		time.Sleep(2 * time.Second)
		before, start := n.cpu(pids...), time.Now()
		time.Sleep(5 * time.Second)
		b.ReportMetric(float64(n.cpu(pids...)-before)/float64(time.Since(start))*100, "cpu-%")
	}
}

// BenchmarkTerminalStall is what a viewer holds that does not read for five seconds, beside one that does, in a flood.
func BenchmarkTerminalStall(b *testing.B) {
	for b.Loop() {
		n := newBench(b)
		id := n.c.createSession("stall")
		live := n.open(id, "flood", "sh", "-c", "read x; exec yes 0123456789012345678901234567890123456789")
		live.offset = 0
		query := url.Values{"session": {id}, "terminal": {"flood"}, "cols": {"80"}, "rows": {"24"}, "client": {"stalled"}}
		n.c.dial(b.Context(), query) // never read
		if _, err := live.Write([]byte("\n")); err != nil {
			b.Fatal(err)
		}
		pids := append(n.agents(), n.p.cmd.Process.Pid)
		for live.offset < 16<<20 {
			live.next()
		}
		before, most, start, begin := n.memory(pids...), 0, time.Now(), live.offset
		for time.Since(start) < 5*time.Second {
			for range 64 {
				live.next()
			}
			most = max(most, n.memory(pids...))
		}
		b.ReportMetric(float64(most-before)/1e6, "held-MB")
		b.ReportMetric(float64(live.offset-begin)/time.Since(start).Seconds()/1e6, "live-MB/s")
	}
}

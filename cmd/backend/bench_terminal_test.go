package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// The terminal's benchmarks (make bench-terminal) measure the whole chain but the browser against a bare PTY and
// against OpenSSH on loopback, turn about in one run. Backend and agents are processes of their own, whose CPU time
// and memory the kernel counts.

// ready waits until a peer's program says that it is.
func ready(p peer) {
	const want = "ready"
	var got []byte
	for !bytes.Contains(got, []byte(want)) {
		got = append(got[max(0, len(got)-len(want)):], p.next()...)
	}
}

// echoing waits until a program is ready that echoes each byte once and at once.
func echoing(p peer) peer {
	ready(p)
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

// reportEchoes reports echoes beside those that OpenSSH had in the same run.
func reportEchoes(b *testing.B, ours, ssh []time.Duration) {
	b.Helper()
	for _, p := range []struct {
		part float64
		name string
	}{{0.5, "p50"}, {0.99, "p99"}} {
		our, their := micros(percentile(ours, p.part)), micros(percentile(ssh, p.part))
		b.ReportMetric(our, p.name+"-µs")
		b.ReportMetric(their, "ssh-"+p.name+"-µs")
		b.ReportMetric(our/their, p.name+"-x-ssh")
	}
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
			reportEchoes(b, o, t)
		})
	}
}

// BenchmarkTerminalEchoBesideFiles times one byte there and back while another program of the session changes 200 files a
// second, which the agent reads and sends. The floor is OpenSSH's beside the same.
func BenchmarkTerminalEchoBesideFiles(b *testing.B) {
	n, s := newBench(b), newSSHD(b)
	session := n.c.createSession("echo")
	ours, theirs := []peer{echoing(n.open(session, "echo", "sh", "-c", rawEcho))}, []peer{echoing(s.open(rawEcho))}
	alone := echoes(b, ours, 1000)
	writes := n.open(session, "files", "perl", "-e", `
		$| = 1;
		for ($i = 0; ; $i++) {
			open F, ">", "file" . $i % 100; print F "x" x 1000, $i; close F;
			print "ready" if $i == 100;
			select undef, undef, undef, 0.005;
		}`)
	ready(writes)
	var o, t []time.Duration
	for b.Loop() {
		for range 10 {
			t = append(t, echoes(b, theirs, 300)...)
			o = append(o, echoes(b, ours, 300)...)
		}
	}
	b.ReportMetric(micros(percentile(alone, 0.5)), "alone-p50-µs")
	b.ReportMetric(micros(percentile(alone, 0.99)), "alone-p99-µs")
	reportEchoes(b, o, t)
}

// pour runs a program that writes size bytes of text, and times it.
func pour(b *testing.B, p peer, size int) time.Duration {
	b.Helper()
	ready(p)
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
	// The shell stays, so that what its terminal cost can be read.
	wait := "stty -echo; printf rea''dy; read x; cat %s; read y"
	var o, t, f []time.Duration
	var bareSpent, sshSpent, agentSpent, backendSpent time.Duration
	frames := 0
	rounds := 0
	for b.Loop() {
		for range 7 {
			rounds++
			bareBefore := n.cpu(os.Getpid())
			f = append(f, pour(b, newBare(b, fmt.Sprintf(wait, path)), size))
			bareSpent += n.cpu(os.Getpid()) - bareBefore
			t = append(t, pour(b, s.open(fmt.Sprintf(wait, path)), size))
			// Its sessions of the rounds before are still there, and count once more.
			sshSpent = n.cpu(n.running("sshd", func(pid int) bool { return n.parent(pid) == s.pid || n.parent(n.parent(pid)) == s.pid })...)
			p := n.open(session, "t"+strconv.Itoa(rounds), "sh", "-c", inside+fmt.Sprintf(wait, "/tmp/text"))
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
	b.ReportMetric(bareSpent.Seconds()/float64(rounds), "bare-cpu-s/100MB")
	b.ReportMetric(sshSpent.Seconds()/float64(rounds), "sshd-cpu-s/100MB")
	b.ReportMetric((agentSpent+backendSpent).Seconds()/sshSpent.Seconds(), "x-sshd-cpu")
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

// BenchmarkTerminalIdle is what 500 terminals cost that nobody types into: memory of the agent and of the backend for
// each, and the CPU time of all of them together beyond that of their sessions without them.
func BenchmarkTerminalIdle(b *testing.B) {
	const sessions, each = 16, 31
	for b.Loop() {
		n := newBench(b)
		ids := make([]string, sessions)
		for i := range ids {
			ids[i] = n.c.createSession(fmt.Sprintf("idle %d", i))
			n.open(ids[i], "first", "cat")
		}
		pids := append(n.agents(), n.p.cmd.Process.Pid)
		agents, backend := pids[:len(pids)-1], pids[len(pids)-1:]
		idle := func() float64 {
			before := n.cpu(pids...)
			time.Sleep(5 * time.Second)
			return float64(n.cpu(pids...)-before) / float64(5*time.Second) * 100
		}
		without := idle()
		agentBefore, backendBefore := n.memory(agents...), n.memory(backend...)
		for _, id := range ids {
			for i := range each {
				n.open(id, strconv.Itoa(i), "cat")
			}
		}
		const terminals = sessions * each
		with := idle()
		b.ReportMetric(float64(n.memory(agents...)-agentBefore)/terminals/1024, "agent-KiB/terminal")
		b.ReportMetric(float64(n.memory(backend...)-backendBefore)/terminals/1024, "backend-KiB/terminal")
		b.ReportMetric(with, "idle-cpu-%")
		b.ReportMetric(without, "without-cpu-%")
	}
}

// BenchmarkTerminalViewers is what 500 viewers cost who see 40 KB a second each: of a terminal each, in sessions of 25
// terminals, and 20 to a terminal in one session.
func BenchmarkTerminalViewers(b *testing.B) {
	b.Run("apart", func(b *testing.B) { benchmarkViewers(b, 20, 25, 1) })
	b.Run("together", func(b *testing.B) { benchmarkViewers(b, 1, 25, 20) })
}

func benchmarkViewers(b *testing.B, sessions, terminals, viewers int) {
	b.Helper()
	for b.Loop() {
		n := newBench(b)
		for i := range sessions {
			id := n.c.createSession(fmt.Sprintf("viewers %d", i))
			for j := range terminals {
				for k := range viewers {
					p := n.join(id, strconv.Itoa(j), strconv.Itoa(k), "perl", "-e", `while (1) { syswrite STDOUT, "x" x 4000; select undef, undef, undef, 0.1 }`)
					go p.watch()
				}
			}
		}
		agents, backend := n.agents(), n.p.cmd.Process.Pid
		time.Sleep(15 * time.Second) // until each terminal's history is full, and grows no more
		agentsBefore, backendBefore, start := n.cpu(agents...), n.cpu(backend), time.Now()
		time.Sleep(5 * time.Second)
		took := float64(time.Since(start))
		b.ReportMetric(float64(n.cpu(agents...)-agentsBefore)/took*100, "agents-cpu-%")
		b.ReportMetric(float64(n.cpu(backend)-backendBefore)/took*100, "backend-cpu-%")
		n.p.end(b, os.Interrupt)
	}
}

// BenchmarkTerminalStall is what is on its way to viewers who do not read for five seconds of a flood, beside one who
// does: one that acknowledges what it has rendered, as the page does, and one that never has, as a plain program does.
func BenchmarkTerminalStall(b *testing.B) {
	for b.Loop() {
		n := newBench(b)
		id := n.c.createSession("stall")
		live := n.open(id, "flood", "sh", "-c", "echo ready; read x; exec yes 0123456789012345678901234567890123456789")
		ready(live)
		silent, acking := n.join(id, "flood", "silent"), n.join(id, "flood", "acking")
		acking.ack(0)
		if _, err := live.Write([]byte("\n")); err != nil {
			b.Fatal(err)
		}
		start, begin := time.Now(), live.offset
		for time.Since(start) < 5*time.Second {
			for range 64 {
				live.next()
			}
		}
		b.ReportMetric(float64(live.offset-begin)/time.Since(start).Seconds()/1e6, "live-MB/s")
		go live.watch() // the flood goes on
		for name, stalled := range map[string]*socketPeer{"held-KB": acking, "held-of-silent-KB": silent} {
			held := 0
			for stalled.attached = false; !stalled.attached; { // until it is brought up to the present screen
				held += len(stalled.frame())
			}
			b.ReportMetric(float64(held)/1e3, name)
		}
	}
}

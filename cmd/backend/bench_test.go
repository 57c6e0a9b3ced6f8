package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/creack/pty"
	"github.com/jackc/pgx/v5"

	"codingplatform/backend/postgrestest"
)

// These benchmarks go through everything that a user goes through but the browser: WebSocket, relay, mTLS, agent,
// PTY, sandbox, PostgreSQL. Each has its floor in the same run, since machines differ and are noisy: x-floor is
// how many times the floor's time (or a share of the floor's speed) the product needs.

// workspace is a running session with a directory that the benchmark can write to from outside.
type workspace struct {
	c   *client
	id  string
	app string
	p   *program
}

func newWorkspace(b *testing.B) *workspace {
	b.Helper()
	dir := dataDir(b)
	p := startProgram(b, dir, "--log-level", "error")
	c := &client{t: b, url: p.url}
	c.register("ada")
	id := c.createSession("bench")
	return &workspace{c: c, id: id, app: filepath.Join(dir, "sessions", id, "app"), p: p}
}

func percentile(times []time.Duration, share float64) time.Duration {
	slices.Sort(times)
	return times[int(float64(len(times)-1)*share)]
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// rawCat echoes each byte once and at once.
const rawCat = "stty raw -echo; printf ready; exec cat"

// echo times one byte there and back.
func echo(b *testing.B, write func([]byte), read func()) []time.Duration {
	b.Helper()
	times := make([]time.Duration, 0, 4096)
	for range 3000 {
		start := time.Now()
		write([]byte{'x'})
		read()
		times = append(times, time.Since(start))
	}
	return times
}

func barePTY(b *testing.B, command string) *os.File {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), "sh", "-c", command)
	tty, err := pty.Start(cmd)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = tty.Close()
		_ = cmd.Wait()
	})
	return tty
}

func readUntil(b *testing.B, tty *os.File, want string) {
	b.Helper()
	var got []byte
	buffer := make([]byte, 64<<10)
	for !bytes.Contains(got, []byte(want)) {
		n, err := tty.Read(buffer)
		if err != nil {
			b.Fatalf("read the bare terminal: %v", err)
		}
		got = append(got[max(0, len(got)-len(want)):], buffer[:n]...)
	}
}

func BenchmarkEcho(b *testing.B) {
	w := newWorkspace(b)
	sh := w.c.attach(w.id)
	sh.run("true")
	sh.typed(rawCat + "\r")
	// The echo of the line has "printf ready;", so the word alone comes last.
	for !strings.HasSuffix(sh.text.String(), "ready") {
		sh.read()
	}
	tty := barePTY(b, rawCat)
	readUntil(b, tty, "ready")
	one := make([]byte, 1)
	for b.Loop() {
		bare := echo(b, func(p []byte) {
			if _, err := tty.Write(p); err != nil {
				b.Fatal(err)
			}
		}, func() {
			if _, err := tty.Read(one); err != nil {
				b.Fatal(err)
			}
		})
		whole := echo(b, func(p []byte) {
			if err := sh.ws.Write(b.Context(), websocket.MessageBinary, p); err != nil {
				b.Fatal(err)
			}
		}, func() {
			for at := sh.offset; sh.offset == at; {
				sh.read()
			}
		})
		b.ReportMetric(micros(percentile(bare, 0.5)), "floor-p50-µs")
		b.ReportMetric(micros(percentile(whole, 0.5)), "p50-µs")
		b.ReportMetric(micros(percentile(whole, 0.99)), "p99-µs")
		b.ReportMetric(micros(percentile(whole, 0.5))/micros(percentile(bare, 0.5)), "x-floor")
	}
}

func BenchmarkThroughput(b *testing.B) {
	w := newWorkspace(b)
	sh := w.c.attach(w.id)
	const size = 128 << 20
	command := fmt.Sprintf("yes 0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz | head -c %d; printf 'the-%%s' end", size)
	for b.Loop() {
		start := time.Now()
		readUntil(b, barePTY(b, command), "the-end")
		floor := time.Since(start)

		sh.text.Reset()
		sh.typed(" " + command + "\r")
		start = time.Now()
		begin := sh.offset
		for !strings.HasSuffix(strings.TrimSpace(sh.tailOf(64)), "the-end") && sh.offset-begin < size*2 {
			sh.text.Reset()
			sh.read()
			for sh.text.Len() < 64 && !strings.Contains(sh.text.String(), "the-end") {
				sh.read()
			}
			if strings.Contains(sh.text.String(), "the-end") {
				break
			}
		}
		whole := time.Since(start)
		b.ReportMetric(float64(size)/floor.Seconds()/1e6, "floor-MB/s")
		b.ReportMetric(float64(size)/whole.Seconds()/1e6, "MB/s")
		b.ReportMetric(whole.Seconds()/floor.Seconds(), "x-floor")
	}
}

func (s *shell) tailOf(n int) string {
	text := s.text.String()
	return text[max(0, len(text)-n):]
}

// floorCopy times raw COPY of the contents into a bare table, one commit.
func floorCopy(b *testing.B, conn *pgx.Conn, contents [][]byte) time.Duration {
	b.Helper()
	start := time.Now()
	rows := make([][]any, len(contents))
	for i, content := range contents {
		rows[i] = []any{"f" + strconv.Itoa(i), content}
	}
	if _, err := conn.CopyFrom(b.Context(), pgx.Identifier{"floor"}, []string{"path", "content"}, pgx.CopyFromRows(rows)); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

func floorDatabase(b *testing.B) *pgx.Conn {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), postgrestest.NewEmpty(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close(context.WithoutCancel(b.Context())) })
	if _, err := conn.Exec(b.Context(), "CREATE TABLE floor (path text, content bytea STORAGE EXTERNAL)"); err != nil {
		b.Fatal(err)
	}
	return conn
}

func BenchmarkChangeToCommit(b *testing.B) {
	w := newWorkspace(b)
	sh := w.c.attach(w.id)
	sh.run("true")
	feed := w.c.events(w.id)
	conn := floorDatabase(b)
	for b.Loop() {
		var floor, whole []time.Duration
		for i := range 100 {
			content := []byte(strconv.Itoa(i))
			floor = append(floor, floorCopy(b, conn, [][]byte{content}))
			name := fmt.Sprintf("one-%d-%d.txt", b.N, i)
			start := time.Now()
			if err := os.WriteFile(filepath.Join(w.app, name), content, 0o644); err != nil {
				b.Fatal(err)
			}
			feed.untilFile(name)
			whole = append(whole, time.Since(start))
		}
		b.ReportMetric(micros(percentile(floor, 0.5)), "floor-p50-µs")
		b.ReportMetric(micros(percentile(whole, 0.5)), "p50-µs")
		b.ReportMetric(micros(percentile(whole, 0.99)), "p99-µs")
		b.ReportMetric(micros(percentile(whole, 0.5))/micros(percentile(floor, 0.5)), "x-floor")
	}
}

// manyFiles are 2,000 files of 2 to 8 KiB that differ by seed.
func manyFiles(seed int) (names []string, contents [][]byte) {
	for i := range 2000 {
		names = append(names, fmt.Sprintf("many-%d/%02d/f%04d.txt", seed, i%50, i))
		contents = append(contents, bytes.Repeat(fmt.Appendf(nil, "%d of %d\n", i, seed), 200+i%400))
	}
	return names, contents
}

func BenchmarkCommit2000Files(b *testing.B) {
	w := newWorkspace(b)
	sh := w.c.attach(w.id)
	sh.run("true")
	feed := w.c.events(w.id)
	conn := floorDatabase(b)
	seed := 0
	for b.Loop() {
		seed++
		names, contents := manyFiles(seed)
		floor := floorCopy(b, conn, contents)
		start := time.Now()
		for i, name := range names {
			path := filepath.Join(w.app, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(path, contents[i], 0o644); err != nil {
				b.Fatal(err)
			}
		}
		written := time.Now()
		feed.untilFile(names...)
		whole := time.Since(start)
		b.ReportMetric(floor.Seconds()*1e3, "floor-COPY-ms")
		b.ReportMetric(time.Since(written).Seconds()*1e3, "after-last-write-ms")
		b.ReportMetric(whole.Seconds()*1e3, "ms")
		b.ReportMetric(whole.Seconds()/floor.Seconds(), "x-floor")
	}
}

func BenchmarkCreateToPrompt(b *testing.B) {
	w := newWorkspace(b)
	for b.Loop() {
		start := time.Now()
		id := w.c.createSession("prompt")
		sh := w.c.attach(id)
		sh.until("$ ")
		whole := time.Since(start)
		start = time.Now()
		tty := barePTY(b, "PS1='$ ' exec bash --norc -i")
		readUntil(b, tty, "$ ")
		floor := time.Since(start)
		b.ReportMetric(floor.Seconds()*1e3, "floor-bash-ms")
		b.ReportMetric(whole.Seconds()*1e3, "ms")
		_ = sh.ws.CloseNow()
		w.c.call(http.StatusAccepted, http.MethodPost, "/api/workspace/"+id+"/shutdown", nil)
	}
}

func BenchmarkRestore2000Files(b *testing.B) {
	w := newWorkspace(b)
	start := func(id string) time.Duration {
		begin := time.Now()
		sh := w.c.attach(id)
		sh.until("$ ")
		took := time.Since(begin)
		_ = sh.ws.CloseNow()
		return took
	}
	names, contents := manyFiles(0)
	for b.Loop() {
		full, empty := w.c.createSession("full"), w.c.createSession("empty")
		for i, name := range names {
			a := w.c.do(http.MethodPost, "/api/workspace/"+full+"/file/"+name, "application/octet-stream", bytes.NewReader(contents[i]))
			if a.status != http.StatusCreated {
				b.Fatalf("save: %d %s", a.status, a.body)
			}
		}
		floorDir := b.TempDir()
		begin := time.Now()
		for i := range names {
			if err := os.WriteFile(filepath.Join(floorDir, strconv.Itoa(i)), contents[i], 0o644); err != nil {
				b.Fatal(err)
			}
		}
		floor := time.Since(begin)
		none := start(empty)
		restore := max(start(full)-none, 0)
		b.ReportMetric(floor.Seconds()*1e3, "floor-write-ms")
		b.ReportMetric(restore.Seconds()*1e3, "ms")
		b.ReportMetric(restore.Seconds()/floor.Seconds(), "x-floor")
		for _, id := range []string{full, empty} {
			w.c.call(http.StatusAccepted, http.MethodPost, "/api/workspace/"+id+"/shutdown", nil)
		}
	}
}

// BenchmarkMemory tells what idle things cost: the agent with one terminal, and each terminal in the backend.
func BenchmarkMemory(b *testing.B) {
	w := newWorkspace(b)
	sh := w.c.attach(w.id)
	sh.run("true")
	open := func(name string) {
		ws := w.c.dial(b.Context(), url.Values{"session": {w.id}, "terminal": {name}, "cols": {"80"}, "rows": {"24"}})
		kind := websocket.MessageText
		for kind != websocket.MessageBinary {
			var err error
			if kind, _, err = ws.Read(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
	// An agent has 32 at most. The first ones also pay for what all share.
	const warm, terminals = 6, 25
	for i := range warm {
		open(fmt.Sprintf("warm-%d", i))
	}
	for b.Loop() {
		before := heap()
		for i := range terminals {
			open(fmt.Sprintf("t%d", i))
		}
		// The client's half of each socket is in this process too, so this is more than the backend's share.
		b.ReportMetric(float64(heap()-before)/terminals/1024, "backend+client-KiB/terminal")
		b.ReportMetric(float64(agentMemory(b, w.app))/1024, "agent-RSS-KiB")
		if info, err := os.Stat(agentBin); err == nil {
			b.ReportMetric(float64(info.Size())/1024/1024, "agent-binary-MiB")
		}
	}
}

func heap() int64 {
	// The second one frees what the first one's finalizers let go.
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse) //nolint:gosec // far below 2^63
}

// agentMemory sums the private memory of the agent's processes, in bytes.
func agentMemory(b *testing.B, app string) int64 {
	b.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		b.Fatal(err)
	}
	var sum int64
	for _, path := range paths {
		line, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(line, []byte("--root")) || bytes.Contains(line, []byte("bwrap\x00")) {
			continue
		}
		cwdOf := filepath.Dir(path)
		rollup, err := os.ReadFile(filepath.Join(cwdOf, "smaps_rollup"))
		if err != nil {
			continue
		}
		for row := range strings.Lines(string(rollup)) {
			fields := strings.Fields(row)
			if len(fields) > 1 && (fields[0] == "Private_Clean:" || fields[0] == "Private_Dirty:") {
				kib, err := strconv.ParseInt(fields[1], 10, 64)
				if err != nil {
					b.Fatal(err)
				}
				sum += kib << 10
			}
		}
	}
	_ = app
	return sum
}

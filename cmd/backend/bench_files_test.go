package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/jackc/pgx/v5"

	"codingplatform/backend"
	"codingplatform/backend/postgrestest"
)

// filesBench is the whole product in processes of their own, with a connection that hears of commits at once.
type filesBench struct {
	*bench
	id, app string
	commits *pgx.Conn
	floor   *pgx.Conn
	sh      *shell
}

func newFilesBench(b *testing.B) *filesBench {
	b.Helper()
	database := postgrestest.New(b)
	n := newBench(b, "--database-url", database, "--max-file-bytes", "209715200")
	f := &filesBench{bench: n, id: n.c.createSession("files"), floor: floorDatabase(b)}
	f.app = filepath.Join(n.dir, "sessions", f.id, "app")
	var err error
	if f.commits, err = pgx.Connect(b.Context(), database); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.commits.Close(b.Context()) })
	if _, err := f.commits.Exec(b.Context(), "LISTEN workspace"); err != nil {
		b.Fatal(err)
	}
	f.sh = n.c.attach(f.id)
	// With files that stay, a workspace that loses all others is not held to have vanished.
	f.sh.run("echo kept > kept; echo kept > kept-too")
	f.settle()
	return f
}

// eventsFromNow is a session's event stream without what has changed before.
func (f *filesBench) eventsFromNow(id string) *websocket.Conn {
	f.b.Helper()
	var status struct{ Revision int64 }
	f.c.call(http.StatusOK, http.MethodGet, "/api/workspace/"+id+"/status", nil).decode(f.b, &status)
	return f.c.dial(f.b.Context(), url.Values{"session": {id}, "revision": {strconv.FormatInt(status.Revision, 10)}})
}

// settle waits until the environment has nothing to tell.
func (f *filesBench) settle() {
	f.b.Helper()
	for pending := int64(1); pending > 0; {
		var status struct{ Sync struct{ Pending int64 } }
		f.c.call(http.StatusOK, http.MethodGet, "/api/workspace/"+f.id+"/status", nil).decode(f.b, &status)
		pending = status.Sync.Pending
	}
}

// fileCount is how many files a session has. Counting rows at each commit would take longer than what is counted.
const fileCount = `SELECT file_count FROM workspaces WHERE session_id = $1`

func (f *filesBench) fileCount() (count int) {
	f.b.Helper()
	if err := f.commits.QueryRow(f.b.Context(), fileCount, f.id).Scan(&count); err != nil {
		f.b.Fatal(err)
	}
	return count
}

// commit waits until as many files are there as wanted, by being told of commits.
func (f *filesBench) commit(count string, want int, args ...any) {
	f.b.Helper()
	for got := -1; got != want; {
		if got >= 0 {
			if _, err := f.commits.WaitForNotification(f.b.Context()); err != nil {
				f.b.Fatal(err)
			}
		}
		if err := f.commits.QueryRow(f.b.Context(), count, append([]any{f.id}, args...)...).Scan(&got); err != nil {
			f.b.Fatal(err)
		}
	}
}

// inside is a path as the workspace's owner sees it, which can be written to from outside.
func (f *filesBench) inside(path string) string { return filepath.Join(f.app, path) }

// kilobyte is a content of its own.
func kilobyte(seed int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%015d\n", seed), 64)
}

// change times one file of 1 KB to its commit.
func (f *filesBench) change(path string, seed int) time.Duration {
	f.b.Helper()
	start := time.Now()
	if err := os.WriteFile(f.inside(path), kilobyte(seed), 0o644); err != nil {
		f.b.Fatal(err)
	}
	return f.committed(path, kilobyte(seed)).Sub(start)
}

// committed waits until a content is committed at a path, and returns when that was told.
func (f *filesBench) committed(path string, content []byte) time.Time {
	f.b.Helper()
	hash := sha256.Sum256(content)
	for {
		if _, err := f.commits.WaitForNotification(f.b.Context()); err != nil {
			f.b.Fatal(err)
		}
		told := time.Now()
		var there bool
		if err := f.commits.QueryRow(f.b.Context(), `SELECT EXISTS (SELECT FROM workspace_items WHERE session_id = $1 AND path = $2 AND content_hash = $3)`,
			f.id, path, hash[:]).Scan(&there); err != nil {
			f.b.Fatal(err)
		}
		if there {
			return told
		}
	}
}

// BenchmarkFilesChange times one changed file of 1 KB to its commit, to the browser's tree, and an editor's save to the
// pod. The floor is the same bytes by COPY.
func BenchmarkFilesChange(b *testing.B) {
	f := newFilesBench(b)
	feed := f.c.events(f.id)
	var floor, commit, told, saved []time.Duration
	rounds := 0
	for b.Loop() {
		for range 200 {
			rounds++
			floor = append(floor, floorCopy(b, f.floor, [][]byte{kilobyte(rounds)}))
			// Each of them is left alone for longer than one that keeps changing waits.
			commit = append(commit, f.change(fmt.Sprintf("one-%d", rounds%100), rounds))
			name := fmt.Sprintf("told-%d", rounds)
			start := time.Now()
			if err := os.WriteFile(f.inside(name), kilobyte(-rounds), 0o644); err != nil {
				b.Fatal(err)
			}
			feed.untilFile(name)
			told = append(told, time.Since(start))
			f.committed(name, kilobyte(-rounds))
			saved = append(saved, f.saveToPod(rounds))
		}
	}
	report := func(name string, times []time.Duration) {
		b.ReportMetric(micros(percentile(times, 0.5)), name+"-p50-µs")
		b.ReportMetric(micros(percentile(times, 0.99)), name+"-p99-µs")
	}
	report("floor", floor)
	report("commit", commit)
	report("browser", told)
	report("save-to-pod", saved)
	b.ReportMetric(micros(percentile(commit, 0.5))/micros(percentile(floor, 0.5)), "x-floor")
}

// saveToPod times from the answer of a save until the file can be read in the environment.
func (f *filesBench) saveToPod(seed int) time.Duration {
	f.b.Helper()
	content := kilobyte(1_000_000 + seed)
	a := f.c.do(http.MethodPost, "/api/workspace/"+f.id+"/file/saved", "application/octet-stream", bytes.NewReader(content))
	if a.status >= http.StatusBadRequest {
		f.b.Fatalf("save: %d %s", a.status, a.body)
	}
	start := time.Now()
	for {
		if got, err := os.ReadFile(f.inside("saved")); err == nil && bytes.Equal(got, content) {
			break
		}
	}
	took := time.Since(start)
	f.committed("saved", content)
	return took
}

// makeTar is a tar of files of 1 KB in folders of 100.
func makeTar(b *testing.B, count, seed int) string {
	b.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i := range count {
		if i%100 == 0 {
			if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("t%d/%03d/", seed, i/100), Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.WriteHeader(&tar.Header{
			Name: fmt.Sprintf("t%d/%03d/%05d", seed, i/100, i), Size: 1024, Mode: 0o644, ModTime: time.Unix(1_700_000_000, 0),
		}); err != nil {
			b.Fatal(err)
		}
		if _, err := w.Write(kilobyte(seed*count + i)); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "files.tar")
	if err := os.WriteFile(path, buf.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

// untar runs tar as the owner of a folder, as in a terminal: another's folders are closed to the agent while tar is at them.
func untar(b *testing.B, path, into string) time.Duration {
	b.Helper()
	archive, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = archive.Close() }() // read only
	info, err := os.Stat(into)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command("tar", "-x", "-C", into)
	cmd.Stdin = archive
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	}
	start := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("tar: %v: %s", err, out)
	}
	return time.Since(start)
}

const burstFiles = 10_000

// BenchmarkFilesBurst times 10,000 files of 1 KB by tar, from tar's start until all are committed.
func BenchmarkFilesBurst(b *testing.B) {
	f := newFilesBench(b)
	var whole, tarAlone, copied []time.Duration
	var agentSpent, backendSpent time.Duration
	seed := 0
	for b.Loop() {
		for range 3 {
			seed++
			archive := makeTar(b, burstFiles, seed)
			tarAlone = append(tarAlone, untar(b, archive, b.TempDir()))
			contents := make([][]byte, burstFiles)
			for i := range contents {
				contents[i] = kilobyte(seed*burstFiles + i)
			}
			copied = append(copied, floorCopy(b, f.floor, contents))
			agents, backend := f.agents(), f.p.cmd.Process.Pid
			agentBefore, backendBefore := f.cpu(agents...), f.cpu(backend)
			before := f.fileCount()
			start := time.Now()
			untar(b, archive, f.app)
			f.commit(fileCount, before+burstFiles)
			whole = append(whole, time.Since(start))
			agentSpent += f.cpu(agents...) - agentBefore
			backendSpent += f.cpu(backend) - backendBefore
			var rows int
			if err := f.commits.QueryRow(b.Context(), `SELECT count(*) FROM workspace_items WHERE session_id = $1 AND path LIKE $2 AND type = 'file'`,
				f.id, fmt.Sprintf("t%d/%%", seed)).Scan(&rows); err != nil || rows != burstFiles {
				b.Fatalf("%d of %d files are there: %v", rows, burstFiles, err)
			}
			if err := os.RemoveAll(f.inside("t" + strconv.Itoa(seed))); err != nil {
				b.Fatal(err)
			}
			f.commit(`SELECT count(*) FROM workspace_items WHERE session_id = $1 AND path LIKE $2`, 0, fmt.Sprintf("t%d%%", seed))
		}
	}
	floor := percentile(tarAlone, 0.5) + percentile(copied, 0.5)
	b.ReportMetric(percentile(tarAlone, 0.5).Seconds()*1e3, "tar-ms")
	b.ReportMetric(percentile(copied, 0.5).Seconds()*1e3, "COPY-ms")
	b.ReportMetric(percentile(whole, 0.5).Seconds()*1e3, "ms")
	b.ReportMetric(percentile(whole, 0.5).Seconds()/floor.Seconds(), "x-floor")
	b.ReportMetric(agentSpent.Seconds()*1e3/float64(seed), "agent-cpu-ms")
	b.ReportMetric(backendSpent.Seconds()*1e3/float64(seed), "backend-cpu-ms")
}

// BenchmarkFilesLarge times one file of 100 MB to its commit. The floor is its bytes in rows of 1 MiB.
func BenchmarkFilesLarge(b *testing.B) {
	f := newFilesBench(b)
	const size = 100_000_000
	seed := 0
	var whole, copied []time.Duration
	var agentSpent, backendSpent time.Duration
	for b.Loop() {
		for range 3 {
			seed++
			content := bytes.Repeat(fmt.Appendf(nil, "%015d\n", seed), size/16)
			var rows [][]byte
			for rest := content; len(rest) > 0; {
				n := min(len(rest), 1<<20)
				rows, rest = append(rows, rest[:n]), rest[n:]
			}
			copied = append(copied, floorCopy(b, f.floor, rows))
			name := fmt.Sprintf("large-%d", seed)
			agents, backend := f.agents(), f.p.cmd.Process.Pid
			agentBefore, backendBefore := f.cpu(agents...), f.cpu(backend)
			start := time.Now()
			if err := os.WriteFile(f.inside(name), content, 0o644); err != nil {
				b.Fatal(err)
			}
			f.commit(`SELECT count(*) FROM workspace_items WHERE session_id = $1 AND path = $2 AND unsaved_reason = '' AND size = 100000000`, 1, name)
			whole = append(whole, time.Since(start))
			agentSpent += f.cpu(agents...) - agentBefore
			backendSpent += f.cpu(backend) - backendBefore
			if err := os.Remove(f.inside(name)); err != nil {
				b.Fatal(err)
			}
			f.commit(`SELECT count(*) FROM workspace_items WHERE session_id = $1 AND path = $2`, 0, name)
		}
	}
	b.ReportMetric(percentile(copied, 0.5).Seconds()*1e3, "COPY-ms")
	b.ReportMetric(percentile(whole, 0.5).Seconds()*1e3, "ms")
	b.ReportMetric(percentile(whole, 0.5).Seconds()/percentile(copied, 0.5).Seconds(), "x-floor")
	b.ReportMetric(agentSpent.Seconds()*1e3/float64(seed), "agent-cpu-ms")
	b.ReportMetric(backendSpent.Seconds()*1e3/float64(seed), "backend-cpu-ms")
}

// phasesLate is how long after the prompt the phases before it are waited for.
const phasesLate = 5 * time.Second

// BenchmarkFilesRestore times the restore of 10,000 files from the phase that follows the agent's hello to ready, and how much
// longer the session takes to its first prompt than an empty one. The floor is writing them.
func BenchmarkFilesRestore(b *testing.B) {
	f := newFilesBench(b)
	archive := makeTar(b, burstFiles, 0)
	untar(b, archive, f.app)
	f.commit(`SELECT count(*) FROM workspace_items WHERE session_id = $1 AND path LIKE $2 AND type = 'file'`, burstFiles, "t0/%")
	empty := f.c.createSession("empty")
	_ = f.sh.ws.CloseNow()
	var none, full, floor, restored []time.Duration
	var agentSpent, backendSpent time.Duration
	start := func(id string) time.Duration {
		f.c.call(http.StatusAccepted, http.MethodPost, "/api/workspace/"+id+"/shutdown", nil)
		if err := os.RemoveAll(filepath.Join(f.dir, "sessions", id)); err != nil {
			b.Fatal(err)
		}
		feed := f.eventsFromNow(id)
		phases := make(chan time.Duration, 1)
		go func() {
			defer close(phases)
			var begun time.Time
			for {
				_, data, err := feed.Read(b.Context())
				var m message
				if err == nil {
					err = json.Unmarshal(data, &m)
				}
				switch {
				case err != nil:
					return // closed, or told below
				case begun.IsZero() && m.Phase == string(backend.PhaseRestoring):
					begun = time.Now()
				case !begun.IsZero() && m.Phase == string(backend.PhaseReady):
					phases <- time.Since(begun)
					return
				}
			}
		}()
		agentBefore, backendBefore := f.cpu(f.agents()...), f.cpu(f.p.cmd.Process.Pid)
		begin := time.Now()
		sh := f.c.attach(id)
		sh.until("$ ")
		took := time.Since(begin)
		if id == f.id {
			agentSpent += f.cpu(f.agents()...) - agentBefore
			backendSpent += f.cpu(f.p.cmd.Process.Pid) - backendBefore
		}
		select {
		case restore, ok := <-phases:
			if !ok {
				b.Fatal("the phases of a start were not told")
			}
			if id == f.id {
				restored = append(restored, restore)
			}
		case <-time.After(phasesLate): // one that is over when it is looked at is not told
		}
		_ = feed.CloseNow()
		_ = sh.ws.CloseNow()
		return took
	}
	rounds := 0
	for b.Loop() {
		for range 5 {
			rounds++
			dir := b.TempDir()
			begin := time.Now()
			for i := range burstFiles {
				if i%100 == 0 {
					if err := os.Mkdir(filepath.Join(dir, strconv.Itoa(i/100)), 0o755); err != nil {
						b.Fatal(err)
					}
				}
				if err := os.WriteFile(filepath.Join(dir, strconv.Itoa(i/100), strconv.Itoa(i)), kilobyte(i), 0o644); err != nil {
					b.Fatal(err)
				}
			}
			floor = append(floor, time.Since(begin))
			none = append(none, start(empty))
			full = append(full, start(f.id))
		}
	}
	if len(restored) == 0 {
		b.Fatal("no restore was told of")
	}
	restore := percentile(restored, 0.5)
	b.ReportMetric((percentile(full, 0.5)-percentile(none, 0.5)).Seconds()*1e3, "beyond-empty-ms")
	b.ReportMetric(percentile(floor, 0.5).Seconds()*1e3, "floor-write-ms")
	b.ReportMetric(percentile(none, 0.5).Seconds()*1e3, "empty-ms")
	b.ReportMetric(agentSpent.Seconds()*1e3/float64(rounds), "agent-cpu-ms")
	b.ReportMetric(backendSpent.Seconds()*1e3/float64(rounds), "backend-cpu-ms")
	b.ReportMetric(restore.Seconds()*1e3, "ms")
	b.ReportMetric(restore.Seconds()/percentile(floor, 0.5).Seconds(), "x-floor")
}

// BenchmarkFilesMany times one change among 100 files and among many, and tells what an idle workspace costs.
func BenchmarkFilesMany(b *testing.B) {
	f := newFilesBench(b)
	measure := func() time.Duration {
		var times []time.Duration
		for i := range 200 {
			times = append(times, f.change("one-"+strconv.Itoa(i%20), time.Now().Nanosecond()+i))
		}
		return percentile(times, 0.5)
	}
	for b.Loop() {
		few := measure()
		before := f.fileCount()
		untar(b, makeTar(b, 9*burstFiles, 0), f.app)
		f.commit(fileCount, before+9*burstFiles)
		f.settle()
		many := measure()
		agents, backend := f.agents(), f.p.cmd.Process.Pid
		agentBefore, backendBefore := f.cpu(agents...), f.cpu(backend)
		time.Sleep(5 * time.Second)
		b.ReportMetric(micros(few), "few-p50-µs")
		b.ReportMetric(micros(many), "many-p50-µs")
		b.ReportMetric(micros(many)/micros(few), "x-few")
		b.ReportMetric((f.cpu(agents...)-agentBefore).Seconds()/5*100, "idle-agent-%")
		b.ReportMetric((f.cpu(backend)-backendBefore).Seconds()/5*100, "idle-backend-%")
		if err := os.RemoveAll(f.inside("t0")); err != nil {
			b.Fatal(err)
		}
		f.commit(fileCount, before)
		if !strings.HasPrefix(f.app, "/dev/shm") {
			b.Log("not on tmpfs: a disk's speed varies from run to run")
		}
	}
}

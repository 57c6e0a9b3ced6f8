package filesync_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"codingplatform/backend"
	"codingplatform/backend/pgembed"
	"codingplatform/backend/postgres"
)

func (w *world) save(path, content string, base *int64) (backend.Item, error) {
	item, _, err := w.store.SaveFile(w.tb.Context(), postgres.SaveRequest{
		SessionID: w.session, UserID: w.user, Path: path, Content: []byte(content), Base: base, Source: backend.SourceEditor, Limits: w.policy.Limits,
	})
	return item, err
}

// contents are all versions of a path that the history has.
func (w *world) contents(path string) map[backend.Hash]bool {
	w.tb.Helper()
	history, err := w.store.History(w.tb.Context(), w.session, path, postgres.Place{}, 10_000)
	if err != nil {
		w.tb.Fatal(err)
	}
	versions := map[backend.Hash]bool{}
	for _, c := range history.Versions {
		versions[c.Hash] = true
	}
	return versions
}

// TestFoldersFasterThanTheirWatches: what is made in a folder before it is watched must not be missed.
func TestFoldersFasterThanTheirWatches(t *testing.T) {
	t.Parallel()
	w := running(t)
	w.sh(`seq 1000 | xargs -P 8 -I N sh -c 'mkdir -p N/b/c && echo N > N/b/c/f'`)
	w.untilEqual()
	if n := len(w.database()); n != 4000 {
		t.Errorf("%d of 4000 entries", n)
	}
}

// TestOverflowWhileTheAgentSleeps: a stopped agent misses more than the kernel keeps for it.
func TestOverflowWhileTheAgentSleeps(t *testing.T) {
	t.Parallel()
	w := running(t)
	w.sh(`mkdir d && echo first > d/f`)
	w.untilEqual()
	w.signalAgent(syscall.SIGSTOP)
	w.sh(`/usr/bin/python3 - <<'PY'
import os
fds = [os.open(f"d/{i}", os.O_CREAT | os.O_WRONLY) for i in range(2)]
for i in range(17000):
    os.pwrite(fds[i % 2], b"%d" % i, 0)
PY
mkdir -p x/y && tar c d | tar x -C x/y && mv d moved && echo last > moved/f`)
	w.signalAgent(syscall.SIGCONT)
	w.untilEqual()
	if status := w.agentStatus(); !strings.Contains(status, "overflows:1") {
		t.Errorf("no overflow is told: %s", status)
	}
}

// TestEditorAndSedAtOnce: both change the same file again and again. Whatever either wrote is in the history.
func TestEditorAndSedAtOnce(t *testing.T) {
	t.Parallel()
	w := running(t)
	if _, err := w.save("f", "number 0\n", nil); err != nil {
		t.Fatal(err)
	}
	w.untilEqual()
	sed := make(chan struct{})
	go func() {
		defer close(sed)
		w.sh(`for i in $(seq 60); do sed -i "s/^.*$/by sed $i/" f; done`)
	}()
	saved := map[backend.Hash]string{}
	for i := range 60 {
		item, err := w.store.Item(t.Context(), w.session, "f")
		if err != nil {
			t.Fatal(err)
		}
		content := fmt.Sprintf("by the editor %d\n", i)
		_, err = w.save("f", content, &item.Revision)
		switch {
		case err == nil:
			saved[sha256.Sum256([]byte(content))] = content
		case backend.CodeOf(err) != backend.CodeConflict:
			t.Fatal(err)
		}
	}
	<-sed
	w.untilEqual()
	versions := w.contents("f")
	for hash, content := range saved {
		if !versions[hash] {
			t.Errorf("%q was saved and is in no history", content)
		}
	}
	last, err := os.ReadFile(filepath.Join(w.root, "f"))
	if err != nil || !versions[sha256.Sum256(last)] {
		t.Errorf("the disk's %q is in no history (%v)", last, err)
	}
}

// TestKillsDuringSaves kills the agent in the middle of the editor's saves and of a program's.
func TestKillsDuringSaves(t *testing.T) {
	t.Parallel()
	w := running(t)
	program := make(chan struct{})
	go func() {
		defer close(program)
		w.sh(`for i in $(seq 300); do echo $i > p$((i % 20)); done`)
	}()
	saved := map[string]string{}
	for i := range 120 {
		path, content := fmt.Sprintf("e%d", i%30), fmt.Sprintf("version %d", i)
		if _, err := w.save(path, content, nil); err != nil {
			t.Fatal(err)
		}
		saved[path] = content
		if i%40 == 20 {
			w.endAgent(syscall.SIGKILL)
			w.startAgent()
		}
	}
	<-program
	w.untilEqual()
	for path, content := range saved {
		if got, err := os.ReadFile(filepath.Join(w.root, path)); err != nil || string(got) != content {
			t.Errorf("%s holds %q, saved was %q (%v)", path, got, content, err)
		}
	}
}

// TestDatabaseLostWhileContentsAreRead: a restore or an Apply that has begun ends when the database does, and is done anew.
func TestDatabaseLostWhileContentsAreRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	save := func(path string, size int) {
		t.Helper()
		if _, err := w.save(path, strings.Repeat(path, size/len(path)), nil); err != nil {
			t.Fatal(err)
		}
	}
	save("small", 1000)
	save("large", 1_000_000)
	w.startAgent()
	w.startReplica("a")
	store := w.replicas[0].store
	store.lose(2)
	w.untilEqual()
	store.lose(2)
	save("later, small", 1000)
	save("later, large", 1_000_000)
	w.untilEqual()
	w.sh(`test $(wc -c < "later, large") = 999996 && echo more >> large`)
	w.untilEqual()
	if store.reading() != nil {
		t.Error("no read of a content was lost")
	}
}

// withHolder is a world of which a process of its own has the lease, and has committed a file.
func withHolder(t *testing.T) (w *world, first *replicaProcess) {
	t.Helper()
	w = newWorld(t, "")
	w.startAgent()
	first = w.startReplicaProcess("first")
	w.until("the first one works", func() (bool, string) {
		lease, err := w.lease(t.Context())
		return err == nil && lease.Holder == "first", fmt.Sprint(lease.Holder, err)
	})
	w.sh(`echo one > f`)
	w.untilEqual()
	return w, first
}

// TestStoppedLeaseHolder stops a replica's process in its work. Another takes over; the woken one must be refused.
func TestStoppedLeaseHolder(t *testing.T) {
	t.Parallel()
	w, first := withHolder(t)
	burst := make(chan struct{})
	go func() {
		defer close(burst)
		w.sh(`for i in $(seq 400); do echo $i > b$((i % 10)); done`)
	}()
	if err := first.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := w.expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.startReplica("second")
	<-burst
	w.untilEqual()
	before, err := w.lease(t.Context())
	if err != nil || before.Holder != "second" {
		t.Fatalf("the lease is %s's (%v)", before.Holder, err)
	}
	if err := first.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	w.sh(`for i in $(seq 50); do echo after $i > b$((i % 10)); done`)
	w.until("the woken one is refused", func() (bool, string) {
		return bytes.Contains(first.output(), []byte("stale_lease")), "it has not been told yet"
	})
	w.untilEqual()
	if now, err := w.lease(t.Context()); err != nil || now.Epoch != before.Epoch {
		t.Errorf("the woken one has changed the lease: epoch %d, was %d (%v)", now.Epoch, before.Epoch, err)
	}
}

// TestKilledLeaseHolder kills a replica's process in its work: when its lease has ended another goes on where it was, and
// all of the burst is there.
func TestKilledLeaseHolder(t *testing.T) {
	t.Parallel()
	w, first := withHolder(t)
	burst := make(chan struct{})
	go func() {
		defer close(burst)
		w.sh(`for i in $(seq 400); do echo $i > b$i; echo $i >> log; done`)
	}()
	w.until("a part of the burst is committed", func() (bool, string) {
		_, ok := w.database()["b20"]
		return ok, "not yet"
	})
	first.kill(t)
	if err := w.expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.startReplica("second")
	<-burst
	w.untilEqual()
	if lease, err := w.lease(t.Context()); err != nil || lease.Holder != "second" {
		t.Errorf("the lease is %s's (%v)", lease.Holder, err)
	}
	if got := len(w.database()); got != 402 {
		t.Errorf("%d entries are in the database, not 402", got)
	}
}

// TestFullDatabase has the disk of the database full: what programs and the editor write waits, or is refused and said to
// be, and all of it comes when there is room again.
func TestFullDatabase(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	small := filepath.Join(dir, "small")
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(small, 0o755)); err != nil {
		t.Fatal(err)
	}
	server, err := pgembed.Start(t.Context(), pgembed.Config{
		DataDir: filepath.Join(dir, "pg"), BinDir: onSmallDisk(t, dir, small), RunAs: "nobody", Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	conn, err := pgx.Connect(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		`CREATE TABLESPACE small LOCATION '` + filepath.Join(small, "data") + `'`, `CREATE DATABASE full_one TABLESPACE small`,
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	at.Path = "/full_one"
	if err := postgres.Migrate(t.Context(), at.String()); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, at.String())
	w.startAgent()
	w.startReplica("a")
	w.flush()
	w.sh(`echo small > f`)
	w.untilEqual()

	for size := 8 << 20; size >= 4<<10; {
		err := w.exec(t.Context(), `CREATE TABLE IF NOT EXISTS filler (data bytea STORAGE EXTERNAL)`)
		if err == nil {
			err = w.exec(t.Context(), `INSERT INTO filler VALUES (decode(repeat('00', $1), 'hex'))`, size)
		}
		if pe, ok := errors.AsType[*pgconn.PgError](err); ok && pe.Code == "53100" {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
	w.sh(`for i in $(seq 40); do head -c 200000 /dev/urandom > large$i; done; echo more >> f`)
	w.until("it is shown", func() (bool, string) {
		status := w.replicas[0].state()
		return strings.Contains(status.Message, "disk is full"), status.Message
	})
	if _, err := w.save("saved", strings.Repeat("saved ", 30_000), nil); backend.CodeOf(err) != backend.CodeUnavailable || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("a save while the disk is full: %v", err)
	}
	if err := w.exec(t.Context(), `DROP TABLE filler`); err != nil {
		t.Fatal(err)
	}
	w.untilEqual()
	if _, err := w.save("saved", "saved", nil); err != nil {
		t.Error(err)
	}
	w.untilEqual()
	if got := len(w.database()); got != 42 {
		t.Errorf("%d entries are in the database, not 42", got)
	}
	w.until("all is well again", func() (bool, string) {
		status := w.replicas[0].state()
		return status.Message == "", status.Message
	})
}

// onSmallDisk makes programs of a server of which the folder is a disk of 64 MB, and returns where they are. The server does
// not run as root, not even as that of a namespace of its own: so there are two.
func onSmallDisk(t *testing.T, dir, folder string) (bin string) {
	t.Helper()
	programs := serverPrograms(t)
	if programs == "" {
		t.Fatal("the server's programs are missing; make setup gets them")
	}
	// A copy is where any user reaches it.
	root := filepath.Join(dir, "postgres")
	if err := os.CopyFS(root, os.DirFS(filepath.Dir(programs))); err != nil {
		t.Fatal(err)
	}
	bin = filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf(`#!/bin/sh
case "$1" in -D) ;; *) exec '%[1]s/postgres' "$@" ;; esac
exec unshare --user --map-root-user --mount /bin/sh -c \
	'mount -t tmpfs -o size=64m,mode=755 small "%[2]s" && mkdir "%[2]s/data" && exec unshare --user --map-user=1000 --map-group=1000 "%[1]s/postgres" "$@"' sh "$@"
`, filepath.Join(root, "bin"), folder)
	if err := os.WriteFile(filepath.Join(bin, "postgres"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	// It finds the real server beside itself.
	if err := os.WriteFile(filepath.Join(bin, "initdb"), []byte("#!/bin/sh\nexec '"+root+"/bin/initdb' \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return bin
}

// TestFullVolume fills the volume: programs are told by the kernel, the editor's saves stay saved and come to the disk
// when there is room again.
func TestFullVolume(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	// The volume is in a mount namespace of the agent's, which the test enters by way of /proc.
	w.wrap = []string{"unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c", `mount -t tmpfs -o size=16m,mode=755 volume "$1" && exec "$0"`}
	w.after = []string{w.root}
	p := w.startAgent()
	w.root = fmt.Sprintf("/proc/%d/root%s", p.cmd.Process.Pid, w.root)
	w.startReplica("a")
	w.flush()
	if _, err := w.save("f", "small", nil); err != nil {
		t.Fatal(err)
	}
	w.untilEqual()
	fill := exhaust(t, filepath.Join(w.root, "fill"))
	if _, err := w.save("f", strings.Repeat("large ", 100_000), nil); err != nil {
		t.Fatalf("a save while the volume is full: %v", err)
	}
	if _, err := w.save("new", strings.Repeat("new ", 100_000), nil); err != nil {
		t.Fatalf("a save while the volume is full: %v", err)
	}
	w.until("it is shown", func() (bool, string) {
		status := w.replicas[0].state()
		return strings.Contains(status.Message, "not written in the environment"), status.Message
	})
	if got, err := os.ReadFile(filepath.Join(w.root, "f")); err != nil || string(got) != "small" {
		t.Errorf("the file on the disk is torn: %d bytes (%v)", len(got), err)
	}
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	w.untilEqual()
	if got := w.database()["f"]; got.Size != 600_000 {
		t.Errorf("the save is gone: %s", words(got))
	}
	w.until("all is well again", func() (bool, string) {
		status := w.replicas[0].state()
		return status.Message == "", status.Message
	})
}

// exhaust writes a file until the volume is full.
func exhaust(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // it could not be written anyhow
	for size := 1 << 20; size > 0; {
		_, err := f.Write(make([]byte, size))
		if errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// TestFewWatches has the kernel give 20 watches: the rest is polled, which is shown, until there are enough again.
func TestFewWatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.wrap = []string{"unshare", "--user", "--map-root-user", "/bin/sh", "-c", `echo 20 > /proc/sys/user/max_inotify_watches && exec "$0"`}
	w.pollInterval = 100 * time.Millisecond
	w.startAgent()
	w.startReplica("a")
	w.flush()
	w.sh(`for i in $(seq 60); do mkdir -p d$i/e; echo $i > d$i/e/f; done`)
	w.untilEqual()
	shows := func(mode string) {
		t.Helper()
		w.until("the mode is "+mode, func() (bool, string) {
			status := w.replicas[0].state()
			return status.WatchMode == mode, status.WatchMode
		})
	}
	shows("hybrid")
	w.sh(`for i in $(seq 60); do echo again > d$i/e/f; done; mkdir d60/new; echo deep > d60/new/f; rm -r d1; mv d2 moved`)
	w.untilEqual()
	w.sh(`rm -r d*`)
	w.untilEqual()
	shows("inotify")
	w.sh(`mkdir d; echo last > d/f`)
	w.untilEqual()
}

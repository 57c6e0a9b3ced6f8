package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// agentBin is the agent that TestMain has built.
var agentBin string

// asBackend makes the test's binary the backend itself, so that it can be killed as a process.
const asBackend = "TEST_RUN_AS_BACKEND"

func TestMain(m *testing.M) {
	if os.Getenv(asBackend) != "" {
		os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "backend-test-")
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// Sandboxes run as another user when the tests run as root.
	if err := os.Chmod(dir, 0o755); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	agentBin = filepath.Join(dir, "agent")
	build := exec.Command("go", "build", "-o", agentBin, "../agent")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "build the agent: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// program is the whole backend, in this process.
type program struct {
	url  string
	stop context.CancelFunc
	done chan error
}

// dataDir can be entered by the sandboxes' user.
func dataDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "cp-") //nolint:usetesting // sandboxes run as another user, who cannot enter t.TempDir's parent
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			showAgentLogs(tb, dir)
		}
		if err := os.RemoveAll(dir); err != nil {
			tb.Errorf("the data directory cannot be removed: %v", err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// flags of a backend for tests: cheap hashes, and the PostgreSQL that make setup has brought.
func flags(dir string) []string {
	all := []string{"--listen", "localhost:0", "--data-dir", dir, "--agent-bin", agentBin, "--bcrypt-cost", "10"}
	if found, err := filepath.Glob("../../build/postgres/*/bin"); err == nil && len(found) > 0 {
		if bin, err := filepath.Abs(found[len(found)-1]); err == nil {
			all = append(all, "--postgres-bin", bin)
		}
	}
	return all
}

func startProgram(tb testing.TB, dir string, args ...string) *program {
	tb.Helper()
	cfg, err := parseConfig(append(flags(dir), args...), none, io.Discard, false)
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	p := &program{stop: cancel, done: make(chan error, 1)}
	ready := make(chan string, 1)
	logger := slog.New(slog.NewTextHandler(tb.Output(), nil))
	go func() { p.done <- serve(ctx, cfg, logger, func(url string) { ready <- url }) }()
	tb.Cleanup(func() { p.end(tb) })
	select {
	case p.url = <-ready:
	case err := <-p.done:
		p.done = nil
		tb.Fatalf("the backend did not start: %v", err)
	}
	return p
}

// end is Ctrl-C.
func (p *program) end(tb testing.TB) {
	tb.Helper()
	p.stop()
	if p.done == nil {
		return
	}
	if err := <-p.done; err != nil {
		tb.Errorf("the backend ended with: %v", err)
	}
	p.done = nil
}

func TestOneMachineEndToEnd(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	p := startProgram(t, dir)
	c := &client{t: t, url: p.url}
	c.register("ada")
	id := c.createSession("first")
	c.call(http.StatusOK, http.MethodPost, "/api/workspace/"+id+"/ensure-default", nil)
	if _, ok := c.tree(id)["main.py"]; !ok {
		t.Fatal("a new session has no main.py")
	}
	feed := c.events(id)
	sh := c.attach(id)
	if got := sh.run("cat main.py | head -c 1 | wc -c"); got != "1" {
		t.Fatalf("main.py is not in the sandbox: %q", got)
	}

	saved := c.do(http.MethodPost, "/api/workspace/"+id+"/file/src/app.py", "application/octet-stream", strings.NewReader("print(6*7)\n"))
	if saved.status != http.StatusCreated {
		t.Fatalf("save: %d %s", saved.status, saved.body)
	}
	// The save is durable at once; that it is on the disk too is told by the disk.
	if got := sh.run("until [ -s src/app.py ]; do sleep 0.02; done; python3 src/app.py"); got != "42" {
		t.Fatalf("python3: %q", got)
	}
	if got := sh.run(`echo 'console.log(String(6*7))' > made.js; node made.js`); got != "42" {
		t.Fatalf("node: %q", got)
	}
	feed.untilFile("made.js")
	if got := c.file(id, "made.js"); string(got.body) != "console.log(String(6*7))\n" {
		t.Fatalf("made.js: %d %q", got.status, got.body)
	}
	sh.run("rm made.js; mkdir -p a/b; git init -q . && git status --short | head -n 3; seq 3 > a/b/n.txt; ln -s a/b/n.txt link; chmod +x a/b/n.txt")
	feed.untilFile("a/b/n.txt", "link")

	p.end(t)
	p = startProgram(t, dir)
	c.url = p.url
	tree := c.tree(id)
	if _, ok := tree["made.js"]; ok {
		t.Error("made.js was deleted and is back")
	}
	if tree["link"].Type != "symlink" || tree["a/b"].Type != "folder" {
		t.Errorf("tree after the restart: %+v", tree)
	}
	sh = c.attach(id)
	if got := sh.run("cat src/app.py a/b/n.txt; readlink link; test -x a/b/n.txt && echo runs; test -d .git && echo .git"); got != "print(6*7)\n1\n2\n3\na/b/n.txt\nruns\n.git" {
		t.Fatalf("after the restart: %q", got)
	}
}

func TestFilesOfAllKindsReachTheDatabase(t *testing.T) {
	t.Parallel()
	p := startProgram(t, dataDir(t))
	c := &client{t: t, url: p.url}
	c.register("ada")
	id := c.createSession("files")
	feed := c.events(id)
	sh := c.attach(id)

	want := map[string]string{}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for i := range 2000 {
		content := strings.Repeat(fmt.Sprintf("file %d\n", i), i%40)
		name := fmt.Sprintf("many/%02d/f%04d.txt", i%50, i)
		want[name] = content
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if a := c.do(http.MethodPost, "/api/workspace/"+id+"/file/many.tar", "application/octet-stream", &archive); a.status != http.StatusCreated {
		t.Fatalf("upload: %d %s", a.status, a.body)
	}
	binary := bytes.Repeat([]byte{0, 1, 2, 0xff, 0xfe, '\n', '\r'}, 30000)
	if a := c.do(http.MethodPost, "/api/workspace/"+id+"/file/b.bin", "application/octet-stream", bytes.NewReader(binary)); a.status != http.StatusCreated {
		t.Fatalf("upload: %d %s", a.status, a.body)
	}
	sh.run("until [ -s many.tar ] && [ -s b.bin ]; do sleep 0.02; done; tar xf many.tar; cp b.bin copy.bin; : > empty; " +
		"head -c 20000000 /dev/zero > big.dat; seq 100000 > mid.txt; touch last")
	paths := []string{"copy.bin", "empty", "big.dat", "mid.txt", "last"}
	for name := range want {
		paths = append(paths, name)
	}
	feed.untilFile(paths...)

	for name, content := range want {
		if got := c.file(id, name); string(got.body) != content {
			t.Fatalf("%s: %d, %d bytes, want %d", name, got.status, len(got.body), len(content))
		}
	}
	if got := c.file(id, "copy.bin"); !bytes.Equal(got.body, binary) {
		t.Errorf("copy.bin has %d bytes, want %d", len(got.body), len(binary))
	}
	tree := c.tree(id)
	if i := tree["empty"]; i.Size != 0 || !i.Saved {
		t.Errorf("empty: %+v", i)
	}
	if i := tree["big.dat"]; i.Saved || i.UnsavedReason != "too_large" || i.Size != 20_000_000 {
		t.Errorf("big.dat: %+v", i)
	}
	sum := sha256.Sum256(c.file(id, "mid.txt").body)
	if got := sh.run("sha256sum mid.txt big.dat | cut -d' ' -f1"); !strings.HasPrefix(got, hex.EncodeToString(sum[:])) {
		t.Errorf("the disk's hash of mid.txt is %s, the database's %x", got, sum)
	}
}

func TestNobodyReachesAnothersSession(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	p := startProgram(t, dir)
	ada, mallory := &client{t: t, url: p.url}, &client{t: t, url: p.url}
	ada.register("ada")
	mallory.register("mallory")
	hers, his := ada.createSession("hers"), mallory.createSession("his")
	sh := ada.attach(hers)
	sh.run("echo secret > secret.txt")

	for _, call := range []struct{ method, path string }{
		{http.MethodGet, "/api/sessions/" + hers},
		{http.MethodPatch, "/api/sessions/" + hers},
		{http.MethodDelete, "/api/sessions/" + hers},
		{http.MethodGet, "/api/workspace/" + hers + "/files"},
		{http.MethodGet, "/api/workspace/" + hers + "/file/secret.txt"},
		{http.MethodPost, "/api/workspace/" + hers + "/file/secret.txt"},
		{http.MethodDelete, "/api/workspace/" + hers + "/file/secret.txt"},
		{http.MethodGet, "/api/workspace/" + hers + "/archive"},
		{http.MethodGet, "/api/workspace/" + hers + "/status"},
		{http.MethodPost, "/api/workspace/" + hers + "/start"},
		{http.MethodPost, "/api/workspace/" + hers + "/shutdown"},
	} {
		if a := mallory.do(call.method, call.path, "application/json", strings.NewReader(`{"name":"x","content":"x"}`)); a.status != http.StatusNotFound {
			t.Errorf("%s %s answers %d", call.method, call.path, a.status)
		}
	}
	for _, query := range []url.Values{
		{"session": {hers}},
		{"session": {hers}, "terminal": {"1"}, "cols": {"80"}, "rows": {"24"}},
	} {
		ws := mallory.dial(t.Context(), query)
		for {
			_, _, err := ws.Read(t.Context())
			if err == nil {
				continue
			}
			if code := websocket.CloseStatus(err); code != 4404 {
				t.Errorf("/ws?%s ends with %v", query.Encode(), err)
			}
			break
		}
	}

	// From inside.
	peek := mallory.attach(his)
	for what, command := range map[string]string{
		"another session's files": "ls -d " + dir + " " + filepath.Join(dir, "sessions", hers),
		"the machine's homes":     "ls /root /home/*/.ssh",
		"the data of services":    "ls /var/lib/dpkg",
		"the database's socket":   "ls " + filepath.Join(dir, "postgres"),
		"other processes":         "ls /proc/" + fmt.Sprint(os.Getpid()) + "/environ",
		"shadow":                  "cat /etc/shadow",
	} {
		if got := peek.run(command + " && echo reached"); strings.Contains(got, "reached") {
			t.Errorf("%s can be reached: %s", what, got)
		}
	}
	if got := peek.run("tr '\\0' '\\n' < /proc/1/environ; env; cat /proc/[0-9]*/environ | tr '\\0' '\\n'"); strings.Contains(got, "DATABASE") || strings.Contains(got, "postgres") || strings.Contains(got, asBackend) {
		t.Errorf("the backend's environment shows: %s", got)
	}
	if got := peek.run("touch /usr/x /etc/x && echo written; id -u"); strings.Contains(got, "written") {
		t.Errorf("the machine's directories can be written: %s", got)
	}
	_ = sh
}

func TestEmptiedWorkspaceWaitsForAWord(t *testing.T) {
	t.Parallel()
	p := startProgram(t, dataDir(t))
	c := &client{t: t, url: p.url}
	c.register("ada")
	id := c.createSession("brake")
	feed := c.events(id)
	sh := c.attach(id)
	sh.run("for i in 1 2 3 4 5; do echo $i > f$i.txt; done")
	feed.untilFile("f1.txt", "f2.txt", "f3.txt", "f4.txt", "f5.txt")
	braked := func(want bool) {
		t.Helper()
		feed.until(func(m message) bool { return m.Type == "sync" && m.Braked == want })
	}
	sh.run("rm -rf ./*")
	braked(true)
	if n := len(c.tree(id)); n != 5 {
		t.Fatalf("%d of 5 files are left before a word was said", n)
	}
	c.call(http.StatusNoContent, http.MethodPost, "/api/workspace/"+id+"/brake", map[string]bool{"delete": false})
	if got := sh.run("until [ -s f5.txt ]; do sleep 0.02; done; cat f*.txt | wc -l"); got != "5" {
		t.Fatalf("back came %q", got)
	}
	braked(false)
	sh.run("rm -rf ./*")
	braked(true)
	c.call(http.StatusNoContent, http.MethodPost, "/api/workspace/"+id+"/brake", map[string]bool{"delete": true})
	for len(c.tree(id)) > 0 {
		feed.until(func(m message) bool { return m.Type == "files" })
	}
}

func TestHostilePaths(t *testing.T) {
	t.Parallel()
	p := startProgram(t, dataDir(t))
	c := &client{t: t, url: p.url}
	c.register("ada")
	id := c.createSession("paths")
	base := "/api/workspace/" + id + "/file/"
	for _, path := range []string{
		"%2e%2e/%2e%2e/etc/passwd", "a/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "..%2f..%2fetc%2fpasswd",
		strings.Repeat("n", 300), "nul%00byte",
	} {
		a := c.do(http.MethodPost, base+path, "application/octet-stream", strings.NewReader("x"))
		if a.status < 400 || a.status >= 500 || !strings.Contains(a.header.Get("Content-Type"), "problem+json") {
			t.Errorf("POST %s: %d %s", path, a.status, a.body)
		}
	}
	feed := c.events(id)
	sh := c.attach(id)
	// What only a program can make is kept as what it is.
	sh.run(`ln -s /etc etc; ln -s ../../../../etc/passwd up; printf x > $'new\nline'; printf y > $'bad\xff\xfename'; mkfifo pipe; mkdir deep; touch deep/end`)
	feed.untilFile("etc", "up", "new\nline", "pipe", "deep/end")
	tree := c.tree(id)
	if tree["etc"].Type != "symlink" || tree["up"].Type != "symlink" {
		t.Errorf("links: %+v %+v", tree["etc"], tree["up"])
	}
	if i := tree["pipe"]; i.Type != "special" || i.Saved {
		t.Errorf("pipe: %+v", i)
	}
	if got := c.file(id, "new\nline"); string(got.body) != "x" {
		t.Errorf("new line: %d %q", got.status, got.body)
	}
	var bad string
	for path := range tree {
		if strings.HasPrefix(path, "bad") {
			bad = path
		}
	}
	if got := c.file(id, bad); string(got.body) != "y" {
		t.Errorf("invalid UTF-8 (%q): %d %q", bad, got.status, got.body)
	}
	// Through a link nothing outside can be read or written.
	for _, path := range []string{"etc/passwd", "up"} {
		if a := c.file(id, path); bytes.Contains(a.body, []byte("root:")) {
			t.Errorf("%s shows what is outside: %s", path, a.body)
		}
	}
	if a := c.do(http.MethodPost, base+"etc/x", "application/octet-stream", strings.NewReader("x")); a.status < 400 || a.status >= 500 {
		t.Errorf("saving below a link answers %d %s", a.status, a.body)
	}
}

func TestKillOfTheBackendLosesNothing(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	p := startProcess(t, dir)
	c := &client{t: t, url: p.url}
	c.register("ada")
	id := c.createSession("crash")
	sh := c.attach(id)
	sh.run("alive=still; echo before > before.txt")
	sh.typed("for i in $(seq 400); do echo tick $i; echo $i > t$((i % 7)).txt; sleep 0.01; done; touch done.txt\r")
	sh.until("tick 20")
	p.end(t, os.Kill)

	p = startProcess(t, dir)
	c.url = p.url
	feed := c.events(id)
	sh = c.attach(id)
	sh.until("tick 400")
	if got := sh.run("echo $alive"); got != "still" {
		t.Errorf("the shell is another one: %q", got)
	}
	for i := range 7 {
		feed.untilContent(id, fmt.Sprintf("t%d.txt", i), fmt.Sprintf("%d\n", 400-(400-i)%7))
	}
	feed.untilContent(id, "done.txt", "")
	feed.untilContent(id, "before.txt", "before\n")
	p.end(t, os.Interrupt)

	// Nothing is left running: whatever belonged to it has the data directory's name in its command line.
	left, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range left {
		if line, err := os.ReadFile(path); err == nil && bytes.Contains(line, []byte(dir)) {
			t.Errorf("still running: %s", bytes.ReplaceAll(line, []byte{0}, []byte{' '}))
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(mounts, []byte(dir)) {
		t.Error("still mounted")
	}
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"codingplatform/backend/postgrestest"
)

// command runs a command of the backend, as a shell would.
func command(t *testing.T, dir string, args ...string) (code int, out string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	all := append([]string{args[0]}, flags(dir)...)
	code = run(append(all, args[1:]...), none, &stdout, &stderr)
	t.Logf("backend %s: %d\n%s", args[0], code, stderr.String())
	return code, stdout.String() + stderr.String()
}

func (c *client) save(session, path, content string) {
	c.t.Helper()
	c.call(http.StatusCreated, http.MethodPost, "/api/workspace/"+session+"/file/"+path, map[string]string{"content": content})
}

// signIn signs in with the password of register.
func (c *client) signIn(name string) {
	c.t.Helper()
	var out struct{ Token string }
	c.call(http.StatusOK, http.MethodPost, "/api/users/login", map[string]string{"username": name, "password": "correct horse battery"}).decode(c.t, &out)
	c.token = out.Token
}

// TestDrill dumps a database under a backend that serves, wipes everything, restores, signs in and opens the files.
func TestDrill(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	p := startProgram(t, dir)
	c := &client{t: t, url: p.url}
	c.register("ada")
	id := c.createSession("kept")
	c.save(id, "main.py", "print(1)\n")
	big := strings.Repeat("0123456789abcdef", 1<<18) // in chunks
	c.save(id, "deep/er/big.txt", big)
	c.call(http.StatusOK, http.MethodPost, "/api/workspace/"+id+"/file/main.py", map[string]string{"content": "print(2)\n"})
	sh := c.attach(id)
	sh.run("echo made > made.txt; chmod 755 made.txt; ln -s main.py link")
	c.events(id).untilFile("made.txt", "link")
	before := c.tree(id)

	file := filepath.Join(t.TempDir(), "coding-platform-20260102T030405Z.zip")
	if code, _ := command(t, dir, "backup", file); code != 0 {
		t.Fatal("no backup while the backend serves")
	}
	c.save(id, "later.txt", "after the backup\n")
	p.end(t)

	// Everything is lost.
	fresh := dataDir(t)
	// Of a directory it is the newest.
	if code, _ := command(t, fresh, "restore", filepath.Dir(file)); code != 0 {
		t.Fatal("no restore")
	}
	p = startProgram(t, fresh)
	c = &client{t: t, url: p.url}
	c.signIn("ada")
	if diff := cmp.Diff(before, c.tree(id)); diff != "" {
		t.Errorf("the tree is another one (-before +restored):\n%s", diff)
	}
	for path, want := range map[string]string{"main.py": "print(2)\n", "deep/er/big.txt": big, "made.txt": "made\n"} {
		if got := string(c.file(id, path).body); got != want {
			t.Errorf("%s has %d bytes: %.40q", path, len(got), got)
		}
	}
	var history struct{ Versions []struct{ Revision int64 } }
	c.call(http.StatusOK, http.MethodGet, "/api/workspace/"+id+"/history/main.py", nil).decode(t, &history)
	if len(history.Versions) != 2 {
		t.Errorf("main.py has %d versions", len(history.Versions))
	}
	// New rows go on behind the restored ones, and an environment starts from them.
	c.save(id, "new.txt", "new\n")
	sh = c.attach(id)
	if out := sh.run("cat made.txt new.txt; echo *"); out != "made\nnew\ndeep link made.txt main.py new.txt" {
		t.Errorf("the shell sees %q", out)
	}
	sh.run("echo more > more.txt")
	c.events(id).untilFile("more.txt")
}

func TestBackupKeepsTheNewest(t *testing.T) {
	t.Parallel()
	database, into := postgrestest.New(t), t.TempDir()
	for i := range 5 {
		name := filepath.Join(into, fmt.Sprintf("coding-platform-2020010%dT000000Z.zip", i+1))
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(into, "other.zip"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _ := command(t, dataDir(t), "backup", "--database-url", database, "--backup-keep", "3", into); code != 0 {
		t.Fatal("no backup")
	}
	left, err := filepath.Glob(filepath.Join(into, "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 4 || filepath.Base(left[0]) != "coding-platform-20200104T000000Z.zip" || filepath.Base(left[3]) != "other.zip" {
		t.Errorf("left are %q", left)
	}
	info, err := os.Stat(left[2])
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() == 0 {
		t.Errorf("the backup: %v, %v", info, err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	database := postgrestest.New(t)
	code, whole := command(t, dataDir(t), "backup", "--database-url", database, "--log-level", "error", "-")
	if code != 0 {
		t.Fatal("no backup")
	}
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good.zip", whole)
	damaged := []byte(whole)
	damaged[bytes.Index(damaged, []byte("tables/users"))+40] ^= 0x55
	used := dataDir(t)
	if err := os.MkdirAll(filepath.Join(used, "sessions", "one"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ file, dir, database, want string }{
		"a database that has something": {good, "", database, "restored into an empty one"},
		"half a backup":                 {write("half.zip", whole[:len(whole)/2]), "", "", "not a whole one"},
		"another file":                  {write("text", "hello"), "", "", "no backup"},
		"a damaged one":                 {write("damaged.zip", string(damaged)), "", "", ""},
		"no file":                       {filepath.Join(dir, "nothing"), "", "", "no such file"},
		"sessions of another database":  {good, used, "", "move it away"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.dir == "" {
				test.dir = dataDir(t)
			}
			if test.database == "" {
				test.database = postgrestest.NewEmpty(t)
			}
			code, out := command(t, test.dir, "restore", "--database-url", test.database, test.file)
			if code != exitFailure || !strings.Contains(out, test.want) {
				t.Errorf("restore answers %d: %s", code, out)
			}
			if test.database == database {
				return
			}
			conn, err := pgx.Connect(t.Context(), test.database)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
			var users int
			if err := conn.QueryRow(t.Context(), `SELECT coalesce((SELECT reltuples FROM pg_class WHERE relname = 'users'), 0)`).Scan(&users); err != nil || users > 0 {
				t.Errorf("it left %d users, %v", users, err)
			}
		})
	}
	if code, out := command(t, dataDir(t), "backup"); code != exitUsage || !strings.Contains(out, "a file is needed") {
		t.Errorf("backup without a file answers %d: %s", code, out)
	}
}

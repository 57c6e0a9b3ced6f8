package filesync_test

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/postgres"
)

func (w *world) command(name string, args ...string) *exec.Cmd {
	// No time of its own: how long pip takes depends on what else the machine does.
	cmd := exec.CommandContext(w.tb.Context(), name, args...)
	cmd.Dir, cmd.WaitDelay = w.root, time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: w.credential}
	// A user's own settings are not for tests.
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + w.dir, "TERM=xterm", "LC_ALL=C.UTF-8"}
	return cmd
}

// running is a world with an agent and one replica, in step.
func running(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, "")
	w.startAgent()
	w.startReplica("a")
	w.flush()
	return w
}

// database is the present tree.
func (w *world) database() map[string]backend.Item {
	w.tb.Helper()
	items, _, err := w.store.Tree(w.tb.Context(), w.session, "", 0)
	if err != nil {
		w.tb.Fatal(err)
	}
	tree := make(map[string]backend.Item, len(items))
	for _, item := range items {
		tree[item.Path] = item
	}
	return tree
}

// wantUnsaved wants a path listed and marked as not saved.
func (w *world) wantUnsaved(path string, reason backend.UnsavedReason) {
	w.tb.Helper()
	if item, ok := w.database()[path]; !ok || item.Unsaved != reason {
		w.tb.Errorf("%q is %s in the database, want it unsaved as %s", path, words(item), reason)
	}
}

// typed is a script that types into nano, saves and leaves, as soon as it has drawn its screen.
func typed(text, command string) string {
	return `/usr/bin/python3 - <<'PY'
import os, pty, select, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp("` + strings.Fields(command)[0] + `", "` + command + `".split())
def until(mark):
    seen = b""
    while mark not in seen:
        seen += os.read(fd, 4096)
until(b"Exit")
os.write(fd, b"` + text + `\x0f")
until(b"File Name")
os.write(fd, b"\r")
until(b"Wrote")
os.write(fd, b"\x18")
try:
    while os.read(fd, 4096): pass
except OSError: pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
`
}

// TestPrograms runs what users run. After each step of it the database must come to equal the disk by itself.
func TestPrograms(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		steps []string
		check func(w *world)
	}{
		"git": {steps: []string{
			`git init -q -b main . && git config user.email a@example.org && git config user.name Ada`,
			`for i in $(seq 200); do mkdir -p d$((i % 9)); seq $i > d$((i % 9))/$i.txt; done; git add . && git commit -qm first`,
			`git checkout -qb other && git rm -qr d3 && sed -i s/1/one/ d1/*.txt && git commit -qam second`,
			`git checkout -q main && git merge -q other && git checkout -q HEAD~1`,
			`git gc -q --aggressive --prune=now && git fsck --strict`,
		}, check: func(w *world) {
			if tree := w.database(); tree[".git/HEAD"].Hash == (backend.Hash{}) || tree[".git/packed-refs"].Type != backend.TypeFile {
				w.tb.Error("git's own files are not saved")
			}
		}},
		"sqlite": {steps: []string{
			`/usr/bin/python3 - <<'PY'
import sqlite3
db = sqlite3.connect("app.db", isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
db.execute("CREATE TABLE t (n INTEGER, s TEXT)")
for i in range(300):
    db.execute("BEGIN"); db.executemany("INSERT INTO t VALUES (?, ?)", [(i, "x" * 500)] * 10); db.execute("COMMIT")
db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
db.execute("INSERT INTO t VALUES (-1, 'last')")
db.close()
PY`,
			`/usr/bin/python3 -c 'import sqlite3; db = sqlite3.connect("app.db"); assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"; db.execute("DELETE FROM t WHERE n > 10"); db.commit(); db.execute("VACUUM")'`,
		}},
		"vim": {steps: []string{
			`seq 1000 > f.txt && chmod 755 f.txt`,
			`vim -N -u NONE -es -c 'set backupcopy=no writebackup' -c '%s/9/nine/g' -c 'wq' f.txt`,
			`vim -N -u NONE -es -c 'set backupcopy=yes backup' -c '%s/8/eight/g' -c 'wq' f.txt`,
			`vim -N -u NONE -es -c 'set undofile undodir=.' -c 'normal dd' -c 'w new.txt' -c 'q!' f.txt`,
		}},
		"nano": {steps: []string{
			`echo first > f.txt`,
			typed("hello ", "nano f.txt") + `grep -q hello f.txt`,
			typed("again ", "nano -B f.txt") + `test -e f.txt~`,
		}},
		"sed": {steps: []string{
			`mkdir d && for i in $(seq 100); do echo "line $i" > d/$i; done; ln d/1 d/linked`,
			`sed -i s/line/row/ d/*`,
			`sed -i.bak s/row/item/ d/1*`,
			`for i in $(seq 20); do sed -i s/item/$i/ d/1; sed -i "s/$i/item/" d/1; done`,
		}},
		"rsync": {steps: []string{
			`mkdir ../from && cd ../from && for i in $(seq 300); do mkdir -p d$((i % 7)); seq $i > d$((i % 7))/$i; done; chmod 600 d1/*; ln -s d1 link`,
			`rsync -a ../from/ ./`,
			`rm -r ../from/d2; echo more >> ../from/d3/3; rsync -a --delete ../from/ ./`,
			`echo in place >> ../from/d4/4; rsync -a --inplace --checksum ../from/ ./`,
		}},
		"npm": {steps: []string{
			`mkdir -p ../pack/lib && cd ../pack && echo '{"name":"local-package","version":"1.2.3","main":"lib/index.js","bin":{"local-package":"lib/cli.js"}}' > package.json &&
			 echo 'module.exports = 42' > lib/index.js && printf '#!/usr/bin/env node\nconsole.log(42)\n' > lib/cli.js && npm pack --silent >/dev/null`,
			`echo '{"name":"app","version":"1.0.0"}' > package.json && npm install --offline --no-audit --no-fund --silent ../pack/local-package-1.2.3.tgz`,
			`test "$(node -e 'console.log(require("local-package"))')" = 42 && node_modules/.bin/local-package`,
		}, check: func(w *world) {
			w.wantUnsaved("node_modules", backend.UnsavedIgnored)
			if w.database()["package-lock.json"].Hash == (backend.Hash{}) {
				w.tb.Error("package-lock.json is not saved")
			}
		}},
		"pip": {steps: []string{
			`/usr/bin/python3 - <<'PY'
import zipfile
with zipfile.ZipFile("local_wheel-1.0-py3-none-any.whl", "w") as z:
    z.writestr("local_wheel.py", "answer = 42\n")
    z.writestr("local_wheel-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: local-wheel\nVersion: 1.0\n")
    z.writestr("local_wheel-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    z.writestr("local_wheel-1.0.dist-info/RECORD", "local_wheel.py,,\nlocal_wheel-1.0.dist-info/METADATA,,\nlocal_wheel-1.0.dist-info/WHEEL,,\nlocal_wheel-1.0.dist-info/RECORD,,\n")
PY`,
			`/usr/bin/python3 -m venv .venv && .venv/bin/pip install --quiet --disable-pip-version-check --no-index ./local_wheel-1.0-py3-none-any.whl`,
			`test "$(.venv/bin/python -c 'import local_wheel; print(local_wheel.answer)')" = 42`,
		}, check: func(w *world) { w.wantUnsaved(".venv", backend.UnsavedIgnored) }},
		"tar": {steps: []string{
			`mkdir ../src && cd ../src && for d in $(seq 100); do mkdir -p many/$d/deep; for f in $(seq 100); do echo "$d $f" > many/$d/deep/$f; done; done; tar cf ../many.tar many`,
			`tar xf ../many.tar`,
			`mv many moved`,
			`rm -r moved/1*`,
		}, check: func(w *world) {
			files := 0
			for _, item := range w.database() {
				if item.Type == backend.TypeFile {
					files++
				}
			}
			if files != 8800 {
				w.tb.Errorf("%d files are left", files)
			}
		}},
		"a log": {steps: []string{
			`/usr/bin/python3 - <<'PY'
import time
start = time.monotonic()
with open("app.log", "w") as f:
    for i in range(2000):
        f.write(f"{i} something has happened\n"); f.flush()
        time.sleep(max(0, start + i / 1000 - time.monotonic()))
PY`,
		}, check: func(w *world) {
			history, err := w.store.History(w.tb.Context(), w.session, "app.log", postgres.Place{}, 5000)
			if err != nil || len(history.Versions) > 500 {
				w.tb.Errorf("2000 lines are %d versions (%v)", len(history.Versions), err)
			}
		}},
		"over the cap": {steps: []string{
			`truncate -s 200M sparse && seq 10 > small`,
			`truncate -s 1M sparse && truncate -s 201M small`,
		}, check: func(w *world) { w.wantUnsaved("small", backend.UnsavedTooLarge) }},
		"odd names": {steps: []string{
			`mkfifo fifo; printf x > $'new\nline'; printf y > $'bad\xff\xfename'; mkdir $'dir\xfe'; echo z > $'dir\xfe/ü'`,
			`echo 1 > Name; echo 2 > name; printf 3 > $'\u00fc'; printf 4 > $'u\u0308'; ln -s $'bad\xff\xfename' link; ln -s /etc etc`,
			`mv $'bad\xff\xfename' $'bad\xfd'; mv $'new\nline' $'two\nnew\nlines'; mv name other`,
		}, check: func(w *world) { w.wantUnsaved("fifo", backend.UnsavedSpecial) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := running(t)
			for _, step := range tt.steps {
				w.sh(step)
				w.untilEqual()
			}
			if tt.check != nil {
				tt.check(w)
			}
		})
	}
}

// TestUnreadable: what the agent's user may not read is listed and marked, and saved when it can be read.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.asNobody()
	w.startAgent()
	w.startReplica("a")
	w.flush()
	// Moved in, since what is seen before its mode is changed is saved.
	w.sh(`echo hidden > ../sockets/f; chmod 000 ../sockets/f; mv ../sockets/f f; mkdir d; echo below > d/f; echo seen > g`)
	w.until("it is shown", func() (bool, string) {
		tree := w.database()
		return tree["f"].Unsaved == backend.UnsavedUnreadable && tree["d/f"].Type != "" && tree["g"].Type != "", "not listed yet"
	})
	w.sh(`chmod 600 f`)
	w.untilEqual()
	// What was read before is kept while only its mode forbids it.
	w.sh(`chmod 000 g d`)
	w.until("the modes are saved", func() (bool, string) {
		tree := w.database()
		return tree["g"].Mode == 0 && tree["d"].Mode == 0, words(tree["g"]) + ", " + words(tree["d"])
	})
	if tree := w.database(); tree["g"].Hash == (backend.Hash{}) || tree["d/f"].Hash == (backend.Hash{}) {
		t.Errorf("what was saved is gone: %s, %s", words(tree["g"]), words(tree["d/f"]))
	}
	w.sh(`chmod 755 d; chmod 644 g; echo more >> d/f`)
	w.untilEqual()
	// A folder that is closed when it comes, as one of another user's that tar is still at.
	w.sh(`mkdir ../sockets/s; echo within > ../sockets/s/f; chmod 300 ../sockets/s; mv ../sockets/s s`)
	w.until("the folder is listed", func() (bool, string) {
		return w.database()["s"].Type == backend.TypeFolder, "not yet"
	})
	w.sh(`chmod 755 s`)
	w.untilEqual()
}

package screen_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"codingplatform/agent/screen"
)

// programs are scripts of what a person does with a program: what has to be seen before what is typed.
func programs() map[string][]act {
	shell := []string{"bash", "--norc", "--noprofile", "-i"}
	python := "/usr/bin/python3"
	return map[string][]act{
		"vim": {
			{run: []string{"vim", "-u", "NONE", "-N", "-c", "syntax on | set number hlsearch ruler", "text.py"}},
			{see: `def line_1`, send: "\x06\x06"},
			{see: `def line_40`, send: "/return\r"},
			{send: "ggOinserted 日本 e\u0301\x1b"},
			{see: `inserted`, send: ":split\r"},
			{send: "\x17j20Gdd50%zz"},
			{send: ":echo 'the' . '-end'\r"},
			{see: `the-end`, send: ":q!\r"},
			{send: ":q!\r", ends: true},
		},
		"less": {
			{run: []string{"less", "-R", "long.txt"}},
			{see: `line 1\b`, send: " "},
			{see: `line 30\b`, send: "/line 500\r"},
			{see: `line 500`, send: "G"},
			{see: `END`, send: "b"},
			{send: "q", ends: true},
		},
		"top":      {{run: []string{"top", "-d", "0.1"}}, {see: `PID`, send: "1"}, {see: `Cpu0`, send: "c"}, {see: `top -d`, send: "q", ends: true}},
		"htop":     {{run: []string{"htop", "-d", "1"}}, {see: `F10`, send: "t"}, {see: `F5List|F5Sorted|SortedF6`, send: "q", ends: true}},
		"nano":     {{run: []string{"nano", "-I", "note.txt"}}, {see: `GNU nano`, send: "hello ünïcode 漢字\rsecond line"}, {see: `second line`, send: "\x18"}, {see: `Save`, send: "n", ends: true}},
		"tmux":     {{run: []string{"tmux", "-f", "tmux.conf", "-S", "socket", "new-session", "bash --norc --noprofile"}}, {see: `[#$] `, send: "seq 100\r"}, {see: `100`, send: "\x02%"}, {see: `│`, send: "\x02\""}, {see: `───`, send: "echo pane-$((1+1))\r"}, {see: `pane-2`, send: "tmux -S socket kill-server\r", ends: true}},
		"git log":  {{run: []string{"git", "-c", "core.pager=less -R", "-c", "color.ui=always", "log", "--graph", "--stat"}}, {see: `commit`, send: "   "}, {send: "/change 3\r"}, {see: `change 3`, send: "q", ends: true}},
		"python":   {{run: []string{python, "-q"}}, {see: `>>>`, send: "x = 'äöü' * 30; print(x)\r"}, {see: `>>> $`, send: "\x1b[A\x01y = 1; \x05#\r"}, {see: `>>> $`, send: "import sy\t\t"}, {send: "\x15exit()\r", ends: true}},
		"bash":     {{run: shell}, {see: `\$ $`, send: "echo " + strings.Repeat("long ", 40)}, {see: `long`, send: "\x01\x1b[C\x1b[C\x0b\x19\x15"}, {send: "clear; ls --color=always /usr/bin | head -50; echo lis''ted\r"}, {see: `listed\n\$ $`, send: "\x12seq\x07exit\r", ends: true}},
		"menu":     {{run: []string{python, "menu.py"}}, {see: `Quit`, send: "j"}, {see: `chosen 1`, send: "j"}, {see: `chosen 2`, send: "j"}, {see: `chosen 3`, send: "jjjjjj"}, {see: `chosen 3[^\n]*\n[^\n]*chosen 4`, send: "q", ends: true}},
		"sheet":    {{run: []string{python, "sheet.py"}, ends: true}},
		"progress": {{run: []string{python, "progress.py"}, ends: true}},
		"flood":    {{run: []string{"sh", "-c", "seq 1 20000; yes 'all work and no play' | head -n 5000; echo over"}, ends: true}},
	}
}

// act is one step of a person, or the first one, which starts the program.
type act struct {
	run  []string
	see  string
	send string
	ends bool // the program ends by it
}

const progCols, progRows = 100, 30

// TestProgramsAreSeenAlike runs programs on a terminal and lets a viewer come at random moments: it sees what xterm.js
// shows to one who was there from the start.
func TestProgramsAreSeenAlike(t *testing.T) {
	t.Parallel()
	x := startXterm(t)
	for name, acts := range programs() {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			prepare(t, dir)
			all := record(t, dir, acts)
			r := rand.New(rand.NewPCG(7, uint64(len(name))))
			want := x.showSize(t, progCols, progRows, all)
			for range 8 {
				checkLate(t, x, all, 1+r.IntN(len(all)), r, want)
			}
		})
	}
}

// checkLate lets a viewer come within the n-th piece of output.
func checkLate(t *testing.T, x *xterm, all []step, n int, r *rand.Rand, want screen.State) {
	t.Helper()
	s := screen.New(progCols, progRows, screen.Config{HistoryLines: history})
	feed(s, all[:n-1])
	piece := all[n-1].Write
	cut := r.IntN(len(piece) + 1)
	s.Write(piece[:cut])
	late := []step{{Write: []byte("\x1bc\x1b[3J")}, {Write: s.Snapshot(), Silent: true}, {Write: piece[cut:]}}
	if diff := diffStates(want, x.showSize(t, progCols, progRows, append(late, all[n:]...))); diff != "" {
		t.Errorf("who came %d bytes into piece %d of %d sees another screen in the end (-stayed +late):\n%s", cut, n, len(all), diff)
	}
	// The screen at that very moment, too.
	before := append(append([]step{}, all[:n-1]...), step{Write: piece[:cut]})
	if diff := diffStates(x.showSize(t, progCols, progRows, before), x.showSize(t, progCols, progRows, late[:2])); diff != "" {
		t.Errorf("who came %d bytes into piece %d of %d sees another screen at first (-stayed +late):\n%s", cut, n, len(all), diff)
	}
}

// prepare makes what the programs work with.
func prepare(t *testing.T, dir string) {
	t.Helper()
	var text, long strings.Builder
	for i := 1; i <= 100; i++ {
		fmt.Fprintf(&text, "def line_%d(a, b='text'):  # comment\n    return %d\n", i, i)
	}
	for i := 1; i <= 1000; i++ {
		fmt.Fprintf(&long, "line %d \x1b[3%dmwith colour\x1b[0m\n", i, i%8)
	}
	for name, data := range map[string]string{"text.py": text.String(), "long.txt": long.String(), "tmux.conf": "set -g assume-paste-time 0\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"menu.py", "sheet.py", "progress.py"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script := "git init -q . && for n in 1 2 3 4 5 6; do echo $n > file && git add file && git -c user.name=ada -c user.email=ada@example.org commit -qm \"change $n\"; done"
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// record plays the acts and returns what the program wrote, in the pieces in which it came.
func record(t *testing.T, dir string, acts []act) []step {
	t.Helper()
	argv := acts[0].run
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "COLORTERM=truecolor", "LANG=C.UTF-8", "HOME="+dir, "PS1=$ ", "TMUX=", "PYTHON_BASIC_REPL=1")
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: progCols, Rows: progRows})
	if err != nil {
		t.Fatalf("start %v: %v (make setup-test installs what is missing)", argv, err)
	}
	p := &player{t: t, pieces: pieces(master), s: screen.New(progCols, progRows, screen.Config{}), limit: time.After(30 * time.Second)}
	defer func() {
		_ = cmd.Process.Kill() // most have ended
		for range p.pieces {   // to its end: the reader must not be left behind
		}
		_ = cmd.Wait()
		_ = master.Close()
	}()
	for _, a := range acts {
		if a.see != "" {
			p.until(a.see)
		}
		if a.send != "" {
			if _, err := io.WriteString(master, a.send); err != nil {
				t.Fatalf("type %q: %v", a.send, err)
			}
		}
		if a.ends {
			p.rest()
		}
	}
	return p.steps
}

// player reads a program's output and looks at it by the model.
type player struct {
	t      *testing.T
	pieces <-chan []byte
	s      *screen.Screen
	steps  []step
	// limit ends what hangs; nothing waits for it to pass.
	limit <-chan time.Time
}

// pieces reads what comes, until the terminal hangs up.
func pieces(master io.Reader) <-chan []byte {
	out := make(chan []byte)
	go func() {
		defer close(out)
		for {
			buf := make([]byte, 4096)
			n, err := master.Read(buf)
			if n > 0 {
				out <- buf[:n:n]
			}
			if err != nil {
				return
			}
		}
	}()
	return out
}

func (p *player) read() error {
	select {
	case piece, ok := <-p.pieces:
		if !ok {
			return io.EOF
		}
		p.s.Write(piece)
		p.steps = append(p.steps, step{Write: piece})
		return nil
	case <-p.limit:
		p.t.Fatalf("the program hangs; it shows\n%s", p.s.Text())
		return io.ErrNoProgress
	}
}

func (p *player) until(pattern string) {
	p.t.Helper()
	for re := regexp.MustCompile(pattern); !re.MatchString(p.s.Text()); {
		if err := p.read(); err != nil {
			p.t.Fatalf("waiting for %q: %v; it shows\n%s", pattern, err, p.s.Text())
		}
	}
}

func (p *player) rest() {
	for p.read() == nil {
	}
}

package screen_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"codingplatform/agent/screen"
)

// xterm is a process that runs the real xterm.js, without a page.
type xterm struct {
	mu  sync.Mutex
	in  io.WriteCloser
	out *bufio.Reader
}

func startXterm(tb testing.TB) *xterm {
	tb.Helper()
	cmd := exec.Command("node", "testdata/xterm.mjs", "../../e2e", "../../frontend/src/features/terminal/unicode-table.ts")
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		tb.Fatalf("start xterm.js: %v (make setup installs what it needs)", err)
	}
	tb.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			tb.Errorf("xterm.js: %v\n%s", err, stderr.String())
		}
	})
	return &xterm{in: in, out: bufio.NewReaderSize(out, 1<<20)}
}

// step is one thing that happens to a terminal.
type step struct {
	Write  []byte `json:"write,omitempty"`
	Resize []int  `json:"resize,omitempty"`
	// Silent: the terminal must not answer.
	Silent bool `json:"silent,omitempty"`
}

type request struct {
	Cols       int    `json:"cols"`
	Rows       int    `json:"rows"`
	Scrollback int    `json:"scrollback"`
	Steps      []step `json:"steps"`
}

// showSize is what xterm.js shows after the steps.
func (x *xterm) showSize(tb testing.TB, cols, rows int, steps []step) screen.State {
	tb.Helper()
	x.mu.Lock()
	defer x.mu.Unlock()
	data, err := json.Marshal(request{cols, rows, history, steps})
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := x.in.Write(append(data, '\n')); err != nil {
		tb.Fatalf("ask xterm.js: %v", err)
	}
	line, err := x.out.ReadBytes('\n')
	if err != nil {
		tb.Fatalf("xterm.js answered %q: %v", line, err)
	}
	var answer struct {
		screen.State
		Error string `json:"error"`
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		tb.Fatal(err)
	}
	if answer.Error != "" {
		tb.Fatalf("xterm.js: %s", answer.Error)
	}
	return answer.State
}

// history is how many lines are kept above the screen in tests.
const history = 50

func newScreen() *screen.Screen {
	return screen.New(cols, rows, screen.Config{HistoryLines: history})
}

// feed makes the steps happen to the model.
func feed(s *screen.Screen, steps []step) {
	for _, st := range steps {
		if st.Resize != nil {
			s.Resize(st.Resize[0], st.Resize[1])
		} else {
			s.Write(st.Write)
		}
	}
}

// checkModel compares the model with xterm.js.
func checkModel(tb testing.TB, x *xterm, steps []step) bool {
	tb.Helper()
	s := newScreen()
	feed(s, steps)
	if diff := cmp.Diff(x.showSize(tb, cols, rows, steps), s.State()); diff != "" {
		tb.Errorf("after %s the model differs (-xterm.js +model):\n%s", describe(steps), diff)
		return false
	}
	return true
}

// checkSnapshot compares a terminal that saw everything with one that got a snapshot after the first n steps.
func checkSnapshot(tb testing.TB, x *xterm, steps []step, n int) {
	tb.Helper()
	s := newScreen()
	feed(s, steps[:n])
	late := append([]step{{Write: []byte("\x1bc\x1b[3J")}, {Write: s.Snapshot(), Silent: true}}, steps[n:]...)
	nowCols, nowRows := s.Size()
	want, got := x.showSize(tb, cols, rows, steps), x.showSize(tb, nowCols, nowRows, late)
	if diff := cmp.Diff(want, got); diff != "" {
		tb.Errorf("who came after %d of %s with %q sees another screen (-stayed +late):\n%s", n, describe(steps), s.Snapshot(), diff)
	}
}

func describe(steps []step) string {
	var out strings.Builder
	for i, st := range steps {
		if i > 0 {
			out.WriteString(" + ")
		}
		if st.Resize != nil {
			fmt.Fprintf(&out, "resize %v", st.Resize)
		} else {
			fmt.Fprintf(&out, "%q", st.Write)
		}
	}
	return out.String()
}

func diffStates(want, got screen.State) string { return cmp.Diff(want, got) }

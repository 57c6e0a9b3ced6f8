package filesync_test

import (
	"bufio"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// appender is a program that has a file open and appends what it is told to.
type appender struct {
	w    *world
	in   io.WriteCloser
	out  *bufio.Reader
	wait func() error
}

func (w *world) appender(path string) *appender {
	w.tb.Helper()
	cmd := w.command("/bin/bash", "-c", `exec 3>>"$0"; echo open; while read -r line; do echo "$line" >&3; echo done; done`, path)
	in, err := cmd.StdinPipe()
	if err != nil {
		w.tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.tb.Fatal(err)
	}
	a := &appender{w: w, in: in, out: bufio.NewReader(out), wait: cmd.Wait}
	a.hear("open\n")
	return a
}

func (a *appender) hear(want string) {
	a.w.tb.Helper()
	if got, err := a.out.ReadString('\n'); err != nil || got != want {
		a.w.tb.Fatalf("the program says %q, %v", got, err)
	}
}

func (a *appender) append(line string) {
	a.w.tb.Helper()
	if _, err := io.WriteString(a.in, line+"\n"); err != nil {
		a.w.tb.Fatal(err)
	}
	a.hear("done\n")
}

func (a *appender) end() {
	a.w.tb.Helper()
	if err := a.in.Close(); err != nil {
		a.w.tb.Fatal(err)
	}
	if err := a.wait(); err != nil {
		a.w.tb.Fatal(err)
	}
}

func (w *world) untilTold(words string) {
	w.tb.Helper()
	w.until("it is told: "+words, func() (bool, string) {
		message := w.replicas[0].state().Message
		return strings.Contains(message, words) && (words != "" || message == ""), message
	})
}

func (w *world) wantDisk(path, want string) {
	w.tb.Helper()
	if got, err := os.ReadFile(filepath.Join(w.root, path)); err != nil || string(got) != want {
		w.tb.Errorf("%s holds %q, %v; want %q", path, got, err, want)
	}
}

// TestASaveOfAFileThatAProgramWrites: the program goes on in the file that everybody sees. What was saved waits until it has
// closed the file, which is told; when the program writes first, both versions are kept and a conflict is open.
func TestASaveOfAFileThatAProgramWrites(t *testing.T) {
	t.Parallel()
	w := running(t)
	program := w.appender("app.log")
	program.append("line 1")
	w.untilEqual()
	item, err := w.store.Item(t.Context(), w.session, "app.log")
	if err != nil {
		t.Fatal(err)
	}
	const edited = "emptied by the editor\n"
	if _, err := w.save("app.log", edited, &item.Revision); err != nil {
		t.Fatal(err)
	}
	w.untilTold("app.log: a program has it open for writing")
	w.wantDisk("app.log", "line 1\n")
	program.append("line 2")
	program.append("line 3")
	w.untilEqual()
	w.wantDisk("app.log", "line 1\nline 2\nline 3\n")
	if !w.contents("app.log")[sha256.Sum256([]byte(edited))] {
		t.Error("what was saved is in no history")
	}
	conflicts, err := w.store.OpenConflicts(t.Context(), w.session)
	if err != nil || len(conflicts) != 1 || conflicts[0].Path != "app.log" {
		t.Errorf("open conflicts: %+v, %v", conflicts, err)
	}
	w.untilTold("")

	if _, err := w.save("app.log", edited, nil); err != nil {
		t.Fatal(err)
	}
	w.untilTold("app.log: a program has it open for writing")
	program.end()
	w.untilEqual()
	w.wantDisk("app.log", edited)
	w.untilTold("")
}

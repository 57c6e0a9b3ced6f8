package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestAttachIsATerminal(t *testing.T) {
	t.Parallel()
	p := startProgram(t, dataDir(t))
	c := &client{t: t, url: p.url}
	c.register("ada")
	id := c.createSession("demo")
	s := newSeat(t, p.url)
	s.start("attach", "demo")
	s.until("backend login")
	s.ends(255)
	s.start("login")
	s.until("Username: ")
	s.typed("ada\rhorse\x03") // the password before its question, and given up
	s.ends(128 + int(syscall.SIGINT))
	if strings.Contains(s.text.String(), "horse") {
		t.Errorf("the password is shown: %q", s.text.String())
	}
	s.login("ada")

	s.start("attach", "demo")
	s.until("$ ")
	s.typed("stty size\r")
	s.until("30 100\r\n")
	s.typed("until [ \"$(stty size)\" = '40 120' ]; do sleep 0.02; done; echo resi''zed\r")
	s.resize(120, 40)
	s.until("resized\r\n")
	// The program says itself that it runs: between two commands, the interrupt would be the shell's.
	s.typed("sh -c 'echo sta\"\"rted; exec sleep 1000'\r")
	s.until("started\r\n")
	s.typed("\x03")
	s.until("$ ")
	s.typed("echo code=$?; alive=still\r")
	s.until("code=130\r\n")

	s.typed("echo a~.b\r~?")
	s.until("~.  detach")
	s.typed("~~\r")
	s.until("a~.b\r\n")
	s.typed("~.")
	s.ends(0)

	// The program lives on, and is found by the beginning of the session's ID.
	s.start("attach", "--escape", "%", id[:8], "1")
	s.typed("\recho is-$alive\r")
	s.until("is-still\r\n")
	s.typed("printf '\\033[?1049h\\033[?1000h\\033[?2004l\\033[?25l'; echo full; read; exit 7\r")
	s.until("full\r\n")
	s.typed("~.\r")
	s.ends(7)
	undone := s.text.String()[strings.LastIndex(s.text.String(), "full"):]
	for _, want := range []string{"\x1b[?1049l", "\x1b[?1000l", "\x1b[?25h"} {
		if !strings.Contains(undone, want) {
			t.Errorf("%q is not undone: %q", want, undone)
		}
	}

	// What has ended shows how, until another is asked for.
	s.start("attach", "demo", "1")
	s.ends(7)
	s.start("attach", "--restart", "--cwd", "", "demo", "1")
	s.until("$ ")
	s.typed("echo new-$alive-\r")
	s.until("new--\r\n")
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.ends(128 + int(syscall.SIGTERM))

	// Who only looks cannot type.
	s.start("attach", "--view", "demo")
	s.until("new--")
	s.typed("exit 9\r~.")
	s.ends(0)

	out, errs, code := s.piped(nil, "sessions")
	if code != 0 || !strings.Contains(out, id) || !strings.Contains(out, "demo") || !strings.Contains(out, "120x40") {
		t.Errorf("sessions: %d\n%s%s", code, out, errs)
	}
	s.start("attach", "nowhere")
	s.until("no session")
	s.ends(255)
}

func TestAttachSurvivesTheBackend(t *testing.T) {
	t.Parallel()
	dir, address := dataDir(t), freePort(t)
	p := startProcess(t, dir, "--listen", address)
	c := &client{t: t, url: p.url}
	c.register("ada")
	c.createSession("demo")
	s := newSeat(t, p.url)
	s.login("ada")
	s.start("attach", "demo")
	s.until("$ ")
	s.typed("echo; for i in $(seq 300); do echo tick $i; sleep 0.01; done; read x; echo got-$x-do''ne\r")
	s.until("tick 20\r\n")
	p.end(t, os.Kill)
	s.until("the connection is lost")
	s.typed("typed meanwhile\r")

	p = startProcess(t, dir, "--listen", address)
	s.until("connected again")
	s.until("got-typed meanwhile-done\r\n")
	s.typed("exit 3\r")
	s.ends(3)
	want := make([]string, 0, 300)
	for i := range 300 {
		want = append(want, fmt.Sprintf("tick %d", i+1))
	}
	inOrder(t, s.output(), want)
	p.end(t, os.Interrupt)
}

func TestAttachIsAPipe(t *testing.T) {
	t.Parallel()
	dir, address := dataDir(t), freePort(t)
	p := startProcess(t, dir, "--listen", address)
	c := &client{t: t, url: p.url}
	c.register("ada")
	c.createSession("demo")
	s := newSeat(t, p.url)
	out, errs, code := s.piped(strings.NewReader("correct horse battery\n"), "login", "--username", "ada", "--password-stdin")
	if code != 0 || out != "" {
		t.Fatalf("login: %d %q %q", code, out, errs)
	}
	stored := filepath.Join(s.config, "coding-platform", "credentials.json")
	if info, err := os.Stat(stored); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v %v", stored, info, err)
	}

	out, errs, code = s.piped(strings.NewReader("stty -echo\nPS1=; echo $((6*7))\nexit 4\n"), "attach", "demo", "script")
	if code != 4 || !strings.Contains(out, "42\r\n") {
		t.Errorf("a script: %d %q %q", code, out, errs)
	}
	out, errs, code = s.piped(nil, "attach", "demo", "command", "--", "sh", "-c", "stty -opost; echo out; kill -9 $$")
	if code != 137 || out != "out\n" {
		t.Errorf("a command: %d %q %q", code, out, errs)
	}

	// An output that nobody takes does not hold up the end.
	flood := s.command("attach", "demo", "flood", "--", "yes")
	untaken, err := flood.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := flood.Start(); err != nil {
		t.Fatal(err)
	}
	bounded(t, flood)
	if _, err := io.ReadFull(untaken, make([]byte, 100<<10)); err != nil {
		t.Fatal(err)
	}
	if err := flood.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := flood.Wait(); flood.ProcessState.ExitCode() != 128+int(syscall.SIGTERM) {
		t.Errorf("a pipe that nobody reads: %v", err)
	}

	// Both ways at once, with the backend killed in between: all there is, once.
	input := make([]byte, 4<<20)
	if _, err := rand.Read(input); err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(input)
	cmd := s.command("attach", "demo", "bytes", "--", "sh", "-c",
		fmt.Sprintf("stty raw -echo; echo ready; seq 200000 & head -c %d | sha256sum; wait", len(input)))
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	bounded(t, cmd)
	var got bytes.Buffer
	for !strings.Contains(got.String(), "ready\n") {
		if _, err := io.CopyN(&got, stdout, 1); err != nil {
			t.Fatalf("%v after %q", err, got.String())
		}
	}
	if _, err := stdin.Write(input[:2<<20]); err != nil {
		t.Fatal(err)
	}
	p.end(t, os.Kill)
	fed := make(chan error, 1)
	go func() {
		_, err := stdin.Write(input[2<<20:])
		fed <- err
	}()
	p = startProcess(t, dir, "--listen", address)
	if _, err := io.Copy(&got, stdout); err != nil {
		t.Fatal(err)
	}
	if err := <-fed; err != nil {
		t.Errorf("feed: %v", err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the pipe ended with %v", err)
	}
	var want strings.Builder
	for i := range 200000 {
		_, _ = fmt.Fprintln(&want, i+1)
	}
	sum := hex.EncodeToString(hash[:]) + "  -\n"
	if text := got.String(); !strings.Contains(text, sum) {
		t.Errorf("the program has read something else than was written: %q", text[max(0, len(text)-200):])
	} else if rest := strings.Replace(strings.TrimPrefix(text, "ready\n"), sum, "", 1); rest != want.String() {
		t.Errorf("%d bytes of output are not the %d that were written", len(rest), want.Len())
	}

	if _, errs, code = s.piped(nil, "logout"); code != 0 {
		t.Errorf("logout: %d %s", code, errs)
	}
	if _, errs, code = s.piped(nil, "sessions"); code != 1 || !strings.Contains(errs, "backend login") {
		t.Errorf("after logout: %d %s", code, errs)
	}
	p.end(t, os.Interrupt)
}

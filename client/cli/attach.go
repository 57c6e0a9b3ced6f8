package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"

	"codingplatform/client"
)

const (
	// exitAttach is for what goes wrong here, as ssh has it: smaller ones are the program's own.
	exitAttach = 255
	// exitSignal and the signal's number is how shells tell of a signal.
	exitSignal = 128
	// A stop waits this long for a terminal that takes no output.
	stopPatience = time.Second
	// A shorter loss of the connection is not worth a line.
	noticeableLoss = 500 * time.Millisecond
)

// errDetached is the end that a person asked for.
var errDetached = errors.New("detached")

// signalError is the end by a signal.
type signalError struct{ signal syscall.Signal }

// Error implements error.
func (e *signalError) Error() string { return "ended by " + e.signal.String() }

// attach is one run of the command.
type attach struct {
	cfg    config
	api    *client.API
	stdin  *os.File
	stdout io.Writer
	stderr io.Writer

	local *localTerm // nil when a terminal is missing on either side
	note  func(string)
}

// runAttach returns the exit code.
func runAttach(ctx context.Context, cfg config, api *client.API, stdin *os.File, stdout, stderr io.Writer) int {
	a := &attach{cfg: cfg, api: api, stdin: stdin, stdout: stdout, stderr: stderr}
	a.note = func(text string) { _, _ = fmt.Fprintf(stderr, "backend: %s\n", printable(text)) }
	code, err := a.run(ctx)
	interrupted, ok := errors.AsType[*signalError](err)
	switch {
	case ok:
		a.note(err.Error() + "; the program there goes on")
		return exitSignal + int(interrupted.signal)
	case errors.Is(err, errDetached):
		a.note("detached; the program goes on")
		return 0
	case errors.Is(err, client.ErrUnauthenticated):
		a.note(fmt.Sprintf("%s; sign in with: backend login --url %s", err, cfg.URL))
		return exitAttach
	case err != nil:
		a.note(err.Error())
		return exitAttach
	}
	return code
}

func (a *attach) run(ctx context.Context) (code int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	go func() {
		select {
		case s := <-signals:
			if number, ok := s.(syscall.Signal); ok {
				cancel(&signalError{number})
			}
		case <-ctx.Done():
		}
	}()

	session, err := findSession(ctx, a.api, a.cfg.args[0])
	if err != nil {
		return 0, orCause(ctx, err)
	}
	name := "1"
	if len(a.cfg.args) > 1 {
		name = a.cfg.args[1]
	}
	if a.cfg.Restart {
		if err := closeEnded(ctx, a.api, session, name); err != nil {
			return 0, orCause(ctx, err)
		}
	}
	options := client.Options{Session: session, Terminal: name, View: a.cfg.View, Cwd: a.cfg.Cwd, Command: a.cfg.command}
	if cols, rows, ok := a.size(); ok {
		options.Cols, options.Rows = cols, rows
	}
	outFile, ok := a.stdout.(*os.File)
	if ok && term.IsTerminal(int(outFile.Fd())) && term.IsTerminal(int(a.stdin.Fd())) {
		return a.interact(ctx, cancel, options)
	}
	return a.pipe(ctx, cancel, options)
}

// orCause prefers the reason why a context ended to what a call made of it.
func orCause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// size is that of the terminal here, wherever there is one.
func (a *attach) size() (cols, rows int, ok bool) {
	for _, f := range []any{a.stdout, a.stdin, a.stderr} {
		if file, isFile := f.(*os.File); isFile {
			if cols, rows, err := term.GetSize(int(file.Fd())); err == nil && cols > 0 && rows > 0 {
				return min(cols, 4096), min(rows, 4096), true
			}
		}
	}
	return 0, 0, false
}

// interact puts a terminal here on the terminal there.
func (a *attach) interact(ctx context.Context, cancel context.CancelCauseFunc, options client.Options) (int, error) {
	local, err := openLocalTerm(a.stdin, a.stdout, a.stderr)
	if err != nil {
		return 0, err
	}
	a.local = local
	defer func() {
		if err := local.restore(); err != nil {
			a.note("the terminal could not be restored: " + err.Error())
		}
	}()
	notices := newNotices(local.notice)
	options.Handle, options.OnState = local.handle, notices.tell
	t := a.api.Terminal(options)
	go func() {
		defer local.guard()
		notices.run(ctx)
	}()
	go func() {
		defer local.guard()
		a.passKeys(t, cancel)
	}()
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	go func() {
		defer local.guard()
		for {
			select {
			case <-resized:
				if cols, rows, ok := a.size(); ok {
					t.Resize(cols, rows)
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	exit, err := wait(ctx, local.guard, t)
	if err := local.restore(); err != nil {
		a.note("the terminal could not be restored: " + err.Error())
	}
	if err == nil && (exit.Reason != "" || exit.Signal != "") {
		a.note(fmt.Sprintf("the program has ended: %s", describe(exit)))
	}
	if err != nil {
		// What is said next begins on a line of its own.
		_, _ = io.WriteString(a.stderr, "\n")
	}
	return exit.Code, err
}

// wait runs the terminal, and gives up waiting for it when the output here is not taken any more.
func wait(ctx context.Context, guard func(), t *client.Terminal) (client.Exit, error) {
	type result struct {
		exit client.Exit
		err  error
	}
	done := make(chan result, 1)
	go func() {
		defer guard()
		exit, err := t.Run(ctx)
		done <- result{exit, err}
	}()
	select {
	case r := <-done:
		return r.exit, r.err
	case <-ctx.Done():
	}
	timer := time.NewTimer(stopPatience)
	defer timer.Stop()
	select {
	case r := <-done:
		return r.exit, r.err
	case <-timer.C:
		return client.Exit{}, context.Cause(ctx)
	}
}

func describe(exit client.Exit) string {
	if exit.Reason != "" {
		return exit.Reason
	}
	return exit.Signal
}

// passKeys sends what is typed here, but for commands to this program.
func (a *attach) passKeys(t *client.Terminal, cancel context.CancelCauseFunc) {
	keys := escapes{char: a.cfg.Escape}
	buffer := make([]byte, 32<<10)
	for {
		n, err := a.stdin.Read(buffer)
		for typed := buffer[:n]; len(typed) > 0; {
			pass, action, rest := keys.next(typed)
			// Who only looks types nothing; the end of the client shows elsewhere.
			if _, err := t.Write(pass); err != nil && !errors.Is(err, client.ErrViewOnly) {
				return
			}
			switch action {
			case escapeDetach:
				cancel(errDetached)
				return
			case escapeHelp:
				a.local.show(keys.help())
			case escapeNothing:
			}
			typed = rest
		}
		if err != nil {
			cancel(fmt.Errorf("read the terminal: %w", err))
			return
		}
	}
}

// pipe gives the program there this program's standard input, and its output to standard output.
func (a *attach) pipe(ctx context.Context, cancel context.CancelCauseFunc, options client.Options) (int, error) {
	out := &stream{out: a.stdout, notice: a.note}
	notices := newNotices(a.note)
	options.Stream, options.Handle, options.OnState = true, out.handle, notices.tell
	t := a.api.Terminal(options)
	go notices.run(ctx)
	if !options.View {
		go func() {
			// The end of the input is not the end of the program.
			_, err := io.Copy(t, a.stdin)
			if err != nil && !errors.Is(err, client.ErrClosed) {
				cancel(fmt.Errorf("pass the input on: %w", err))
			}
		}()
	}
	exit, err := wait(ctx, func() {}, t)
	if err != nil {
		return 0, err
	}
	if exit.Reason != "" {
		a.note("the program has ended: " + exit.Reason)
	}
	if out.missing {
		return 0, errors.New("output is missing")
	}
	return exit.Code, nil
}

// closeEnded forgets a terminal whose program has ended, so that an attach starts another.
func closeEnded(ctx context.Context, api *client.API, session, name string) error {
	terminals, err := api.Terminals(ctx, session)
	if err != nil {
		return err
	}
	for _, t := range terminals {
		if t.Name == name && !t.Running {
			return api.CloseTerminal(ctx, session, name)
		}
	}
	return nil
}

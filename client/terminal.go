package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"sync"
	"time"
)

const (
	// maxKept is how much sent but unconfirmed input is kept. Pings keep what can be under way far below it.
	maxKept = 8 << 20
	// maxUnsent is how much Write takes ahead of the socket.
	maxUnsent = 1 << 20
)

// Options of a Terminal. Session, Terminal and Handle are needed.
type Options struct {
	// Session is the session's UUID, Terminal the terminal's name.
	Session, Terminal string
	// ClientID counts this viewer's input; 1 to 64 of A-Za-z0-9_-. Empty: a random one.
	ClientID string
	// View only looks: the terminal is neither created nor sized nor typed into.
	View bool
	// Cols and Rows are the viewer's size, 1 to 4096; 0: 80 and 24.
	Cols, Rows int
	// Cwd and Command are of a terminal that this attach creates; empty: the login shell in the workspace's root.
	Cwd     string
	Command []string
	// Stream is for programs that want bytes and not a screen: there are no Snapshots, each byte from the first
	// attach on is told once, those that cannot be had are told as a Gap, and Run ends with ErrRestarted when
	// another program stands behind the name.
	Stream bool
	// Handle is given everything that is shown, one call at a time, in order, and keeps what it is given. Output
	// counts as rendered when it has returned; its error ends Run.
	Handle func(Event) error
	// OnState is told of the connection, from another goroutine than Handle's; it must not block. It may be nil.
	OnState func(State)
}

// Terminal is one viewer of one terminal. Its methods may be called at any time and from any goroutine.
type Terminal struct {
	api     *API
	options Options
	backoff *backoff
	events  *events
	wake    chan struct{} // capacity 1: the sender has something to look at

	// Of Run's goroutine.
	known        bool // there was an attach
	incarnation  string
	offset       uint64 // of the next byte to receive
	skip         uint64 // bytes that come again, of a stream
	snapshotLeft int

	mu       sync.Mutex
	room     *sync.Cond // Write waits for it
	input    input
	cols     int
	rows     int
	viewOnly bool
	closed   bool
	epoch    int
	rendered uint64 // of epoch
}

// Terminal makes a viewer; Run connects it.
func (a *API) Terminal(options Options) *Terminal {
	if options.ClientID == "" {
		options.ClientID = rand.Text()
	}
	if options.Cols == 0 || options.Rows == 0 {
		options.Cols, options.Rows = 80, 24
	}
	t := &Terminal{
		api: a, options: options, backoff: newBackoff(), events: newEvents(), wake: make(chan struct{}, 1),
		input: input{limit: maxKept}, cols: options.Cols, rows: options.Rows, viewOnly: options.View,
	}
	t.room = sync.NewCond(&t.mu)
	return t
}

// Write types p. It is kept until the server has it, and waits while much is unsent already. ErrViewOnly;
// ErrClosed once the program has ended, or Run.
func (t *Terminal) Write(p []byte) (int, error) {
	written := 0
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(p) > 0 {
		switch {
		case t.closed:
			return written, ErrClosed
		case t.viewOnly:
			return written, ErrViewOnly
		}
		n := min(len(p), maxUnsent-t.input.unsent())
		if n <= 0 {
			t.room.Wait()
			continue
		}
		t.input.push(p[:n])
		written += n
		p = p[n:]
		signal(t.wake)
	}
	return written, nil
}

// Resize is the viewer's new size, 1 to 4096 each.
func (t *Terminal) Resize(cols, rows int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cols, t.rows = cols, rows
	signal(t.wake)
}

// Run connects, and comes back whenever the connection breaks. It returns how the program ended; or a CloseError,
// ErrInputLost, ErrRestarted, the handler's error; or the context's cause. All that was received before the end
// has been handled then, unless the context ended. It waits for the handler, and passes its panic on. It may be
// called once.
func (t *Terminal) Run(ctx context.Context) (Exit, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	handled := guard(func() (err error) {
		defer func() { cancel(err) }() // also on a panic: then nobody takes events any more
		return t.handle(ctx)
	})
	exit, err := t.connectUntilDone(ctx)
	t.events.close()
	t.mu.Lock()
	t.closed = true
	t.room.Broadcast()
	t.mu.Unlock()
	if herr := (<-handled).unwrap(); herr != nil {
		err = herr
	}
	return exit, err
}

// outcome is how a guarded goroutine ended.
type outcome struct {
	err      error
	panicked any
	stack    []byte
}

// unwrap answers the error, and panics if the goroutine did.
func (o outcome) unwrap() error {
	if o.panicked != nil {
		panic(fmt.Sprintf("%v\n\nin the goroutine:\n%s", o.panicked, o.stack))
	}
	return o.err
}

// guard runs f in a goroutine whose panic reaches who waits for it, so that his deferred calls are made.
func guard(f func() error) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			if o.panicked = recover(); o.panicked != nil {
				o.stack = debug.Stack()
			}
			done <- o
		}()
		o.err = f()
	}()
	return done
}

// handle gives the caller what was received.
func (t *Terminal) handle(ctx context.Context) error {
	for {
		item, ok, err := t.events.pop(ctx)
		if err == nil && ok {
			err = t.options.Handle(item.event)
		}
		if err != nil || !ok {
			return err
		}
		t.mu.Lock()
		if item.epoch == t.epoch {
			t.rendered = max(t.rendered, item.rendered)
		}
		t.mu.Unlock()
		// Also after an event that shows nothing: with none left, what was shown before it is acknowledged.
		signal(t.wake)
	}
}

func (t *Terminal) connectUntilDone(ctx context.Context) (Exit, error) {
	for {
		t.tell(State{Phase: Connecting})
		exit, err := t.connect(ctx)
		switch {
		case exit != nil:
			return *exit, nil
		case ctx.Err() != nil:
			return Exit{}, context.Cause(ctx)
		}
		broken, ok := errors.AsType[*brokenError](err)
		if !ok {
			return Exit{}, err
		}
		wait := t.backoff.next(broken.atOnce)
		t.tell(State{Phase: Lost, Err: broken.err, Wait: wait})
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return Exit{}, context.Cause(ctx)
		}
	}
}

func (t *Terminal) tell(s State) {
	if t.options.OnState != nil {
		t.options.OnState(s)
	}
}

// brokenError is an end of a connection after which the client comes back.
type brokenError struct {
	err    error
	atOnce bool
}

// Error implements error.
func (e *brokenError) Error() string { return e.err.Error() }

// Unwrap implements errors.Unwrap.
func (e *brokenError) Unwrap() error { return e.err }

// query is the address's, and the size in it.
func (t *Terminal) query() (q url.Values, cols, rows int) {
	t.mu.Lock()
	cols, rows = t.cols, t.rows
	t.mu.Unlock()
	o := t.options
	q = url.Values{
		"session": {o.Session}, "terminal": {o.Terminal}, "client": {o.ClientID},
		"cols": {strconv.Itoa(cols)}, "rows": {strconv.Itoa(rows)},
	}
	if o.View {
		q.Set("mode", "view")
	}
	if o.Cwd != "" {
		q.Set("cwd", o.Cwd)
	}
	if len(o.Command) > 0 {
		q["command"] = o.Command
	}
	// A snapshot that broke off is asked for afresh; a stream has no use for it.
	if t.known && (t.snapshotLeft == 0 || o.Stream) {
		q.Set("incarnation", t.incarnation)
		q.Set("offset", strconv.FormatUint(t.offset, 10))
	}
	return q, cols, rows
}

// refusedHandshake judges an HTTP answer to the handshake. A proxy may give any; only what is surely about the
// caller is final.
func refusedHandshake(res *http.Response) error {
	if res == nil {
		return nil
	}
	switch res.StatusCode {
	case http.StatusUnauthorized:
		return &CloseError{Reason: res.Status, kind: ErrUnauthenticated}
	case http.StatusForbidden:
		return &CloseError{Reason: res.Status, kind: ErrForbidden}
	}
	return nil
}

package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
)

const (
	handshakeTimeout = 15 * time.Second
	// The server pings every 20 s. A socket that is silent for longer than two pings is dead.
	silence = 45 * time.Second
	// maxMessage bounds a frame: the largest is a snapshot with its scrollback.
	maxMessage = 64 << 20
	// goodbye is how long the server has to answer a close.
	goodbye = time.Second
)

// conn is one socket of a Terminal.
type conn struct {
	t  *Terminal
	ws *websocket.Conn
	// silent ends the socket when nothing comes.
	silent *time.Timer
	// complaint is the last error message, of the reader.
	complaint string

	// Under Terminal.mu.
	attached   bool
	cols, rows int // as the server knows them
	acked      uint64
	epoch      int  // of acked
	told       bool // the first acknowledgement was sent, or comes with what follows the picture of the screen
	pinged     uint64
	answered   uint64
	pinging    bool
}

// connect opens a socket and serves it until it ends. A *brokenError says: come back.
func (t *Terminal) connect(ctx context.Context) (*Exit, error) {
	c := &conn{t: t}
	query, cols, rows := t.query()
	c.cols, c.rows = cols, rows
	address := t.api.base.JoinPath("ws")
	address.Scheme = strings.Replace(address.Scheme, "http", "ws", 1)
	address.RawQuery = query.Encode()

	dialing, cancel := context.WithTimeout(ctx, handshakeTimeout)
	ws, res, err := websocket.Dial(dialing, address.String(), &websocket.DialOptions{
		HTTPClient: t.api.http,
		HTTPHeader: http.Header{"Authorization": {"Bearer " + t.api.token}},
		OnPingReceived: func(context.Context, []byte) bool {
			c.heard()
			return true
		},
	})
	cancel()
	if err != nil {
		if err := refusedHandshake(res); err != nil {
			return nil, err
		}
		return nil, &brokenError{err: fmt.Errorf("connect to %s: %w", t.api.base.Host, err)}
	}
	defer func() { _ = ws.CloseNow() }()
	ws.SetReadLimit(maxMessage)
	c.ws = ws
	c.silent = time.AfterFunc(silence, func() { _ = ws.CloseNow() })
	defer c.silent.Stop()
	return c.serve(ctx)
}

func (c *conn) heard() { c.silent.Reset(silence) }

func (c *conn) serve(ctx context.Context) (*Exit, error) {
	// Not ctx: a read that is cancelled breaks the socket, and the server shall learn that the client left.
	reading, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	gone := make(chan struct{})
	leave := context.AfterFunc(ctx, func() {
		defer close(gone)
		c.leave(func() { stop(context.Cause(ctx)) })
	})
	sent := guard(func() error {
		err := c.send(reading)
		if err != nil {
			// The reader has the reason, or gets this one.
			stop(err)
		}
		return err
	})
	exit, err := c.read(ctx, reading)
	if !leave() {
		<-gone
	}
	stop(err)
	_ = c.ws.CloseNow()
	// Its error is the reader's too.
	_ = (<-sent).unwrap()
	return exit, err
}

// leave says goodbye and waits a moment for the answer.
func (c *conn) leave(stop func()) {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = c.ws.Close(websocket.StatusNormalClosure, "")
	}()
	timer := time.NewTimer(goodbye)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C:
	}
	stop()
	_ = c.ws.CloseNow()
	<-closed
}

// read takes frames until the socket or the program ends.
func (c *conn) read(ctx, reading context.Context) (*Exit, error) {
	for {
		c.heard()
		kind, data, err := c.ws.Read(reading)
		if err != nil {
			return nil, c.judge(err)
		}
		// What is read waits for the handler at times; that is not the server's silence.
		c.silent.Stop()
		if kind == websocket.MessageBinary {
			if err := c.output(ctx, data); err != nil {
				return nil, err
			}
			continue
		}
		exit, err := c.text(ctx, data)
		if exit != nil || err != nil {
			return exit, err
		}
	}
}

func (c *conn) judge(err error) error {
	code := websocket.CloseStatus(err)
	reason := ""
	if closed, ok := errors.AsType[websocket.CloseError](err); ok {
		reason = closed.Reason
	}
	if reason == "" {
		reason = c.complaint
	}
	if code != -1 {
		if err := final(code, reason); err != nil {
			return err
		}
	}
	return &brokenError{err: err, atOnce: restarting(code)}
}

func (c *conn) text(ctx context.Context, data []byte) (*Exit, error) {
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(data, &kind); err != nil {
		return nil, &brokenError{err: fmt.Errorf("read a message: %w", err)}
	}
	switch kind.Type {
	case "exit":
		var exit Exit
		if err := json.Unmarshal(data, &exit); err != nil {
			return nil, &brokenError{err: fmt.Errorf("read the exit: %w", err)}
		}
		return &exit, nil
	case "error":
		var m errorMessage
		if err := json.Unmarshal(data, &m); err != nil {
			return nil, &brokenError{err: fmt.Errorf("read an error: %w", err)}
		}
		c.complaint = m.Message
		return nil, nil //nolint:nilnil // neither an end nor a failure: the close follows
	case "status", "attached", "size", "gap", "title":
	default:
		return nil, nil //nolint:nilnil // types that are not known are ignored, says the protocol
	}
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, &brokenError{err: fmt.Errorf("read %s: %w", kind.Type, err)}
	}
	switch m.Type {
	case "status":
		text := m.Message
		if m.Reason != "" && m.Reason != m.Message {
			text += ": " + m.Reason
		}
		c.t.tell(State{Phase: Starting, Environment: m.Phase, Message: text})
	case "attached":
		return nil, c.attach(ctx, m)
	case "size":
		return nil, c.push(ctx, Resized{m.Cols, m.Rows}, 0)
	case "title":
		return nil, c.push(ctx, Titled{m.Title}, 0)
	case "gap":
		return nil, c.gap(ctx, m)
	}
	return nil, nil //nolint:nilnil // as above
}

func (c *conn) attach(ctx context.Context, m message) error {
	t := c.t
	restarted := t.known && (m.Created || m.Incarnation != t.incarnation)
	if restarted && t.options.Stream {
		return ErrRestarted
	}
	first := !t.known
	reset := m.Reset || restarted

	t.mu.Lock()
	var err error
	switch {
	case first:
		t.input.begin(m.InputOffset)
	case restarted:
		t.input.restart(m.InputOffset)
	default:
		// A socket is in order: what is under way on it arrives. Only a new one has to be told again.
		err = t.input.confirm(m.InputOffset, !c.attached)
	}
	t.viewOnly = t.options.View || m.Mode == "view"
	if reset {
		t.epoch++
		t.rendered = m.Offset
	}
	if !c.attached || reset {
		c.acked, c.epoch = m.Offset, t.epoch
	}
	if m.Reset && m.Snapshot > 0 {
		c.told = true // the picture counts once it is shown: the first comes with what follows it
	}
	if !c.attached || restarted {
		c.pinged, c.answered = t.input.sent, t.input.sent
	}
	c.attached = true
	t.room.Broadcast()
	viewOnly := t.viewOnly
	t.mu.Unlock()
	if err != nil {
		return err
	}

	wanted := t.offset
	t.known, t.incarnation, t.offset, t.skip, t.snapshotLeft = true, m.Incarnation, m.Offset, 0, 0
	if m.Reset {
		t.snapshotLeft = m.Snapshot
	}
	t.backoff.reset()
	t.tell(State{Phase: Online})
	signal(t.wake)
	event := Attached{
		Terminal: m.Terminal, Incarnation: m.Incarnation, Offset: m.Offset, Cols: m.Cols, Rows: m.Rows, Reset: reset,
		Snapshot: t.snapshotLeft, Created: m.Created, Restarted: restarted, ViewOnly: viewOnly, Title: m.Title,
	}
	if !t.options.Stream || first {
		return c.push(ctx, event, m.Offset)
	}
	event.Reset, event.Snapshot, event.Offset = false, 0, wanted
	if m.Offset < wanted {
		t.offset, t.skip = wanted, wanted-m.Offset
	}
	if err := c.push(ctx, event, 0); err != nil || m.Offset <= wanted {
		return err
	}
	return c.push(ctx, Gap{wanted, m.Offset}, m.Offset)
}

func (c *conn) gap(ctx context.Context, m message) error {
	t := c.t
	if t.options.Stream {
		// A reset that came before has told it already.
		if m.To <= t.offset {
			return nil
		}
		m.From = t.offset
	}
	t.offset, t.skip = max(t.offset, m.To), 0
	return c.push(ctx, Gap{m.From, m.To}, m.To)
}

func (c *conn) output(ctx context.Context, data []byte) error {
	t := c.t
	if n := min(t.snapshotLeft, len(data)); n > 0 {
		t.snapshotLeft -= n
		if !t.options.Stream {
			if err := c.push(ctx, Snapshot{data[:n]}, 0); err != nil {
				return err
			}
		}
		data = data[n:]
	}
	if n := min(t.skip, uint64(len(data))); n > 0 {
		t.skip -= n
		data = data[n:]
	}
	if len(data) == 0 {
		return nil
	}
	event := Output{t.offset, data}
	t.offset += uint64(len(data))
	return c.push(ctx, event, t.offset)
}

// push queues an event; rendered is acknowledged once it has been handled.
func (c *conn) push(ctx context.Context, event Event, rendered uint64) error {
	// Only this goroutine changes the epoch.
	return c.t.events.push(ctx, queued{event, c.t.epoch, rendered})
}

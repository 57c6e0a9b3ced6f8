package recording

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/sync/errgroup"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

const (
	// What has been taken is stored this often, and at once when it is this much.
	flushEvery = time.Second
	flushBytes = 64 << 10
	// settleTimeout is how long a recording that is to end waits, while nothing comes, for what the terminal has printed
	// by then. It counts from when the terminal is reached; one that cannot be reached is an error before.
	settleTimeout = 2 * time.Second
	// lastFlushTimeout bounds the store of what was taken when the recorder itself has to go.
	lastFlushTimeout = 2 * time.Second
)

// errDone says that the recording has ended, and the row says so.
var errDone = errors.New("the recording has ended")

// recorder takes part in one recording: from the row's cursor until it ends or something breaks.
type recorder struct {
	cfg    Config
	row    backend.Recording
	loaded time.Time // when row was read

	mu     sync.Mutex
	enc    encoder
	cursor backend.RecordingCursor // of what is stored
	size   int64                   // of what is stored
	// incarnation and offset are those of the next byte to come.
	incarnation string
	offset      uint64
	cols, rows  uint32
	// target is set when the recording shall end at that offset, settled is how far it was when that was looked at last.
	target  *uint64
	settled uint64
	// broken says that an append has failed: what is stored is not known.
	broken bool
	ended  bool
}

func newRecorder(cfg Config, row backend.Recording) *recorder {
	return &recorder{
		cfg: cfg, row: row, loaded: time.Now(), cursor: row.Cursor, size: row.Size, enc: encoder{last: row.Duration},
		cols: uint32(row.Cols), rows: uint32(row.Rows), //nolint:gosec // 1 to 4096 in the database
	}
}

// now is the time since the recording's start.
func (r *recorder) now() time.Duration { return r.row.Age + time.Since(r.loaded) }

// run records until the recording has ended (nil), ctx ends, or something breaks. stop asks for the end.
func (r *recorder) run(ctx context.Context, stop <-chan struct{}) error {
	err := r.record(ctx, stop)
	if errors.Is(err, errDone) {
		return nil
	}
	// Without it only the agent's ring would still have it.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlushTimeout)
	defer cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(err, r.flush(last))
}

func (r *recorder) record(ctx context.Context, stop <-chan struct{}) error {
	// The stream shall end with the group: its reader waits for nothing else.
	g, running := errgroup.WithContext(ctx)
	stream, err := r.cfg.Conn.Attach(running, r.open())
	if err != nil {
		return errors.Join(err, g.Wait())
	}
	defer func() { _ = stream.Close() }() // an error says that it is closed already
	g.Go(func() error {
		for {
			m, err := stream.Receive()
			if err == nil {
				err = r.take(running, m)
			} else {
				err = r.lost(running, err)
			}
			if err != nil {
				return err
			}
		}
	})
	g.Go(func() error { return r.tend(running, stop) })
	return g.Wait()
}

func (r *recorder) open() *agentv1.AttachOpen {
	open := &agentv1.AttachOpen{
		Terminal: r.row.Terminal, ClientId: "recorder-" + string(r.row.ID), Mode: agentv1.TerminalMode_TERMINAL_MODE_VIEW, Recorder: true,
		Incarnation: r.cursor.Incarnation,
	}
	if r.cursor.Incarnation != "" {
		offset := uint64(max(r.cursor.Offset, 0))
		open.Offset = &offset
	}
	return open
}

// tend stores what has been taken every now and then, and ends the recording when stop says so.
func (r *recorder) tend(ctx context.Context, stop <-chan struct{}) error {
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	var settled <-chan time.Time
	for {
		var err error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
			r.mu.Lock()
			err = r.flush(ctx)
			r.mu.Unlock()
		case <-stop:
			stop = nil
			settled = time.After(settleTimeout)
			err = r.settle(ctx)
		case <-settled:
			r.mu.Lock()
			if r.comes() {
				settled = time.After(settleTimeout)
			} else {
				err = r.end(ctx)
			}
			r.mu.Unlock()
		}
		if err != nil {
			return err
		}
	}
}

// settle lets the recording end with what the terminal has printed by now.
func (r *recorder) settle(ctx context.Context) error {
	response, err := r.cfg.Conn.Terminals.ListTerminals(ctx, connect.NewRequest(&agentv1.ListTerminalsRequest{}))
	if err != nil {
		return agentconn.Error("list the terminals", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.settled = r.offset
	for _, info := range response.Msg.GetTerminals() {
		if info.GetName() == r.row.Terminal || slices.Contains(info.GetFormerNames(), r.row.Terminal) {
			offset := info.GetOffset()
			r.target = &offset
		}
	}
	if r.target == nil {
		return r.end(ctx) // closed meanwhile
	}
	return r.arrived(ctx)
}

// arrived ends the recording when it has what it was to end with. Under mu.
func (r *recorder) arrived(ctx context.Context) error {
	// Before it is attached it has nothing.
	if r.target == nil || r.incarnation == "" || r.offset < *r.target {
		return nil
	}
	return r.end(ctx)
}

// comes says whether the recording may still get what it is to end with: the terminal is not reached yet, or more has
// come since the last look. Under mu.
func (r *recorder) comes() bool {
	before := r.settled
	r.settled = r.offset
	return r.incarnation == "" || r.offset != before
}

// lost says what the end of the stream means.
func (r *recorder) lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err = agentconn.Error("record the terminal", err)
	if !errors.Is(err, io.EOF) && backend.CodeOf(err) != backend.CodeNotFound {
		return err
	}
	// The terminal was closed.
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.end(ctx)
}

// take makes events of one message. What the message holds is used before it returns.
func (r *recorder) take(ctx context.Context, m *agentv1.AttachTerminalResponse) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.now()
	switch m := m.GetMessage().(type) {
	case *agentv1.AttachTerminalResponse_Attached:
		return r.attached(ctx, at, m.Attached)
	case *agentv1.AttachTerminalResponse_Output:
		r.enc.output(at, m.Output.GetData())
		r.offset = m.Output.GetOffset() + uint64(len(m.Output.GetData()))
	case *agentv1.AttachTerminalResponse_Size:
		r.resize(at, m.Size.GetCols(), m.Size.GetRows())
	case *agentv1.AttachTerminalResponse_Exit:
		return r.end(ctx)
	case *agentv1.AttachTerminalResponse_Gap, *agentv1.AttachTerminalResponse_Title:
		// The present screen follows a gap; titles are in the output.
		return nil
	}
	if len(r.enc.lines) >= flushBytes {
		if err := r.flush(ctx); err != nil {
			return err
		}
	}
	return r.arrived(ctx)
}

func (r *recorder) attached(ctx context.Context, at time.Duration, a *agentv1.TerminalAttached) error {
	if r.cursor.Incarnation != "" && r.cursor.Incarnation != a.GetIncarnation() {
		// Another terminal of that name: the one that was recorded has been closed.
		return r.end(ctx)
	}
	first := r.cursor.Incarnation == ""
	r.incarnation, r.offset = a.GetIncarnation(), a.GetOffset()
	r.resize(at, a.GetCols(), a.GetRows())
	if a.GetReset_() {
		r.enc.redraw(at, a.GetSnapshot())
	}
	if first {
		// Whoever started the recording waits for its first chunk.
		if err := r.flush(ctx); err != nil {
			return err
		}
	}
	return r.arrived(ctx)
}

func (r *recorder) resize(at time.Duration, cols, rows uint32) {
	if cols != r.cols || rows != r.rows {
		r.cols, r.rows = cols, rows
		r.enc.resize(at, cols, rows)
	}
}

// flush stores what has been taken, and ends the recording when that is more than it may hold. Under mu.
func (r *recorder) flush(ctx context.Context) error {
	if len(r.enc.lines) == 0 || r.ended {
		return nil
	}
	return r.append(ctx, false)
}

// end stores what is left, and the end. Under mu.
func (r *recorder) end(ctx context.Context) error {
	r.enc.finish(r.now())
	return r.append(ctx, true)
}

// append stores a chunk; errDone when it was the last one. Under mu.
func (r *recorder) append(ctx context.Context, end bool) error {
	if r.ended {
		return errDone
	}
	if r.broken {
		return backend.Errorf(backend.CodeUnavailable, "what is stored of the recording is not known")
	}
	data, reason := r.enc.lines, ""
	if left := r.cfg.MaxBytes - r.size; int64(len(data)) > left {
		data = data[:bytes.LastIndexByte(data[:max(left, 0)], '\n')+1]
		end, reason = true, fmt.Sprintf("the recording has reached its largest size, %s", inWords(r.cfg.MaxBytes))
	}
	chunk := backend.RecordingChunk{
		ID: r.row.ID, Data: data, Duration: r.enc.last, At: r.cursor, Cursor: r.cursor, End: end, Error: reason,
	}
	if len(data) > 0 {
		chunk.Cursor.Chunks++
	}
	if r.incarnation != "" {
		chunk.Cursor.Incarnation = r.incarnation
		chunk.Cursor.Offset = int64(r.offset) - int64(len(r.enc.rest)) //nolint:gosec // bytes that were printed
	}
	if err := r.cfg.Store.AppendRecording(ctx, r.cfg.Lease, chunk); err != nil {
		r.broken = true
		return err
	}
	r.cursor = chunk.Cursor
	r.size += int64(len(data))
	r.enc.lines = r.enc.lines[:0]
	if cap(r.enc.lines) > 4*flushBytes {
		r.enc.lines = nil // a snapshot was large
	}
	if end {
		r.ended = true
		return errDone
	}
	return nil
}

// inWords writes a size as a person does.
func inWords(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

package terminal

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
	"unicode/utf8"
)

// Attach is how a viewer wants to see a terminal.
type Attach struct {
	// Client counts the input; 1 to 64 characters. A newer viewer of the same client replaces an older one.
	Client string
	// ViewOnly viewers neither type nor size nor pace.
	ViewOnly bool
	// Resume asks for output from Offset on, which counts only for Incarnation.
	Resume      bool
	Offset      uint64
	Incarnation string
	// Size is the viewer's; the zero value does not size the terminal.
	Size Size
	// Acks says that the viewer calls Ack; else what Next has handed out counts as rendered at its next call, until
	// it calls Ack for the first time.
	Acks bool
	// Window is how many bytes Next hands out beyond the last acknowledged one; 0: 131,072.
	Window uint32
	// Name is what others are told of the viewer; at most 64 characters.
	Name string
	// Recorder says that the viewer records: it only looks, and is not told of as one who is here.
	Recorder bool
}

// The kinds of Event.
type (
	// Event is one of Attached, Output, Resized, Gap, Retitled and Exit.
	Event interface{ event() }

	// Attached starts or restarts the output of a viewer.
	Attached struct {
		Terminal, Incarnation string
		// Offset is that of the next output byte.
		Offset uint64
		// InputOffset is how many bytes of this client have been taken.
		InputOffset uint64
		Size        Size
		// Reset says: clear the screen and write Snapshot first, which is empty for a terminal that was just created.
		Reset    bool
		Snapshot []byte
		Title    string
		Created  bool
	}
	// Output is what the program wrote. Data is in the buffer given to Next.
	Output struct {
		Offset uint64
		Data   []byte
	}
	// Resized is the terminal's new size.
	Resized struct{ Size Size }
	// Gap says that a viewer that resumed at an offset will not get the bytes From..To (To excluded).
	Gap struct{ From, To uint64 }
	// Retitled is the terminal's new title.
	Retitled struct{ Title string }
)

func (Attached) event() {}
func (Output) event()   {}
func (Resized) event()  {}
func (Gap) event()      {}
func (Retitled) event() {}
func (Exit) event()     {}

// Viewer is one attached viewer. Close must be called.
type Viewer struct {
	t        *Terminal
	client   string
	name     string
	viewOnly bool
	recorder bool
	exact    bool // it resumed at an offset, or began with the program: what it misses is told
	window   uint64
	wake     chan struct{}

	// Under Terminal.mu.
	acks         bool
	size         Size
	visible      bool
	parked       bool
	stalled      time.Time // since when the pump waits for it
	lagging      bool      // the pump waits because it would lose output
	patience     time.Duration
	patienceAt   time.Time
	inputBlocked int    // calls of Input that wait, and with them the viewer's acks
	pos          uint64 // the next byte to hand out
	sent         int    // how many bytes were handed out last, and when
	sentAt       time.Time
	gathering    *time.Timer // wakes it for what was gathered; armed says that it will
	armed        bool
	acked        uint64
	drawn        uint64 // what came before is not waited for: where it began, or its last picture of the screen
	reset        bool   // the next Attached redraws
	fresh        bool   // no Attached yet
	created      bool
	gap          *Gap      // told after the first Attached
	redraw       *Attached // told after a Gap
	sizes        uint64
	titles       uint64
	waiting      bool
	exited       bool
	err          error
}

func (t *Terminal) attach(a Attach, created bool) (*Viewer, error) {
	if a.Client == "" || len(a.Client) > maxClientID {
		return nil, fmt.Errorf("%w: a client ID has 1 to %d characters", ErrInvalid, maxClientID)
	}
	if a.Size != (Size{}) && !a.Size.valid() {
		return nil, fmt.Errorf("%w: size %dx%d is not within 1 to %d", ErrInvalid, a.Size.Cols, a.Size.Rows, maxSize)
	}
	if utf8.RuneCountInString(a.Name) > maxViewerName {
		return nil, fmt.Errorf("%w: a viewer's name has at most %d characters", ErrInvalid, maxViewerName)
	}
	v := &Viewer{
		t: t, client: a.Client, name: a.Name, viewOnly: a.ViewOnly || a.Recorder, recorder: a.Recorder, acks: a.Acks,
		window: uint64(a.Window), wake: make(chan struct{}, 1), size: a.Size, visible: true, fresh: true, reset: true,
		created: created, patience: maxPatience, patienceAt: time.Now(),
	}
	if v.window == 0 {
		v.window = defaultWindow
	}
	t.input.hold(v.client, +1)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, other := range slices.Clone(t.viewers) {
		if other.client == v.client {
			other.endLocked(ErrReplaced)
		}
	}
	delete(t.lost, v.client)
	v.pos = t.ring.End()
	from, exact := a.Offset, a.Resume && a.Incarnation == t.incarnation && a.Offset <= t.ring.End()
	if created {
		// The program may have written already, and whoever started it gets all that it writes.
		from, exact = 0, true
	}
	if exact {
		v.exact = true
		if from >= t.ring.Start() {
			v.pos, v.reset = from, false
		} else {
			v.gap = &Gap{From: from}
		}
	}
	v.acked, v.drawn = v.pos, v.pos
	t.viewers = append(t.viewers, v)
	t.resizeLocked()
	t.resumeLocked()
	v.sizes, v.titles = t.sizes, t.titles
	if !v.reset {
		v.sizes = t.sizesAtLocked(v.pos)
	}
	return v, nil
}

// Next says what the viewer has to be told now, or nil when there is nothing: then Wait. The first event is
// Attached. buf takes the bytes of an Output, MaxOutput at most, and may be used again at the next call.
// Errors: io.EOF after Exit; ErrReplaced.
func (v *Viewer) Next(buf []byte) (Event, error) {
	t := v.t
	t.mu.Lock()
	defer t.mu.Unlock()
	if !v.acks {
		v.ackLocked(v.pos)
	}
	switch {
	case v.err != nil:
		return nil, v.err
	case v.fresh:
		v.fresh = false
		return v.attachedLocked(), nil
	case v.gap != nil:
		gap := *v.gap
		v.gap = nil
		return gap, nil
	case v.redraw != nil:
		redraw := *v.redraw
		v.redraw = nil
		return redraw, nil
	case v.titles != t.titles:
		v.titles = t.titles
		return Retitled{Title: t.title}, nil
	}
	// A hidden viewer is not fed, but for the end of a program that exited.
	if v.visible || t.exit != nil {
		if v.pos < t.ring.Start() {
			from := v.pos
			v.reset = true
			redraw := v.attachedLocked()
			if v.exact {
				v.redraw = &redraw
				return Gap{From: from, To: redraw.Offset}, nil
			}
			return redraw, nil
		}
		if resized, ok := v.resizedLocked(); ok {
			return resized, nil
		}
		if v.pos < t.ring.End() && v.gathersLocked(time.Now()) {
			v.waiting = true
			return nil, nil //nolint:nilnil // no event is an answer here: see below
		}
		room := v.window - min(v.pos-v.acked, v.window)
		n := min(uint64(min(len(buf), MaxOutput)), room, v.untilResizeLocked())
		if n := t.ring.CopyAt(buf[:n], v.pos); n > 0 {
			out := Output{Offset: v.pos, Data: buf[:n]}
			v.pos += uint64(n)
			v.sent, v.sentAt = n, time.Now()
			return out, nil
		}
		if t.exit != nil && v.pos == t.ring.End() {
			if v.exited {
				return nil, io.EOF
			}
			v.exited = true
			return *t.exit, nil
		}
	}
	v.waiting = true
	return nil, nil //nolint:nilnil // no event is an answer here: see above
}

// sizesAtLocked counts the changes of size that came before the output at offset, as far as they are remembered.
func (t *Terminal) sizesAtLocked(offset uint64) uint64 {
	n := t.sizes
	for _, r := range slices.Backward(t.resizes) {
		if r.offset < offset {
			break
		}
		n--
	}
	return n
}

// nextResizeLocked is the first change of size that the viewer was not told of.
func (v *Viewer) nextResizeLocked() (resize, bool) {
	missing := v.t.sizes - v.sizes
	if missing == 0 {
		return resize{}, false
	}
	kept := uint64(len(v.t.resizes))
	return v.t.resizes[kept-min(missing, kept)], true
}

// resizedLocked is a change of size that comes before the next byte.
func (v *Viewer) resizedLocked() (Resized, bool) {
	next, ok := v.nextResizeLocked()
	if !ok || next.offset > v.pos {
		return Resized{}, false
	}
	v.sizes = max(v.sizes+1, v.t.sizes-uint64(len(v.t.resizes))+1)
	return Resized{Size: next.size}, true
}

// untilResizeLocked is how much output comes before the next change of size.
func (v *Viewer) untilResizeLocked() uint64 {
	if next, ok := v.nextResizeLocked(); ok {
		return next.offset - v.pos
	}
	return math.MaxUint64
}

func (v *Viewer) attachedLocked() Attached {
	t := v.t
	a := Attached{
		Terminal: t.name, Incarnation: t.incarnation, Size: t.size, Title: t.title, Created: v.created,
		InputOffset: t.input.taken(v.client), Reset: v.reset || v.created,
	}
	redraw := v.reset
	if redraw {
		v.reset = false
		a.Snapshot = t.screen.Snapshot()
		v.pos = t.ring.End()
		v.acked, v.drawn = v.pos, v.pos
		if v.gap != nil {
			v.gap.To = v.pos
		}
		t.resumeLocked()
	}
	v.created = false
	v.titles = t.titles
	if redraw {
		v.sizes = t.sizes
	} else if next, ok := v.nextResizeLocked(); ok {
		a.Size = next.before // what is resumed begins in the size that the viewer knows
	}
	a.Offset = v.pos
	return a
}

// Wait blocks until Next may have something, and answers the context's cause when that ends first.
func (v *Viewer) Wait(ctx context.Context) error {
	select {
	case <-v.wake:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (v *Viewer) wakeLocked() {
	if !v.waiting {
		return
	}
	v.waiting = false
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// Input takes what the client typed; offset is the position of data in all that it ever sent to this
// terminal. It blocks while the program does not read and the queue is full. Errors: ErrInputHole,
// ErrViewOnly, ErrReplaced, or the context's cause.
func (v *Viewer) Input(ctx context.Context, offset uint64, data []byte) error {
	if v.viewOnly {
		return ErrViewOnly
	}
	v.t.mu.Lock()
	err := v.err
	v.t.mu.Unlock()
	if err != nil {
		return err
	}
	v.t.m.lastInput.Store(time.Now().UnixNano())
	return v.t.input.take(ctx, v.client, offset, data, v.blockInput)
}

// blockInput takes a viewer whose input waits out of the pacing: its acks wait behind the input, so that the
// pump would wait for it, the program for the pump, and the input for the program.
func (v *Viewer) blockInput(blocked bool) {
	v.t.mu.Lock()
	defer v.t.mu.Unlock()
	if blocked {
		v.inputBlocked++
	} else {
		v.inputBlocked--
	}
	v.t.resumeLocked()
}

// Ack says that everything before offset has been rendered. Offsets not yet handed out count as the last one.
func (v *Viewer) Ack(offset uint64) {
	v.t.mu.Lock()
	defer v.t.mu.Unlock()
	if !v.acks {
		// What was handed out was taken for rendered, and may still be on its way.
		v.acks = true
		v.acked = min(v.acked, max(offset, v.drawn))
	}
	v.ackLocked(min(offset, v.pos))
}

func (v *Viewer) ackLocked(offset uint64) {
	if offset <= v.acked {
		return
	}
	v.acked = offset
	v.parked, v.stalled = false, time.Time{}
	v.t.resumeLocked()
	if v.waiting && !v.gathersLocked(time.Now()) {
		v.wakeLocked()
	}
}

// pacesLocked says whether the pump waits for this viewer. One that comes for what it lacks is waited for at once: else
// that could be overwritten before it is told of its attach.
func (v *Viewer) pacesLocked() bool {
	return v.visible && !v.viewOnly && !v.parked && v.inputBlocked == 0 && (v.exact || !v.fresh)
}

// Resize is the viewer's new size, ignored for one that may only look. ErrInvalid.
func (v *Viewer) Resize(size Size) error {
	if !size.valid() {
		return fmt.Errorf("%w: size %dx%d is not within 1 to %d", ErrInvalid, size.Cols, size.Rows, maxSize)
	}
	v.t.mu.Lock()
	defer v.t.mu.Unlock()
	v.size = size
	v.t.resizeLocked()
	return nil
}

// SetVisible says whether a person can see the viewer.
func (v *Viewer) SetVisible(visible bool) {
	v.t.mu.Lock()
	defer v.t.mu.Unlock()
	v.visible = visible
	v.parked, v.stalled = false, time.Time{}
	v.t.resizeLocked()
	v.t.resumeLocked()
	v.wakeLocked()
	v.t.m.notify()
}

func (v *Viewer) endLocked(err error) {
	at := slices.Index(v.t.viewers, v)
	if at < 0 {
		return
	}
	v.err = err
	if v.gathering != nil {
		v.gathering.Stop()
	}
	v.t.viewers = slices.Delete(v.t.viewers, at, at+1)
	if !v.recorder {
		v.t.m.lastLeave.Store(time.Now().UnixNano())
	}
	v.waiting = true
	v.wakeLocked()
	v.t.resizeLocked()
	v.t.resumeLocked()
}

// silentWindows is how much may be on its way to a viewer that has not acknowledged anything: what was handed out counts
// as rendered at once, and there are two hops.
const silentWindows = 2

// Lose says that the viewer is about to be closed because its connection broke: what a writer lacks is kept for it
// for a while.
func (v *Viewer) Lose() {
	v.t.mu.Lock()
	defer v.t.mu.Unlock()
	if v.err != nil || v.viewOnly || !v.visible || v.parked || v.t.exit != nil || len(v.t.lost) >= maxClients {
		return
	}
	acked := v.acked
	if !v.acks {
		acked -= min(silentWindows*v.window, acked) // what was handed out may never have arrived
	}
	v.t.lost[v.client] = lost{acked: acked, at: time.Now()}
}

// Close detaches the viewer. The terminal lives on.
func (v *Viewer) Close() {
	v.t.mu.Lock()
	v.endLocked(io.EOF)
	v.t.mu.Unlock()
	v.t.input.hold(v.client, -1)
	v.t.m.notify()
}

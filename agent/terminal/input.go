package terminal

import (
	"context"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// input takes what clients type, each byte once, in order, and brings it to the program.
type input struct {
	master *os.File
	limit  int
	// spawn runs the writer; its owner waits for it.
	spawn func(func())

	mu      sync.Mutex
	queue   []byte
	writing bool // a writer goroutine runs
	closed  bool // nobody reads any more: input is taken and dropped
	// writable waits for a program that does not read while there is a queue.
	writable *waiter
	room     chan struct{}
	clients  map[string]*inputClient
	uses     uint64
}

type inputClient struct {
	taken uint64 // bytes taken so far
	used  uint64 // for the least recently used
	held  int    // attached viewers: not forgotten
}

func newInput(master *os.File, limit int, spawn func(func())) *input {
	return &input{master: master, limit: limit, spawn: spawn, room: make(chan struct{}), clients: map[string]*inputClient{}}
}

// hold keeps a client's count while it is attached.
func (in *input) hold(id string, by int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.clientLocked(id).held += by
}

// taken is how many bytes of a client have been taken.
func (in *input) taken(id string) uint64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.clientLocked(id).taken
}

func (in *input) clientLocked(id string) *inputClient {
	in.uses++
	c := in.clients[id]
	if c == nil {
		c = &inputClient{}
		in.clients[id] = c
	}
	c.used = in.uses
	if len(in.clients) > maxClients {
		oldest := ""
		for other, oc := range in.clients {
			if oc != c && oc.held <= 0 && (oldest == "" || oc.used < in.clients[oldest].used) {
				oldest = other
			}
		}
		if oldest != "" {
			delete(in.clients, oldest)
		}
	}
	return c
}

// take takes data that begins at offset of what the client ever sent. It blocks while the queue is full, and
// calls blocked(true) before and blocked(false) after that. ErrInputHole; the context's cause.
func (in *input) take(ctx context.Context, id string, offset uint64, data []byte, blocked func(bool)) error {
	end := offset + uint64(len(data))
	for {
		in.mu.Lock()
		c := in.clientLocked(id)
		if offset > c.taken {
			in.mu.Unlock()
			return ErrInputHole
		}
		if c.taken >= end {
			in.mu.Unlock()
			return nil
		}
		c.taken += uint64(in.acceptLocked(data[c.taken-offset:])) //nolint:gosec // not negative
		done, room := c.taken >= end, in.room
		in.mu.Unlock()
		if done {
			return nil
		}
		blocked(true)
		select {
		case <-room:
			blocked(false)
		case <-ctx.Done():
			blocked(false)
			return context.Cause(ctx)
		}
	}
}

// acceptLocked writes at once what the program takes when nothing is before it, which spares a keystroke a
// hand-over, and queues the rest as far as there is room.
func (in *input) acceptLocked(data []byte) int {
	if in.closed {
		return len(data)
	}
	accepted := 0
	if !in.writing {
		n, err := tryWrite(in.master, data)
		if err != nil {
			in.closed = true
			return len(data)
		}
		accepted = n
		data = data[n:]
	}
	if n := min(in.limit-len(in.queue), len(data)); n > 0 {
		in.queue = append(in.queue, data[:n]...)
		accepted += n
		if !in.writing {
			in.writing = true
			in.spawn(in.write)
		}
	}
	return accepted
}

// write brings the queue to the program and ends when it is empty.
func (in *input) write() {
	var buf [16 << 10]byte
	for {
		in.mu.Lock()
		n := copy(buf[:], in.queue)
		in.queue = in.queue[n:]
		if n == 0 {
			in.queue, in.writing = nil, false
			in.forgetLocked()
		}
		close(in.room)
		in.room = make(chan struct{})
		in.mu.Unlock()
		if n == 0 {
			return
		}
		if err := in.writeAll(buf[:n]); err != nil {
			in.close()
		}
	}
}

// writeAll waits for the program to take all of p.
func (in *input) writeAll(p []byte) error {
	for {
		n, err := tryWrite(in.master, p)
		if err != nil {
			return err
		}
		if p = p[n:]; len(p) == 0 {
			return nil
		}
		if n > 0 {
			continue
		}
		w, err := in.waiter()
		if err != nil {
			return err
		}
		if err := w.wait(); err != nil {
			return err
		}
	}
}

// waiter is what the writer waits with. os.ErrClosed.
func (in *input) waiter() (*waiter, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return nil, os.ErrClosed
	}
	if in.writable == nil {
		w, err := newWaiter(in.master, unix.EPOLLOUT)
		if err != nil {
			return nil, err
		}
		in.writable = w
	}
	return in.writable, nil
}

func (in *input) forgetLocked() {
	if in.writable != nil {
		_ = in.writable.Close() // nothing was written to it
		in.writable = nil
	}
}

// close says that nobody reads any more.
func (in *input) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed, in.queue = true, nil
	in.forgetLocked()
	close(in.room)
	in.room = make(chan struct{})
}

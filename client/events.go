package client

import (
	"context"
	"sync"
)

const (
	// The server sends 256 KiB beyond the last acknowledged byte, and snapshots. Beyond this much the socket is
	// not read.
	maxQueued = 4 << 20
	// What one event costs beside its bytes.
	eventCost = 64
)

// queued is an event with what is acknowledged after it has been handled.
type queued struct {
	event Event
	// epoch counts resets, so that offsets of different screens are never compared.
	epoch    int
	rendered uint64
}

// events is the bounded queue between the socket's reader and the caller's handler.
type events struct {
	mu     sync.Mutex
	list   []queued
	cost   int
	closed bool
	filled chan struct{} // capacity 1: there may be something to take
	room   chan struct{} // capacity 1: there may be room
}

func newEvents() *events {
	return &events{filled: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func cost(e Event) int {
	switch e := e.(type) {
	case Output:
		return eventCost + len(e.Data)
	case Snapshot:
		return eventCost + len(e.Data)
	}
	return eventCost
}

// push waits for room. One larger than the queue is taken when the queue is empty.
func (q *events) push(ctx context.Context, item queued) error {
	size := cost(item.event)
	for {
		q.mu.Lock()
		if q.cost == 0 || q.cost+size <= maxQueued {
			q.list = append(q.list, item)
			q.cost += size
			q.mu.Unlock()
			signal(q.filled)
			return nil
		}
		q.mu.Unlock()
		select {
		case <-q.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// pop waits for an event; ok is false when the queue is closed and empty.
func (q *events) pop(ctx context.Context) (item queued, ok bool, err error) {
	for {
		if ctx.Err() != nil {
			return queued{}, false, context.Cause(ctx)
		}
		q.mu.Lock()
		if len(q.list) > 0 {
			item, q.list = q.list[0], q.list[1:]
			q.cost -= cost(item.event)
			q.mu.Unlock()
			signal(q.room)
			return item, true, nil
		}
		q.list = nil
		closed := q.closed
		q.mu.Unlock()
		if closed {
			return queued{}, false, nil
		}
		select {
		case <-q.filled:
		case <-ctx.Done():
		}
	}
}

// idle says whether everything has been taken.
func (q *events) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.list) == 0
}

// close lets pop end after what is queued.
func (q *events) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	signal(q.filled)
}

package agent

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// callCounter knows whether anybody calls. Every call it sees is of an authenticated backend, since TLS lets
// no other through.
type callCounter struct {
	mu     sync.Mutex
	active int
	last   time.Time
	// ended is closed when a call ends, and then replaced.
	ended chan struct{}
}

func newCallCounter() *callCounter {
	return &callCounter{last: time.Now(), ended: make(chan struct{})}
}

func (c *callCounter) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.count(+1)
		defer c.count(-1)
		next.ServeHTTP(w, r)
	})
}

func (c *callCounter) count(by int) {
	c.mu.Lock()
	c.active += by
	c.last = time.Now()
	if by < 0 {
		close(c.ended)
		c.ended = make(chan struct{})
	}
	c.mu.Unlock()
}

// waitIdle blocks until no call is under way, or ctx ends.
func (c *callCounter) waitIdle(ctx context.Context) {
	for {
		c.mu.Lock()
		active, ended := c.active, c.ended
		c.mu.Unlock()
		if active == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ended:
		}
	}
}

// waitOrphaned blocks until no call has been under way for timeout (true), or ctx ends (false).
func (c *callCounter) waitOrphaned(ctx context.Context, timeout time.Duration) bool {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		c.mu.Lock()
		left := timeout - time.Since(c.last)
		if c.active > 0 {
			left = timeout
		}
		c.mu.Unlock()
		if left <= 0 {
			return true
		}
		timer.Reset(left)
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
		}
	}
}

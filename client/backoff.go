package client

import (
	"math/rand/v2"
	"time"
)

const (
	// restartJitter spreads the clients of a replica that goes.
	restartJitter = 250 * time.Millisecond
	firstWait     = 250 * time.Millisecond
	longestWait   = 15 * time.Second
)

// backoff decides when to come back. jitter answers a number in [0, 1).
type backoff struct {
	attempt int
	jitter  func() float64
}

func newBackoff() *backoff {
	return &backoff{jitter: rand.Float64}
}

// reset is called when a connection has worked.
func (b *backoff) reset() { b.attempt = 0 }

// next is how long to wait. atOnce is the server's word that another replica is there; it counts for the first
// attempt only, since a server may say so for ever.
func (b *backoff) next(atOnce bool) time.Duration {
	b.attempt++
	if atOnce && b.attempt == 1 {
		return time.Duration(b.jitter() * float64(restartJitter))
	}
	wait := longestWait
	if shift := b.attempt - 1; shift < 6 {
		wait = min(firstWait<<shift, longestWait)
	}
	// From a half to the whole, so that those who broke together do not come back together.
	return wait/2 + time.Duration(b.jitter()*float64(wait/2))
}

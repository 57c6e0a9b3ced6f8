package session

import (
	"context"
	"sync"
	"time"

	"codingplatform/backend"
)

const (
	// releaseTogether is how many leases are released with one statement.
	releaseTogether = 500
	// releaseTimeout is how long a lease waits to be released: one that is not expires by itself.
	releaseTimeout = 10 * time.Second
)

// releases gives leases up, those with one statement that come while the one before it runs: a drain gives up all at once,
// and others wait for each of them.
type releases struct {
	store Store

	mu      sync.Mutex
	waiting []*released
	busy    bool
}

// released is a lease to be given up; err is there when done is closed.
type released struct {
	lease backend.Lease
	until time.Time
	done  chan struct{}
	err   error
}

// release gives a lease up. One that is held no more is left alone.
func (r *releases) release(ctx context.Context, lease backend.Lease) error {
	one := &released{lease: lease, until: time.Now().Add(releaseTimeout), done: make(chan struct{})}
	r.mu.Lock()
	r.waiting = append(r.waiting, one)
	first := !r.busy
	r.busy = true
	r.mu.Unlock()
	if first {
		go r.work(context.WithoutCancel(ctx))
	}
	<-one.done
	return one.err
}

// work releases what waits until nothing does.
func (r *releases) work(ctx context.Context) {
	var alone sync.WaitGroup
	defer alone.Wait()
	for {
		r.mu.Lock()
		some := r.waiting[:min(len(r.waiting), releaseTogether)]
		r.waiting = r.waiting[len(some):]
		r.busy = len(some) > 0
		r.mu.Unlock()
		if len(some) == 0 {
			return
		}
		leases := make([]backend.Lease, len(some))
		for i, one := range some {
			leases[i] = one.lease
		}
		try, cancel := context.WithDeadline(ctx, some[0].until)
		done, err := r.store.ReleaseLeases(try, leases)
		cancel()
		gone := make(map[backend.SessionID]bool, len(done))
		for _, id := range done {
			gone[id] = true
		}
		for _, one := range some {
			switch {
			case err != nil:
				one.err = err
				close(one.done)
			case gone[one.lease.SessionID]:
				close(one.done)
			default:
				alone.Go(func() { r.releaseAlone(ctx, one) })
			}
		}
	}
}

// releaseAlone waits for who has the row.
func (r *releases) releaseAlone(ctx context.Context, one *released) {
	defer close(one.done)
	ctx, cancel := context.WithDeadline(ctx, one.until)
	defer cancel()
	one.err = r.store.ReleaseLease(ctx, one.lease)
}

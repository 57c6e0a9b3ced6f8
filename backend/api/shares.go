package api

import (
	"context"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"codingplatform/backend"
)

// userShare is the part of the whole that one user may hold: with it, nobody's slow uploads stop everybody's.
const userShare = 4

// shares gives out parts of a resource. Who finds too little left waits.
type shares struct {
	whole int64
	free  *semaphore.Weighted

	mu   sync.Mutex
	held map[backend.UserID]int64
}

func newShares(whole int64) *shares {
	return &shares{whole: whole, free: semaphore.NewWeighted(whole), held: map[backend.UserID]int64{}}
}

// take waits for n parts, or the whole if that is less, for the user. A user who holds none always may; otherwise
// it is CodeRateLimited to go over a quarter of the whole. The release must be called once.
func (s *shares) take(ctx context.Context, user backend.UserID, n int64) (release func(), err error) {
	n = max(min(n, s.whole), 0)
	if !s.note(user, n) {
		return nil, &backend.Error{
			Code: backend.CodeRateLimited, Message: "too many of your uploads at once; try again when one is done", RetryAfter: time.Second,
		}
	}
	if err := s.free.Acquire(ctx, n); err != nil {
		s.forget(user, n)
		return nil, &backend.Error{Code: backend.CodeUnavailable, Message: "too many uploads at once; try again", Err: err}
	}
	return func() {
		s.free.Release(n)
		s.forget(user, n)
	}, nil
}

func (s *shares) note(user backend.UserID, n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if held := s.held[user]; held > 0 && held+n > s.whole/userShare {
		return false
	}
	s.held[user] += n
	return true
}

func (s *shares) forget(user backend.UserID, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[user] -= n; s.held[user] <= 0 {
		delete(s.held, user)
	}
}

// bodySize is how large the body is, and limit when it does not say or says more: it is not read further.
func bodySize(r *http.Request, limit int64) int64 {
	if r.ContentLength < 0 || r.ContentLength > limit {
		return limit
	}
	return r.ContentLength
}

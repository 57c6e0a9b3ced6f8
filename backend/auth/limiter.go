package auth

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"codingplatform/backend"
)

const (
	// An address may fail, or register, this often.
	addressEvery = 6 * time.Second
	addressBurst = 30
	// An account may be guessed at this often.
	accountEvery = 30 * time.Second
	accountBurst = 10
	// maxLimits bounds the memory; when it is full, those that have recovered go.
	maxLimits = 50_000
)

// limiter counts failures by key.
type limiter struct {
	every time.Duration
	burst int

	mu   sync.Mutex
	keys map[string]*rate.Limiter
}

func newLimiter(every time.Duration, burst int) *limiter {
	return &limiter{every: every, burst: burst, keys: map[string]*rate.Limiter{}}
}

func (l *limiter) get(key string, now time.Time) *rate.Limiter {
	if r := l.keys[key]; r != nil {
		return r
	}
	if len(l.keys) >= maxLimits {
		for k, r := range l.keys {
			if r.TokensAt(now) >= float64(l.burst) {
				delete(l.keys, k)
			}
		}
		// All of them are guessing: the oldest guesses cannot be told, so all begin anew.
		if len(l.keys) >= maxLimits {
			clear(l.keys)
		}
	}
	r := rate.NewLimiter(rate.Every(l.every), l.burst)
	l.keys[key] = r
	return r
}

// check says whether the key has failures left. CodeRateLimited with RetryAfter.
func (l *limiter) check(key string) error {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.keys[key]
	if r == nil {
		return nil
	}
	return l.limited(r.TokensAt(now))
}

func (l *limiter) limited(tokens float64) error {
	if tokens >= 1 {
		return nil
	}
	wait := time.Duration(math.Ceil((1-tokens)*l.every.Seconds())) * time.Second
	return &backend.Error{Code: backend.CodeRateLimited, Message: "too many attempts: try again later", RetryAfter: max(wait, time.Second)}
}

// fail counts a failure.
func (l *limiter) fail(key string) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.get(key, now).AllowN(now, 1)
}

// take counts an attempt, if there is one left.
func (l *limiter) take(key string) error {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.get(key, now)
	if r.AllowN(now, 1) {
		return nil
	}
	return l.limited(r.TokensAt(now))
}

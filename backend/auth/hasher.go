package auth

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/crypto/bcrypt"

	"codingplatform/backend"
)

const (
	// queuePerWorker sign-ins may wait for one worker: a few seconds' work.
	queuePerWorker = 16
	busyRetry      = 2 * time.Second
)

// hasher hashes passwords on half the cores at most.
type hasher struct {
	cost    int
	waiting chan struct{}
	working chan struct{}
}

func newHasher(cost int) *hasher {
	workers := max(runtime.GOMAXPROCS(0)/2, 1)
	return &hasher{cost: cost, working: make(chan struct{}, workers), waiting: make(chan struct{}, workers*(1+queuePerWorker))}
}

// do waits for a worker. CodeRateLimited when too many wait already.
func (h *hasher) do(ctx context.Context, work func() error) error {
	select {
	case h.waiting <- struct{}{}:
		defer func() { <-h.waiting }()
	default:
		return &backend.Error{Code: backend.CodeRateLimited, Message: "many people sign in at this moment: try again shortly", RetryAfter: busyRetry}
	}
	select {
	case h.working <- struct{}{}:
		defer func() { <-h.working }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return work()
}

func (h *hasher) hash(ctx context.Context, password string) (hash []byte, err error) {
	err = h.do(ctx, func() error {
		hash, err = bcrypt.GenerateFromPassword([]byte(password), h.cost)
		if err != nil {
			return fmt.Errorf("hash a password: %w", err)
		}
		return nil
	})
	return hash, err
}

func (h *hasher) compare(ctx context.Context, hash, password string) (fits bool, err error) {
	err = h.do(ctx, func() error {
		err := bcrypt.CompareHashAndPassword([]byte(hash), []byte(password))
		if err == nil {
			fits = true
			return nil
		}
		if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) || errors.Is(err, bcrypt.ErrPasswordTooLong) {
			return nil
		}
		return fmt.Errorf("compare a password: %w", err)
	})
	return fits, err
}

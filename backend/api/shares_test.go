package api

import (
	"context"
	"errors"
	"testing"

	"codingplatform/backend"
)

func TestShares(t *testing.T) {
	t.Parallel()
	s := newShares(100)
	take := func(user backend.UserID, n int64) func() {
		t.Helper()
		release, err := s.take(t.Context(), user, n)
		if err != nil {
			t.Fatalf("%s, %d: %v", user, n, err)
		}
		return release
	}
	first := take("ada", 20)
	second := take("ada", 5)
	if _, err := s.take(t.Context(), "ada", 1); backend.CodeOf(err) != backend.CodeRateLimited {
		t.Errorf("over a user's share: %v", err)
	}
	others := take("bob", 75) // the first one may be of any size
	second()
	first()

	// All is taken but 25: who wants more waits, and gives up with its request.
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := s.take(ended, "eve", 30); backend.CodeOf(err) != backend.CodeUnavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	waited := make(chan func())
	go func() {
		release, err := s.take(t.Context(), "eve", 1000) // the whole, and no more
		if err != nil {
			t.Error(err)
		}
		waited <- release
	}()
	others()
	(<-waited)()
	if len(s.held) != 0 {
		t.Errorf("still held: %v", s.held)
	}
	take("ada", 100)()
}

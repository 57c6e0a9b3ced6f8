package auth_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/auth"
	"codingplatform/backend/postgres"
	"codingplatform/backend/postgrestest"
)

func newService(t *testing.T) *auth.Service {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	store, err := postgres.Open(t.Context(), postgres.Config{URL: postgrestest.New(t), Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	// The cheapest hash there is: the tests are about what is around it.
	service, err := auth.New(auth.Config{Store: store, Cost: 4, TokenTTL: time.Hour, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	return service
}

func wantCode(t *testing.T, err error, code backend.Code) *backend.Error {
	t.Helper()
	if backend.CodeOf(err) != code {
		t.Fatalf("error %v, want %s", err, code)
	}
	e, ok := errors.AsType[*backend.Error](err)
	if !ok {
		t.Fatalf("error %v has no fields", err)
	}
	return e
}

const password = "correct horse"

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	s := newService(t)
	user, token, err := s.Register(t.Context(), "Ada", "ada@example.org", password, auth.Meta{IP: "1"})
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := s.Authenticate(t.Context(), token); err != nil || got.ID != user.ID {
		t.Fatalf("%+v %v", got, err)
	}
	for _, login := range []string{"ada", "ADA", "Ada@Example.org", " ada "} {
		if _, _, err := s.Login(t.Context(), login, password, auth.Meta{IP: "1"}); err != nil {
			t.Errorf("sign in as %q: %v", login, err)
		}
	}
	_, _, err = s.Login(t.Context(), "ada", "wrong horse", auth.Meta{IP: "1"})
	wrong := wantCode(t, err, backend.CodeUnauthenticated)
	_, _, err = s.Login(t.Context(), "nobody", password, auth.Meta{IP: "1"})
	if unknown := wantCode(t, err, backend.CodeUnauthenticated); unknown.Message != wrong.Message {
		t.Errorf("an unknown user is told as %q, a wrong password as %q", unknown.Message, wrong.Message)
	}
	if err := s.Logout(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Authenticate(t.Context(), token)
	_ = wantCode(t, err, backend.CodeUnauthenticated)
	if err := s.Logout(t.Context(), token); err != nil {
		t.Errorf("signing out twice: %v", err)
	}
}

func TestRegistrationSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for _, c := range []struct{ name, email, password, field string }{
		{"x", "x@example.org", password, "username"},
		{"with space", "x@example.org", password, "username"},
		{"a@b", "x@example.org", password, "username"},
		{"grace", "no address", password, "email"},
		{"grace", "Grace <g@example.org>", password, "email"},
		{"grace", "g@example.org", "short", "password"},
		{"grace", "g@example.org", strings.Repeat("x", 73), "password"},
	} {
		_, _, err := s.Register(t.Context(), c.name, c.email, c.password, auth.Meta{})
		if e := wantCode(t, err, backend.CodeInvalid); e.Fields[c.field] == "" {
			t.Errorf("%+v: fields %v", c, e.Fields)
		}
	}
	if _, _, err := s.Register(t.Context(), "grace", "g@example.org", password, auth.Meta{}); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.Register(t.Context(), "GRACE", "other@example.org", password, auth.Meta{})
	if e := wantCode(t, err, backend.CodeAlreadyExists); e.Fields["username"] == "" {
		t.Errorf("fields %v", e.Fields)
	}
	_, _, err = s.Register(t.Context(), "other", "G@example.org", password, auth.Meta{})
	if e := wantCode(t, err, backend.CodeAlreadyExists); e.Fields["email"] == "" {
		t.Errorf("fields %v", e.Fields)
	}
}

func TestGuessingIsLimited(t *testing.T) {
	t.Parallel()
	s := newService(t)
	if _, _, err := s.Register(t.Context(), "ada", "ada@example.org", password, auth.Meta{IP: "home"}); err != nil {
		t.Fatal(err)
	}
	limited := func(login, ip string) *backend.Error {
		t.Helper()
		for range 100 {
			_, _, err := s.Login(t.Context(), login, "wrong horse", auth.Meta{IP: ip})
			if backend.CodeOf(err) == backend.CodeRateLimited {
				return wantCode(t, err, backend.CodeRateLimited)
			}
			_ = wantCode(t, err, backend.CodeUnauthenticated)
		}
		t.Fatal("a hundred guesses were allowed")
		return nil
	}
	if e := limited("ada", "1"); e.RetryAfter <= 0 {
		t.Errorf("retry after %s", e.RetryAfter)
	}
	// The account is closed to all addresses, also for the right password; others are not concerned.
	_, _, err := s.Login(t.Context(), "ada", password, auth.Meta{IP: "2"})
	_ = wantCode(t, err, backend.CodeRateLimited)
	if _, _, err := s.Register(t.Context(), "grace", "g@example.org", password, auth.Meta{IP: "2"}); err != nil {
		t.Error(err)
	}
}

func TestBurstOfSignInsIsBounded(t *testing.T) {
	t.Parallel()
	s := newService(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[backend.Code]int{}
	for i := range 300 {
		wg.Go(func() {
			_, _, err := s.Login(ctx, "nobody", password, auth.Meta{IP: string(rune('a' + i%26))})
			mu.Lock()
			defer mu.Unlock()
			seen[backend.CodeOf(err)]++
		})
	}
	wg.Wait()
	if seen[backend.CodeUnauthenticated] == 0 || seen[backend.CodeInternal] > 0 || seen[backend.CodeRateLimited] == 0 {
		t.Errorf("outcomes %v", seen)
	}
}

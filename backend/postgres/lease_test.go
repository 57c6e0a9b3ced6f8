package postgres_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/postgres"
)

// TestALeaseIsHandedOver: who could not have it is told when it ends, and woken when it is released.
func TestALeaseIsHandedOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	listener := postgres.NewListener(w.url, slog.New(slog.DiscardHandler))
	wake, unsubscribe := listener.SubscribeAll()
	defer unsubscribe()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- listener.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	}()
	<-wake // it listens

	asked := time.Now()
	lease := w.lease("a")
	refused, err := w.AcquireLease(t.Context(), w.session, "b", time.Hour)
	wantCode(t, err, backend.CodeConflict)
	if refused.ExpiresAt.Before(asked.Add(30*time.Second)) || refused.ExpiresAt.After(time.Now().Add(time.Minute)) {
		t.Errorf("it is said to end at %v, %v from now", refused.ExpiresAt, time.Until(refused.ExpiresAt))
	}
	if err := w.ReleaseLease(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	<-wake
	if _, err := w.AcquireLease(t.Context(), w.session, "b", time.Minute); err != nil {
		t.Error(err)
	}
	// What is held no more wakes nobody, and takes nothing away.
	if err := w.ReleaseLease(t.Context(), lease); err != nil {
		t.Error(err)
	}
	_, err = w.AcquireLease(t.Context(), w.session, "c", time.Minute)
	wantCode(t, err, backend.CodeConflict)
}

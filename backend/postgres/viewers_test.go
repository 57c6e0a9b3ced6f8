package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/postgres"
)

// Replicas tell each other who looks at a session; what a dead one has told expires, and what was lost comes again.
func TestViewersOfReplicas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	listener := postgres.NewListener(w.url, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- listener.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	wake, unsubscribe := listener.SubscribeViewers(w.session)
	defer unsubscribe()
	files, unfollow := listener.Subscribe(w.session)
	defer unfollow()
	<-wake // it listens
	<-files
	// Notifications come in their order: with the one of a session that was made since, those before it have come.
	settled := func() {
		t.Helper()
		other, err := w.CreateSession(t.Context(), w.user, "other", nil)
		if err != nil {
			t.Fatal(err)
		}
		told, end := listener.SubscribeViewers(other.ID)
		defer end()
		if err := w.AddViewer(t.Context(), backend.Viewer{SessionID: other.ID, Connection: "x", Replica: "x"}, time.Minute); err != nil {
			t.Fatal(err)
		}
		<-told
		w.exec(`DELETE FROM viewers WHERE session_id = $1`, string(other.ID))
	}

	row := func(connection, replica string) backend.Viewer {
		return backend.Viewer{SessionID: w.session, Connection: connection, Replica: replica, Username: "ada"}
	}
	steps := []struct {
		name string
		do   func() error
		want []string
		// silent: nobody is woken.
		silent bool
	}{
		{"add", func() error { return w.AddViewer(t.Context(), row("1", "a"), time.Minute) }, []string{"1 a"}, false},
		{"another replica", func() error { return w.AddViewer(t.Context(), row("2", "b"), time.Minute) }, []string{"1 a", "2 b"}, false},
		{"renew", func() error { return w.KeepViewers(t.Context(), "a", []backend.Viewer{row("1", "a")}, time.Minute) }, []string{"1 a", "2 b"}, true},
		{"what was lost", func() error {
			return w.KeepViewers(t.Context(), "a", []backend.Viewer{row("1", "a"), row("3", "a")}, time.Minute)
		}, []string{"1 a", "2 b", "3 a"}, false},
		{"of no session", func() error {
			gone := row("4", "a")
			gone.SessionID = "00000000-0000-4000-8000-000000000000"
			return w.KeepViewers(t.Context(), "a", []backend.Viewer{row("1", "a"), row("3", "a"), gone}, time.Minute)
		}, []string{"1 a", "2 b", "3 a"}, true},
		{"leave", func() error { return w.RemoveViewer(t.Context(), row("3", "a")) }, []string{"1 a", "2 b"}, false},
		{"left unseen", func() error { return w.KeepViewers(t.Context(), "b", nil, time.Minute) }, []string{"1 a"}, false},
		{"expired", func() error { return w.KeepViewers(t.Context(), "a", []backend.Viewer{row("1", "a")}, -time.Second) }, nil, true},
		{"dropped by another", func() error { return w.KeepViewers(t.Context(), "b", nil, time.Minute) }, nil, false},
		{"add again", func() error { return w.AddViewer(t.Context(), row("5", "a"), time.Minute) }, []string{"5 a"}, false},
		{"a replica lives", func() error { return w.Beat(t.Context(), "a", -time.Second) }, []string{"5 a"}, true},
		{"one that is new judges nobody", func() error { return w.Beat(t.Context(), "b", -time.Second) }, []string{"5 a"}, true},
		{"nor does one that was late", func() error { return w.Beat(t.Context(), "b", time.Minute) }, []string{"5 a"}, true},
		{"the viewers of a dead one go", func() error { return w.Beat(t.Context(), "b", time.Minute) }, nil, false},
		{"those of a living one stay", func() error {
			return errors.Join(w.Beat(t.Context(), "a", time.Minute), w.AddViewer(t.Context(), row("6", "a"), time.Minute), w.Beat(t.Context(), "b", time.Minute))
		}, []string{"6 a"}, false},
		{"and leave", func() error { return w.RemoveViewer(t.Context(), row("6", "a")) }, nil, false},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if settled(); (len(wake) == 0) != step.silent {
			t.Errorf("%s: woken is %t", step.name, len(wake) != 0)
		}
		if !step.silent {
			<-wake
		}
		list, err := w.Viewers(t.Context(), w.session)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range list {
			got = append(got, v.Connection+" "+v.Replica)
		}
		if fmt.Sprint(got) != fmt.Sprint(step.want) {
			t.Errorf("after %q there are %q, want %q", step.name, got, step.want)
		}
	}
	if len(files) != 0 {
		t.Error("who follows the session itself was woken for who looks on")
	}
	if n := w.count("viewers"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

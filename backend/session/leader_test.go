package session

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"codingplatform/backend"
)

// row is the row of the election, which all replicas share. cut keeps a replica from it.
type row struct {
	mu      sync.Mutex
	holder  string
	expires time.Time
	cut     map[string]bool
}

// voter is a replica's store.
type voter struct {
	Store
	row *row
}

// SessionsToRun implements Store.
func (voter) SessionsToRun(context.Context) ([]backend.ToRun, error) { return nil, nil }

// Elect implements Store.
func (v voter) Elect(_ context.Context, _, holder string, ttl time.Duration) (bool, error) {
	v.row.mu.Lock()
	defer v.row.mu.Unlock()
	if v.row.cut[holder] {
		return false, errors.New("the database is away")
	}
	if v.row.holder != holder && time.Now().Before(v.row.expires) {
		return false, nil
	}
	v.row.holder, v.row.expires = holder, time.Now().Add(ttl)
	return true, nil
}

// Resign implements Store.
func (v voter) Resign(_ context.Context, _, holder string) error {
	v.row.mu.Lock()
	defer v.row.mu.Unlock()
	if v.row.holder == holder {
		v.row.holder, v.row.expires = "", time.Time{}
	}
	return nil
}

// tended is a runtime that notes by whom it is looked after.
type tended struct {
	noEnvironments
	replica string
	now     chan<- string
}

// Tend implements backend.Tender.
func (r tended) Tend(ctx context.Context, _ func(context.Context, backend.SessionID) (bool, error)) {
	r.now <- "+" + r.replica
	<-ctx.Done()
	r.now <- "-" + r.replica
}

// TestUpkeepIsDoneByOne of the replicas, by another within the time of a lease when that one is cut off from the
// database or dies, and at once when it leaves.
func TestUpkeepIsDoneByOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const ttl = 9 * time.Second
		shared := &row{cut: map[string]bool{}}
		now := make(chan string, 100)
		run := func(replica string) (stop func()) {
			m := NewManager(Config{
				Store: voter{row: shared}, Runtime: tended{replica: replica, now: now}, Wakes: noWakes{}, Replica: replica,
				LeaseTTL: ttl, Logger: slog.New(slog.DiscardHandler),
			})
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- m.Run(ctx) }()
			return func() {
				cancel()
				if err := <-ended; !errors.Is(err, context.Canceled) {
					t.Errorf("Run of %s: %v", replica, err)
				}
			}
		}
		said := func(within time.Duration, want ...string) {
			t.Helper()
			limit := time.After(within)
			for _, word := range want {
				select {
				case got := <-now:
					if got != word {
						t.Fatalf("%s, want %s", got, word)
					}
				case <-limit:
					t.Fatalf("nothing within %v, want %s", within, word)
				}
			}
			synctest.Wait()
			select {
			case got := <-now:
				t.Fatalf("%s as well", got)
			default:
			}
		}
		stopA := run("a")
		said(time.Second, "+a")
		stopB := run("b")
		time.Sleep(time.Minute)
		said(0)

		// Who cannot know any more whether it is elected stops, and the other one begins when the row's time is over.
		shared.mu.Lock()
		shared.cut["a"] = true
		shared.mu.Unlock()
		var told []string
		for limit := time.After(2 * ttl); len(told) < 2; {
			select {
			case word := <-now:
				told = append(told, word)
			case <-limit:
				t.Fatalf("within %v: %v", 2*ttl, told)
			}
		}
		if slices.Sort(told); !slices.Equal(told, []string{"+b", "-a"}) {
			t.Fatalf("when a was cut off: %v", told)
		}
		shared.mu.Lock()
		shared.cut["a"] = false
		shared.mu.Unlock()
		time.Sleep(time.Minute)
		said(0)

		stopB()
		said(ttl/3+time.Second, "-b", "+a")
		stopA()
		said(time.Second, "-a")
	})
}

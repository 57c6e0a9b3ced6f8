package postgres_test

import (
	"strings"
	"sync"
	"testing"

	"codingplatform/backend"
)

func TestUsersAreUniqueInAnyCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	made := 0
	for _, name := range []string{"Foo", "foo", "FOO", "fOo"} {
		wg.Go(func() {
			_, err := w.CreateUser(t.Context(), name, name+strings.ToLower(name)+"@example.org", "hash")
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				made++
			} else if backend.CodeOf(err) != backend.CodeAlreadyExists {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if made != 1 {
		t.Errorf("%d of the same name", made)
	}
}

func TestSessionsOfOthersAreNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other, err := w.CreateUser(t.Context(), "mallory", "m@example.org", "hash")
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Session(t.Context(), other.ID, w.session)
	wantCode(t, err, backend.CodeNotFound)
	wantCode(t, w.DeleteSession(t.Context(), other.ID, w.session), backend.CodeNotFound)
	wantCode(t, w.DeleteSession(t.Context(), w.user, w.session), "")
	_, err = w.Session(t.Context(), w.user, w.session)
	wantCode(t, err, backend.CodeNotFound)
	run, err := w.SessionsToRun(t.Context())
	if err != nil || len(run) != 1 {
		t.Fatalf("a deleted session is to be removed: %v %v", run, err)
	}
	wantCode(t, w.PurgeSession(t.Context(), w.session), "")
	_, err = w.SessionByID(t.Context(), w.session)
	wantCode(t, err, backend.CodeNotFound)
}

package postgres_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"codingplatform/backend"
)

// Of those who replace the same version at once, one does.
func TestSettingsOfOneVersionAreReplacedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var base int64
	for range 5 {
		var wg sync.WaitGroup
		var won atomic.Int64
		var next atomic.Int64
		for n := range 8 {
			wg.Go(func() {
				version, err := w.SaveSettings(t.Context(), w.user, base, fmt.Appendf(nil, `{"n":%d}`, n))
				switch {
				case err == nil:
					won.Add(1)
					next.Store(version)
				case backend.CodeOf(err) != backend.CodeConflict:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d replaced version %d", won.Load(), base)
		}
		base = next.Load()
	}
}

// Devices that set other fields at once lose nothing of each other's.
func TestLayoutsOfManyDevices(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var wg sync.WaitGroup
	for n := range 16 {
		wg.Go(func() {
			if _, err := w.MergeLayout(t.Context(), w.user, w.session, fmt.Appendf(nil, `{"f%d":%d}`, n, n), 1<<10); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if fields := w.count(`session_layouts, jsonb_each(data)`); fields != 16 {
		t.Errorf("%d fields of 16 are there", fields)
	}
}

func TestTrashIsPurgedByAge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wantCode(t, w.SetWanted(t.Context(), w.session, true, ""), "")
	wantCode(t, w.TrashSession(t.Context(), w.user, w.session), "")
	session, err := w.SessionByID(t.Context(), w.session)
	if err != nil || session.Wanted || session.TrashedAt.IsZero() {
		t.Fatalf("in the trash: %+v %v", session, err)
	}
	// Nothing starts it there, and its supervisor may still say that it has stopped.
	wantCode(t, w.SetWanted(t.Context(), w.session, true, ""), backend.CodeNotFound)
	wantCode(t, w.SetWanted(t.Context(), w.session, false, "stopped"), "")
	if n, err := w.PurgeTrash(t.Context(), time.Hour); n != 0 || err != nil {
		t.Errorf("purged %d before their time: %v", n, err)
	}
	w.exec(`UPDATE sessions SET trashed_at = trashed_at - interval '2 hours'`)
	if n, err := w.PurgeTrash(t.Context(), time.Hour); n != 1 || err != nil {
		t.Errorf("purged %d: %v", n, err)
	}
	wantCode(t, w.RestoreSession(t.Context(), w.user, w.session), backend.CodeNotFound)
	run, err := w.SessionsToRun(t.Context())
	if err != nil || len(run) != 1 {
		t.Errorf("its environment is to be removed: %v %v", run, err)
	}
}

// What a duplicate has stays when the first is gone.
func TestDuplicatesKeepTheirContents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("a.txt", "kept")
	made, left, err := w.DuplicateSession(t.Context(), w.user, w.session, "copy")
	if err != nil || left != 0 || made.Files != 1 {
		t.Fatalf("%+v %d %v", made, left, err)
	}
	wantCode(t, w.DeleteSession(t.Context(), w.user, w.session), "")
	wantCode(t, w.PurgeSession(t.Context(), w.session), "")
	w.exec(`UPDATE blobs SET touched_at = now() - interval '1 day'`)
	if _, err := w.CollectBlobs(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, content, err := w.ReadFile(t.Context(), made.ID, "a.txt")
	if err != nil || string(content) != "kept" {
		t.Errorf("%q %v", content, err)
	}
}

// What people have open is found whatever their browsers have written.
func TestOpenFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want := func(want ...string) {
		t.Helper()
		got, err := w.OpenFiles(t.Context(), w.session)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("open are %q, %v; want %q", got, err, want)
		}
	}
	for _, tt := range []struct {
		layout string
		want   []string
	}{
		{`{"panes":{}}`, nil},
		{`{"files":null}`, nil},
		{`{"files":{"groups":"of another version"}}`, nil},
		{`{"files":{"groups":[{"tabs":[1,2]}]}}`, nil},
		{`{"files":{"groups":[{"tabs":[],"active":""}]}}`, nil},
		{`{"files":{"groups":[{"tabs":["a","b","c"],"active":"b"},{"tabs":["b","d/e"],"active":"d/e"}]}}`, []string{"b", "d/e", "a", "c"}},
	} {
		if _, err := w.MergeLayout(t.Context(), w.user, w.session, []byte(tt.layout), 1<<10); err != nil {
			t.Fatal(err)
		}
		want(tt.want...)
	}
	guest, err := w.CreateUser(t.Context(), "guest", "guest@example.com", "x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.MergeLayout(t.Context(), guest.ID, w.session, []byte(`{"files":{"groups":[{"tabs":["b","g"],"active":"g"}]}}`), 1<<10); err != nil {
		t.Fatal(err)
	}
	want("g", "b", "d/e", "a", "c")
}

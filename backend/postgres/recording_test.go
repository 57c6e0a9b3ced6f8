package postgres_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"codingplatform/backend"
	"codingplatform/backend/postgres"
)

// ready gives the session an environment, as the holder of a lease does.
func (w *world) ready() backend.Lease {
	w.t.Helper()
	lease := w.lease("a")
	if err := w.SetPhase(w.t.Context(), lease, backend.PhaseReady, "", "env"); err != nil {
		w.t.Fatal(err)
	}
	return lease
}

func (w *world) record(terminal string) backend.Recording {
	w.t.Helper()
	r, err := w.CreateRecording(w.t.Context(), backend.NewRecording{SessionID: w.session, Terminal: terminal, Title: "vim", Cols: 80, Rows: 24})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) recording(id backend.RecordingID) backend.Recording {
	w.t.Helper()
	r, err := w.Recording(w.t.Context(), w.session, id)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) cast(id backend.RecordingID) string {
	w.t.Helper()
	var b bytes.Buffer
	if err := w.CopyRecording(w.t.Context(), w.session, id, func(backend.Recording) (io.Writer, error) { return &b, nil }); err != nil {
		w.t.Fatal(err)
	}
	return b.String()
}

func (w *world) count(table string) (n int) {
	w.t.Helper()
	if err := connect(w.t, w.url).QueryRow(w.t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

// next is the chunk that follows what is stored.
func next(r backend.Recording, data string) backend.RecordingChunk {
	return backend.RecordingChunk{
		ID: r.ID, Data: []byte(data), Duration: r.Duration + time.Second, At: r.Cursor,
		Cursor: backend.RecordingCursor{Chunks: r.Cursor.Chunks + 1, Incarnation: "i-1", Offset: r.Cursor.Offset + int64(len(data))},
	}
}

func TestRecordingGoesOnWhereItsChunksEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lease := w.ready()
	r := w.record("1")
	if !r.Active() || r.Stopping || r.Terminal != "1" || r.Title != "vim" || r.Cols != 80 || r.Rows != 24 || r.Age < 0 || r.Cursor != (backend.RecordingCursor{}) {
		t.Fatalf("new: %+v", r)
	}
	var want strings.Builder
	for i := range 40 {
		line := fmt.Sprintf("line %d\n", i)
		want.WriteString(line)
		if err := w.AppendRecording(t.Context(), lease, next(r, line)); err != nil {
			t.Fatal(err)
		}
		r = w.recording(r.ID)
	}
	if diff := cmp.Diff(want.String(), w.cast(r.ID)); diff != "" {
		t.Error(diff)
	}
	if r.Size != int64(want.Len()) || r.Duration != 40*time.Second || r.Cursor != (backend.RecordingCursor{Chunks: 40, Incarnation: "i-1", Offset: int64(want.Len())}) {
		t.Errorf("after 40 chunks: %+v", r)
	}

	// Who does not know all chunks adds none, and neither does a former holder of the lease.
	stale := next(r, "twice\n")
	stale.At.Chunks--
	stale.Cursor.Chunks--
	if err := w.AppendRecording(t.Context(), lease, stale); backend.CodeOf(err) != backend.CodeConflict {
		t.Errorf("a chunk again: %v", err)
	}
	if err := w.ReleaseLease(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	successor := w.lease("b")
	if err := w.AppendRecording(t.Context(), lease, next(r, "late\n")); backend.CodeOf(err) != backend.CodeStaleLease {
		t.Errorf("a former holder: %v", err)
	}
	last := next(r, "last\n")
	last.End, last.Error = true, "enough"
	if err := w.AppendRecording(t.Context(), successor, last); err != nil {
		t.Fatal(err)
	}
	if r = w.recording(r.ID); r.Active() || r.Error != "enough" || r.EndedAt.Before(r.StartedAt) {
		t.Errorf("ended: %+v", r)
	}
	if err := w.AppendRecording(t.Context(), successor, next(r, "more\n")); backend.CodeOf(err) != backend.CodeNotFound {
		t.Errorf("after the end: %v", err)
	}
	if got := w.cast(r.ID); got != want.String()+"last\n" {
		t.Errorf("refused chunks are there: %q", got[max(0, len(got)-30):])
	}
}

func TestOneRecordingOfATerminal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.CreateRecording(t.Context(), backend.NewRecording{SessionID: w.session, Terminal: "1", Cols: 80, Rows: 24}); backend.CodeOf(err) != backend.CodeUnavailable {
		t.Errorf("with no environment: %v", err)
	}
	lease := w.ready()
	var won, lost int
	var mu sync.Mutex
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			_, err := w.CreateRecording(t.Context(), backend.NewRecording{SessionID: w.session, Terminal: "1", Cols: 80, Rows: 24})
			mu.Lock()
			defer mu.Unlock()
			switch backend.CodeOf(err) { //nolint:exhaustive // others are wrong
			case "":
				won++
			case backend.CodeAlreadyExists:
				lost++
			default:
				t.Errorf("at once with others: %v", err)
			}
		})
	}
	group.Wait()
	if won != 1 || lost != 7 {
		t.Fatalf("%d of 8 have started one, %d found one", won, lost)
	}
	second := w.record("2")
	active, err := w.ActiveRecordings(t.Context(), w.session)
	if err != nil || len(active) != 2 {
		t.Fatalf("active: %+v %v", active, err)
	}

	if _, err := w.StopRecording(t.Context(), w.session, "3"); backend.CodeOf(err) != backend.CodeNotFound {
		t.Errorf("stop what is not: %v", err)
	}
	stopping, err := w.StopRecording(t.Context(), w.session, "2")
	if err != nil || !stopping.Stopping || !stopping.Active() || stopping.ID != second.ID {
		t.Fatalf("stopping: %+v %v", stopping, err)
	}
	end := next(second, "")
	end.Cursor.Chunks, end.End = 0, true
	if err := w.AppendRecording(t.Context(), lease, end); err != nil {
		t.Fatal(err)
	}
	if r := w.recording(second.ID); r.Active() || r.Cursor.Chunks != 0 || w.cast(second.ID) != "" {
		t.Errorf("ended with nothing: %+v", r)
	}
	third := w.record("2")
	if r, err := w.EndRecording(t.Context(), w.session, third.ID, "because"); err != nil || r.Active() || r.Error != "because" {
		t.Errorf("ended from outside: %+v %v", r, err)
	}
	if _, err := w.EndRecording(t.Context(), w.session, third.ID, "again"); backend.CodeOf(err) != backend.CodeNotFound {
		t.Errorf("ended again: %v", err)
	}
	list, err := w.Recordings(t.Context(), w.session)
	if err != nil || len(list) != 3 || list[0].ID != third.ID || list[1].ID != second.ID {
		t.Errorf("the newest first: %+v %v", list, err)
	}
}

func TestRecordingsEndWithTheEnvironment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lease := w.ready()
	r := w.record("1")
	// The same environment, connected to anew.
	for _, phase := range []backend.Phase{backend.PhaseStarting, backend.PhaseReady, backend.PhaseStopping} {
		if err := w.SetPhase(t.Context(), lease, phase, "", "env"); err != nil {
			t.Fatal(err)
		}
		if !w.recording(r.ID).Active() {
			t.Fatalf("ended in phase %s", phase)
		}
	}
	stale := lease
	stale.Epoch--
	if err := w.SetPhase(t.Context(), stale, backend.PhaseStopped, "", ""); backend.CodeOf(err) != backend.CodeStaleLease {
		t.Fatal(err)
	}
	if !w.recording(r.ID).Active() {
		t.Fatal("a former holder of the lease has ended it")
	}
	if err := w.SetPhase(t.Context(), lease, backend.PhaseStopped, "", ""); err != nil {
		t.Fatal(err)
	}
	if w.recording(r.ID).Active() {
		t.Fatal("it goes on without an environment")
	}
}

func TestRecordingsGoWithTheirSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lease := w.ready()
	r, kept := w.record("1"), w.record("2")
	for _, r := range []backend.Recording{r, kept} {
		if err := w.AppendRecording(t.Context(), lease, next(r, "x\n")); err != nil {
			t.Fatal(err)
		}
	}
	other, err := w.CreateSession(t.Context(), w.user, "second", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []backend.RecordingID{r.ID, "no-uuid", "00000000-0000-4000-8000-000000000000"} {
		if err := w.DeleteRecording(t.Context(), other.ID, id); backend.CodeOf(err) != backend.CodeNotFound {
			t.Errorf("delete %s through another session: %v", id, err)
		}
		if _, err := w.Recording(t.Context(), other.ID, id); backend.CodeOf(err) != backend.CodeNotFound {
			t.Errorf("find %s through another session: %v", id, err)
		}
	}
	if err := w.DeleteRecording(t.Context(), w.session, r.ID); err != nil {
		t.Fatal(err)
	}
	if err := w.AppendRecording(t.Context(), lease, next(r, "y\n")); backend.CodeOf(err) != backend.CodeNotFound {
		t.Errorf("append to a deleted one: %v", err)
	}
	if n := w.count("recording_chunks"); n != 1 {
		t.Errorf("%d chunks are left, want the other's one", n)
	}
	if err := w.DeleteSession(t.Context(), w.user, w.session); err != nil {
		t.Fatal(err)
	}
	if err := w.PurgeSession(t.Context(), w.session); err != nil {
		t.Fatal(err)
	}
	if n := w.count("recordings") + w.count("recording_chunks"); n != 0 {
		t.Errorf("%d rows have outlived their session", n)
	}
}

func TestRecordingsWakeTheirSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lease := w.ready()
	listener := postgres.NewListener(w.url, slog.New(slog.DiscardHandler))
	wake, unsubscribe := listener.Subscribe(w.session)
	defer unsubscribe()
	all, unsubscribeAll := listener.SubscribeAll()
	defer unsubscribeAll()
	ctx := t.Context()
	go func() { _ = listener.Run(ctx) }() // ends with the test
	<-wake
	<-all
	var r backend.Recording
	for _, step := range []func() error{
		func() error { r = w.record("1"); return nil },
		func() error { return w.AppendRecording(t.Context(), lease, next(r, "x\n")) },
		func() error { _, err := w.StopRecording(t.Context(), w.session, "1"); return err },
		func() error { _, err := w.EndRecording(t.Context(), w.session, r.ID, ""); return err },
		func() error { return w.DeleteRecording(t.Context(), w.session, r.ID) },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
		<-wake
	}
	select {
	case <-all:
		t.Error("a recording wakes who looks after all sessions")
	default:
	}
}

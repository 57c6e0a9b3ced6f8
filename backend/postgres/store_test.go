package postgres_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"codingplatform/backend"
	"codingplatform/backend/api"
	"codingplatform/backend/auth"
	"codingplatform/backend/filesync"
	"codingplatform/backend/postgres"
	"codingplatform/backend/postgrestest"
	"codingplatform/backend/relay"
	"codingplatform/backend/session"
)

var (
	_ filesync.Store  = (*postgres.Store)(nil)
	_ session.Store   = (*postgres.Store)(nil)
	_ session.Auditor = (*postgres.Store)(nil)
	_ session.Wakes   = (*postgres.Listener)(nil)
	_ relay.Store     = (*postgres.Store)(nil)
	_ relay.Wakes     = (*postgres.Listener)(nil)
	_ api.Store       = (*postgres.Store)(nil)
	_ auth.Store      = (*postgres.Store)(nil)
)

// world is a store with one user and one session.
type world struct {
	*postgres.Store
	t       *testing.T
	url     string
	user    backend.UserID
	session backend.SessionID
}

func newWorld(t *testing.T) *world {
	t.Helper()
	url := postgrestest.New(t)
	store, err := postgres.Open(t.Context(), postgres.Config{URL: url, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	w := &world{Store: store, t: t, url: url}
	user, err := store.CreateUser(t.Context(), "ada", "ada@example.org", "hash")
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.CreateSession(t.Context(), user.ID, "first", nil)
	if err != nil {
		t.Fatal(err)
	}
	w.user, w.session = user.ID, s.ID
	return w
}

func (w *world) lease(holder string) backend.Lease {
	w.t.Helper()
	lease, err := w.AcquireLease(w.t.Context(), w.session, holder, time.Minute)
	if err != nil {
		w.t.Fatal(err)
	}
	return lease
}

func (w *world) save(path, content string) backend.Item {
	w.t.Helper()
	item, _, err := w.SaveFile(w.t.Context(), postgres.SaveRequest{
		SessionID: w.session, UserID: w.user, Path: path, Content: []byte(content), Source: backend.SourceEditor,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return item
}

func (w *world) commit(lease backend.Lease, sequence int64, entries ...backend.BatchEntry) backend.BatchResult {
	w.t.Helper()
	result, err := w.CommitBatch(w.t.Context(), lease, backend.Batch{Incarnation: "i", Sequence: sequence, Entries: entries}, backend.Limits{})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(result.Rejected) > 0 || len(result.Missing) > 0 {
		w.t.Fatalf("batch %d: rejected %v, missing %x", sequence, result.Rejected, result.Missing)
	}
	return result
}

func (w *world) read(path string) string {
	w.t.Helper()
	_, content, err := w.ReadFile(w.t.Context(), w.session, path)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(content)
}

func (w *world) paths() []string {
	w.t.Helper()
	items, _, err := w.Tree(w.t.Context(), w.session, "", 0)
	if err != nil {
		w.t.Fatal(err)
	}
	paths := []string{}
	for _, i := range items {
		paths = append(paths, i.Path)
	}
	return paths
}

func wantCode(t *testing.T, err error, code backend.Code) {
	t.Helper()
	if backend.CodeOf(err) != code {
		t.Fatalf("error %v, want %s", err, code)
	}
}

func putFile(path, content string, base int64) backend.BatchEntry {
	return backend.BatchEntry{
		Op: backend.OpPut, BaseRevision: base, Content: []byte(content), HasContent: true,
		Item: backend.Item{Path: path, Type: backend.TypeFile, Mode: 0o644, Size: int64(len(content)), Hash: sha256.Sum256([]byte(content)), ModTime: time.Unix(1, 0)},
	}
}

func putFolder(path string) backend.BatchEntry {
	return backend.BatchEntry{Op: backend.OpPut, Item: backend.Item{Path: path, Type: backend.TypeFolder, Mode: 0o755}}
}

func deletion(path string, base int64) backend.BatchEntry {
	return backend.BatchEntry{Op: backend.OpDelete, BaseRevision: base, Item: backend.Item{Path: path}}
}

func TestSaveFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.save("a/b/c.txt", "one")
	if diff := cmp.Diff([]string{"a", "a/b", "a/b/c.txt"}, w.paths()); diff != "" {
		t.Fatal(diff)
	}
	if again := w.save("a/b/c.txt", "one"); again.Revision != first.Revision {
		t.Errorf("equal content made revision %d of %d", again.Revision, first.Revision)
	}
	second := w.save("a/b/c.txt", "two")
	if second.Revision <= first.Revision || w.read("a/b/c.txt") != "two" {
		t.Errorf("revision %d after %d, %q", second.Revision, first.Revision, w.read("a/b/c.txt"))
	}
	_, _, err := w.SaveFile(t.Context(), postgres.SaveRequest{
		SessionID: w.session, UserID: w.user, Path: "a/b/c.txt", Content: []byte("three"), Base: &first.Revision, Source: backend.SourceEditor,
	})
	wantCode(t, err, backend.CodeConflict)
	if e := err.(*backend.Error); e.Revision != second.Revision { //nolint:errorlint,errcheck // checked by wantCode
		t.Errorf("conflict tells revision %d, want %d", e.Revision, second.Revision)
	}
	_, _, err = w.SaveFile(t.Context(), postgres.SaveRequest{SessionID: w.session, UserID: w.user, Path: "a", Content: nil, Source: backend.SourceEditor})
	wantCode(t, err, backend.CodeConflict)
	for _, bad := range []string{"", "..", "a/../b", "/", "a//b", strings.Repeat("x", 300), "nul\x00"} {
		_, _, err = w.SaveFile(t.Context(), postgres.SaveRequest{SessionID: w.session, UserID: w.user, Path: bad, Source: backend.SourceEditor})
		wantCode(t, err, backend.CodeInvalid)
	}
	big := strings.Repeat("0123456789abcdef", 100_000)
	w.save("big.bin", big)
	if w.read("big.bin") != big {
		t.Error("a content in chunks is not what was saved")
	}
	w.save("empty", "")
	if w.read("empty") != "" {
		t.Error("an empty file is not empty")
	}
}

func TestParallelSavesOfOneBase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	base := w.save("f", "base").Revision
	var mu sync.Mutex
	var won, lost int
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			_, _, err := w.SaveFile(t.Context(), postgres.SaveRequest{
				SessionID: w.session, UserID: w.user, Path: "f", Content: fmt.Appendf(nil, "%d", i), Base: &base, Source: backend.SourceEditor,
			})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if backend.CodeOf(err) == backend.CodeConflict {
				lost++
			} else {
				t.Errorf("save %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if won != 1 || lost != 7 {
		t.Errorf("%d won and %d lost", won, lost)
	}
}

func TestMoveAndDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("a/x/1", "1")
	w.save("a/2", "2")
	w.save("b", "b")
	move := func(from, to string) error {
		_, err := w.MovePath(t.Context(), postgres.PathRequest{SessionID: w.session, UserID: w.user, Path: from, Source: backend.SourceAPI}, to)
		return err
	}
	wantCode(t, move("a", "b"), backend.CodeAlreadyExists)
	wantCode(t, move("a", "a/y"), backend.CodeInvalid)
	wantCode(t, move("none", "c"), backend.CodeNotFound)
	wantCode(t, move("a", "new/c"), "")
	if diff := cmp.Diff([]string{"b", "new", "new/c", "new/c/2", "new/c/x", "new/c/x/1"}, w.paths()); diff != "" {
		t.Fatal(diff)
	}
	if w.read("new/c/x/1") != "1" {
		t.Error("a moved file has another content")
	}
	_, err := w.DeletePath(t.Context(), postgres.PathRequest{SessionID: w.session, UserID: w.user, Path: "new", Source: backend.SourceAPI})
	wantCode(t, err, "")
	if diff := cmp.Diff([]string{"b"}, w.paths()); diff != "" {
		t.Fatal(diff)
	}
	ws, err := w.Workspace(t.Context(), w.session)
	if err != nil || ws.Items != 1 || ws.Files != 1 || ws.Bytes != 1 {
		t.Errorf("counts %+v, %v", ws, err)
	}
}

func TestTreeOfAPart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, p := range []string{"a/x/1", "a/y", "a-b", "b"} {
		w.save(p, p)
	}
	for _, c := range []struct {
		under string
		depth int
		want  []string
	}{
		{"", 1, []string{"a", "a-b", "b"}},
		{"", 2, []string{"a", "a-b", "a/x", "a/y", "b"}},
		{"a", 0, []string{"a/x", "a/x/1", "a/y"}},
		{"a", 1, []string{"a/x", "a/y"}},
	} {
		items, _, err := w.Tree(t.Context(), w.session, c.under, c.depth)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range items {
			got = append(got, i.Path)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q %d: %s", c.under, c.depth, diff)
		}
	}
	_, _, err := w.Tree(t.Context(), w.session, "b", 0)
	wantCode(t, err, backend.CodeNotFound)
}

func TestBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lease := w.lease("one")
	first := w.commit(lease, 1, putFile("d/f", "one", 0), putFolder("d"), putFolder("e"))
	if w.read("d/f") != "one" || first.Changed != 3 {
		t.Errorf("%q, %+v", w.read("d/f"), first)
	}
	replay := w.commit(lease, 1, putFile("d/f", "other", 0))
	if !replay.Replayed || w.read("d/f") != "one" || replay.Revision != first.Revision {
		t.Errorf("replay: %+v, %q", replay, w.read("d/f"))
	}
	_, err := w.CommitBatch(t.Context(), lease, backend.Batch{Incarnation: "i", Sequence: 3}, backend.Limits{})
	wantCode(t, err, backend.CodePreconditionFailed)
	w.commit(lease, 2, deletion("d", first.Revision), backend.BatchEntry{
		Op: backend.OpPut, Item: backend.Item{Path: "l", Type: backend.TypeSymlink, Mode: 0o777, LinkTarget: "/etc"},
	})
	if diff := cmp.Diff([]string{"e", "l"}, w.paths()); diff != "" {
		t.Fatal(diff)
	}
	// A folder becomes a file, and a file a folder.
	w.commit(lease, 3, putFile("e", "file now", 0))
	w.commit(lease, 4, putFolder("e"), putFile("e/in", "x", 0))
	if diff := cmp.Diff([]string{"e", "e/in", "l"}, w.paths()); diff != "" {
		t.Fatal(diff)
	}
	other := w.lease("one")
	_, err = w.CommitBatch(t.Context(), lease, backend.Batch{Incarnation: "i", Sequence: 5}, backend.Limits{})
	wantCode(t, err, backend.CodeStaleLease)
	_, err = w.AcquireLease(t.Context(), w.session, "two", time.Minute)
	wantCode(t, err, backend.CodeConflict)
	if err := w.ReleaseLease(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	w.lease("two")
}

func TestBatchAsksForContents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lease := w.lease("one")
	content := bytes.Repeat([]byte("large "), 500_000)
	entry := putFile("large", string(content), 0)
	entry.Content, entry.HasContent = nil, false
	batch := backend.Batch{Incarnation: "i", Sequence: 1, Entries: []backend.BatchEntry{entry}}
	result, err := w.CommitBatch(t.Context(), lease, batch, backend.Limits{})
	if err != nil || !slices.Equal(result.Missing, []backend.Hash{entry.Hash}) {
		t.Fatalf("%+v %v", result, err)
	}
	if len(w.paths()) != 0 {
		t.Fatal("something was committed without its content")
	}
	wantCode(t, w.PutBlob(t.Context(), lease, backend.Hash{1}, int64(len(content)), bytes.NewReader(content)), backend.CodeInvalid)
	if err := w.PutBlob(t.Context(), lease, entry.Hash, int64(len(content)), bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	w.commit(lease, 1, entry)
	if w.read("large") != string(content) {
		t.Error("the content is another")
	}
	// Another session cannot get it by naming its hash.
	s, err := w.CreateSession(t.Context(), w.user, "second", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.BlobSize(t.Context(), s.ID, entry.Hash)
	wantCode(t, err, backend.CodeNotFound)
	theirs, err := w.AcquireLease(t.Context(), s.ID, "one", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	result, err = w.CommitBatch(t.Context(), theirs, batch, backend.Limits{})
	if err != nil || len(result.Missing) != 1 {
		t.Fatalf("another session may name a hash: %+v %v", result, err)
	}
}

func TestConflictKeepsBoth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lease := w.lease("one")
	base := w.commit(lease, 1, putFile("f", "base", 0), putFile("g", "base", 0)).Revision
	editor := w.save("f", "editor")
	w.save("g", "editor")
	result := w.commit(lease, 2, putFile("f", "disk", base), deletion("g", base))
	if len(result.Conflicts) != 2 || w.read("f") != "disk" || w.read("g") != "editor" {
		t.Fatalf("%+v, f %q, g %q", result, w.read("f"), w.read("g"))
	}
	page, err := w.History(t.Context(), w.session, "f", postgres.Place{}, 10)
	if err != nil || len(page.Versions) != 3 || page.Versions[1].Revision != editor.Revision {
		t.Fatalf("history %+v, %v", page, err)
	}
	open, err := w.OpenConflicts(t.Context(), w.session)
	if err != nil || len(open) != 2 || open[0].Path != "f" || open[0].OtherRevision != editor.Revision {
		t.Fatalf("open conflicts %+v, %v", open, err)
	}
	// What the disk had deleted goes back to it.
	changes, _, _, err := w.ChangesSince(t.Context(), w.session, result.Revision-1, 100)
	if err != nil {
		t.Fatal(err)
	}
	back := slices.ContainsFunc(changes, func(c backend.Change) bool {
		return c.Path == "g" && c.Op == backend.OpPut && c.Source == backend.SourceRestore && c.PreviousType == ""
	})
	if !back {
		t.Errorf("g does not go back: %+v", changes)
	}
	w.save("f", "merged")
	if open, err = w.OpenConflicts(t.Context(), w.session); err != nil || len(open) != 1 {
		t.Errorf("a save settles the conflict: %+v, %v", open, err)
	}
	// What the terminal wrote before is no surprise to it.
	if again := w.commit(lease, 3, putFile("h", "1", 0)); len(again.Conflicts) > 0 {
		t.Error(again.Conflicts)
	}
	if again := w.commit(lease, 4, putFile("h", "2", 0)); len(again.Conflicts) > 0 {
		t.Errorf("the terminal conflicts with itself: %+v", again.Conflicts)
	}
}

func TestFeedIsWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lease := w.lease("one")
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 10 {
				w.save(fmt.Sprintf("w%d/%d", i, j), "x")
			}
		})
	}
	wg.Go(func() {
		for i := range 20 {
			w.commit(lease, int64(i+1), putFile(fmt.Sprintf("t/%d", i), "y", 0), putFile(fmt.Sprintf("u/%d", i), "y", 0))
		}
	})
	// A reader that follows sees each revision once, in order, without holes.
	var at int64
	for at < 60 {
		changes, last, reaches, err := w.ChangesSince(t.Context(), w.session, at, 3)
		if err != nil || !reaches {
			t.Fatalf("feed after %d: %v %v", at, reaches, err)
		}
		for _, c := range changes {
			if c.Revision != at && c.Revision != at+1 {
				t.Fatalf("revision %d comes after %d", c.Revision, at)
			}
			at = c.Revision
		}
		if last != at {
			t.Fatalf("the feed ends at %d and says %d", at, last)
		}
	}
	wg.Wait()
	if n := len(w.paths()); n != 40+4+40+2 {
		t.Errorf("%d items", n)
	}
	_, _, reaches, err := w.ChangesSince(t.Context(), w.session, 1000, 3)
	if err != nil || reaches {
		t.Errorf("a revision of the future: %v %v", reaches, err)
	}
}

func TestListenerWakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	listener := postgres.NewListener(w.url, slog.New(slog.DiscardHandler))
	mine, end := listener.Subscribe(w.session)
	defer end()
	other, endOther := listener.Subscribe("00000000-0000-0000-0000-000000000000")
	defer endOther()
	all, endAll := listener.SubscribeAll()
	defer endAll()
	done := make(chan error, 1)
	ctx := t.Context()
	go func() { done <- listener.Run(ctx) }()
	for _, wake := range []<-chan struct{}{mine, other, all} { // it listens now
		<-wake
	}
	w.save("f", "x")
	<-mine
	if err := w.SetWanted(t.Context(), w.session, true, ""); err != nil {
		t.Fatal(err)
	}
	<-mine
	<-all
	select {
	case <-other:
		t.Error("another session's subscriber was woken")
	default:
	}
}

func TestTrimAndCollect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 5 {
		w.save("f", fmt.Sprint(i))
	}
	n, err := w.TrimHistory(t.Context(), 0, 2)
	if err != nil || n != 3 {
		t.Fatalf("trimmed %d, %v", n, err)
	}
	if _, _, reaches, err := w.ChangesSince(t.Context(), w.session, 1, 10); err != nil || reaches {
		t.Errorf("the feed says that it reaches back to what was trimmed: %v %v", reaches, err)
	}
	if changes, _, reaches, err := w.ChangesSince(t.Context(), w.session, 4, 10); err != nil || !reaches || len(changes) != 1 {
		t.Errorf("the rest of the feed: %v %v %v", changes, reaches, err)
	}
	// Young contents stay, whatever refers to them.
	if n, err := w.CollectBlobs(t.Context()); err != nil || n != 0 {
		t.Errorf("collected %d young contents, %v", n, err)
	}
	if w.read("f") != "4" {
		t.Error("the present version is gone")
	}
}

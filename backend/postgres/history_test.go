package postgres_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"codingplatform/backend"
	"codingplatform/backend/postgres"
)

// shown is what a tree has to have in common with what it was.
type shown struct {
	Path, Content, Link string
	Type                backend.FileType
	Mode                uint32
}

func (w *world) shown() []shown {
	w.t.Helper()
	items, _, err := w.Tree(w.t.Context(), w.session, "", 0)
	if err != nil {
		w.t.Fatal(err)
	}
	all := []shown{}
	for _, i := range items {
		all = append(all, w.show(i))
	}
	return all
}

func (w *world) show(i backend.Item) shown {
	s := shown{Path: i.Path, Link: i.LinkTarget, Type: i.Type, Mode: i.Mode}
	if i.Type == backend.TypeFile {
		s.Content = fmt.Sprintf("%x", i.Hash)
	}
	return s
}

func (w *world) path(path string) postgres.PathRequest {
	return postgres.PathRequest{SessionID: w.session, UserID: w.user, Path: path, Source: backend.SourceEditor}
}

// past is a workspace that was changed at random, and what it was after each revision.
type past struct {
	*world
	states map[int64][]shown
	last   int64
}

func newPast(t *testing.T, steps int) *past {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	p := &past{world: newWorld(t), states: map[int64][]shown{0: {}}}
	lease := p.lease("h")
	name := func() string {
		letters := []string{"a", "b", "c"}
		path := []string{letters[random.IntN(3)]}
		for range random.IntN(3) {
			path = append(path, letters[random.IntN(3)])
		}
		return strings.Join(path, "/")
	}
	sequence := int64(0)
	for range steps {
		ctx := t.Context()
		// What cannot be done, because of what is there, changes nothing.
		switch random.IntN(6) {
		case 0, 1:
			_, _, _ = p.SaveFile(ctx, postgres.SaveRequest{SessionID: p.session, UserID: p.user, Path: name(), Content: fmt.Append(nil, random.IntN(9)), Source: backend.SourceEditor})
		case 2:
			_, _ = p.DeletePath(ctx, p.path(name()))
		case 3:
			_, _ = p.MovePath(ctx, p.path(name()), name())
		case 4:
			_, _, _ = p.CopyPath(ctx, p.path(name()), name())
		case 5:
			path := name()
			entries := []backend.BatchEntry{
				putFile(path+"/f", fmt.Sprint(random.IntN(9)), 0),
				{Op: backend.OpPut, Item: backend.Item{Path: path + "/l", Type: backend.TypeSymlink, LinkTarget: fmt.Sprint("to", random.IntN(3)), Mode: 0o777}},
				deletion(name(), 0),
			}
			sequence++
			if _, err := p.CommitBatch(ctx, lease, backend.Batch{Incarnation: "i", Sequence: sequence, Entries: entries}, backend.Limits{}); err != nil {
				t.Fatal(err)
			}
		}
		revision, err := p.Revision(ctx, p.session)
		if err != nil {
			t.Fatal(err)
		}
		if revision > p.last+1 {
			t.Fatalf("one step made %d revisions", revision-p.last)
		}
		p.states[revision], p.last = p.shown(), revision
	}
	return p
}

func TestVersionAtIsWhatWasThere(t *testing.T) {
	t.Parallel()
	p := newPast(t, 120)
	names := map[string]bool{}
	for _, state := range p.states {
		for _, s := range state {
			names[s.Path] = true
		}
	}
	for revision, state := range p.states {
		if revision%3 != 0 {
			continue
		}
		for name := range names {
			at := slices.IndexFunc(state, func(s shown) bool { return s.Path == name })
			item, err := p.VersionAt(t.Context(), p.session, name, revision)
			switch {
			case at < 0:
				wantCode(t, err, backend.CodeNotFound)
			case err != nil:
				t.Fatalf("%q at %d: %v", name, revision, err)
			case p.show(item) != state[at]:
				t.Fatalf("%q at %d was %+v, not %+v", name, revision, state[at], p.show(item))
			}
		}
	}
}

func TestRestoreAnyRevision(t *testing.T) {
	t.Parallel()
	p := newPast(t, 80)
	for _, revision := range []int64{p.last, p.last / 2, 1, p.last - 3, 0, p.last / 3} {
		done, err := p.Restore(t.Context(), postgres.RestoreRequest{SessionID: p.session, UserID: p.user, Revision: revision})
		if err != nil {
			t.Fatalf("revision %d: %v", revision, err)
		}
		if len(done.Left) > 0 {
			t.Errorf("revision %d: left %v", revision, done.Left)
		}
		if diff := cmp.Diff(p.states[revision], p.shown()); diff != "" {
			t.Fatalf("restored to %d (-was +is):\n%s", revision, diff)
		}
		w, err := p.Workspace(t.Context(), p.session)
		if err != nil || w.Items != int64(len(p.states[revision])) {
			t.Errorf("%d items are counted (%v), %d are there", w.Items, err, len(p.states[revision]))
		}
	}
	_, err := p.Restore(t.Context(), postgres.RestoreRequest{SessionID: p.session, UserID: p.user, Revision: math.MaxInt64})
	wantCode(t, err, backend.CodeInvalid)
}

// TestTrimmedHistoryStaysTrue trims as much as may be, and looks whether what is left tells what was.
func TestTrimmedHistoryStaysTrue(t *testing.T) {
	t.Parallel()
	p := newPast(t, 120)
	middle := p.last / 2
	// What ended until this moment may go: the revisions may be less than the clock's reading apart.
	p.exec(`UPDATE workspace_history SET created_at = created_at - interval '2 hours' WHERE revision <= $1`, middle)
	dropped, err := p.TrimHistory(t.Context(), time.Hour, 1)
	if err != nil || dropped == 0 {
		t.Fatalf("dropped %d, %v", dropped, err)
	}
	for revision := middle; revision <= p.last; revision++ {
		if _, err := p.Restore(t.Context(), postgres.RestoreRequest{SessionID: p.session, UserID: p.user, Revision: revision}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(p.states[revision], p.shown()); diff != "" {
			t.Fatalf("restored to %d (-was +is):\n%s", revision, diff)
		}
	}
	_, err = p.Restore(t.Context(), postgres.RestoreRequest{SessionID: p.session, UserID: p.user})
	wantCode(t, err, backend.CodeNotFound)
}

func TestHistoryFollowsRenames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("a/f", "1")
	w.save("a/f", "2")
	must := func(_ backend.Item, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(w.MovePath(t.Context(), w.path("a"), "b"))
	w.save("a/f", "another file")
	w.save("b/f", "3")
	must(w.MovePath(t.Context(), w.path("b/f"), "c"))
	w.save("c", "4")
	type line struct {
		Op       backend.ChangeOp
		Path     string
		Username string
	}
	var lines []line
	for before := (postgres.Place{}); ; {
		page, err := w.History(t.Context(), w.session, "c", before, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Versions {
			lines = append(lines, line{v.Op, v.Path, v.Username})
		}
		if before = page.Next; before == (postgres.Place{}) {
			break
		}
		if len(lines) > 20 {
			t.Fatal("it has no end")
		}
	}
	want := []line{{"put", "c", "ada"}, {"move", "c", "ada"}, {"put", "b/f", "ada"}, {"put", "a/f", "ada"}, {"put", "a/f", "ada"}}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	_, err := w.History(t.Context(), w.session, "never", postgres.Place{}, 10)
	wantCode(t, err, backend.CodeNotFound)
}

func TestDeletedFilesComeBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("d/one", "1")
	w.save("d/two", "2")
	w.save("again", "x")
	for _, path := range []string{"again", "d"} {
		if _, err := w.DeletePath(t.Context(), w.path(path)); err != nil {
			t.Fatal(err)
		}
	}
	w.save("again", "y")
	files, more, err := w.DeletedFiles(t.Context(), w.session, 10)
	if err != nil || more || len(files) != 2 || files[0].Path != "d/one" || files[1].Path != "d/two" {
		t.Fatalf("deleted: %+v, %v, %v", files, more, err)
	}
	done, err := w.Restore(t.Context(), postgres.RestoreRequest{SessionID: w.session, UserID: w.user, Path: "d/two", Revision: files[1].DeletedRevision - 1})
	if err != nil || done.Written != 1 || done.Deleted != 0 {
		t.Fatalf("restored %+v, %v", done, err)
	}
	if diff := cmp.Diff([]string{"again", "d", "d/two"}, w.paths()); diff != "" {
		t.Error(diff)
	}
	if w.read("d/two") != "2" {
		t.Error("it has another content")
	}
	versions, err := w.History(t.Context(), w.session, "d/two", postgres.Place{}, 1)
	if err != nil || versions.Versions[0].Source != backend.SourceRestore {
		t.Errorf("%+v, %v", versions, err)
	}
}

func TestRestoreLeavesWhatIsNotSaved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("f", "1")
	before, err := w.Revision(t.Context(), w.session)
	if err != nil {
		t.Fatal(err)
	}
	ignored := backend.BatchEntry{Op: backend.OpPut, Item: backend.Item{Path: "p/node_modules", Type: backend.TypeFolder, Unsaved: backend.UnsavedIgnored}}
	w.commit(w.lease("h"), 1, putFolder("p"), ignored, putFile("p/g", "2", 0))
	if _, err := w.Restore(t.Context(), postgres.RestoreRequest{SessionID: w.session, UserID: w.user, Revision: before}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"f", "p", "p/node_modules"}, w.paths()); diff != "" {
		t.Error(diff)
	}
}

func TestCopyPath(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("d/one", "1")
	w.save("d/deep/two", "2")
	if _, _, err := w.CopyPath(t.Context(), w.path("d"), "new/e"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"d", "d/deep", "d/deep/two", "d/one", "new", "new/e", "new/e/deep", "new/e/deep/two", "new/e/one"}, w.paths()); diff != "" {
		t.Error(diff)
	}
	if w.read("new/e/deep/two") != "2" {
		t.Error("a copy has another content")
	}
	for to, code := range map[string]backend.Code{"new": backend.CodeAlreadyExists, "d/inside": backend.CodeInvalid, "d": backend.CodeInvalid} {
		_, _, err := w.CopyPath(t.Context(), w.path("d"), to)
		wantCode(t, err, code)
	}
	request := w.path("d")
	request.Limits = backend.Limits{MaxFiles: 10}
	_, _, err := w.CopyPath(t.Context(), request, "more")
	wantCode(t, err, backend.CodeTooLarge)
}

func TestRevisionAtAMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.save("f", "1")
	second := w.save("f", "2")
	for at, want := range map[time.Time]int64{first.UpdatedAt: first.Revision, second.UpdatedAt.Add(time.Hour): second.Revision, second.UpdatedAt.Add(-time.Microsecond): first.Revision} {
		if got, err := w.RevisionAt(t.Context(), w.session, at); err != nil || got != want {
			t.Errorf("at %v it was at %d (%v), not %d", at, got, err, want)
		}
	}
	_, err := w.RevisionAt(t.Context(), w.session, first.UpdatedAt.Add(-time.Hour))
	wantCode(t, err, backend.CodeNotFound)
}

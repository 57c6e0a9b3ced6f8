package filesrpc_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"connectrpc.com/connect"

	"codingplatform/agent/files"
	"codingplatform/agent/watch"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

func TestRestoreIntoAnEmptyFolder(t *testing.T) {
	w := newWorld(t)
	w.folder("d")
	w.save("d/small", "small")
	w.save("empty", "")
	w.save("big", strings.Repeat("big", 1<<19))
	w.save("copy", "small")
	w.save("\U0010FFFF", "escaped")
	w.save("../outside", "never")
	w.save("d/\U0010FF2F", "a slash in disguise")
	w.db["link"] = &agentv1.FileEntry{Path: "link", Type: agentv1.FileType_FILE_TYPE_SYMLINK, LinkTarget: "/etc", Revision: 1}
	w.start()
	done := w.restore(1)
	if done.GetWritten() != 7 || len(done.GetProblems()) != 2 {
		t.Errorf("restored %v", done)
	}
	if got := w.read("d/small") + w.read("copy") + w.read("empty") + w.read("\xff"); got != "smallsmallescaped" {
		t.Errorf("restored contents: %q", got)
	}
	if w.read("big") != string(w.blobs[string(w.db["big"].GetSha256())]) {
		t.Error("a large file was restored wrongly")
	}
	if target, err := os.Readlink(w.disk("link")); err != nil || target != "/etc" {
		t.Errorf("a link was restored to %q: %v", target, err)
	}
	if info, err := os.Stat(w.disk("d/small")); err != nil || info.ModTime().UnixNano() != 1_700_000_000_000_000_000 {
		t.Errorf("a restored file's time: %v, %v", info, err)
	}
	// Nothing that a restore did is a change.
	delete(w.db, "../outside")
	delete(w.db, "d/\U0010FF2F")
	c := w.open(1)
	w.write("after", "x")
	c.until(has("after"))
	c.settle(1)
	for _, e := range c.log {
		if e.GetPath() != "after" {
			t.Errorf("an echo: %v", e)
		}
	}
}

func TestNoLinkIsFollowed(t *testing.T) {
	outside := t.TempDir()
	w := newWorld(t)
	if err := os.Symlink(outside, w.disk("trap")); err != nil {
		t.Fatal(err)
	}
	w.folder("trap")
	w.save("trap/file", "never outside")
	w.start()
	w.restore(1)
	w.apply1(t, put(w.save("trap/other", "nor by an apply"), w))
	if names, err := filepath.Glob(outside + "/*"); err != nil || len(names) > 0 {
		t.Errorf("written outside of the root: %v %v", names, err)
	}
}

func TestRestoreKeepsUnsentWork(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"same", "edited", "both", "deleted", "stale", "removed", "revived"} {
		w.save(path, "first")
	}
	w.start()
	w.restore(1)
	w.stop()
	// No agent runs: the disk and the database go on by themselves.
	w.write("edited", "on the disk")
	w.write("both", "on the disk")
	w.write("new", "on the disk")
	for _, path := range []string{"deleted", "revived"} {
		if err := os.Remove(w.disk(path)); err != nil {
			t.Fatal(err)
		}
	}
	before := w.db["both"].GetRevision()
	w.save("both", "in the database")
	w.save("stale", "in the database")
	w.save("revived", "in the database")
	delete(w.db, "removed")

	w.start()
	done := w.restore(2)
	if done.GetWritten() != 2 || done.GetDeleted() != 1 || done.GetKept() != 3 {
		t.Errorf("restored %v", done)
	}
	for path, want := range map[string]string{
		"same": "first", "edited": "on the disk", "both": "on the disk", "new": "on the disk",
		"stale": "in the database", "revived": "in the database",
	} {
		if got := w.read(path); got != want {
			t.Errorf("%s holds %q, not %q", path, got, want)
		}
	}
	if _, err := os.Stat(w.disk("removed")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file deleted in the database is on the disk: %v", err)
	}
	c := w.open(2)
	c.settle(2)
	sent := map[string]uint64{}
	for _, e := range c.log {
		sent[e.GetPath()] = e.GetBaseRevision()
	}
	if len(sent) != 4 || sent["both"] != before || sent["new"] != 0 || sent["deleted"] == 0 {
		t.Errorf("changes came with revisions %v", sent)
	}
}

func put(e *agentv1.FileEntry, w *world) *agentv1.ApplyOperation {
	return &agentv1.ApplyOperation{Op: agentv1.ChangeOp_CHANGE_OP_PUT, Entry: e, Content: w.blobs[string(e.GetSha256())]}
}

func (w *world) apply1(t *testing.T, ops ...*agentv1.ApplyOperation) []*agentv1.ApplyResult {
	t.Helper()
	return w.applyAsOf(t, 1, w.through, ops...)
}

func (w *world) applyAsOf(t *testing.T, epoch, through uint64, ops ...*agentv1.ApplyOperation) []*agentv1.ApplyResult {
	t.Helper()
	stream := w.client.Apply(t.Context())
	err := stream.Send(&agentv1.ApplyRequest{Message: &agentv1.ApplyRequest_Operations{Operations: &agentv1.ApplyOperations{
		LeaseEpoch: epoch, Operations: ops, CommittedThrough: through,
	}}})
	if err != nil {
		t.Error(err)
	}
	for _, op := range ops {
		if op.GetLarge() {
			for chunk := range chunks(op.GetEntry().GetSha256(), w.blobs[string(op.GetEntry().GetSha256())]) {
				if err := stream.Send(&agentv1.ApplyRequest{Message: &agentv1.ApplyRequest_Blob{Blob: chunk}}); err != nil {
					t.Error(err)
				}
			}
		}
	}
	response, err := stream.CloseAndReceive()
	if err != nil {
		t.Error(err)
		return make([]*agentv1.ApplyResult, len(ops))
	}
	return response.Msg.GetResults()
}

func TestApply(t *testing.T) {
	w := newWorld(t)
	w.save("f", "first")
	w.start()
	w.restore(1)
	c := w.open(1)
	outcome := func(op *agentv1.ApplyOperation) agentv1.ApplyOutcome {
		t.Helper()
		return w.apply1(t, op)[0].GetOutcome()
	}
	if o := outcome(put(w.save("f", "second"), w)); o != agentv1.ApplyOutcome_APPLY_OUTCOME_APPLIED || w.read("f") != "second" {
		t.Errorf("apply: %v, %q", o, w.read("f"))
	}
	if o := outcome(put(w.db["f"], w)); o != agentv1.ApplyOutcome_APPLY_OUTCOME_UNCHANGED {
		t.Errorf("apply again: %v", o)
	}
	large := put(w.save("large", strings.Repeat("l", 1<<20)), w)
	large.Content, large.Large = nil, true
	if o := outcome(large); o != agentv1.ApplyOutcome_APPLY_OUTCOME_APPLIED || len(w.read("large")) != 1<<20 {
		t.Errorf("apply a large file: %v", o)
	}
	move := &agentv1.ApplyOperation{Op: agentv1.ChangeOp_CHANGE_OP_MOVE, FromPath: "large", Entry: w.db["large"]}
	delete(w.db, "large")
	move.Entry.Path = "d/large"
	w.folder("d")
	w.db["d/large"] = move.GetEntry()
	formerly := &agentv1.ApplyOperation{Op: agentv1.ChangeOp_CHANGE_OP_DELETE, Entry: &agentv1.FileEntry{Path: "large"}}
	if o := w.apply1(t, move, formerly)[0].GetOutcome(); o != agentv1.ApplyOutcome_APPLY_OUTCOME_APPLIED || len(w.read("d/large")) != 1<<20 {
		t.Errorf("apply a move: %v", o)
	}
	w.write("mark", "x")
	c.until(has("mark"))
	for _, e := range c.log {
		if e.GetPath() != "mark" && e.GetPath() != "d" {
			t.Errorf("an echo: %v", e)
		}
	}

	w.write("f", "by a program")
	// The watch may have been quicker: then what it brought is committed first.
	saved := put(w.save("f", "by the editor"), w)
	applied := make(chan agentv1.ApplyOutcome, 1)
	through := w.through
	go func() { applied <- w.applyAsOf(t, 1, through, saved)[0].GetOutcome() }()
	sum := sha256.Sum256([]byte("by a program"))
	c.until(func(db map[string]*agentv1.FileEntry) bool { return bytes.Equal(db["f"].GetSha256(), sum[:]) })
	o := <-applied
	if o != agentv1.ApplyOutcome_APPLY_OUTCOME_CONFLICT && o != agentv1.ApplyOutcome_APPLY_OUTCOME_BUSY || w.read("f") != "by a program" {
		t.Errorf("apply on another version: %v, %q", o, w.read("f"))
	}
	if o := outcome(&agentv1.ApplyOperation{
		Op: agentv1.ChangeOp_CHANGE_OP_DELETE, Entry: &agentv1.FileEntry{Path: "d"},
	}); o != agentv1.ApplyOutcome_APPLY_OUTCOME_APPLIED {
		t.Errorf("apply a deletion: %v", o)
	}
	delete(w.db, "d")
	delete(w.db, "d/large")
	c.settle(1)
}

func TestReplayAfterALostConnection(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.restore(1)
	c := w.open(1)
	w.write("a", "1")
	lost := c.batch()
	c.cancel()
	c = w.open(1)
	if again := c.batch(); again.GetSequence() != lost.GetSequence() || again.String() != lost.String() {
		t.Errorf("the batch came again as %v, not %v", again, lost)
	} else {
		c.commit(again)
	}
	c.settle(1)
	if got := len(w.db); got != 1 {
		t.Errorf("%d entries", got)
	}
}

func TestANewerStreamReplacesTheOld(t *testing.T) {
	w := newWorld(t)
	w.start()
	refused := w.client.Changes(t.Context())
	if err := refused.Send(&agentv1.ChangesRequest{Message: &agentv1.ChangesRequest_Open{Open: &agentv1.ChangesOpen{LeaseEpoch: 1}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := refused.Receive(); connect.CodeOf(err) != connect.CodeFailedPrecondition {
		t.Errorf("changes before a restore: %v", err)
	}
	w.restore(1)
	old := w.open(1)
	w.open(2)
	for {
		if _, err := old.stream.Receive(); err != nil {
			if connect.CodeOf(err) != connect.CodeAborted {
				t.Errorf("the old stream ended with %v", err)
			}
			break
		}
	}
	_, err := w.client.Rescan(t.Context(), connect.NewRequest(&agentv1.RescanRequest{LeaseEpoch: 1}))
	if connect.CodeOf(err) != connect.CodeFailedPrecondition {
		t.Errorf("a stale epoch: %v", err)
	}
}

func TestTheBrakeHoldsAnEmptiedWorkspace(t *testing.T) {
	w := newWorld(t)
	w.folder("d")
	w.save("d/a", "a")
	w.save("d/b", "b")
	w.start()
	w.restore(1)
	c := w.open(1)
	// At once, however slow the machine is.
	if err := os.Rename(w.disk("d"), w.state+"/d"); err != nil {
		t.Fatal(err)
	}
	for !c.status.GetBraked() {
		c.step()
	}
	if len(w.db) != 3 {
		t.Errorf("deleted all the same: %v", w.db)
	}
	if _, err := w.client.ReleaseBrake(t.Context(), connect.NewRequest(&agentv1.ReleaseBrakeRequest{LeaseEpoch: 1, DeleteFiles: true})); err != nil {
		t.Fatal(err)
	}
	c.until(func(db map[string]*agentv1.FileEntry) bool { return len(db) == 0 })
}

func TestAnEmptiedWorkspaceIsRestored(t *testing.T) {
	w := newWorld(t)
	w.save("a", "a")
	w.save("b", "b")
	w.start()
	w.restore(1)
	w.stop()
	for _, path := range []string{"a", "b"} {
		if err := os.Remove(w.disk(path)); err != nil {
			t.Fatal(err)
		}
	}
	w.start()
	if done := w.restore(2); done.GetWritten() != 2 {
		t.Errorf("restored %v", done)
	}
}

// deaf is a watcher that hears nothing but what the test says.
type deaf struct{ hints chan watch.Hint }

func (d deaf) Run(ctx context.Context) error      { <-ctx.Done(); return nil }
func (d deaf) Hints() <-chan watch.Hint           { return d.hints }
func (d deaf) Watch(string, uint64) (bool, error) { return true, nil }
func (d deaf) Forget(string)                      {}
func (d deaf) Count() int                         { return 1 }
func (d deaf) Limit() int                         { return 1 }

func TestAnOverflowEndsInAScan(t *testing.T) {
	w := newWorld(t)
	d := deaf{make(chan watch.Hint)}
	w.newWatcher = func(string) (files.Watcher, error) { return d, nil }
	w.start()
	w.restore(1)
	c := w.open(1)
	w.write("d/e/missed", "x")
	d.hints <- watch.Hint{Overflow: true}
	c.until(has("d/e/missed"))
	for c.status.GetOverflows() != 1 {
		c.step()
	}
}

func TestExhaustedWatchesArePolled(t *testing.T) {
	for limit, mode := range map[int]agentv1.WatchMode{
		1: agentv1.WatchMode_WATCH_MODE_HYBRID, -1: agentv1.WatchMode_WATCH_MODE_POLL,
	} {
		w := newWorld(t)
		w.newWatcher = func(root string) (files.Watcher, error) {
			if limit < 0 {
				return nil, watch.ErrExhausted
			}
			return watch.New(root, limit)
		}
		w.start()
		w.restore(1)
		c := w.open(1)
		w.write("d/e/f", "x")
		c.until(has("d/e/f"))
		w.write("d/e/f", "longer")
		c.until(func(db map[string]*agentv1.FileEntry) bool { return db["d/e/f"].GetSize() == 6 })
		for c.status.GetWatchMode() != mode {
			c.step()
		}
		w.stop()
	}
}

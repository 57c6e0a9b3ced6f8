package files

import (
	"crypto/sha256"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func wantSent(t *testing.T, got []string, want ...string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

// TestWhatCameLate: what the database had before a batch that is committed by now is not brought, whatever it is.
func TestWhatCameLate(t *testing.T) {
	b := newBench(t, folder("d", 1), entry("d/f", 2), entry("stays", 3))
	b.write("d/f")
	wantSent(t, b.settle(), "put d/f")
	gone := Operation{Op: Delete, Entry: Entry{Path: "d"}}
	moved := Operation{Op: Move, From: "d", Entry: folder("e", 50)}
	wantOutcomes(t, b.applyAsOf(0, gone, moved, putOf(entry("d/f", 50)), putOf(entry("new", 50))), Busy, Busy, Busy, Busy)
	if b.read("d/f") != program {
		t.Errorf("the disk has %q", b.read("d/f"))
	}
	wantOutcomes(t, b.apply(gone), Applied)
	if _, err := os.Stat(b.disk("d")); err == nil {
		t.Error("the folder is there")
	}
	wantSent(t, b.settle())
}

// TestADeletionMeetsAnother: both sides have deleted it.
func TestADeletionMeetsAnother(t *testing.T) {
	b := newBench(t, entry("f", 2), entry("stays", 3))
	if err := os.Remove(b.disk("f")); err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, b.apply(Operation{Op: Delete, Entry: Entry{Path: "f"}}), Unchanged)
	wantSent(t, b.settle())
}

// TestADeletionSparesWork: what a program has changed in a folder that the database has deleted stays and is new to it.
func TestADeletionSparesWork(t *testing.T) {
	b := newBench(t, folder("d", 1), entry("d/f", 2), entry("d/g", 2), folder("d/sub", 2), entry("stays", 3))
	b.write("d/f")
	b.write("d/new")
	wantOutcomes(t, b.apply(Operation{Op: Delete, Entry: Entry{Path: "d"}}), Conflict)
	if b.read("d/f") != program || b.read("d/new") != program {
		t.Errorf("the disk has %q, %q", b.read("d/f"), b.read("d/new"))
	}
	for _, path := range []string{"d/g", "d/sub"} {
		if _, err := os.Stat(b.disk(path)); err == nil {
			t.Errorf("%s is there", path)
		}
	}
	wantSent(t, b.settle(), "put d", "put d/f", "put d/new")
}

// TestWhatIsUnderWay waits for its commit, which decides.
func TestWhatIsUnderWay(t *testing.T) {
	b := newBench(t, entry("f", 2), entry("stays", 3))
	b.write("f")
	b.look()
	batch := b.batch()
	ended := make(chan []Outcome)
	go func() { ended <- b.applyAsOf(0, putOf(entry("f", 50)), putOf(entry("other", 50))) }()
	b.commit(batch)
	// The other one may have been looked at before the commit or after it.
	if outcomes := <-ended; outcomes[0] != Busy {
		t.Errorf("outcomes %d", outcomes)
	}
	wantSent(t, b.settle())
	if b.read("f") != program {
		t.Errorf("the disk has %q", b.read("f"))
	}
}

// TestAMove brings what is below along, with what a program has made there.
func TestAMove(t *testing.T) {
	b := newBench(t, folder("d", 1), entry("d/f", 2), entry("d/g", 2), entry("d/gone", 2), entry("stays", 3))
	b.write("d/new")
	b.write("d/g")
	whole := putOf(folder("e", 50))
	whole.Whole = true
	bare := func(e Entry) Operation { return Operation{Op: Put, Entry: e} }
	wantOutcomes(t, b.apply(
		Operation{Op: Move, From: "d", Entry: folder("e", 50)}, whole, bare(entry("e/f", 50)), bare(entry("e/g", 50)),
		Operation{Op: Delete, Entry: Entry{Path: "d"}},
	), Applied, Unchanged, Unchanged, Conflict, Unchanged)
	if b.read("e/new") != program || b.read("e/g") != program || b.read("e/f") != string(content) {
		t.Errorf("the disk has %q, %q, %q", b.read("e/new"), b.read("e/g"), b.read("e/f"))
	}
	if _, err := os.Stat(b.disk("e/gone")); err == nil {
		t.Error("what the database does not have below the new path is there")
	}
	wantSent(t, b.settle(), "put e/new", "put e/g")
}

// TestAMoveOfWhatWasJustWritten: a file was written to once more within the tick of the clock in which it was read, and
// then its folder is moved. Its hint leads to where it was, so the look after the move must not trust what was read.
func TestAMoveOfWhatWasJustWritten(t *testing.T) {
	b := newBench(t, folder("d", 1), entry("d/f", 2), entry("stays", 3))
	it := b.find("d/f")
	before := it.disk.Hash
	b.write("d/f")
	b.look()
	it.disk.Hash, it.hashed = before, time.Unix(0, it.stat.Ctime)
	<-time.After(time.Until(it.hashed.Add(2 * racyWindow))) // a slow machine, between the look and the move
	if err := errors.Join(b.rename("d", "e"), b.carry("d", "e"), b.scanBelow(t.Context(), "e")); err != nil {
		t.Fatal(err)
	}
	if it := b.find("e/f"); it.disk.Hash != sha256.Sum256([]byte(program)) {
		t.Error("what was written last was not noticed")
	}
}

// TestAMoveOfWhatIsThereAgain: a program has put something new where the database has moved it from, and that is committed.
func TestAMoveOfWhatIsThereAgain(t *testing.T) {
	b := newBench(t, entry("from", 2), entry("stays", 3))
	wantOutcomes(t, b.apply(Operation{Op: Move, From: "from", Entry: entry("to", 50)}), Unchanged)
	if b.read("from") != string(content) {
		t.Errorf("the disk has %q", b.read("from"))
	}
	wantSent(t, b.settle())
}

// TestAMoveLeavesWhatHasComeSince: the database tells once more of a move that the disk has had, since it was not noted in
// time. A program has gone on by then.
func TestAMoveLeavesWhatHasComeSince(t *testing.T) {
	b := newBench(t, folder("d", 1), entry("d/f", 2), entry("stays", 3))
	whole := putOf(folder("e", 50))
	whole.Whole = true
	ops := []Operation{
		{Op: Move, From: "d", Entry: folder("e", 50)}, whole, putOf(entry("e/f", 2)), {Op: Delete, Entry: Entry{Path: "d"}},
	}
	wantOutcomes(t, b.apply(ops...), Applied, Unchanged, Unchanged, Unchanged)
	if err := os.Rename(b.disk("e"), b.disk("mine")); err != nil {
		t.Fatal(err)
	}
	b.write("d/new")
	wantOutcomes(t, b.apply(ops...), Unchanged, Conflict, Conflict, Conflict)
	if b.read("d/new") != program || b.read("mine/f") != string(content) {
		t.Errorf("the disk has %q, %q", b.read("d/new"), b.read("mine/f"))
	}
	wantSent(t, b.settle(), "move e mine", "put d", "put d/new")
}

// TestAMoveByAProgramKnowsNothingNew: what the editor has saved below meanwhile goes along in the database, and is unknown
// on the disk still. What a program then writes there is no successor of it.
func TestAMoveByAProgramKnowsNothingNew(t *testing.T) {
	b := newBench(t, folder("d", 1), entry("d/f", 2), entry("stays", 3))
	if err := os.Rename(b.disk("d"), b.disk("e")); err != nil {
		t.Fatal(err)
	}
	wantSent(t, b.settle(), "move d e")
	b.write("e/f")
	b.look()
	batch := b.batch()
	wantSent(t, said(batch), "put e/f")
	if base := batch.Changes[0].BaseRevision; base != 2 {
		t.Errorf("based on revision %d, and the disk knows 2", base)
	}
}

// TestAMoveThatCannotBe asks for the contents, and removes what was moved.
func TestAMoveThatCannotBe(t *testing.T) {
	b := newBench(t, folder("d", 1), entry("d/f", 2), entry("stays", 3))
	b.write("e/mine")
	changed := entry("e/f", 50)
	changed.State.Hash[0]++
	whole := putOf(folder("e", 50))
	whole.Whole = true
	wantOutcomes(t, b.apply(
		Operation{Op: Move, From: "d", Entry: folder("e", 50)}, whole, Operation{Op: Put, Entry: changed}, Operation{Op: Delete, Entry: Entry{Path: "d"}},
	), Unchanged, Unchanged, NeedsContent, Applied)
	wantOutcomes(t, b.apply(putOf(entry("e/f", 50))), Applied)
	wantSent(t, b.settle(), "put e/mine")
}

// TestAMoveThatCannotBeSparesWhatIsNotSaved: a file over the cap is on the disk alone, and nobody asked for its deletion.
func TestAMoveThatCannotBeSparesWhatIsNotSaved(t *testing.T) {
	b := newBench(t, folder("d", 1), entry("d/f", 2), entry("stays", 3))
	b.write("d/large")
	if err := os.Truncate(b.disk("d/large"), 2<<20); err != nil {
		t.Fatal(err)
	}
	wantSent(t, b.settle(), "put d/large")
	b.write("e/mine")
	whole := putOf(folder("e", 50))
	whole.Whole = true
	wantOutcomes(t, b.apply(
		Operation{Op: Move, From: "d", Entry: folder("e", 50)}, whole, putOf(entry("e/f", 2)), Operation{Op: Delete, Entry: Entry{Path: "d"}},
	), Unchanged, Unchanged, Applied, Conflict)
	if info, err := os.Stat(b.disk("d/large")); err != nil || info.Size() != 2<<20 {
		t.Errorf("%v (%v)", info, err)
	}
	wantSent(t, b.settle(), "put d", "put d/large", "put e/mine")
}

// TestAFileInAFoldersPlace, and the other way round.
func TestAFileInAFoldersPlace(t *testing.T) {
	b := newBench(t, folder("d", 1), entry("d/f", 2), entry("g", 2), entry("stays", 3))
	whole := putOf(folder("g", 50))
	whole.Whole = true
	wantOutcomes(t, b.apply(putOf(entry("d", 50)), whole, putOf(entry("g/f", 50))), Applied, Applied, Applied)
	if b.read("d") != string(content) || b.read("g/f") != string(content) {
		t.Errorf("the disk has %q, %q", b.read("d"), b.read("g/f"))
	}
	wantSent(t, b.settle())
}

// TestASaveMeetsWork: what a program wrote stays and goes to the database, with the version that it was based on.
func TestASaveMeetsWork(t *testing.T) {
	b := newBench(t, entry("f", 2), entry("stays", 3))
	b.write("f")
	saved := entry("f", 50)
	saved.State.Hash[0]++
	wantOutcomes(t, b.apply(putOf(saved)), Conflict)
	b.look()
	batch := b.batch()
	wantSent(t, said(batch), "put f")
	if batch.Changes[0].BaseRevision != 2 || b.read("f") != program {
		t.Errorf("based on revision %d, and the disk has %q", batch.Changes[0].BaseRevision, b.read("f"))
	}
}

// TestARefusedMove goes as what it is without the database's help.
func TestARefusedMove(t *testing.T) {
	b := newBench(t, entry("f", 2), entry("stays", 3))
	if err := os.Rename(b.disk("f"), b.disk("g")); err != nil {
		t.Fatal(err)
	}
	b.look()
	batch := b.batch()
	wantSent(t, said(batch), "move f g")
	b.commit(batch, Problem{"g", "it is not there"})
	wantSent(t, b.settle(), "put g", "delete f")
}

// TestAMoveKeepsTheMode: the database moves a file as it has it; what changed besides comes after.
func TestAMoveKeepsTheMode(t *testing.T) {
	b := newBench(t, entry("f", 2), entry("stays", 3))
	if err := os.Rename(b.disk("f"), b.disk("g")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(b.disk("g"), 0o700); err != nil {
		t.Fatal(err)
	}
	wantSent(t, b.settle(), "move f g", "put g")
}

// TestAnUnknownCommit: a new stream knows that a batch was committed. What both sides have is known, with its revision or
// without.
func TestAnUnknownCommit(t *testing.T) {
	for _, revision := range []uint64{0, 70} {
		b := newBench(t, entry("f", 2), entry("stays", 3))
		b.write("f")
		b.look()
		batch := b.batch()
		var err error
		if b.stream, _, err = b.Open(2, Commits{Through: batch.Sequence, Revision: revision}); err != nil {
			t.Fatal(err)
		}
		wantSent(t, b.settle())
		if it := b.find("f"); it.revision != max(2, revision) {
			t.Errorf("revision %d", it.revision)
		}
	}
}

// TestAMissedSaveIsAskedFor: the work that it met is gone again before it was sent.
func TestAMissedSaveIsAskedFor(t *testing.T) {
	b := newBench(t, entry("f", 2), entry("stays", 3))
	before, err := os.Stat(b.disk("f"))
	if err != nil {
		t.Fatal(err)
	}
	b.write("f")
	if err := os.Mkdir(b.disk("new"), 0o755); err != nil {
		t.Fatal(err)
	}
	saved := entry("f", 50)
	saved.State.Hash[0]++
	wantOutcomes(t, b.apply(putOf(saved), putOf(entry("new", 50))), Conflict, Conflict)
	if err := os.WriteFile(b.disk("f"), content, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(b.disk("f"), before.ModTime(), before.ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(b.disk("new")); err != nil {
		t.Fatal(err)
	}
	b.look()
	batch := b.batch()
	wantSent(t, said(batch), "put f", "delete new")
	for _, c := range batch.Changes {
		if !c.Unchanged {
			t.Errorf("%s is sent as a change", c.Path)
		}
	}
	b.commit(batch)
	wantSent(t, b.settle())
	wantOutcomes(t, b.apply(putOf(entry("new", 51))), Applied)
}

// TestAFolderThatBothMade: the disk's mode is sent.
func TestAFolderThatBothMade(t *testing.T) {
	b := newBench(t, entry("stays", 3))
	if err := os.Mkdir(b.disk("d"), 0o700); err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, b.apply(Operation{Op: Put, Entry: folder("d", 50)}), Unchanged)
	wantSent(t, b.settle(), "put d")
}

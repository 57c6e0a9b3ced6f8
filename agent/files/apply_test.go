package files

import (
	"crypto/sha256"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"codingplatform/agent/workspace"
)

func wantSent(t *testing.T, got []string, want ...string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

// TestADeletionThatCameLate: the folder was written to after the database had deleted it, and the database has that too.
func TestADeletionThatCameLate(t *testing.T) {
	b := newBench(t, folder("d", 1), entry("d/f", 2), entry("stays", 3))
	b.write("d/f")
	wantSent(t, b.settle(), "put d/f")
	late := Operation{Op: Delete, Entry: Entry{Path: "d", Revision: 50}, ExpectType: workspace.Folder}
	if o := b.apply(late); o != Conflict || b.read("d/f") != program {
		t.Errorf("%d, and the disk has %q", o, b.read("d/f"))
	}
	// The database may have lost the folder: it is told of all of it.
	wantSent(t, b.settle(), "put d", "put d/f")
	late.Entry.Revision = 1000
	if o := b.apply(late); o != Applied {
		t.Errorf("a deletion of what both sides had: %d", o)
	}
	wantSent(t, b.settle())
}

// TestADeletionMeetsAnotherUnderWay: the disk has deleted what it had sent, and the database had deleted it before.
func TestADeletionMeetsAnotherUnderWay(t *testing.T) {
	b := newBench(t, entry("f", 2), entry("stays", 3))
	b.write("f")
	b.settle()
	if err := os.Remove(b.disk("f")); err != nil {
		t.Fatal(err)
	}
	if o := b.apply(Operation{Op: Delete, Entry: Entry{Path: "f", Revision: 50}, ExpectType: workspace.File}); o != Unchanged {
		t.Errorf("outcome %d", o)
	}
	wantSent(t, b.settle(), "delete f")
}

// TestAConflictWithWhatIsUnderWay: the batch that waits for its commit may be older than what the Apply brings.
func TestAConflictWithWhatIsUnderWay(t *testing.T) {
	b := newBench(t, entry("f", 2), entry("stays", 3))
	b.write("f")
	b.look()
	batch := b.batch()
	if o := b.apply(Operation{Op: Put, Entry: entry("f", 50), ExpectType: workspace.File, ExpectHash: sha256.Sum256([]byte("another")), Content: content}); o != Unchanged && o != Conflict {
		t.Fatalf("outcome %d", o)
	}
	b.commit(batch)
	wantSent(t, b.settle(), "put f")
	wantSent(t, b.settle())
}

// TestAMoveOfWhatIsNew: what was committed below the former path after the move is not below the new one.
func TestAMoveOfWhatIsNew(t *testing.T) {
	b := newBench(t, folder("d", 1), entry("d/f", 2), entry("stays", 3))
	b.write("d/new")
	wantSent(t, b.settle(), "put d/new")
	if o := b.apply(Operation{Op: Move, From: "d", Entry: folder("e", 50), ExpectType: workspace.Folder}); o != Applied {
		t.Fatalf("outcome %d", o)
	}
	if b.read("e/new") != program || b.read("e/f") != string(content) {
		t.Errorf("the disk has %q, %q", b.read("e/new"), b.read("e/f"))
	}
	// In the database it is below the former one.
	wantSent(t, b.settle(), "move d/new e/new")
	wantSent(t, b.settle())
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

// TestAnUnknownCommit: a new stream knows that a batch was committed, and not what came after it.
func TestAnUnknownCommit(t *testing.T) {
	b := newBench(t, entry("stays", 3))
	b.write("f")
	b.look()
	batch := b.batch()
	var err error
	if b.stream, _, err = b.Open(2, batch.Sequence); err != nil {
		t.Fatal(err)
	}
	wantSent(t, b.settle(), "put f")
	wantSent(t, b.settle())
}

// TestASaveThatCameLate: the database has put the disk's version over it meanwhile.
func TestASaveThatCameLate(t *testing.T) {
	b := newBench(t, entry("f", 2), entry("stays", 3))
	b.write("f")
	b.settle()
	late := entry("f", 50)
	o := b.apply(Operation{Op: Put, Entry: late, ExpectType: workspace.File, ExpectHash: sha256.Sum256([]byte(program)), Content: content})
	if o != Conflict || b.read("f") != program {
		t.Errorf("outcome %d, and the disk has %q", o, b.read("f"))
	}
}

// TestAFolderThatBothMade: the disk's mode is sent.
func TestAFolderThatBothMade(t *testing.T) {
	b := newBench(t, entry("stays", 3))
	if err := os.Mkdir(b.disk("d"), 0o700); err != nil {
		t.Fatal(err)
	}
	if o := b.apply(Operation{Op: Put, Entry: folder("d", 50)}); o != Unchanged {
		t.Errorf("outcome %d", o)
	}
	wantSent(t, b.settle(), "put d")
}

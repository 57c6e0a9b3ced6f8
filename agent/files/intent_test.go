package files

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"
)

// TestAnAgentKilledBeforeItsNote: what it had just written is the database's, and no program's: a newer version of the
// database replaces it.
func TestAnAgentKilledBeforeItsNote(t *testing.T) {
	older := []byte("the older version")
	first := entry("f", 2)
	first.State.Hash, first.State.Size = sha256.Sum256(older), int64(len(older))
	b := newBench(t, entry("stays", 3))
	wantOutcomes(t, b.apply(Operation{Op: Put, Entry: first, Content: older, HasContent: true}), Applied)
	log := filepath.Join(b.state, baseName)
	lines, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	cut := bytes.LastIndexByte(lines[:len(lines)-1], '\n') + 1
	if err := os.Truncate(log, int64(cut)); err != nil {
		t.Fatal(err)
	}
	restored := b.open(Policy{MaxFileBytes: 1 << 20}, entry("f", 5), entry("stays", 3))
	if restored.Written != 1 || restored.Kept != 0 || b.read("f") != string(content) {
		t.Errorf("%+v, and the disk has %q", restored, b.read("f"))
	}
	wantSent(t, b.settle())

	// What a program wrote over it stays.
	b.apply(Operation{Op: Put, Entry: first, Content: older, HasContent: true})
	b.write("f")
	if restored := b.open(Policy{MaxFileBytes: 1 << 20}, entry("f", 5), entry("stays", 3)); restored.Kept != 1 || b.read("f") != program {
		t.Errorf("%+v, and the disk has %q", restored, b.read("f"))
	}
}

// TestAnAgentKilledTwice: before its note, and again in the restore that followed, before it had replaced the file.
func TestAnAgentKilledTwice(t *testing.T) {
	older := []byte("the older version")
	first := entry("f", 2)
	first.State.Hash, first.State.Size = sha256.Sum256(older), int64(len(older))
	b := newBench(t, entry("stays", 3))
	wantOutcomes(t, b.apply(Operation{Op: Put, Entry: first, Content: older, HasContent: true}), Applied)
	path := filepath.Join(b.state, baseName)
	lines, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	log := bytes.NewBuffer(lines[:bytes.LastIndexByte(lines[:len(lines)-1], '\n')+1])
	newer := entry("f", 4)
	newer.State.Hash = sha256.Sum256([]byte("never written"))
	if err := encode(log, []record{{newer.Path, newer.State, newer.Revision}}, true); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, log.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	restored := b.open(Policy{MaxFileBytes: 1 << 20}, entry("f", 5), entry("stays", 3))
	if restored.Written != 1 || restored.Kept != 0 || b.read("f") != string(content) {
		t.Errorf("%+v, and the disk has %q", restored, b.read("f"))
	}
	wantSent(t, b.settle())
}

// TestARestoreMeetsWorkWhereAFolderWas: the database has a file there now, and a program has gone on in the folder.
func TestARestoreMeetsWorkWhereAFolderWas(t *testing.T) {
	b := newBench(t, folder("d", 1), entry("d/f", 2), folder("e", 1), entry("e/f", 2), entry("stays", 3))
	b.write("d/f")
	b.open(Policy{}, entry("d", 5), entry("e", 5), entry("stays", 3))
	if b.read("d/f") != program || b.read("e") != string(content) {
		t.Errorf("the disk has %q, %q", b.read("d/f"), b.read("e"))
	}
	wantSent(t, b.settle(), "put d", "put d/f")
}

// TestARestoreBelowAFolderThatIsGone: a program has removed the folder, and the editor has changed what was in it.
func TestARestoreBelowAFolderThatIsGone(t *testing.T) {
	b := newBench(t, folder("d", 1), folder("d/e", 1), entry("d/e/f", 2), entry("stays", 3))
	if err := os.RemoveAll(b.disk("d")); err != nil {
		t.Fatal(err)
	}
	changed := entry("d/e/new", 5)
	if restored := b.open(Policy{}, folder("d", 1), folder("d/e", 1), entry("d/e/f", 2), changed, entry("stays", 3)); len(restored.Problems) > 0 {
		t.Errorf("%+v", restored)
	}
	if b.read("d/e/new") != string(content) {
		t.Errorf("the disk has %q", b.read("d/e/new"))
	}
	wantSent(t, b.settle(), "delete d/e/f")
}

package files

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"codingplatform/agent/workspace"
)

// TestATornRecordTakesNoOtherWithIt: a full volume takes a part of a record, and has room again.
func TestATornRecordTakesNoOtherWithIt(t *testing.T) {
	state := t.TempDir()
	log, err := openBase(state, func(record, bool) {}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	note := func(path string) {
		t.Helper()
		if err := log.append([]record{{path: path, state: State{Type: workspace.File, Size: 1}, revision: 1}}, &item{}); err != nil {
			t.Fatal(err)
		}
	}
	note("before")
	// What a write leaves that has no room for all of it.
	if _, err := log.f.WriteAt([]byte(`{"p":"`+strings.Repeat("torn", 1000)), log.size); err != nil {
		t.Fatal(err)
	}
	log.torn = true
	note("after")
	if err := log.intend(record{path: "intended", state: State{Type: workspace.File}}); err != nil {
		t.Fatal(err)
	}
	if err := log.close(); err != nil {
		t.Fatal(err)
	}
	var paths []string
	log, err = openBase(state, func(r record, _ bool) { paths = append(paths, r.path) }, func() {})
	if err != nil {
		t.Fatal(err)
	}
	wantSent(t, paths, "before", "after", "intended")
	if err := log.close(); err != nil {
		t.Fatal(err)
	}
}

// TestWhatTheLogSaysIsReadAgain: each field, and names of any kind.
func TestWhatTheLogSaysIsReadAgain(t *testing.T) {
	state := t.TempDir()
	log, err := openBase(state, func(record, bool) {}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	records := []record{
		{"d", State{Type: workspace.Folder, Mode: 0o755, Mtime: -1}, 1},
		{"quotes \"and\" \\ \t\n\r\x01\x7f\u2028<&>ü\U0001F600\U0010FFFF", State{Type: workspace.File, Mode: 0o4, Size: 1 << 40, Mtime: 1_700_000_000_123_456_789, Hash: workspace.Hash{1, 255}}, 1 << 62},
		{"link", State{Type: workspace.Symlink, Link: "../\"x\""}, 3},
		{"listed", State{Type: workspace.File, Size: 5, Unsaved: TooLarge}, 0},
		{"gone", State{}, 0},
	}
	if err := errors.Join(log.append(records, &item{}), log.intend(records...), log.done(), log.close()); err != nil {
		t.Fatal(err)
	}
	var read, intended []record
	dones := 0
	log, err = openBase(state, func(r record, intent bool) {
		if intent {
			intended = append(intended, r)
		} else {
			read = append(read, r)
		}
	}, func() { dones++ })
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(read, records) || !slices.Equal(intended, records) || dones != 1 {
		t.Errorf("read %+v, intended %+v, done %d times", read, intended, dones)
	}
	if err := log.close(); err != nil {
		t.Fatal(err)
	}
}

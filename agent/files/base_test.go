package files

import (
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

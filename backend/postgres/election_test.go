package postgres_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestOneIsElected of many that stand at once; the next when it resigns or its time is over.
func TestOneIsElected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	elect := func(name, holder string, ttl time.Duration) bool {
		t.Helper()
		elected, err := w.Elect(t.Context(), name, holder, ttl)
		if err != nil {
			t.Fatal(err)
		}
		return elected
	}
	var group sync.WaitGroup
	var elected atomic.Int32
	for _, holder := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		group.Go(func() {
			is, err := w.Elect(t.Context(), "many", holder, time.Hour)
			if err != nil {
				t.Error(err)
			}
			if is {
				elected.Add(1)
			}
		})
	}
	group.Wait()
	if elected.Load() != 1 {
		t.Errorf("%d were elected at once", elected.Load())
	}

	first := elect("work", "a", time.Hour)
	if again := elect("work", "a", time.Hour); !first || !again || elect("work", "b", time.Hour) {
		t.Error("the first to stand is not the one that is elected, and stays so")
	}
	if !elect("other work", "b", time.Hour) {
		t.Error("the one work keeps another from being done")
	}
	if err := w.Resign(t.Context(), "work", "b"); err != nil || elect("work", "b", time.Hour) {
		t.Errorf("who is not elected resigned in another's stead: %v", err)
	}
	if err := w.Resign(t.Context(), "work", "a"); err != nil || !elect("work", "b", 0) {
		t.Errorf("after a resignation another cannot be elected: %v", err)
	}
	if !elect("work", "a", time.Hour) || elect("work", "b", time.Hour) {
		t.Error("when the time was over another could not be elected, or the former still is")
	}
}

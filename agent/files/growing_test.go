package files

import (
	"bytes"
	"os"
	"testing"
	"time"

	"codingplatform/agent/workspace"
)

// TestALargeFileBeingWritten is not read over and over, but it is in the end.
func TestALargeFileBeingWritten(t *testing.T) {
	b := newBench(t)
	if err := os.WriteFile(b.disk("large"), bytes.Repeat([]byte("x"), largeBytes), 0o644); err != nil {
		t.Fatal(err)
	}
	glance := func(path string, h hint) (known, waits bool) {
		t.Helper()
		b.pending[path] = h
		if err := b.lookOnce(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		_, waits = b.pending[path]
		it := b.find(path)
		return it != nil && it.disk.Type == workspace.File, waits
	}
	if known, waits := glance("large", hint{}); known || !waits {
		t.Errorf("at first sight: known %v, waits %v", known, waits)
	}
	h := b.pending["large"]
	if !h.firm || h.size != largeBytes || h.growing.IsZero() {
		t.Errorf("it waits with %+v", h)
	}
	h.growing = time.Now().Add(-growMost)
	h.size--
	if known, waits := glance("large", h); !known || waits {
		t.Errorf("put off for too long: known %v, waits %v", known, waits)
	}
	// A move must not wait.
	if err := os.Rename(b.disk("large"), b.disk("moved")); err != nil {
		t.Fatal(err)
	}
	if known, waits := glance("moved", hint{}); !known || waits {
		t.Errorf("moved: known %v, waits %v", known, waits)
	}
}

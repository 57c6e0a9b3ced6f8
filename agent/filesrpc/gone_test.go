package filesrpc_test

import (
	"os"
	"strings"
	"testing"

	"connectrpc.com/connect"

	agentv1 "codingplatform/proto/gen/agent/v1"
)

// TestAContentThatIsGone: a large file is deleted before its new content is asked for. The deletion must come.
func TestAContentThatIsGone(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.restore(1)
	c := w.open(1)
	w.write("stays", "here")
	w.write("big", strings.Repeat("first", 1<<16))
	c.until(has("big"))
	c.until(has("stays"))
	// Moved in, so that the batch has the whole.
	w.write("../next", strings.Repeat("other", 1<<16))
	if err := os.Rename(w.disk("../next"), w.disk("big")); err != nil {
		t.Fatal(err)
	}
	batch := c.batch()
	if err := os.Remove(w.disk("big")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.service.Rescan(t.Context(), connect.NewRequest(&agentv1.RescanRequest{LeaseEpoch: 1})); err != nil {
		t.Fatal(err)
	}
	c.send(&agentv1.ChangesRequest{Message: &agentv1.ChangesRequest_Need{Need: &agentv1.BlobWant{
		Sha256: [][]byte{batch.GetEntries()[0].GetSha256()},
	}}})
	for {
		if _, err := c.stream.Receive(); err != nil {
			if connect.CodeOf(err) != connect.CodeAborted {
				t.Fatalf("the stream ended with %v", err)
			}
			break
		}
	}
	committed := c.through
	c = w.open(1)
	c.through = committed
	c.until(func(db map[string]*agentv1.FileEntry) bool { return db["big"] == nil })
}

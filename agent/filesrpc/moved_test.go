package filesrpc_test

import (
	"crypto/sha256"
	"os"
	"strings"
	"testing"

	"connectrpc.com/connect"

	agentv1 "codingplatform/proto/gen/agent/v1"
)

// TestAContentThatMovedOn: the backend asks for a large content that has been rewritten meanwhile.
func TestAContentThatMovedOn(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.restore(1)
	c := w.open(1)
	// Written beside and moved in, so that the batch has the whole.
	put := func(content string) {
		t.Helper()
		temp := w.state + "/temp"
		if err := os.WriteFile(temp, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(temp, w.disk("big")); err != nil {
			t.Fatal(err)
		}
	}
	put(strings.Repeat("first", 1<<16))
	batch := c.batch()
	second := strings.Repeat("other", 1<<16)
	put(second)
	c.send(&agentv1.ChangesRequest{Message: &agentv1.ChangesRequest_Need{Need: &agentv1.BlobWant{
		Sha256: [][]byte{batch.GetEntries()[0].GetSha256()},
	}}})
	for {
		m, err := c.stream.Receive()
		if err != nil {
			if connect.CodeOf(err) != connect.CodeAborted {
				t.Fatalf("the stream ended with %v", err)
			}
			break
		}
		if b := m.GetBlob(); b != nil && b.GetOffset()+uint64(len(b.GetData())) == b.GetSize() {
			t.Fatal("a content came whole that is no more on the disk")
		}
	}
	c = w.open(1)
	sum := sha256.Sum256([]byte(second))
	if c.next != batch.GetSequence() {
		t.Errorf("the batch is made anew with sequence %d, not %d", c.next, batch.GetSequence())
	}
	c.until(func(db map[string]*agentv1.FileEntry) bool { return string(db["big"].GetSha256()) == string(sum[:]) })
	c.settle(1)
}

// TestARefusedEntryWaitsForItsNextChange: a rejection holds nothing up and is not repeated.
func TestARefusedEntryWaitsForItsNextChange(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.restore(1)
	c := w.open(1)
	w.write("bad", "x")
	batch := c.batch()
	c.through = batch.GetSequence()
	c.send(&agentv1.ChangesRequest{Message: &agentv1.ChangesRequest_Committed{Committed: &agentv1.BatchCommitted{
		Sequence: c.through, Revision: 1, Rejected: []*agentv1.PathProblem{{Path: "bad", Reason: "poisoned"}},
	}}})
	w.write("good", "y")
	c.until(has("good"))
	if w.db["bad"] != nil {
		t.Error("a refused state was sent again")
	}
	w.write("bad", "better")
	c.until(func(db map[string]*agentv1.FileEntry) bool { return db["bad"].GetSize() == 6 })
}

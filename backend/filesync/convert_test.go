package filesync

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"codingplatform/backend"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// FuzzBatch: whatever bytes an agent sends as a batch, each entry becomes something that the store can judge, and what it
// has come to have survives the way back to the agent.
func FuzzBatch(f *testing.F) {
	for _, seed := range []*agentv1.ChangeBatch{
		{},
		{Sequence: 1, Entries: []*agentv1.ChangeEntry{{
			Op: agentv1.ChangeOp_CHANGE_OP_PUT, Path: "a/b", Type: agentv1.FileType_FILE_TYPE_FILE, Mode: 0o644, Size: 3, MtimeNs: 1,
			Sha256: make([]byte, 32), Content: []byte("abc"), BaseRevision: 7,
		}}},
		{Sequence: 1 << 63, Entries: []*agentv1.ChangeEntry{
			{Op: agentv1.ChangeOp_CHANGE_OP_MOVE, Path: "b", FromPath: "../a"},
			{Op: 99, Path: "\x00", Type: 99, UnsavedReason: 99, Sha256: []byte("short"), Size: 1<<64 - 1, BaseRevision: 1<<64 - 1, MtimeNs: -1 << 63, Mode: 1<<32 - 1},
		}},
	} {
		b, err := proto.Marshal(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var batch agentv1.ChangeBatch
		if proto.Unmarshal(b, &batch) != nil {
			return
		}
		if clampSize(batch.GetSequence()) < 0 {
			t.Fatal("a sequence became negative")
		}
		for _, wire := range batch.GetEntries() {
			entry := entryFromProto(wire)
			if entry.Size < 0 || entry.BaseRevision < 0 || entry.Mode > 0o777 {
				t.Fatalf("%v became %+v", wire, entry)
			}
			if n := len(wire.GetSha256()); n != 0 && n != len(entry.Hash) && entry.Type != "" {
				t.Fatalf("a hash of %d bytes was taken", n)
			}
			if entry.HasContent != (wire.Content != nil) {
				t.Fatal("an empty content is not no content")
			}
			if entry.Type == "" || entry.ModTime.UnixNano() != wire.GetMtimeNs() {
				continue
			}
			back := itemToProto(entry.Item)
			if back.GetPath() != wire.GetPath() || back.GetType() != wire.GetType() || back.GetMtimeNs() != wire.GetMtimeNs() || back.GetLinkTarget() != wire.GetLinkTarget() {
				t.Fatalf("%v came back as %v", wire, back)
			}
		}
	})
}

// FuzzChunks: whatever chunks an agent sends, a content is read whole and in order, or not at all.
func FuzzChunks(f *testing.F) {
	f.Add(uint64(0), uint64(6), []byte("abc"), uint64(3), uint64(6), []byte("def"))
	f.Add(uint64(0), uint64(0), []byte{}, uint64(0), uint64(0), []byte{})
	f.Add(uint64(0), uint64(1)<<63, []byte("a"), uint64(1), uint64(2), []byte("b"))
	f.Fuzz(func(t *testing.T, offset1, size1 uint64, data1 []byte, offset2, size2 uint64, data2 []byte) {
		var hash backend.Hash
		hash[0] = 1
		chunks := make(chan *agentv1.BlobChunk, 2)
		chunks <- &agentv1.BlobChunk{Sha256: hash[:], Offset: offset1, Size: size1, Data: data1}
		chunks <- &agentv1.BlobChunk{Sha256: hash[:], Offset: offset2, Size: size2, Data: data2}
		close(chunks)
		r := &chunkReader{ctx: t.Context(), hash: hash, chunks: chunks}
		if r.first() != nil {
			return
		}
		var got []byte
		buf := make([]byte, 2)
		started := time.Now()
		for {
			n, err := r.Read(buf)
			got = append(got, buf[:n]...)
			if err != nil {
				break
			}
			if len(got) > len(data1)+len(data2) || time.Since(started) > 10*time.Second {
				t.Fatal("more is read than was sent")
			}
		}
		if int64(len(got)) > r.size && r.size >= 0 {
			t.Fatalf("%d bytes of a content of %d", len(got), r.size)
		}
		if want := append(append([]byte{}, data1...), data2...); string(got) != string(want[:len(got)]) {
			t.Fatal("the bytes are in another order")
		}
	})
}

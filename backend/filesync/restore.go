package filesync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"golang.org/x/sync/errgroup"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

const (
	entriesPerMessage = 1000
	chunkBytes        = 256 << 10
	inlineBytes       = 64 << 10
	// wantsAtOnce is how many contents are read together, and smallBytes how much of them goes into a message.
	wantsAtOnce = 2048
	smallBytes  = 512 << 10
)

// Progress of a restore, for people.
type Progress struct {
	FilesDone, FilesTotal, BytesDone, BytesTotal int64
}

// Restored is what a restore did.
type Restored struct {
	Revision                          int64
	Written, Deleted, Unchanged, Kept int64
	// Problems maps paths that could not be written to the reason, 100 at most.
	Problems map[string]string
}

// Restore brings the database's tree to the disk; see the contract of FileService.Restore.
func (s *Syncer) Restore(ctx context.Context, onProgress func(Progress)) (Restored, error) {
	items, revision, err := s.cfg.Store.Tree(ctx, s.session, "", 0)
	if err != nil {
		return Restored{}, err
	}
	first, err := s.cfg.Store.OpenFiles(ctx, s.session)
	if err != nil {
		return Restored{}, err
	}
	streaming, cancel := context.WithCancel(ctx)
	defer cancel()
	// The first of the group that fails ends the stream, and with it the others.
	g, streaming := errgroup.WithContext(streaming)
	stream := s.cfg.Conn.Files.Restore(streaming)
	defer closeWithContext(streaming, stream)()
	// The sender of entries and the sender of contents take turns message by message.
	var turn sync.Mutex
	send := func(m *agentv1.RestoreRequest) error {
		turn.Lock()
		defer turn.Unlock()
		return stream.Send(m)
	}
	if err := send(&agentv1.RestoreRequest{Message: &agentv1.RestoreRequest_Open{Open: &agentv1.RestoreOpen{
		LeaseEpoch: toUint(s.cfg.Lease.Epoch), Revision: toUint(revision), Policy: s.policy(), First: first,
	}}}); err != nil {
		return Restored{}, streamError("restore the files", err, stream.Receive)
	}

	sizes := make(map[backend.Hash]int64, len(items))
	for _, item := range items {
		if item.Hash != (backend.Hash{}) {
			sizes[item.Hash] = item.Size
		}
	}
	wants := newQueue[backend.Hash]()
	g.Go(func() error {
		for len(items) > 0 {
			n := min(len(items), entriesPerMessage)
			entries := make([]*agentv1.FileEntry, 0, n)
			for _, item := range items[:n] {
				entries = append(entries, itemToProto(item))
			}
			items = items[n:]
			if err := send(&agentv1.RestoreRequest{Message: &agentv1.RestoreRequest_Entries{Entries: &agentv1.RestoreEntries{Entries: entries}}}); err != nil {
				return ignoreEOF(err)
			}
		}
		return ignoreEOF(send(&agentv1.RestoreRequest{Message: &agentv1.RestoreRequest_End{End: &agentv1.RestoreEnd{}}}))
	})
	g.Go(func() error {
		for {
			first, ok := wants.pop(streaming)
			if !ok {
				return nil
			}
			if err := s.sendWanted(streaming, append([]backend.Hash{first}, wants.more(wantsAtOnce-1)...), sizes, send); err != nil {
				return ignoreEOF(err)
			}
		}
	})
	var restored Restored
	g.Go(func() error {
		defer wants.close()
		for {
			m, err := stream.Receive()
			if err != nil {
				return agentconn.Error("restore the files", err)
			}
			switch m := m.GetMessage().(type) {
			case *agentv1.RestoreResponse_Want:
				for _, b := range m.Want.GetSha256() {
					hash, ok := hashFromProto(b)
					if !ok {
						return backend.Errorf(backend.CodeInvalid, "the agent wants a content that is no SHA-256")
					}
					wants.push(hash)
				}
			case *agentv1.RestoreResponse_Progress:
				onProgress(Progress{
					FilesDone: clampSize(m.Progress.GetFilesDone()), FilesTotal: clampSize(m.Progress.GetFilesTotal()),
					BytesDone: clampSize(m.Progress.GetBytesDone()), BytesTotal: clampSize(m.Progress.GetBytesTotal()),
				})
			case *agentv1.RestoreResponse_Done:
				restored = restoredFromProto(revision, m.Done)
				return nil
			}
		}
	})
	if err := g.Wait(); err != nil {
		return Restored{}, err
	}
	// Receive has told the outcome; the transport has nothing to add.
	_ = stream.CloseRequest()
	_ = stream.CloseResponse()
	for path, reason := range restored.Problems {
		s.hints.fail(path, false)
		s.logger.WarnContext(ctx, "a file could not be restored", "path", path, "reason", reason)
	}
	return restored, s.cfg.Store.SetApplied(ctx, s.cfg.Lease, revision)
}

func restoredFromProto(revision int64, d *agentv1.RestoreDone) Restored {
	r := Restored{
		Revision: revision, Written: clampSize(d.GetWritten()), Deleted: clampSize(d.GetDeleted()),
		Unchanged: clampSize(d.GetUnchanged()), Kept: clampSize(d.GetKept()), Problems: map[string]string{},
	}
	for _, p := range d.GetProblems() {
		r.Problems[p.GetPath()] = p.GetReason()
	}
	return r
}

func (s *Syncer) policy() *agentv1.SyncPolicy {
	p := s.cfg.Policy
	return &agentv1.SyncPolicy{
		Ignore: p.Ignore, MaxFileBytes: toUint(p.MaxFileBytes), MaxWorkspaceBytes: toUint(p.MaxWorkspaceBytes), MaxFiles: toUint(p.MaxFiles),
	}
}

// sendWanted sends contents in their order, small ones many at once.
func (s *Syncer) sendWanted(ctx context.Context, wanted []backend.Hash, sizes map[backend.Hash]int64, send func(*agentv1.RestoreRequest) error) error {
	for len(wanted) > 0 {
		var small []backend.Item
		for _, hash := range wanted {
			size, ok := sizes[hash]
			if !ok {
				return backend.Errorf(backend.CodeInvalid, "the agent wants content %x, which no file of the session has", hash[:6])
			}
			if size > inlineBytes {
				break
			}
			small = append(small, backend.Item{Hash: hash, Size: size})
		}
		if len(small) > 0 {
			if err := s.cfg.Store.Contents(ctx, small, func(items []backend.Item, contents [][]byte) error {
				return sendSmall(items, contents, send)
			}); err != nil {
				return err
			}
			wanted = wanted[len(small):]
			continue
		}
		err := s.sendBlob(ctx, wanted[0], func(chunk *agentv1.BlobChunk) error {
			return send(&agentv1.RestoreRequest{Message: &agentv1.RestoreRequest_Blob{Blob: chunk}})
		})
		if err != nil {
			return err
		}
		wanted = wanted[1:]
	}
	return nil
}

// sendSmall sends contents that are a chunk each.
func sendSmall(items []backend.Item, contents [][]byte, send func(*agentv1.RestoreRequest) error) error {
	var chunks []*agentv1.BlobChunk
	bytes := 0
	flush := func() error {
		if len(chunks) == 0 {
			return nil
		}
		m := &agentv1.RestoreRequest{Message: &agentv1.RestoreRequest_Blobs{Blobs: &agentv1.BlobChunks{Chunks: chunks}}}
		chunks, bytes = nil, 0
		return send(m)
	}
	for i, content := range contents {
		if content == nil {
			return fmt.Errorf("send content %x: it is gone", items[i].Hash[:6])
		}
		if bytes+len(content) > smallBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		chunks = append(chunks, &agentv1.BlobChunk{Sha256: items[i].Hash[:], Size: toUint(items[i].Size), Data: content})
		bytes += len(content)
	}
	return flush()
}

// sendBlob sends a content in chunks.
func (s *Syncer) sendBlob(ctx context.Context, hash backend.Hash, send func(*agentv1.BlobChunk) error) error {
	w := &chunkWriter{hash: hash, send: send}
	size, err := s.cfg.Store.BlobSize(ctx, s.session, hash)
	if err != nil {
		return err
	}
	w.size = size
	if err := s.cfg.Store.CopyBlob(ctx, s.session, hash, w); err != nil {
		return fmt.Errorf("send content %x: %w", hash[:6], err)
	}
	return w.flush()
}

// chunkWriter cuts what is written into chunks.
type chunkWriter struct {
	hash   backend.Hash
	size   int64
	offset int64
	buf    []byte
	sent   bool
	send   func(*agentv1.BlobChunk) error
}

// Write implements io.Writer.
func (w *chunkWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if w.buf == nil {
			w.buf = make([]byte, 0, min(int64(chunkBytes), max(w.size-w.offset, 1)))
		}
		take := min(len(p), cap(w.buf)-len(w.buf))
		w.buf = append(w.buf, p[:take]...)
		p = p[take:]
		if len(w.buf) == cap(w.buf) {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

// flush sends what is left; of an empty content it sends one empty chunk.
func (w *chunkWriter) flush() error {
	if len(w.buf) == 0 && w.sent {
		return nil
	}
	err := w.send(&agentv1.BlobChunk{Sha256: w.hash[:], Offset: toUint(w.offset), Size: toUint(w.size), Data: w.buf})
	w.offset += int64(len(w.buf))
	w.buf, w.sent = nil, true
	return err
}

// closeWithContext ends a stream when ctx does. Without it the end would not be noticed: net/http watches a request's
// context only after the request's body has ended, and that of a stream ends last.
func closeWithContext(ctx context.Context, stream interface{ CloseRequest() error }) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		// An error says that the stream has ended by itself.
		_ = stream.CloseRequest()
	})
}

// ignoreEOF: Send says only EOF when the peer has ended the stream; its Receive has the reason.
func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// streamError finds the reason of a failed Send, which the other direction tells.
func streamError[T any](attempted string, err error, receive func() (*T, error)) error {
	if errors.Is(err, io.EOF) {
		if _, rerr := receive(); rerr != nil {
			err = rerr
		}
	}
	return agentconn.Error(attempted, err)
}

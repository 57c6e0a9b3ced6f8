package filesync

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"connectrpc.com/connect"
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
	// partsAtOnce is how many parts of the tree are sent together: the next contents are read while the last are sent.
	partsAtOnce = 16
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

// restoring is one restore: the tree is sent while it is read, and what the agent wants then.
type restoring struct {
	s      *Syncer
	stream *connect.BidiStreamForClient[agentv1.RestoreRequest, agentv1.RestoreResponse]
	// turn: the sender of entries and the sender of contents take turns message by message.
	turn     sync.Mutex
	parts    *queue[[]backend.Item]
	files    atomic.Int64  // read so far
	opened   chan bool     // whether the workspace is empty
	sent     chan struct{} // closed when all entries are sent, and sizes is complete
	sizes    map[backend.Hash]int64
	wants    *queue[backend.Hash]
	revision int64
	restored Restored
}

// Restore brings the database's tree to the disk; see the contract of FileService.Restore.
func (s *Syncer) Restore(ctx context.Context, onProgress func(Progress)) (Restored, error) {
	first, err := s.cfg.Store.OpenFiles(ctx, s.session)
	if err != nil {
		return Restored{}, err
	}
	streaming, cancel := context.WithCancel(ctx)
	defer cancel()
	// The first of the group that fails ends the stream, and with it the others.
	g, streaming := errgroup.WithContext(streaming)
	r := &restoring{
		s: s, stream: s.cfg.Conn.Files.Restore(streaming), parts: newQueue[[]backend.Item](), opened: make(chan bool, 1),
		sent: make(chan struct{}), sizes: map[backend.Hash]int64{}, wants: newQueue[backend.Hash](),
	}
	defer closeWithContext(streaming, r.stream)()
	if err := r.send(&agentv1.RestoreRequest{Message: &agentv1.RestoreRequest_Open{Open: &agentv1.RestoreOpen{
		LeaseEpoch: toUint(s.cfg.Lease.Epoch), Policy: s.policy(), First: first,
	}}}); err != nil {
		return Restored{}, streamError("restore the files", err, r.stream.Receive)
	}
	if !s.cfg.Conn.Fills {
		r.opened <- false
	}
	g.Go(func() error { return r.read(streaming) })
	g.Go(func() error { return ignoreEOF(r.sendTree(streaming)) })
	g.Go(func() error { return ignoreEOF(r.sendContents(streaming)) })
	g.Go(func() error { return r.receive(onProgress) })
	if err := g.Wait(); err != nil {
		return Restored{}, err
	}
	// Receive has told the outcome; the transport has nothing to add.
	_ = r.stream.CloseRequest()
	_ = r.stream.CloseResponse()
	for path, reason := range r.restored.Problems {
		s.hints.fail(path, false)
		s.logger.WarnContext(ctx, "a file could not be restored", "path", path, "reason", reason)
	}
	r.restored.Revision = r.revision
	return r.restored, s.cfg.Store.SetApplied(ctx, s.cfg.Lease, r.revision)
}

func (r *restoring) send(m *agentv1.RestoreRequest) error {
	r.turn.Lock()
	defer r.turn.Unlock()
	return r.stream.Send(m)
}

func (r *restoring) read(ctx context.Context) (err error) {
	r.revision, err = r.s.cfg.Store.ReadTree(ctx, r.s.session, func(items []backend.Item) {
		for _, item := range items {
			if item.Hash != (backend.Hash{}) {
				r.files.Add(1)
			}
		}
		r.parts.push(items)
	})
	if err != nil {
		return err // what waits for parts ends with the context
	}
	r.parts.close()
	return nil
}

func (r *restoring) sendTree(ctx context.Context) error {
	var empty bool
	select {
	case empty = <-r.opened:
	case <-ctx.Done():
		return nil // receive tells why
	}
	for {
		items, ok := r.parts.pop(ctx)
		if !ok {
			break
		}
		for _, part := range r.parts.more(partsAtOnce - 1) {
			items = append(items, part...)
		}
		for _, item := range items {
			if item.Hash != (backend.Hash{}) {
				r.sizes[item.Hash] = item.Size
			}
		}
		if err := r.sendEntries(ctx, items, empty); err != nil {
			return err
		}
	}
	select {
	case <-ctx.Done():
		return nil // the tree is not whole
	default:
	}
	close(r.sent)
	return r.send(&agentv1.RestoreRequest{Message: &agentv1.RestoreRequest_End{End: &agentv1.RestoreEnd{}}})
}

func (r *restoring) sendContents(ctx context.Context) error {
	select {
	case <-r.sent:
	case <-ctx.Done():
		return nil // receive tells why
	}
	for {
		first, ok := r.wants.pop(ctx)
		if !ok {
			return nil
		}
		if err := r.s.sendWanted(ctx, append([]backend.Hash{first}, r.wants.more(wantsAtOnce-1)...), r.sizes, r.send); err != nil {
			return err
		}
	}
}

func (r *restoring) receive(onProgress func(Progress)) error {
	defer r.wants.close()
	for {
		m, err := r.stream.Receive()
		if err != nil {
			return agentconn.Error("restore the files", err)
		}
		switch m := m.GetMessage().(type) {
		case *agentv1.RestoreResponse_Opened:
			select {
			case r.opened <- m.Opened.GetEmpty():
			default: // it is known already
			}
		case *agentv1.RestoreResponse_Want:
			for _, b := range m.Want.GetSha256() {
				hash, ok := hashFromProto(b)
				if !ok {
					return backend.Errorf(backend.CodeInvalid, "the agent wants a content that is no SHA-256")
				}
				r.wants.push(hash)
			}
		case *agentv1.RestoreResponse_Progress:
			onProgress(Progress{
				FilesDone: clampSize(m.Progress.GetFilesDone()), FilesTotal: max(clampSize(m.Progress.GetFilesTotal()), r.files.Load()),
				BytesDone: clampSize(m.Progress.GetBytesDone()), BytesTotal: clampSize(m.Progress.GetBytesTotal()),
			})
		case *agentv1.RestoreResponse_Done:
			select {
			case <-r.sent:
			default:
				return backend.Errorf(backend.CodeInvalid, "the agent has ended a restore before it knew the tree")
			}
			r.restored = restoredFromProto(m.Done)
			return nil
		}
	}
}

func restoredFromProto(d *agentv1.RestoreDone) Restored {
	r := Restored{
		Written: clampSize(d.GetWritten()), Deleted: clampSize(d.GetDeleted()),
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

// sendEntries sends a part of the tree, with the contents of small files where the workspace is empty.
func (r *restoring) sendEntries(ctx context.Context, items []backend.Item, empty bool) error {
	m := &agentv1.RestoreEntries{}
	bytes := 0
	flush := func() error {
		if len(m.GetEntries()) == 0 {
			return nil
		}
		full := m
		m, bytes = &agentv1.RestoreEntries{}, 0
		return r.send(&agentv1.RestoreRequest{Message: &agentv1.RestoreRequest_Entries{Entries: full}})
	}
	add := func(item backend.Item, content []byte) error {
		if len(m.GetEntries()) == entriesPerMessage || bytes > 0 && bytes+len(content) > smallBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		m.Entries = append(m.Entries, itemToProto(item))
		if empty {
			m.Contents = append(m.Contents, content)
			bytes += len(content)
		}
		return nil
	}
	if empty {
		var small []backend.Item
		for _, item := range items {
			if item.Hash != (backend.Hash{}) && item.Size > 0 && item.Size <= inlineBytes {
				small = append(small, item)
			}
		}
		if err := r.s.cfg.Store.Contents(ctx, small, func(have []backend.Item, contents [][]byte) error {
			for i, item := range have {
				for items[0].Path != item.Path {
					if err := add(items[0], nil); err != nil {
						return err
					}
					items = items[1:]
				}
				if err := add(item, contents[i]); err != nil {
					return err
				}
				items = items[1:]
			}
			return nil
		}); err != nil {
			return err
		}
	}
	for _, item := range items {
		if err := add(item, nil); err != nil {
			return err
		}
	}
	return flush()
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

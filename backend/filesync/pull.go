package filesync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect"
	"golang.org/x/sync/errgroup"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

type changesStream = connect.BidiStreamForClient[agentv1.ChangesRequest, agentv1.ChangesResponse]

// notStoredError is of a content that the database did not take. Its chunks are gone, so the stream has to begin anew.
type notStoredError struct{ error }

// pull commits the agent's batches, in their order.
func (s *Syncer) pull(ctx context.Context) error {
	delay := time.Duration(0)
	committed := s.committedThrough()
	for {
		err := s.stream(ctx)
		if failed, ok := errors.AsType[*notStoredError](err); ok && ctx.Err() == nil {
			if now := s.committedThrough(); now != committed {
				committed, delay = now, 0
			}
			if err := s.pause(ctx, ofContents, "store a content", failed.error, &delay); err != nil {
				return err
			}
			continue
		}
		// ABORTED: a content changed between its batch and its transfer, and the agent has made the batch
		// anew. It asks for a new stream to send it on.
		if connect.CodeOf(err) != connect.CodeAborted || ctx.Err() != nil {
			return agentconn.Error("follow the changes of the environment", err)
		}
		s.logger.DebugContext(ctx, "the agent starts its change stream anew", "error", err)
	}
}

// stream is one stream.
func (s *Syncer) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// The first of the group that fails ends the stream, and with it the others.
	g, ctx := errgroup.WithContext(ctx)
	cursor, err := s.cursor(ctx)
	if err != nil {
		return err
	}
	stream := s.cfg.Conn.Files.Changes(ctx)
	defer closeWithContext(ctx, stream)()
	err = stream.Send(&agentv1.ChangesRequest{Message: &agentv1.ChangesRequest_Open{Open: &agentv1.ChangesOpen{
		LeaseEpoch: toUint(s.cfg.Lease.Epoch), Incarnation: s.cfg.Conn.Incarnation,
		CommittedThrough: toUint(cursor.Sequence), CommittedRevision: toUint(cursor.Revision), Rejected: rejectedToProto(cursor.Rejected),
	}}})
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	batches := make(chan *agentv1.ChangeBatch, backend.MaxBatchesAhead)
	blobs := make(chan *agentv1.BlobChunk)
	g.Go(func() error {
		defer close(batches)
		return s.receive(ctx, stream, batches, blobs)
	})
	g.Go(func() error {
		for batch := range batches {
			if err := s.commit(ctx, stream, batch, blobs); err != nil {
				return err
			}
		}
		return nil
	})
	return g.Wait()
}

func (s *Syncer) committedThrough() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.committed
}

// cursor asks the database how far it is: a commit may have been cut off after it took effect, and what the agent then
// makes anew under its sequence would pass for a replay. Of another incarnation there is none.
func (s *Syncer) cursor(ctx context.Context) (cursor backend.Cursor, err error) {
	err = s.retry(ctx, ofBatches, "read the cursor", func() (err error) {
		cursor, err = s.cfg.Store.Cursor(ctx, s.session)
		return err
	})
	if err != nil || cursor.Incarnation != s.cfg.Conn.Incarnation {
		return backend.Cursor{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if cursor.Sequence > s.committed {
		s.committed = cursor.Sequence
		close(s.moved)
		s.moved = make(chan struct{})
	}
	return cursor, nil
}

func (s *Syncer) receive(ctx context.Context, stream *changesStream, batches chan<- *agentv1.ChangeBatch, blobs chan<- *agentv1.BlobChunk) error {
	for {
		m, err := stream.Receive()
		if err != nil {
			return err
		}
		switch m := m.GetMessage().(type) {
		case *agentv1.ChangesResponse_Batch:
			select {
			case batches <- m.Batch:
			default:
				return backend.Errorf(backend.CodeInvalid, "the agent sent %d batches without waiting for a commit", backend.MaxBatchesAhead)
			}
		case *agentv1.ChangesResponse_Blob:
			select {
			case blobs <- m.Blob:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		case *agentv1.ChangesResponse_Quiet:
			s.setStatus(func(st *Status) {
				st.Pending = 0
				if clampSize(m.Quiet.GetThrough()) <= s.committed {
					s.words[ofContents] = "" // the file is gone, or it is as it was
				}
			})
		case *agentv1.ChangesResponse_Status:
			s.setAgentStatus(m.Status)
		case *agentv1.ChangesResponse_Opened:
		}
	}
}

func (s *Syncer) setAgentStatus(m *agentv1.FileStatusResponse) {
	s.setStatus(func(st *Status) {
		st.WatchMode, st.Pending, st.Unsaved, st.Braked = watchMode(m.GetWatchMode()), clampSize(m.GetPending()), clampSize(m.GetUnsaved()), m.GetBraked()
		s.words[ofBrake], s.words[ofWatches], s.words[ofRefused] = "", "", ""
		if n := m.GetRefused(); n > 0 {
			s.words[ofRefused] = cmp.Or(s.refused, "Something in the environment is not saved and not in the list: the database does not take it.")
			if n > 1 {
				s.words[ofRefused] += fmt.Sprintf(" So are %d more.", n-1)
			}
		}
		if st.Braked {
			s.words[ofBrake] = "All files vanished from the environment at once. Nothing has been deleted here: say whether that was meant."
		}
		if mode := m.GetWatchMode(); mode == agentv1.WatchMode_WATCH_MODE_HYBRID || mode == agentv1.WatchMode_WATCH_MODE_POLL {
			s.words[ofWatches] = "The machine's limit of file watches is reached: some changes are noticed with a delay."
		}
	})
}

// commit commits one batch and answers it. It tries until it can, or until trying is no use.
func (s *Syncer) commit(ctx context.Context, stream *changesStream, b *agentv1.ChangeBatch, blobs <-chan *agentv1.BlobChunk) error {
	batch := backend.Batch{Incarnation: s.cfg.Conn.Incarnation, Sequence: clampSize(b.GetSequence()), Entries: make([]backend.BatchEntry, 0, len(b.GetEntries()))}
	for _, e := range b.GetEntries() {
		batch.Entries = append(batch.Entries, entryFromProto(e))
	}
	asked := false
	for {
		var result backend.BatchResult
		err := s.retry(ctx, ofBatches, "commit a batch", func() (err error) {
			result, err = s.cfg.Store.CommitBatch(ctx, s.cfg.Lease, batch, s.cfg.Policy.Limits)
			return err
		})
		if err != nil {
			return err
		}
		if len(result.Missing) == 0 {
			return s.answer(stream, batch, result)
		}
		if asked {
			return backend.Errorf(backend.CodeInvalid, "the agent sent other contents than it named")
		}
		asked = true
		if err := s.fetch(ctx, stream, result.Missing, blobs); err != nil {
			return err
		}
	}
}

func (s *Syncer) answer(stream *changesStream, batch backend.Batch, result backend.BatchResult) error {
	committed := &agentv1.BatchCommitted{Sequence: toUint(batch.Sequence), Revision: toUint(result.Revision)}
	s.mu.Lock()
	for _, e := range batch.Entries {
		if reason, is := result.Rejected[e.Path]; is && e.Op != backend.OpMove { // a move comes again as what it is
			s.refused = fmt.Sprintf("%q is not saved and not in the list: %s.", e.Path, reason)
		}
	}
	s.mu.Unlock()
	for path, reason := range result.Rejected {
		committed.Rejected = append(committed.Rejected, &agentv1.PathProblem{Path: path, Reason: reason})
	}
	for _, c := range result.Conflicts {
		committed.Conflicts = append(committed.Conflicts, c.Path)
	}
	s.tell(ofContents, "")
	s.mu.Lock()
	s.committed, s.revision = batch.Sequence, result.Revision
	s.batches++
	s.entries += result.Changed
	close(s.moved)
	s.moved = make(chan struct{})
	s.mu.Unlock()
	return ignoreEOF(stream.Send(&agentv1.ChangesRequest{Message: &agentv1.ChangesRequest_Committed{Committed: committed}}))
}

// fetch asks for contents and stores them.
func (s *Syncer) fetch(ctx context.Context, stream *changesStream, missing []backend.Hash, blobs <-chan *agentv1.BlobChunk) error {
	need := &agentv1.BlobWant{Sha256: make([][]byte, 0, len(missing))}
	for i := range missing {
		need.Sha256 = append(need.Sha256, missing[i][:])
	}
	if err := stream.Send(&agentv1.ChangesRequest{Message: &agentv1.ChangesRequest_Need{Need: need}}); err != nil {
		if errors.Is(err, io.EOF) { // the agent has ended the stream, and receive hears why
			<-ctx.Done()
			return context.Cause(ctx)
		}
		return err
	}
	for _, hash := range missing {
		r := &chunkReader{ctx: ctx, hash: hash, chunks: blobs}
		if err := r.first(); err != nil {
			return err
		}
		if limit := s.cfg.Policy.MaxFileBytes; limit > 0 && r.size > limit {
			return backend.Errorf(backend.CodeTooLarge, "the agent sends a content of %d bytes; %d are allowed", r.size, limit)
		}
		if err := s.cfg.Store.PutBlob(ctx, s.cfg.Lease, hash, r.size, r); err != nil {
			if ctx.Err() != nil || isFinal(err) {
				return err
			}
			return &notStoredError{err}
		}
	}
	return nil
}

// chunkReader reads one content from the chunks of the stream.
type chunkReader struct {
	ctx    context.Context //nolint:containedctx // io.Reader has no room for it; the reader lives for one call
	hash   backend.Hash
	chunks <-chan *agentv1.BlobChunk
	size   int64
	read   int64
	data   []byte
}

// first waits for the first chunk, which tells the size.
func (r *chunkReader) first() error {
	return r.next()
}

func (r *chunkReader) next() error {
	select {
	case <-r.ctx.Done():
		return context.Cause(r.ctx)
	case c := <-r.chunks:
		hash, ok := hashFromProto(c.GetSha256())
		if !ok || hash != r.hash || clampSize(c.GetOffset()) != r.read {
			return backend.Errorf(backend.CodeInvalid, "the agent sent a chunk that was not asked for")
		}
		size := clampSize(c.GetSize())
		if r.read > 0 && size != r.size {
			return backend.Errorf(backend.CodeInvalid, "the agent sent a chunk of a content of another size")
		}
		r.size, r.data = size, c.GetData()
		r.read += int64(len(r.data))
		if r.read > r.size || len(r.data) == 0 && r.read < r.size {
			return backend.Errorf(backend.CodeInvalid, "the agent sent a chunk that does not fit its content")
		}
		return nil
	}
}

// Read implements io.Reader.
func (r *chunkReader) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		if r.read == r.size {
			return 0, io.EOF
		}
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

// How long to wait for the database: at first, and at most.
const firstDelay, mostDelay = 50 * time.Millisecond, 5 * time.Second

// retry runs f until it succeeds or fails for good, and tells in the status that it waits.
func (s *Syncer) retry(ctx context.Context, about topic, attempted string, f func() error) error {
	delay := time.Duration(0)
	for {
		err := f()
		if err == nil {
			if delay > 0 {
				s.tell(about, "")
			}
			return nil
		}
		if isFinal(err) {
			return err
		}
		if err := s.pause(ctx, about, attempted, err, &delay); err != nil {
			return err
		}
	}
}

// isFinal says whether to try again is of no use.
func isFinal(err error) bool {
	return slices.Contains([]backend.Code{backend.CodeStaleLease, backend.CodeInvalid, backend.CodeNotFound, backend.CodeTooLarge}, backend.CodeOf(err))
}

// pause tells why changes wait, and waits longer each time.
func (s *Syncer) pause(ctx context.Context, about topic, attempted string, err error, delay *time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	*delay = min(max(2**delay, firstDelay), mostDelay)
	s.logger.WarnContext(ctx, "the database did not take it; trying again", "attempted", attempted, "error", err, "delay", *delay)
	s.tell(about, notCommitted(err))
	return wait(ctx, *delay/2+rand.N(*delay))
}

// notCommitted tells why changes wait, in words.
func notCommitted(err error) string {
	why := "The database does not take what is new"
	if e, ok := errors.AsType[*backend.Error](err); ok && e.Code == backend.CodeUnavailable && e.Message != "" {
		why = strings.ToUpper(e.Message[:1]) + e.Message[1:]
	}
	return why + ": changes wait in the environment, and are saved as soon as they can be."
}

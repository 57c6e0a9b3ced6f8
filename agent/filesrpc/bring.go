package filesrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"connectrpc.com/connect"

	"codingplatform/agent/files"
	"codingplatform/agent/workspace"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// maxEntries bounds a workspace's tree, against a backend gone wrong.
const maxEntries = 2_000_000

// progressInterval is how often a restore's progress is told at most.
const progressInterval = 100 * time.Millisecond

// Restore implements FileService.
func (s *Service) Restore(
	ctx context.Context, stream *connect.BidiStream[agentv1.RestoreRequest, agentv1.RestoreResponse],
) error {
	first, err := stream.Receive()
	if err != nil {
		return err
	}
	open := first.GetOpen()
	if open == nil {
		return connect.NewError(connect.CodeInvalidArgument, errors.New("the first message must be open"))
	}
	restored, err := s.engine.Restore(ctx, open.GetLeaseEpoch(), policyFromWire(open.GetPolicy()), open.GetFirst(), &source{stream: stream, told: time.Now()})
	if err != nil {
		return asConnect(err)
	}
	return stream.Send(&agentv1.RestoreResponse{Message: &agentv1.RestoreResponse_Done{Done: &agentv1.RestoreDone{
		Written: restored.Written, Deleted: restored.Deleted, Unchanged: restored.Unchanged, Kept: restored.Kept,
		Problems: problemsToWire(restored.Problems),
	}}})
}

// source is the backend's side of a restore.
type source struct {
	stream  *connect.BidiStream[agentv1.RestoreRequest, agentv1.RestoreResponse]
	entries int
	small   []*agentv1.BlobChunk
	told    time.Time
}

// Opened implements files.Source.
func (s *source) Opened(empty bool) error {
	return s.stream.Send(&agentv1.RestoreResponse{Message: &agentv1.RestoreResponse_Opened{Opened: &agentv1.RestoreOpened{Empty: empty}}})
}

// Entries implements files.Source.
func (s *source) Entries() ([]files.Entry, error) {
	for {
		msg, err := s.stream.Receive()
		if err != nil {
			return nil, err
		}
		if msg.GetEnd() != nil {
			return nil, nil
		}
		part := msg.GetEntries()
		if part == nil {
			return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("entries or end must follow open"))
		}
		entries, err := entriesFromWire(part)
		if err != nil {
			return nil, asConnect(err)
		}
		if s.entries += len(entries); s.entries > maxEntries {
			return nil, connect.NewError(connect.CodeResourceExhausted, fmt.Errorf("more than %d entries", maxEntries))
		}
		if len(entries) > 0 {
			return entries, nil
		}
	}
}

func entriesFromWire(part *agentv1.RestoreEntries) ([]files.Entry, error) {
	contents := part.GetContents()
	if len(contents) > 0 && len(contents) != len(part.GetEntries()) {
		return nil, fmt.Errorf("%w: %d contents of %d entries", files.ErrInvalid, len(contents), len(part.GetEntries()))
	}
	entries := make([]files.Entry, 0, len(part.GetEntries()))
	for i, e := range part.GetEntries() {
		entry, err := entryFromWire(e)
		if err != nil {
			return nil, err
		}
		if len(contents) > 0 {
			entry.Content = contents[i]
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// Want implements files.Source.
func (s *source) Want(hashes []workspace.Hash) error {
	message := &agentv1.BlobWant{Sha256: make([][]byte, 0, len(hashes))}
	for i := range hashes {
		message.Sha256 = append(message.Sha256, hashes[i][:])
	}
	return s.stream.Send(&agentv1.RestoreResponse{Message: &agentv1.RestoreResponse_Want{Want: message}})
}

// Content implements files.Source.
func (s *source) Content(hash workspace.Hash, size int64) (io.Reader, error) {
	return contents(s.chunk)(hash, size)
}

func (s *source) chunk() (*agentv1.BlobChunk, error) {
	for len(s.small) == 0 {
		msg, err := s.stream.Receive()
		if err != nil || msg.GetBlobs() == nil {
			return msg.GetBlob(), err
		}
		s.small = msg.GetBlobs().GetChunks()
	}
	next := s.small[0]
	s.small = s.small[1:]
	return next, nil
}

// Tell implements files.Source.
func (s *source) Tell(p files.Progress) {
	if time.Since(s.told) < progressInterval {
		return
	}
	s.told = time.Now()
	// A stream that is broken is noticed by whoever needs it.
	_ = s.stream.Send(&agentv1.RestoreResponse{Message: &agentv1.RestoreResponse_Progress{Progress: &agentv1.RestoreProgress{
		FilesDone: p.Files, FilesTotal: p.FilesTotal, BytesDone: p.Bytes, BytesTotal: p.BytesTotal,
	}}})
}

// Apply implements FileService.
func (s *Service) Apply(
	ctx context.Context, stream *connect.ClientStream[agentv1.ApplyRequest],
) (*connect.Response[agentv1.ApplyResponse], error) {
	receive := func() (*agentv1.ApplyRequest, error) {
		if stream.Receive() {
			return stream.Msg(), nil
		}
		if err := stream.Err(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%w: the stream ended before all contents came", files.ErrInvalid)
	}
	first, err := receive()
	if err != nil {
		return nil, asConnect(err)
	}
	operations := first.GetOperations()
	if operations == nil {
		return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("the first message must be operations"))
	}
	ops := make([]files.Operation, 0, len(operations.GetOperations()))
	for _, o := range operations.GetOperations() {
		entry, err := entryFromWire(o.GetEntry())
		if err != nil {
			return nil, asConnect(err)
		}
		ops = append(ops, files.Operation{
			Op: opFromWire(o.GetOp()), Entry: entry, From: o.GetFromPath(), Whole: o.GetWhole(),
			Content: o.GetContent(), HasContent: o.Content != nil, Large: o.GetLarge(),
		})
	}
	blobs := func() (*agentv1.BlobChunk, error) {
		msg, err := receive()
		return msg.GetBlob(), err
	}
	results, err := s.engine.Apply(ctx, operations.GetLeaseEpoch(), operations.GetCommittedThrough(), ops, contents(blobs))
	if err != nil {
		return nil, asConnect(err)
	}
	response := &agentv1.ApplyResponse{Results: make([]*agentv1.ApplyResult, 0, len(results))}
	for _, r := range results {
		response.Results = append(response.Results, &agentv1.ApplyResult{
			Path: r.Path, Outcome: outcomeToWire(r.Outcome), Reason: wordsToWire(r.Reason),
		})
	}
	return connect.NewResponse(response), nil
}

// contents makes readers of the chunks of a stream.
func contents(next func() (*agentv1.BlobChunk, error)) files.Contents {
	return func(hash workspace.Hash, size int64) (io.Reader, error) {
		return &chunkReader{next: next, hash: hash, size: size}, nil
	}
}

// chunkReader reads one content.
type chunkReader struct {
	next func() (*agentv1.BlobChunk, error)
	hash workspace.Hash
	size int64
	read int64
	data []byte
}

// Read implements io.Reader.
func (r *chunkReader) Read(p []byte) (int, error) {
	for len(r.data) == 0 {
		if r.read == r.size {
			return 0, io.EOF
		}
		chunk, err := r.next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		hash, err := hashFromWire(chunk.GetSha256())
		if err != nil {
			return 0, err
		}
		n := int64(len(chunk.GetData()))
		if hash != r.hash || toInt(chunk.GetOffset()) != r.read || toInt(chunk.GetSize()) != r.size || n == 0 || r.read+n > r.size {
			return 0, fmt.Errorf("%w: a chunk that does not fit what is wanted next", files.ErrInvalid)
		}
		r.read += n
		r.data = chunk.GetData()
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

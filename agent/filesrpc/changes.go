package filesrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"connectrpc.com/connect"

	"codingplatform/agent/files"
	"codingplatform/agent/workspace"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

type changesStream = connect.BidiStream[agentv1.ChangesRequest, agentv1.ChangesResponse]

// needs are the contents that the backend has asked for.
type needs struct {
	mu     sync.Mutex
	hashes []workspace.Hash
	more   chan struct{} // capacity 1
}

func (n *needs) push(hashes []workspace.Hash) {
	n.mu.Lock()
	n.hashes = append(n.hashes, hashes...)
	n.mu.Unlock()
	select {
	case n.more <- struct{}{}:
	default:
	}
}

func (n *needs) pop() (h workspace.Hash, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.hashes) == 0 {
		return h, false
	}
	h, n.hashes = n.hashes[0], n.hashes[1:]
	return h, true
}

// Changes implements FileService.
func (s *Service) Changes(ctx context.Context, stream *changesStream) error {
	first, err := stream.Receive()
	if err != nil {
		return err
	}
	open := first.GetOpen()
	if open == nil {
		return connect.NewError(connect.CodeInvalidArgument, errors.New("the first message must be open"))
	}
	var known files.Commits
	if open.GetIncarnation() == s.incarnation {
		known = commitsFromWire(open)
	}
	number, next, err := s.engine.Open(open.GetLeaseEpoch(), known)
	if err != nil {
		return asConnect(err)
	}
	defer s.engine.Close(number)
	err = stream.Send(&agentv1.ChangesResponse{Message: &agentv1.ChangesResponse_Opened{Opened: &agentv1.ChangesOpened{
		Incarnation: s.incarnation, NextSequence: next,
	}}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	wanted := &needs{more: make(chan struct{}, 1)}
	go func() { cancel(s.receive(stream, number, wanted)) }()
	sender := &changesSender{s: s, stream: stream, number: number, sent: next - 1, wanted: wanted}
	err = sender.run(ctx)
	if errors.Is(err, io.EOF) {
		return nil // the backend has said goodbye
	}
	return asConnect(err)
}

// receive takes the backend's answers until its side of the stream ends (io.EOF).
func (s *Service) receive(stream *changesStream, number uint64, wanted *needs) error {
	for {
		msg, err := stream.Receive()
		if err != nil {
			return err
		}
		switch m := msg.GetMessage().(type) {
		case *agentv1.ChangesRequest_Committed:
			var rejected []files.Problem
			for _, p := range m.Committed.GetRejected() {
				rejected = append(rejected, files.Problem{Path: p.GetPath(), Reason: p.GetReason()})
			}
			err = s.engine.Committed(number, m.Committed.GetSequence(), m.Committed.GetRevision(), rejected)
		case *agentv1.ChangesRequest_Need:
			var hashes []workspace.Hash
			for _, b := range m.Need.GetSha256() {
				hash, herr := hashFromWire(b)
				err = errors.Join(err, herr)
				hashes = append(hashes, hash)
			}
			wanted.push(hashes)
		case *agentv1.ChangesRequest_Open:
			err = fmt.Errorf("%w: open must come first and once", files.ErrInvalid)
		default: // a newer backend's message: ignored
		}
		if err != nil {
			return err
		}
	}
}

type changesSender struct {
	s      *Service
	stream *changesStream
	number uint64
	sent   uint64
	wanted *needs

	status        files.Status
	told          bool
	quiet         bool
	quietThrough  uint64
	quietGenerate uint64
}

// run sends what there is to tell until ctx ends.
func (c *changesSender) run(ctx context.Context) error {
	for ctx.Err() == nil {
		if hash, ok := c.wanted.pop(); ok {
			if err := c.s.engine.Send(ctx, hash, c.blob(hash)); err != nil {
				return err
			}
			continue
		}
		news, err := c.s.engine.Next(c.number, c.sent)
		if err != nil {
			return err
		}
		if news.Batch != nil {
			if err := c.stream.Send(batchToWire(news.Batch)); err != nil {
				return err
			}
			c.sent = news.Batch.Sequence
			continue
		}
		if err := c.tell(news); err != nil {
			return err
		}
		select {
		case <-news.Changed:
		case <-c.wanted.more:
		case <-ctx.Done():
		}
	}
	return context.Cause(ctx)
}

func (c *changesSender) blob(hash workspace.Hash) func(offset, size int64, data []byte) error {
	return func(offset, size int64, data []byte) error {
		return c.stream.Send(&agentv1.ChangesResponse{Message: &agentv1.ChangesResponse_Blob{Blob: &agentv1.BlobChunk{
			Sha256: hash[:], Offset: toUint(offset), Size: toUint(size), Data: data,
		}}})
	}
}

// tell sends a status that has changed in what people see, and the quiet after each change.
func (c *changesSender) tell(news files.News) error {
	if news.Status != nil {
		status := *news.Status
		now, was := status, c.status
		for _, s := range []*files.Status{&now, &was} {
			s.Pending, s.Scans, s.Files, s.Bytes, s.Watches, s.WatchLimit = 0, 0, 0, 0, 0, 0
		}
		if !c.told || now != was {
			err := c.stream.Send(&agentv1.ChangesResponse{Message: &agentv1.ChangesResponse_Status{Status: statusToWire(status)}})
			if err != nil {
				return err
			}
			c.told, c.status = true, status
		}
	}
	if !news.Quiet || c.quiet && c.quietThrough == news.Through && c.quietGenerate == news.Generation {
		return nil
	}
	c.quiet, c.quietThrough, c.quietGenerate = true, news.Through, news.Generation
	return c.stream.Send(&agentv1.ChangesResponse{Message: &agentv1.ChangesResponse_Quiet{Quiet: &agentv1.FilesQuiet{
		Through: news.Through, ScanGeneration: news.Generation,
	}}})
}

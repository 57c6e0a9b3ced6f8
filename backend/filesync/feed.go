package filesync

import (
	"context"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

const (
	// maxItems is how many entries an Apply brings; where there are more, a Restore does it.
	maxItems = 20_000
	// maxInline bounds the contents that a call's operations carry, in bytes; the rest comes with the next call.
	maxInline = 8 << 20
	// failedInterval is how long what could not be written (the volume is full, a folder is closed) waits for its next try.
	failedInterval = 2 * time.Second
)

const notWritten = "Saved, but not written in the environment: "

// feed brings what the editor and the API have changed to the disk. The feed of changes tells only where to look: what is
// sent is what the database has there by then.
func (s *Syncer) feed(ctx context.Context) error {
	for {
		if err := s.follow(ctx); err != nil {
			return err
		}
		if !s.hints.none() {
			continue
		}
		if err := s.noteApplied(ctx); err != nil {
			return err
		}
		var again <-chan time.Time
		if len(s.hints.failed) > 0 {
			again = time.After(failedInterval)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.cfg.Wake:
		case <-again:
			s.hints.retry()
		}
	}
}

// follow takes in where the database has changed, and sends what it has there. Both are of one moment: between them a
// program might move away what is looked for.
func (s *Syncer) follow(ctx context.Context) error {
	var present backend.Present
	reaches := true
	err := s.retry(ctx, ofFeed, "read what has changed", func() (err error) {
		present, reaches, err = s.cfg.Store.Follow(ctx, s.session, s.read, func(changes []backend.Change) (paths, under []string) {
			s.hints.note(changes)
			return s.hints.query()
		})
		return err
	})
	if err != nil {
		return err
	}
	if !reaches || len(present.Items) > maxItems {
		return ErrResync
	}
	s.read = present.Revision
	if s.hints.none() {
		return nil
	}
	return s.apply(ctx, s.hints.operations(present), present)
}

// noteApplied keeps how far all is on the disk, so that another replica need not begin at the beginning.
func (s *Syncer) noteApplied(ctx context.Context) error {
	if s.hints.noted == 0 || len(s.hints.failed) > 0 {
		return nil
	}
	s.hints.noted = 0
	return s.retry(ctx, ofFeed, "record the applied revision", func() error { return s.cfg.Store.SetApplied(ctx, s.cfg.Lease, s.read) })
}

// apply sends operations, and sorts their outcomes. A conflict is no error: what the disk has instead comes as a batch, and
// the database keeps both.
func (s *Syncer) apply(ctx context.Context, ops []operation, present backend.Present) error {
	message := &agentv1.ApplyOperations{LeaseEpoch: toUint(s.cfg.Lease.Epoch), Operations: make([]*agentv1.ApplyOperation, 0, len(ops))}
	if present.Incarnation == s.cfg.Conn.Incarnation {
		message.CommittedThrough = toUint(present.Sequence)
	}
	contents, err := s.inline(ctx, ops)
	if err != nil {
		return err
	}
	var large []backend.Hash
	for _, op := range ops {
		m := &agentv1.ApplyOperation{Op: opToProto(op.op), Entry: itemToProto(op.item), FromPath: op.from, Whole: op.whole}
		if content, ok := contents[op.item.Hash]; ok && op.wantsContent() {
			m.Content = content
		} else if op.wantsContent() && op.item.Size > inlineBytes {
			m.Large = true
			large = append(large, op.item.Hash)
		}
		message.Operations = append(message.Operations, m)
	}
	calling, cancel := context.WithCancel(ctx)
	defer cancel()
	stream := s.cfg.Conn.Files.Apply(calling)
	err = stream.Send(&agentv1.ApplyRequest{Message: &agentv1.ApplyRequest_Operations{Operations: message}})
	for i := 0; err == nil && i < len(large); i++ {
		err = s.sendBlob(ctx, large[i], func(chunk *agentv1.BlobChunk) error {
			return stream.Send(&agentv1.ApplyRequest{Message: &agentv1.ApplyRequest_Blob{Blob: chunk}})
		})
	}
	if ignoreEOF(err) != nil {
		// A context's end alone does not end the request's body, and the agent would go on to wait for the rest.
		cancel()
		_, _ = stream.CloseAndReceive() // the reason is known already
		return err
	}
	response, err := stream.CloseAndReceive()
	if err != nil {
		return agentconn.Error("apply saved changes in the environment", err)
	}
	results := response.Msg.GetResults()
	if len(results) != len(ops) {
		return backend.Errorf(backend.CodeInvalid, "the agent answered %d of %d operations", len(results), len(ops))
	}
	s.sort(ctx, ops, results)
	return nil
}

// inline reads the small contents that go with the operations, as many as fit.
func (s *Syncer) inline(ctx context.Context, ops []operation) (map[backend.Hash][]byte, error) {
	contents := map[backend.Hash][]byte{}
	var items []backend.Item
	room := int64(maxInline)
	for _, op := range ops {
		if !op.wantsContent() || op.item.Size > inlineBytes || op.item.Size > room {
			continue
		}
		room -= op.item.Size
		items = append(items, op.item)
	}
	if len(items) == 0 {
		return contents, nil
	}
	err := s.retry(ctx, ofFeed, "read saved contents", func() error {
		return s.cfg.Store.Contents(ctx, items, func(items []backend.Item, data [][]byte) error {
			for i := range items {
				if data[i] != nil { // else it is gone already, and the next look tells what is there now
					contents[items[i].Hash] = data[i]
				}
			}
			return nil
		})
	})
	return contents, err
}

// sort keeps what has to be tried again.
func (s *Syncer) sort(ctx context.Context, ops []operation, results []*agentv1.ApplyResult) {
	s.hints.begin()
	for i, op := range ops {
		path, reason := op.item.Path, results[i].GetReason()
		switch results[i].GetOutcome() {
		case agentv1.ApplyOutcome_APPLY_OUTCOME_BUSY:
			s.hints.again(op, false)
			continue
		case agentv1.ApplyOutcome_APPLY_OUTCOME_NEEDS_CONTENT:
			s.hints.again(op, true)
			continue
		case agentv1.ApplyOutcome_APPLY_OUTCOME_CONFLICT:
			s.logger.InfoContext(ctx, "the environment holds another version", "path", path, "reason", reason)
		case agentv1.ApplyOutcome_APPLY_OUTCOME_FAILED:
			if op.op == backend.OpMove || !op.hinted {
				break // what it was an aid for tells
			}
			s.logger.WarnContext(ctx, "a saved change could not be applied", "path", path, "reason", reason)
			s.hints.fail(path, op.below)
			s.tell(ofDisk, notWritten+path+": "+reason)
			continue
		case agentv1.ApplyOutcome_APPLY_OUTCOME_APPLIED, agentv1.ApplyOutcome_APPLY_OUTCOME_UNCHANGED, agentv1.ApplyOutcome_APPLY_OUTCOME_UNSPECIFIED:
		}
		delete(s.hints.failed, path)
	}
	if len(s.hints.failed) == 0 {
		s.tell(ofDisk, "")
	}
}

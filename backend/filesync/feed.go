package filesync

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/agentconn"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// changesPerApply bounds a call; a revision with more goes in one call all the same, since it is one change.
const changesPerApply = 500

// failedInterval is how long what could not be written (the volume is full, a folder is closed) waits for its next try.
const failedInterval = 2 * time.Second

const notWritten = "Saved, but not written in the environment: "

// feed brings the database's changes to the disk.
func (s *Syncer) feed(ctx context.Context) error {
	for {
		more, err := s.feedOnce(ctx)
		if err != nil {
			return err
		}
		if more {
			continue
		}
		var again <-chan time.Time
		if len(s.failed) > 0 {
			again = time.After(failedInterval)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.cfg.Wake:
		case <-again:
			if err := s.applyFailed(ctx); err != nil {
				return err
			}
		}
	}
}

func (s *Syncer) feedOnce(ctx context.Context) (more bool, err error) {
	s.mu.Lock()
	applied := s.applied
	s.mu.Unlock()
	var changes []backend.Change
	var last int64
	reaches := true
	err = s.retry(ctx, "read the change feed", func() (err error) {
		changes, last, reaches, err = s.cfg.Store.ChangesSince(ctx, s.session, applied, changesPerApply)
		return err
	})
	if err != nil {
		return false, err
	}
	if !reaches {
		return false, ErrResync
	}
	if last <= applied {
		return false, nil
	}
	// What came from the disk is there.
	var ours []backend.Change
	for _, c := range changes {
		if c.Source != backend.SourceTerminal && c.Unsaved == backend.Saved {
			ours = append(ours, c)
		}
	}
	if len(ours) > 0 {
		if err := s.apply(ctx, ours); err != nil {
			return false, err
		}
		if err := s.retry(ctx, "record the applied revision", func() error { return s.cfg.Store.SetApplied(ctx, s.cfg.Lease, last) }); err != nil {
			return false, err
		}
	}
	if err := s.overtake(ctx, append(s.before, ours...), changes); err != nil {
		return false, err
	}
	s.before = ours
	s.mu.Lock()
	s.applied = last
	s.mu.Unlock()
	return len(changes) > 0, nil
}

// apply sends committed changes to the disk. A conflict is no error: what the disk has instead comes as a
// batch, and the database keeps both.
func (s *Syncer) apply(ctx context.Context, changes []backend.Change) error {
	operations := &agentv1.ApplyOperations{LeaseEpoch: toUint(s.cfg.Lease.Epoch), Operations: make([]*agentv1.ApplyOperation, 0, len(changes))}
	var large []backend.Hash
	for _, c := range changes {
		op := &agentv1.ApplyOperation{
			Op: opToProto(c.Op), Entry: itemToProto(c.Item), FromPath: c.From,
			ExpectSha256: hashToProto(c.Previous), ExpectType: typeToProto(c.PreviousType),
		}
		if c.Op == backend.OpPut && c.Type == backend.TypeFile {
			if c.Size <= inlineBytes {
				var buf bytes.Buffer
				if err := s.cfg.Store.CopyBlob(ctx, s.session, c.Hash, &buf); err != nil {
					return err
				}
				op.Content = buf.Bytes()
				if op.Content == nil {
					op.Content = []byte{}
				}
			} else {
				large = append(large, c.Hash)
			}
		}
		operations.Operations = append(operations.Operations, op)
	}
	stream := s.cfg.Conn.Files.Apply(ctx)
	err := stream.Send(&agentv1.ApplyRequest{Message: &agentv1.ApplyRequest_Operations{Operations: operations}})
	for i := 0; err == nil && i < len(large); i++ {
		err = s.sendBlob(ctx, large[i], func(chunk *agentv1.BlobChunk) error {
			return stream.Send(&agentv1.ApplyRequest{Message: &agentv1.ApplyRequest_Blob{Blob: chunk}})
		})
	}
	if ignoreEOF(err) != nil {
		return err
	}
	response, err := stream.CloseAndReceive()
	if err != nil {
		return agentconn.Error("apply saved changes in the environment", err)
	}
	var again []string
	for i, r := range response.Msg.GetResults() {
		notMoved := r.GetOutcome() == agentv1.ApplyOutcome_APPLY_OUTCOME_CONFLICT || r.GetOutcome() == agentv1.ApplyOutcome_APPLY_OUTCOME_FAILED
		if notMoved && i < len(changes) && changes[i].Op == backend.OpMove {
			again = append(again, changes[i].Path)
		}
		delete(s.failed, r.GetPath())
		switch r.GetOutcome() {
		case agentv1.ApplyOutcome_APPLY_OUTCOME_CONFLICT:
			s.logger.InfoContext(ctx, "the environment holds another version", "path", r.GetPath(), "reason", r.GetReason())
		case agentv1.ApplyOutcome_APPLY_OUTCOME_FAILED:
			s.logger.WarnContext(ctx, "a saved change could not be applied", "path", r.GetPath(), "reason", r.GetReason())
			if i < len(changes) && changes[i].Op != backend.OpMove {
				s.failed[changes[i].Path] = changes[i]
			}
			s.setStatus(func(st *Status) {
				st.Message = notWritten + r.GetPath() + ": " + r.GetReason()
			})
		case agentv1.ApplyOutcome_APPLY_OUTCOME_APPLIED, agentv1.ApplyOutcome_APPLY_OUTCOME_UNCHANGED, agentv1.ApplyOutcome_APPLY_OUTCOME_UNSPECIFIED:
		}
	}
	for _, path := range again {
		if err := s.bring(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

// applyFailed tries once more what could not be written, unless the database has gone on.
func (s *Syncer) applyFailed(ctx context.Context) error {
	for _, path := range slices.Sorted(maps.Keys(s.failed)) {
		c := s.failed[path]
		now, err := s.present(ctx, path)
		if err != nil {
			return err
		}
		deleted := c.Op == backend.OpDelete
		if deleted != (now.Type == "") || !deleted && (now.Type != c.Type || now.Hash != c.Hash || now.Revision != c.Revision) {
			delete(s.failed, path) // what came later has been applied, or has failed, by itself
			continue
		}
		if err := s.apply(ctx, []backend.Change{c}); err != nil {
			return err
		}
	}
	if len(s.failed) == 0 {
		s.setStatus(func(st *Status) {
			if strings.HasPrefix(st.Message, notWritten) {
				st.Message = ""
			}
		})
	}
	return nil
}

// bring writes what is at a path now, and below it, where a move could not bring it: the disk had something else to
// move, or nothing, and what the database has would be there alone.
func (s *Syncer) bring(ctx context.Context, path string) error {
	var items []backend.Item
	err := s.retry(ctx, "read what was moved", func() error {
		items = nil
		item, err := s.cfg.Store.Item(ctx, s.session, path)
		if err == nil && item.Type == backend.TypeFolder {
			items, _, err = s.cfg.Store.Tree(ctx, s.session, path, 0)
		}
		if backend.CodeOf(err) == backend.CodeNotFound {
			return nil // it has gone on, and the feed tells where to
		}
		if err == nil {
			items = append([]backend.Item{item}, items...)
		}
		return err
	})
	if err != nil {
		return err
	}
	var changes []backend.Change
	for _, item := range items {
		if item.Unsaved == backend.Saved {
			changes = append(changes, backend.Change{Op: backend.OpPut, Item: item})
		}
	}
	for part := range slices.Chunk(changes, changesPerApply) {
		if err := s.apply(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

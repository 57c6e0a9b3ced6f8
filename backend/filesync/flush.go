package filesync

import (
	"context"

	"connectrpc.com/connect"

	"codingplatform/backend/agentconn"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// Flush has the agent journal everything, and returns when all of it is committed. Run must be running.
// ctx bounds the wait; when it ends, what is not committed is still on the volume.
func (s *Syncer) Flush(ctx context.Context) (Flushed, error) {
	s.mu.Lock()
	batches, entries := s.batches, s.entries
	s.mu.Unlock()
	response, err := s.cfg.Conn.Agent.PrepareStop(ctx, connect.NewRequest(&agentv1.PrepareStopRequest{LeaseEpoch: toUint(s.cfg.Lease.Epoch)}))
	if err != nil {
		return Flushed{}, agentconn.Error("flush the environment's changes", err)
	}
	for {
		s.mu.Lock()
		done := s.committed >= clampSize(response.Msg.GetFlushedThrough())
		moved := s.moved
		flushed := Flushed{Batches: s.batches - batches, Entries: s.entries - entries, Revision: s.revision, Unreadable: response.Msg.GetUnreadable()}
		s.mu.Unlock()
		if done {
			return flushed, nil
		}
		select {
		case <-ctx.Done():
			return flushed, context.Cause(ctx)
		case <-moved:
		}
	}
}

package filesrpc

import (
	"fmt"
	"strings"

	"codingplatform/agent/files"
	"codingplatform/agent/workspace"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

func typeToWire(t workspace.Type) agentv1.FileType {
	switch t {
	case workspace.File:
		return agentv1.FileType_FILE_TYPE_FILE
	case workspace.Folder:
		return agentv1.FileType_FILE_TYPE_FOLDER
	case workspace.Symlink:
		return agentv1.FileType_FILE_TYPE_SYMLINK
	case workspace.Special:
		return agentv1.FileType_FILE_TYPE_SPECIAL
	case workspace.None:
	}
	return agentv1.FileType_FILE_TYPE_UNSPECIFIED
}

func typeFromWire(t agentv1.FileType) workspace.Type {
	switch t {
	case agentv1.FileType_FILE_TYPE_FILE:
		return workspace.File
	case agentv1.FileType_FILE_TYPE_FOLDER:
		return workspace.Folder
	case agentv1.FileType_FILE_TYPE_SYMLINK:
		return workspace.Symlink
	case agentv1.FileType_FILE_TYPE_SPECIAL:
		return workspace.Special
	case agentv1.FileType_FILE_TYPE_UNSPECIFIED:
	}
	return workspace.None
}

func reasonToWire(r files.Reason) agentv1.UnsavedReason {
	switch r {
	case files.Ignored:
		return agentv1.UnsavedReason_UNSAVED_REASON_IGNORED
	case files.TooLarge:
		return agentv1.UnsavedReason_UNSAVED_REASON_TOO_LARGE
	case files.Full:
		return agentv1.UnsavedReason_UNSAVED_REASON_WORKSPACE_FULL
	case files.SpecialFile:
		return agentv1.UnsavedReason_UNSAVED_REASON_SPECIAL
	case files.Unreadable:
		return agentv1.UnsavedReason_UNSAVED_REASON_UNREADABLE
	case files.Saved:
	}
	return agentv1.UnsavedReason_UNSAVED_REASON_UNSPECIFIED
}

func reasonFromWire(r agentv1.UnsavedReason) files.Reason {
	switch r {
	case agentv1.UnsavedReason_UNSAVED_REASON_UNSPECIFIED:
		return files.Saved
	case agentv1.UnsavedReason_UNSAVED_REASON_IGNORED:
		return files.Ignored
	case agentv1.UnsavedReason_UNSAVED_REASON_TOO_LARGE:
		return files.TooLarge
	case agentv1.UnsavedReason_UNSAVED_REASON_WORKSPACE_FULL:
		return files.Full
	case agentv1.UnsavedReason_UNSAVED_REASON_SPECIAL:
		return files.SpecialFile
	case agentv1.UnsavedReason_UNSAVED_REASON_UNREADABLE:
	}
	return files.Unreadable // what a newer backend cannot save either
}

func opToWire(op files.Op) agentv1.ChangeOp {
	switch op {
	case files.Put:
		return agentv1.ChangeOp_CHANGE_OP_PUT
	case files.Delete:
		return agentv1.ChangeOp_CHANGE_OP_DELETE
	case files.Move:
		return agentv1.ChangeOp_CHANGE_OP_MOVE
	}
	return agentv1.ChangeOp_CHANGE_OP_UNSPECIFIED
}

func opFromWire(op agentv1.ChangeOp) files.Op {
	switch op {
	case agentv1.ChangeOp_CHANGE_OP_PUT:
		return files.Put
	case agentv1.ChangeOp_CHANGE_OP_DELETE:
		return files.Delete
	case agentv1.ChangeOp_CHANGE_OP_MOVE:
		return files.Move
	case agentv1.ChangeOp_CHANGE_OP_UNSPECIFIED:
	}
	return 0
}

func outcomeToWire(o files.Outcome) agentv1.ApplyOutcome {
	switch o {
	case files.Applied:
		return agentv1.ApplyOutcome_APPLY_OUTCOME_APPLIED
	case files.Unchanged:
		return agentv1.ApplyOutcome_APPLY_OUTCOME_UNCHANGED
	case files.Conflict:
		return agentv1.ApplyOutcome_APPLY_OUTCOME_CONFLICT
	case files.Failed:
		return agentv1.ApplyOutcome_APPLY_OUTCOME_FAILED
	case files.Busy:
		return agentv1.ApplyOutcome_APPLY_OUTCOME_BUSY
	case files.NeedsContent:
		return agentv1.ApplyOutcome_APPLY_OUTCOME_NEEDS_CONTENT
	}
	return agentv1.ApplyOutcome_APPLY_OUTCOME_UNSPECIFIED
}

func hashFromWire(b []byte) (h workspace.Hash, err error) {
	if len(b) != 0 && len(b) != len(h) {
		return h, fmt.Errorf("%w: a SHA-256 of %d bytes", files.ErrInvalid, len(b))
	}
	copy(h[:], b)
	return h, nil
}

func toUint(n int64) uint64 { return uint64(max(n, 0)) }

func toInt(n uint64) int64 { return int64(min(n, 1<<62)) }

func entryFromWire(e *agentv1.FileEntry) (files.Entry, error) {
	hash, err := hashFromWire(e.GetSha256())
	return files.Entry{Path: e.GetPath(), Revision: e.GetRevision(), State: files.State{
		Type: typeFromWire(e.GetType()), Mode: e.GetMode() & 0o777, Size: toInt(e.GetSize()), Mtime: e.GetMtimeNs(),
		Hash: hash, Link: e.GetLinkTarget(), Unsaved: reasonFromWire(e.GetUnsavedReason()),
	}}, err
}

func policyFromWire(p *agentv1.SyncPolicy) files.Policy {
	return files.Policy{
		Ignore: p.GetIgnore(), MaxFileBytes: toInt(p.GetMaxFileBytes()), MaxBytes: toInt(p.GetMaxWorkspaceBytes()),
		MaxFileCount: toInt(p.GetMaxFiles()),
	}
}

func batchToWire(b *files.Batch) *agentv1.ChangesResponse {
	entries := make([]*agentv1.ChangeEntry, 0, len(b.Changes))
	for i := range b.Changes {
		c := &b.Changes[i]
		e := &agentv1.ChangeEntry{
			Op: opToWire(c.Op), Path: c.Path, FromPath: c.From, Type: typeToWire(c.State.Type), Mode: c.State.Mode,
			Size: toUint(c.State.Size), MtimeNs: c.State.Mtime, LinkTarget: c.State.Link, BaseRevision: c.BaseRevision,
			UnsavedReason: reasonToWire(c.State.Unsaved), Unchanged: c.Unchanged,
		}
		if c.State.Type == workspace.File && c.State.Unsaved == files.Saved && c.Op != files.Delete {
			e.Sha256 = c.State.Hash[:]
		}
		if c.HasContent {
			e.Content = c.Content
			if e.Content == nil {
				e.Content = []byte{}
			}
		}
		entries = append(entries, e)
	}
	return &agentv1.ChangesResponse{Message: &agentv1.ChangesResponse_Batch{Batch: &agentv1.ChangeBatch{
		Sequence: b.Sequence, ScanGeneration: b.Generation, Entries: entries,
	}}}
}

func commitsFromWire(open *agentv1.ChangesOpen) files.Commits {
	c := files.Commits{Through: open.GetCommittedThrough(), Revision: open.GetCommittedRevision(), Rejected: map[uint64][]files.Problem{}}
	for _, r := range open.GetRejected() {
		for _, p := range r.GetPaths() {
			c.Rejected[r.GetSequence()] = append(c.Rejected[r.GetSequence()], files.Problem{Path: p.GetPath(), Reason: p.GetReason()})
		}
	}
	return c
}

func statusToWire(s files.Status) *agentv1.FileStatusResponse {
	mode := agentv1.WatchMode_WATCH_MODE_INOTIFY
	switch {
	case !s.Watched:
		mode = agentv1.WatchMode_WATCH_MODE_POLL
	case s.Polled:
		mode = agentv1.WatchMode_WATCH_MODE_HYBRID
	}
	return &agentv1.FileStatusResponse{
		WatchMode: mode, Watches: toUint(int64(s.Watches)), WatchLimit: toUint(int64(s.WatchLimit)),
		Overflows: s.Overflows, Scans: s.Scans, Unsaved: toUint(s.Unsaved), Files: toUint(s.Files), Bytes: toUint(s.Bytes),
		Braked: s.Braked, Pending: toUint(s.Pending), Refused: toUint(s.Refused),
	}
}

func problemsToWire(problems []files.Problem) []*agentv1.PathProblem {
	wire := make([]*agentv1.PathProblem, 0, len(problems))
	for _, p := range problems {
		wire = append(wire, &agentv1.PathProblem{Path: p.Path, Reason: wordsToWire(p.Reason)})
	}
	return wire
}

// wordsToWire makes words fit for the wire: those of an error may hold a name as the disk has it.
func wordsToWire(words string) string { return strings.ToValidUTF8(words, "\uFFFD") }

package filesync

import (
	"time"

	"codingplatform/backend"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

func typeToProto(t backend.FileType) agentv1.FileType {
	switch t {
	case backend.TypeFile:
		return agentv1.FileType_FILE_TYPE_FILE
	case backend.TypeFolder:
		return agentv1.FileType_FILE_TYPE_FOLDER
	case backend.TypeSymlink:
		return agentv1.FileType_FILE_TYPE_SYMLINK
	case backend.TypeSpecial:
		return agentv1.FileType_FILE_TYPE_SPECIAL
	}
	return agentv1.FileType_FILE_TYPE_UNSPECIFIED
}

func typeFromProto(t agentv1.FileType) backend.FileType {
	switch t {
	case agentv1.FileType_FILE_TYPE_FILE:
		return backend.TypeFile
	case agentv1.FileType_FILE_TYPE_FOLDER:
		return backend.TypeFolder
	case agentv1.FileType_FILE_TYPE_SYMLINK:
		return backend.TypeSymlink
	case agentv1.FileType_FILE_TYPE_SPECIAL:
		return backend.TypeSpecial
	case agentv1.FileType_FILE_TYPE_UNSPECIFIED:
		return ""
	}
	return ""
}

func unsavedToProto(u backend.UnsavedReason) agentv1.UnsavedReason {
	switch u {
	case backend.Saved:
		return agentv1.UnsavedReason_UNSAVED_REASON_UNSPECIFIED
	case backend.UnsavedIgnored:
		return agentv1.UnsavedReason_UNSAVED_REASON_IGNORED
	case backend.UnsavedTooLarge:
		return agentv1.UnsavedReason_UNSAVED_REASON_TOO_LARGE
	case backend.UnsavedWorkspaceFull:
		return agentv1.UnsavedReason_UNSAVED_REASON_WORKSPACE_FULL
	case backend.UnsavedSpecial:
		return agentv1.UnsavedReason_UNSAVED_REASON_SPECIAL
	case backend.UnsavedUnreadable:
		return agentv1.UnsavedReason_UNSAVED_REASON_UNREADABLE
	}
	return agentv1.UnsavedReason_UNSAVED_REASON_UNREADABLE
}

func unsavedFromProto(u agentv1.UnsavedReason) backend.UnsavedReason {
	switch u {
	case agentv1.UnsavedReason_UNSAVED_REASON_UNSPECIFIED:
		return backend.Saved
	case agentv1.UnsavedReason_UNSAVED_REASON_IGNORED:
		return backend.UnsavedIgnored
	case agentv1.UnsavedReason_UNSAVED_REASON_TOO_LARGE:
		return backend.UnsavedTooLarge
	case agentv1.UnsavedReason_UNSAVED_REASON_WORKSPACE_FULL:
		return backend.UnsavedWorkspaceFull
	case agentv1.UnsavedReason_UNSAVED_REASON_SPECIAL:
		return backend.UnsavedSpecial
	case agentv1.UnsavedReason_UNSAVED_REASON_UNREADABLE:
		return backend.UnsavedUnreadable
	}
	return backend.UnsavedUnreadable
}

func opFromProto(o agentv1.ChangeOp) backend.ChangeOp {
	switch o {
	case agentv1.ChangeOp_CHANGE_OP_PUT:
		return backend.OpPut
	case agentv1.ChangeOp_CHANGE_OP_DELETE:
		return backend.OpDelete
	case agentv1.ChangeOp_CHANGE_OP_MOVE:
		return backend.OpMove
	case agentv1.ChangeOp_CHANGE_OP_UNSPECIFIED:
		return ""
	}
	return ""
}

func opToProto(o backend.ChangeOp) agentv1.ChangeOp {
	switch o {
	case backend.OpPut:
		return agentv1.ChangeOp_CHANGE_OP_PUT
	case backend.OpDelete:
		return agentv1.ChangeOp_CHANGE_OP_DELETE
	case backend.OpMove:
		return agentv1.ChangeOp_CHANGE_OP_MOVE
	}
	return agentv1.ChangeOp_CHANGE_OP_UNSPECIFIED
}

func hashToProto(h backend.Hash) []byte {
	if h == (backend.Hash{}) {
		return nil
	}
	return h[:]
}

// hashFromProto returns false for what is no SHA-256.
func hashFromProto(b []byte) (h backend.Hash, ok bool) {
	if len(b) == 0 {
		return h, true
	}
	return h, copy(h[:], b) == len(h) && len(b) == len(h)
}

// clampSize keeps what a hostile agent claims within what the database's columns take.
func clampSize(n uint64) int64 {
	const limit = 1 << 62
	return int64(min(n, limit))
}

func toUint(n int64) uint64 { return uint64(max(n, 0)) }

func itemToProto(i backend.Item) *agentv1.FileEntry {
	return &agentv1.FileEntry{
		Path: i.Path, Type: typeToProto(i.Type), Mode: i.Mode, Size: toUint(i.Size), MtimeNs: i.ModTime.UnixNano(),
		Sha256: hashToProto(i.Hash), LinkTarget: i.LinkTarget, Revision: toUint(i.Revision), UnsavedReason: unsavedToProto(i.Unsaved),
	}
}

// entryFromProto takes one entry of a batch. What it cannot be is left for the store to reject with words,
// so that one bad entry does not hold up the others.
func entryFromProto(e *agentv1.ChangeEntry) backend.BatchEntry {
	entry := backend.BatchEntry{
		Op: opFromProto(e.GetOp()), From: e.GetFromPath(), BaseRevision: clampSize(e.GetBaseRevision()),
		Content: e.GetContent(), HasContent: e.Content != nil, Unchanged: e.GetUnchanged(),
		Item: backend.Item{
			Path: e.GetPath(), Type: typeFromProto(e.GetType()), Mode: e.GetMode() & 0o777, Size: clampSize(e.GetSize()),
			ModTime: time.Unix(0, e.GetMtimeNs()).UTC(), LinkTarget: e.GetLinkTarget(), Unsaved: unsavedFromProto(e.GetUnsavedReason()),
		},
	}
	hash, ok := hashFromProto(e.GetSha256())
	if !ok {
		entry.Type = ""
	}
	entry.Hash = hash
	return entry
}

func rejectedToProto(rejected map[int64]map[string]string) (list []*agentv1.BatchRejected) {
	for sequence, paths := range rejected {
		r := &agentv1.BatchRejected{Sequence: toUint(sequence)}
		for path, reason := range paths {
			r.Paths = append(r.Paths, &agentv1.PathProblem{Path: path, Reason: reason})
		}
		list = append(list, r)
	}
	return list
}

func watchMode(m agentv1.WatchMode) string {
	switch m {
	case agentv1.WatchMode_WATCH_MODE_INOTIFY:
		return "inotify"
	case agentv1.WatchMode_WATCH_MODE_HYBRID:
		return "hybrid"
	case agentv1.WatchMode_WATCH_MODE_POLL:
		return "poll"
	case agentv1.WatchMode_WATCH_MODE_UNSPECIFIED:
		return ""
	}
	return ""
}

package backend

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Hash is a SHA-256.
type Hash [32]byte

// FileType is the kind of a workspace item.
type FileType string

// The file types.
const (
	TypeFile    FileType = "file"
	TypeFolder  FileType = "folder"
	TypeSymlink FileType = "symlink"
	// TypeSpecial is a FIFO, a socket or a device: listed, never saved.
	TypeSpecial FileType = "special"
)

// UnsavedReason says why an item is listed but its content is not saved; empty: it is.
type UnsavedReason string

// The reasons.
const (
	Saved                UnsavedReason = ""
	UnsavedIgnored       UnsavedReason = "ignored"
	UnsavedTooLarge      UnsavedReason = "too_large"
	UnsavedWorkspaceFull UnsavedReason = "workspace_full"
	UnsavedSpecial       UnsavedReason = "special"
	UnsavedUnreadable    UnsavedReason = "unreadable"
)

// Source says who made a change.
type Source string

// The sources.
const (
	SourceEditor   Source = "editor"
	SourceTerminal Source = "terminal"
	SourceAPI      Source = "api"
	SourceRestore  Source = "restore"
)

// ChangeOp is what happened to a path.
type ChangeOp string

// The operations. A deletion and a move of a folder stand for all below it.
const (
	OpPut    ChangeOp = "put"
	OpDelete ChangeOp = "delete"
	OpMove   ChangeOp = "move"
)

// Item is one entry of a workspace as the database has it.
type Item struct {
	// Path is relative to the workspace, separated by "/", valid UTF-8, MaxPathBytes at most.
	Path string
	Type FileType
	// Mode is the permission bits, 0o777 at most.
	Mode uint32
	// Size in bytes; of a folder 0.
	Size int64
	// ModTime is what the file system said or, for an editor's save, the time of the commit.
	ModTime time.Time
	// Hash is the content's, set for saved files only.
	Hash Hash
	// LinkTarget of a symlink, as it is; never followed.
	LinkTarget string
	// Revision of the workspace at which this item last changed.
	Revision  int64
	UpdatedAt time.Time
	Unsaved   UnsavedReason
}

// Name is the last element of the path.
func (i Item) Name() string { return i.Path[strings.LastIndexByte(i.Path, '/')+1:] }

// Change is one entry of the feed of a workspace.
type Change struct {
	Op ChangeOp
	// From is the former path of a move.
	From string
	// Item is the state after the change; of a deletion the path, type and revision.
	Item
	Source Source
	// Previous is the hash of the file that was at Path before, zero when there was none: what the disk
	// must hold for the change to be applied there.
	Previous Hash
	// PreviousType is the type of what was at Path before, empty when there was nothing.
	PreviousType FileType
}

// Conflict is a path at which editor and terminal changed the same version. Both versions are in the
// history; the terminal's is the present one.
type Conflict struct {
	// Path of the file now, and at the time of the conflict: that is where its versions are.
	Path, VersionsPath string
	// Revision of the present version, of the other one, and of the version that both were made from
	// (0: there was none).
	Revision, OtherRevision, BaseRevision int64
}

// MaxBatchesAhead is how many batches an agent may send without waiting for the first one's commit.
const MaxBatchesAhead = 64

// BatchEntry is one change of an agent's batch.
type BatchEntry struct {
	Op   ChangeOp
	From string
	Item
	// BaseRevision is the revision that the agent knew the path at; 0: a new path.
	BaseRevision int64
	// Content is set when it came with the batch. Other contents are stored before by PutBlob.
	Content []byte
	// HasContent tells an empty content from none.
	HasContent bool
	// Unchanged: the disk has again what both sides had, and missed what the database has instead.
	Unchanged bool
}

// Batch is a set of changes that are committed together, under a lease.
type Batch struct {
	Incarnation string
	Sequence    int64
	Entries     []BatchEntry
}

// BatchResult is the outcome of a commit.
type BatchResult struct {
	// Revision of the workspace after the commit. Unchanged when the batch was a replay or changed nothing.
	Revision int64
	// Replayed: the batch had been committed before.
	Replayed bool
	// Changed entries that are in the feed now.
	Changed   int
	Conflicts []Conflict
	// Rejected maps paths to the reason in words; nothing of them is stored.
	Rejected map[string]string
	// Missing holds hashes whose content the session does not have; then nothing has been committed.
	Missing []Hash
}

// Limits of a workspace, in bytes and number of items; 0: none.
type Limits struct {
	MaxFileBytes      int64
	MaxWorkspaceBytes int64
	MaxFiles          int64
}

// MaxPathBytes is the longest path that can be saved; the database's index sets it.
const MaxPathBytes = 2048

// MaxNameBytes is the longest name that a Linux file system takes.
const MaxNameBytes = 255

// CleanPath checks a path that came from a user and returns it without leading and trailing slashes.
// Refused with CodeInvalid: empty, absolute after trimming one slash, "." or ".." or empty elements, NUL,
// invalid UTF-8, a name over MaxNameBytes or a path over MaxPathBytes. A newline is a legal character.
func CleanPath(path string) (string, error) {
	p := strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/")
	switch {
	case p == "":
		return "", Errorf(CodeInvalid, "the path is empty: name a file or a folder")
	case !utf8.ValidString(p):
		return "", Errorf(CodeInvalid, "the path is not valid UTF-8")
	case strings.ContainsRune(p, 0):
		return "", Errorf(CodeInvalid, "the path holds a NUL byte, which no file name can")
	case len(p) > MaxPathBytes:
		return "", Errorf(CodeInvalid, "the path is %d bytes long; %d are allowed", len(p), MaxPathBytes)
	}
	for name := range strings.SplitSeq(p, "/") {
		switch {
		case name == "" || name == "." || name == "..":
			return "", Errorf(CodeInvalid, "the path has an element %q; paths are relative to the workspace and stay in it", name)
		case diskLen(name) > MaxNameBytes:
			return "", Errorf(CodeInvalid, "a name in the path is %d bytes long; %d are allowed", diskLen(name), MaxNameBytes)
		}
	}
	return p, nil
}

// diskLen is the length of a name on disk: the agent escapes each byte that is not valid UTF-8 to a rune of
// U+10FF00..U+10FFFF (see proto/agent/v1/agent.proto).
func diskLen(name string) int {
	n := 0
	for _, r := range name {
		if r >= 0x10FF00 {
			n++
		} else {
			n += utf8.RuneLen(r)
		}
	}
	return n
}

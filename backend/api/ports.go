package api

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"time"

	"codingplatform/backend"
	"codingplatform/backend/auth"
	"codingplatform/backend/postgres"
	"codingplatform/backend/relay"
)

// Authenticator registers users and signs them in. Tokens are opaque. Its errors are for the user:
// CodeInvalid and CodeAlreadyExists with fields, CodeUnauthenticated, CodeRateLimited with RetryAfter.
type Authenticator interface {
	Register(ctx context.Context, username, email, password string, meta auth.Meta) (backend.User, string, error)
	Login(ctx context.Context, login, password string, meta auth.Meta) (backend.User, string, error)
	// Logout forgets the token. One that is not known is no error.
	Logout(ctx context.Context, token string) error
	// Authenticate returns the token's user and what it is. CodeUnauthenticated when the token is not or no longer good.
	Authenticate(ctx context.Context, token string) (backend.User, backend.SignIn, error)
	// ChangePassword ends all sign-ins but the one that is named.
	ChangePassword(ctx context.Context, user backend.User, here backend.SignInID, present, next string, meta auth.Meta) error
	// EndSignIn ends a sign-in or revokes a token for programs. CodeNotFound.
	EndSignIn(ctx context.Context, user backend.UserID, id backend.SignInID, token bool, meta auth.Meta) error
	// EndSignIns ends all but one, which may be "".
	EndSignIns(ctx context.Context, user backend.UserID, except backend.SignInID, meta auth.Meta) error
	// NewToken makes a token for programs, which is shown once.
	NewToken(ctx context.Context, user backend.UserID, name string, ttl time.Duration, readOnly bool, meta auth.Meta) (string, backend.SignIn, error)
	// Guess counts guesses at other secrets by address, as sign-ins are. CodeRateLimited with RetryAfter.
	Guess(meta auth.Meta) (auth.Guess, error)
}

// Store is what the API needs of backend/postgres; *postgres.Store is one. A session that is deleted or another
// user's is CodeNotFound. Paths are clean (backend.CleanPath).
type Store interface {
	// Ping returns nil when the database answers.
	Ping(ctx context.Context) error
	// Audit stores who did what.
	Audit(ctx context.Context, entry postgres.AuditEntry) error
	AccountStore
	SessionStore
	FileStore
	HistoryStore
	RecordingStore
	ShareStore
}

// AccountStore keeps what is a user's own.
type AccountStore interface {
	Settings(ctx context.Context, user backend.UserID) (backend.Settings, error)
	// SaveSettings replaces those of a version. CodeConflict with the present version as Revision.
	SaveSettings(ctx context.Context, user backend.UserID, base int64, data json.RawMessage) (int64, error)
	Layout(ctx context.Context, user backend.UserID, session backend.SessionID) (backend.Layout, error)
	// MergeLayout sets fields, and drops those that are null. CodeTooLarge.
	MergeLayout(ctx context.Context, user backend.UserID, session backend.SessionID, fields json.RawMessage, most int) (backend.Layout, error)
	// SignIns lists sign-ins, or tokens for programs.
	SignIns(ctx context.Context, user backend.UserID, tokens bool) ([]backend.SignIn, error)
}

// ShareStore keeps what owners share with others.
type ShareStore interface {
	// Access finds a session and what a user may do with it. CodeNotFound when that is nothing.
	Access(ctx context.Context, user backend.UserID, id backend.SessionID) (backend.Session, backend.Access, error)
	Shares(ctx context.Context, session backend.SessionID) ([]backend.Share, error)
	// CreateShare: CodeInvalid with Fields, CodeTooLarge.
	CreateShare(ctx context.Context, n backend.NewShare) (backend.Share, error)
	// RevokeShare returns what it was. CodeNotFound.
	RevokeShare(ctx context.Context, session backend.SessionID, id backend.ShareID) (backend.Share, error)
	// AcceptShare: CodeNotFound when the token opens nothing, CodeConflict for the owner.
	AcceptShare(ctx context.Context, user backend.UserID, tokenHash [32]byte) (backend.Shared, error)
	SharedWith(ctx context.Context, user backend.UserID) ([]backend.Shared, error)
	// LeaveShare returns the session that it was of. CodeNotFound.
	LeaveShare(ctx context.Context, user backend.UserID, id backend.ShareID) (backend.SessionID, error)
}

// RecordingStore keeps what terminals showed. A recording of another session is CodeNotFound.
type RecordingStore interface {
	// Recordings returns all of a session, the newest first.
	Recordings(ctx context.Context, session backend.SessionID) ([]backend.Recording, error)
	Recording(ctx context.Context, session backend.SessionID, id backend.RecordingID) (backend.Recording, error)
	// DeleteRecording ends it, too.
	DeleteRecording(ctx context.Context, session backend.SessionID, id backend.RecordingID) error
	// CopyRecording writes the events to what open answers for the recording.
	CopyRecording(ctx context.Context, session backend.SessionID, id backend.RecordingID, open func(backend.Recording) (io.Writer, error)) error
}

// SessionStore keeps the sessions.
type SessionStore interface {
	CreateSession(ctx context.Context, user backend.UserID, name string, files []postgres.NewFile) (backend.Session, error)
	// Sessions returns a page, the newest first, and how many there are in all.
	Sessions(ctx context.Context, user backend.UserID, skip, limit int) ([]backend.Session, int64, error)
	RenameSession(ctx context.Context, user backend.UserID, id backend.SessionID, name string) (backend.Session, error)
	// TrashSession takes a session out of sight, RestoreSession brings it back, DeleteTrashed gives it up. CodeNotFound.
	TrashSession(ctx context.Context, user backend.UserID, id backend.SessionID) error
	RestoreSession(ctx context.Context, user backend.UserID, id backend.SessionID) error
	DeleteTrashed(ctx context.Context, user backend.UserID, id backend.SessionID) error
	TrashedSessions(ctx context.Context, user backend.UserID) ([]backend.Session, error)
	// DuplicateSession copies what is saved; left counts what is not.
	DuplicateSession(ctx context.Context, user backend.UserID, source backend.SessionID, name string) (session backend.Session, left int, err error)
}

// FileStore keeps the sessions' files.
type FileStore interface {
	Workspace(ctx context.Context, id backend.SessionID) (postgres.Workspace, error)
	// Tree lists what is below a folder ("": the workspace), parents first, depth levels deep (0: all), and the
	// revision that the listing shows.
	Tree(ctx context.Context, id backend.SessionID, under string, depth int) ([]backend.Item, int64, error)
	Item(ctx context.Context, id backend.SessionID, path string) (backend.Item, error)
	// BlobReader reads a content that the session refers to. CodeNotFound for all others.
	BlobReader(ctx context.Context, session backend.SessionID, hash backend.Hash) (*postgres.BlobContent, error)
	// ReadFile returns an item and, of a saved file, its content as of one moment.
	ReadFile(ctx context.Context, id backend.SessionID, path string) (backend.Item, []byte, error)
	// TouchActivity notes that a session was used now.
	TouchActivity(ctx context.Context, id backend.SessionID) error
	SaveFile(ctx context.Context, req postgres.SaveRequest) (item backend.Item, created bool, err error)
	MakeFolder(ctx context.Context, req postgres.PathRequest) (item backend.Item, created bool, err error)
	DeletePath(ctx context.Context, req postgres.PathRequest) (revision int64, err error)
	MovePath(ctx context.Context, req postgres.PathRequest, to string) (backend.Item, error)
	ImportFiles(ctx context.Context, req postgres.ImportRequest, files iter.Seq2[postgres.NewFile, error]) (int, error)
	CopyPath(ctx context.Context, req postgres.PathRequest, to string) (item backend.Item, left int, err error)
	// Stat returns an item and who made its present version.
	Stat(ctx context.Context, id backend.SessionID, path string) (backend.Item, backend.Source, error)
	// Contents reads saved files in batches; nil: it is gone.
	Contents(ctx context.Context, items []backend.Item, each func(items []backend.Item, contents [][]byte) error) error
	EnsureDefault(ctx context.Context, id backend.SessionID, user backend.UserID, file postgres.NewFile) (item backend.Item, created bool, err error)
	// CopyFile writes the content of a saved file to what open answers for its item.
	CopyFile(ctx context.Context, id backend.SessionID, path string, open func(backend.Item) (io.Writer, error)) (backend.Item, error)
}

// HistoryStore keeps what the files were.
type HistoryStore interface {
	// History is a page of the versions of a path, the newest first, and Recent one of all changes.
	History(ctx context.Context, id backend.SessionID, path string, before postgres.Place, limit int) (postgres.Versions, error)
	Recent(ctx context.Context, id backend.SessionID, before postgres.Place, limit int) (postgres.Versions, error)
	DeletedFiles(ctx context.Context, id backend.SessionID, limit int) (files []backend.Deleted, more bool, err error)
	// VersionAt returns what was at a path after a revision, and RevisionAt the revision of a moment.
	VersionAt(ctx context.Context, id backend.SessionID, path string, revision int64) (backend.Item, error)
	RevisionAt(ctx context.Context, id backend.SessionID, at time.Time) (int64, error)
	// Restore makes files what they were: CodeNotFound, CodeTooLarge, CodeConflict, CodeInvalid.
	Restore(ctx context.Context, req postgres.RestoreRequest) (backend.Restored, error)
	// ChangesSince is the feed; reaches is false when it does not go back that far.
	ChangesSince(ctx context.Context, id backend.SessionID, revision int64, limit int) (changes []backend.Change, last int64, reaches bool, err error)
	OpenConflicts(ctx context.Context, id backend.SessionID) ([]backend.Conflict, error)
	ResolveConflict(ctx context.Context, id backend.SessionID, path string) error
}

// Wakes tells of changes of a session.
type Wakes interface {
	Subscribe(session backend.SessionID) (<-chan struct{}, func())
}

// Flushed is what a shutdown committed before it ended.
type Flushed struct {
	Batches  int   `json:"batches"`
	Entries  int   `json:"entries"`
	Revision int64 `json:"revision"`
}

// EnvironmentStatus is how a session's environment is doing. Its zero value: nothing runs or nothing is known.
type EnvironmentStatus struct {
	// Limits says in words what limits the resources.
	Limits string `json:"limits"`
	// Strategy says how it was started, and why so: "warm", or "cold: " and the reason in words. Empty: there is one way.
	Strategy string `json:"strategy,omitempty"`
	// MemoryBytes in use and at most; 0: not known.
	MemoryBytes      int64 `json:"memory_bytes"`
	MemoryLimitBytes int64 `json:"memory_limit_bytes"`
	// CPUSeconds of one core that its programs have used since it began, those that have ended included.
	CPUSeconds float64 `json:"cpu_seconds"`
	// Processes that run and that may run at most; 0: not known.
	Processes    int64 `json:"processes"`
	ProcessLimit int64 `json:"process_limit"`
	// Sync is a part of its own in an answer.
	Sync SyncStatus `json:"-"`
}

// SyncStatus is how the sync of the environment's files with the database goes.
type SyncStatus struct {
	// WatchMode is how changes are noticed: "inotify", "poll", or "" when nothing runs.
	WatchMode string `json:"watch_mode"`
	// Pending counts changes that are seen and not committed yet, Unsaved the items that are listed only.
	Pending int64 `json:"pending"`
	Unsaved int64 `json:"unsaved"`
	// Braked: the workspace has suddenly emptied, and nothing is deleted until the user says so.
	Braked bool `json:"braked"`
	// Message says in words what is degraded, or is empty.
	Message string `json:"message"`
}

// Control starts and stops sessions' environments and looks into them. The caller has checked whose they are.
type Control interface {
	// Start says that an environment is wanted and returns at once.
	Start(ctx context.Context, id backend.SessionID) error
	// Stay keeps an environment that runs from stopping for lack of use. CodeUnavailable.
	Stay(ctx context.Context, id backend.SessionID) error
	// Shutdown returns after the environment's last change is committed and it has ended.
	Shutdown(ctx context.Context, id backend.SessionID) (Flushed, error)
	// Status does not wait for an environment that does not answer: it returns what is known.
	Status(ctx context.Context, session backend.Session) (EnvironmentStatus, error)
	// Terminals returns none when no environment runs.
	Terminals(ctx context.Context, id backend.SessionID) ([]relay.Terminal, error)
	// ReleaseBrake deletes the files that vanished at once, or brings them back.
	ReleaseBrake(ctx context.Context, id backend.SessionID, deleteFiles bool) error
	// UpdateTerminal renames a terminal, if newName is not empty, and moves it in the order, if position is not nil. It
	// returns all terminals. CodeNotFound, CodeAlreadyExists.
	UpdateTerminal(ctx context.Context, id backend.SessionID, name, newName string, position *uint32) ([]relay.Terminal, error)
	// CloseTerminal hangs up a terminal. CodeNotFound when there is none of that name.
	CloseTerminal(ctx context.Context, id backend.SessionID, name string) error
	// StartRecording records a terminal from now on. CodeNotFound, CodeAlreadyExists.
	StartRecording(ctx context.Context, id backend.SessionID, terminal string) (backend.Recording, error)
	// StopRecording returns when the recording has ended. CodeNotFound when the terminal is not being recorded.
	StopRecording(ctx context.Context, id backend.SessionID, terminal string) (backend.Recording, error)
}

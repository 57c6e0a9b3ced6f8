package backend

import "time"

// UserID is a user's UUID in its canonical text form.
type UserID string

// SessionID is a session's UUID in its canonical text form.
type SessionID string

// User is somebody who can sign in.
type User struct {
	ID        UserID
	Username  string
	Email     string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Phase is where a session's environment is in its life.
//
//	stopped ──▶ starting ──▶ restoring ──▶ ready ──▶ stopping ──▶ stopped
//	               │             │           │
//	               └─────────────┴───────────┴──▶ failed ──▶ starting
type Phase string

// The phases.
const (
	PhaseStopped   Phase = "stopped"
	PhaseStarting  Phase = "starting"
	PhaseRestoring Phase = "restoring"
	PhaseReady     Phase = "ready"
	PhaseStopping  Phase = "stopping"
	PhaseFailed    Phase = "failed"
)

// Active says whether an environment exists or is wanted in this phase.
func (p Phase) Active() bool { return p != PhaseStopped && p != PhaseFailed }

// Session is one user's workspace and, when it is active, its environment.
type Session struct {
	ID     SessionID
	UserID UserID
	Name   string
	Phase  Phase
	// Reason says in words why it is in this phase.
	Reason     string
	PhaseSince time.Time
	// Wanted says whether an environment shall run; any replica may set it, the lease holder acts on it.
	Wanted bool
	// EnvironmentID is the environment that the lease holder last started or adopted.
	EnvironmentID EnvironmentID
	// StopsAt is when it stops by itself unless something happens, as Reason says; zero while no stop is near.
	StopsAt time.Time
	// MayStay says whether somebody can keep it running by asking so.
	MayStay bool
	// Place in the queue of sessions that wait for others to stop, 1 being the next; 0: it does not wait.
	Place          int
	CreatedAt      time.Time
	UpdatedAt      time.Time
	LastActivityAt time.Time
	// Files and Bytes are saved in it.
	Files int64
	Bytes int64
	// TrashedAt is when its owner deleted it; zero: not. Until it is purged it can be brought back, and nothing else.
	TrashedAt time.Time
}

// ToRun is a session that wants an environment, has one, or is deleted and may have one.
type ToRun struct {
	ID SessionID
	// Wanted is false for one that is deleted.
	Wanted bool
	// Holder has its lease, until LeaseEnds by this machine's clock unless it renews it; empty: nobody has.
	Holder    string
	LeaseEnds time.Time
}

// Viewer is a browser, or another client, that has a session open.
type Viewer struct {
	SessionID SessionID
	// Connection tells a user's windows apart.
	Connection string
	// Replica is the one that it is connected to.
	Replica  string
	Username string
}

// RunLimits are how many sessions may run at once; 0: any number.
type RunLimits struct {
	PerUser, Total int
}

// RunPlace is whether a session may run, and else where it waits.
type RunPlace struct {
	Granted bool
	// Turn is its place in the queue of Length sessions, 1 being the next.
	Turn, Length int
	// UserRunning sessions of its user, and Running of all users, run.
	UserRunning, Running int
	// UserFull: it waits for another session of its user.
	UserFull bool
}

// Lease is the right to commit a session's files and to start and stop its environment. One replica holds
// it; the epoch grows with each holder, and each transaction under the lease checks it, so that a paused
// former holder can change nothing.
type Lease struct {
	SessionID SessionID
	Holder    string
	Epoch     int64
	ExpiresAt time.Time
}

// Present is what a workspace has at some paths, as of one moment.
type Present struct {
	// Items are in the order of their paths.
	Items    []Item
	Revision int64
	// Sequence of the last batch that was committed then, and the incarnation of its agent.
	Sequence    int64
	Incarnation string
}

// Cursor is how far a session's agent and database agree.
type Cursor struct {
	// Incarnation of the agent that Sequence belongs to.
	Incarnation string
	// Sequence of the last committed batch, and the revision of its commit.
	Sequence, Revision int64
	// Rejected are the paths that the last batches were refused, and why, by sequence.
	Rejected map[int64]map[string]string
	// AppliedRevision is the revision through which the database's changes have been applied in the environment.
	AppliedRevision int64
}

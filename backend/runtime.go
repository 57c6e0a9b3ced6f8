package backend

import (
	"context"
	"net"
	"time"
)

// EnvironmentID names one environment of a session: a pod's UID, or a sandbox's random ID. A session that
// stops and starts again gets a new one.
type EnvironmentID string

// EnvironmentPhase is what the runtime knows of an environment.
type EnvironmentPhase string

// The phases. Running says that the agent's process lives, not that it answers.
const (
	EnvironmentStarting EnvironmentPhase = "starting"
	EnvironmentRunning  EnvironmentPhase = "running"
	EnvironmentStopping EnvironmentPhase = "stopping"
	EnvironmentEnded    EnvironmentPhase = "ended"
)

// Environment is one place in which a session's agent runs.
type Environment struct {
	ID        EnvironmentID
	SessionID SessionID
	Phase     EnvironmentPhase
	// Reason says in words what it waits for, or why it ended: "out of memory", "image cannot be pulled: …".
	Reason    string
	CreatedAt time.Time
	// Limits says in words what limits its resources, for status.
	Limits string
	// Strategy says how it was started, and why so: StrategyWarm, or StrategyCold with the reason in words after a
	// colon. Empty where there is one way only.
	Strategy string
}

// The ways to start an environment.
const (
	// StrategyWarm takes one that runs already and has waited for a session.
	StrategyWarm = "warm"
	// StrategyCold makes one.
	StrategyCold = "cold"
)

// EnvironmentSpec is what to start.
type EnvironmentSpec struct {
	SessionID SessionID
	// Env is added to the environment of users' programs. It holds no secrets.
	Env map[string]string
}

// Runtime starts, finds, watches and stops environments. There are two: local (bubblewrap) and kube.
// All methods may be called at once from many goroutines. package runtimetest holds every implementation
// to this contract.
//
// Errors carry a Code: CodeUnavailable when the runtime cannot serve now or at all, with what to do in the
// message; CodeNotFound as named below.
type Runtime interface {
	// Start makes an environment and returns as soon as it exists; the rest is seen by Watch. When the session
	// has a live one already, that is returned. The identity of the agent (its certificate) is made by the
	// runtime, for exactly this session and environment.
	Start(ctx context.Context, spec EnvironmentSpec) (Environment, error)

	// Find returns the session's live environment, also one that another process started. CodeNotFound when
	// there is none.
	Find(ctx context.Context, session SessionID) (Environment, error)

	// List returns all live environments, those of former processes included.
	List(ctx context.Context) ([]Environment, error)

	// Watch calls fn once for every live environment and then after each change, in order per environment,
	// never twice at once, until ctx is done, and returns ctx's cause. An environment that ended is reported
	// once with EnvironmentEnded and the reason. fn must not block for long.
	Watch(ctx context.Context, fn func(Environment)) error

	// Stop asks the environment to end, waits for grace, then kills it, and returns when nothing of it is left
	// (processes, mounts, sockets). The files in its volume stay. Stopping a missing one is no error.
	Stop(ctx context.Context, session SessionID, id EnvironmentID, grace time.Duration) error

	// Remove deletes what the runtime keeps of a session: its volume. Its environment must have been stopped.
	// Removing what is missing is no error.
	Remove(ctx context.Context, session SessionID) error

	// Dial opens a connection to the agent's listener, without TLS: the caller authenticates both sides.
	// CodeUnavailable while the agent does not listen yet or no more.
	Dial(ctx context.Context, env Environment) (net.Conn, error)
}

// Tender is a Runtime that has something to look after besides the environments of sessions.
type Tender interface {
	// Tend does so until ctx is done; what fails is tried again. One replica does at a time, or two for a moment. exists
	// says whether there is such a session: what belongs to one that does not exist is deleted.
	Tend(ctx context.Context, exists func(context.Context, SessionID) (bool, error))
}

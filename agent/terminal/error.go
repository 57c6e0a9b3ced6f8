package terminal

import "errors"

// The errors that a caller can tell apart, by errors.Is. Package rpc maps them to codes.
var (
	ErrNotFound  = errors.New("no such terminal")
	ErrExists    = errors.New("a terminal of that name is running")
	ErrInvalid   = errors.New("invalid terminal request")
	ErrTooMany   = errors.New("too many terminals: close one first")
	ErrInputHole = errors.New("input is missing: its offset is beyond what was taken")
	ErrViewOnly  = errors.New("this viewer may only look")
	ErrReplaced  = errors.New("replaced by a newer connection of the same client")
	ErrStopping  = errors.New("the agent is stopping")
)

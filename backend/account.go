package backend

import (
	"encoding/json"
	"time"
)

// SignInID is a sign-in's UUID in its canonical text form.
type SignInID string

// SignIn is what a token stands for: a browser in which a user has signed in, or a token that the user made for programs.
type SignIn struct {
	ID SignInID
	// Token: made for programs, by name. It opens sessions and not the account.
	Token bool
	// ReadOnly may look, and change nothing.
	ReadOnly   bool
	Name       string
	UserAgent  string
	RemoteAddr string
	CreatedAt  time.Time
	// LastUsedAt is exact to a minute.
	LastUsedAt time.Time
	ExpiresAt  time.Time
}

// Settings are what a user has chosen, as a JSON object that only clients read.
type Settings struct {
	// Version grows with each change; 0: nothing was ever chosen.
	Version int64
	Data    json.RawMessage
}

// Layout is how a user has arranged a session, as a JSON object with one value a field.
type Layout = Settings

// AccountState tells a client whether what it knows of the account is still so. It says nothing else.
type AccountState struct {
	// Settings and Layouts are the newest versions.
	Settings int64
	Layouts  int64
	// Sessions is another number after a session was made, renamed or deleted, or has changed its phase.
	Sessions int64
}

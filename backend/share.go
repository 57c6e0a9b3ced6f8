package backend

import "time"

// ShareID is a share's UUID in its canonical text form.
type ShareID string

// ShareMode is what a share lets its guests do.
type ShareMode string

// The modes. A guest who may write may also view.
const (
	ShareView  ShareMode = "view"
	ShareWrite ShareMode = "write"
)

// ShareKind is how a share reaches its guests.
type ShareKind string

// The kinds: a user that the owner named, or a link that whoever has it may accept.
const (
	ShareUser ShareKind = "user"
	ShareLink ShareKind = "link"
)

// Share is an owner's word that others may use a session, or one of its terminals, for a while.
type Share struct {
	ID        ShareID
	SessionID SessionID
	// Terminal that is shared; "": the whole workspace.
	Terminal string
	Mode     ShareMode
	Kind     ShareKind
	// Username of the user that was named; "" for a link.
	Username  string
	Accepted  []ShareGuest
	CreatedAt time.Time
	ExpiresAt time.Time
}

// ShareGuest is somebody who has accepted a share.
type ShareGuest struct {
	Username   string
	AcceptedAt time.Time
}

// NewShare is what a share begins with.
type NewShare struct {
	SessionID SessionID
	// Owner makes the share: it must be the session's.
	Owner    UserID
	Terminal string
	Mode     ShareMode
	// Login names a user by name or address; "": a link.
	Login string
	// TokenHash is the SHA-256 of a link's token.
	TokenHash [32]byte
	// Lifetime is how long it is good for.
	Lifetime time.Duration
}

// Grant is a share as one guest has it.
type Grant struct {
	Share ShareID
	// Terminal that it is for; "": the whole workspace.
	Terminal  string
	Mode      ShareMode
	ExpiresAt time.Time
}

// Shared is a session that somebody else shares with a user.
type Shared struct {
	Session Session
	// Owner is the name of the session's owner.
	Owner string
	Grant Grant
}

// Access is what a user may do with a session. The zero value is nothing.
type Access struct {
	// Owner may do everything.
	Owner bool
	// Grants of a guest that are good now.
	Grants []Grant
}

// Any says whether the user may see the session at all.
func (a Access) Any() bool { return a.Owner || len(a.Grants) > 0 }

// Workspace is what the user may do with the whole of it; "": nothing.
func (a Access) Workspace() ShareMode { return a.strongest("") }

// CanView says whether the user may see files and all terminals.
func (a Access) CanView() bool { return a.Workspace() != "" }

// CanWrite says whether the user may change files, start the environment and make and close terminals.
func (a Access) CanWrite() bool { return a.Workspace() == ShareWrite }

// Terminal is what the user may do with a terminal; "": nothing.
func (a Access) Terminal(name string) ShareMode {
	mode := a.Workspace()
	if one := a.strongest(name); one == ShareWrite || mode == "" {
		mode = one
	}
	return mode
}

func (a Access) strongest(terminal string) ShareMode {
	if a.Owner {
		return ShareWrite
	}
	var mode ShareMode
	for _, g := range a.Grants {
		if g.Terminal == terminal && mode != ShareWrite {
			mode = g.Mode
		}
	}
	return mode
}

// Best is the grant that lets a guest do most: of the workspace before one terminal, to write before to view, and the
// longest of equals. It is the zero Grant for an owner.
func (a Access) Best() Grant {
	rank := func(g Grant) int {
		n := 1
		if g.Terminal == "" {
			n += 2
		}
		if g.Mode == ShareWrite {
			n++
		}
		return n
	}
	var best Grant
	for _, g := range a.Grants {
		if best.Share == "" || rank(g) > rank(best) || rank(g) == rank(best) && g.ExpiresAt.After(best.ExpiresAt) {
			best = g
		}
	}
	return best
}

// NextExpiry is when the first of the grants ends; zero: none does.
func (a Access) NextExpiry() time.Time {
	var first time.Time
	for _, g := range a.Grants {
		if first.IsZero() || g.ExpiresAt.Before(first) {
			first = g.ExpiresAt
		}
	}
	return first
}

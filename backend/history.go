package backend

import "time"

// Version is a change of a path as its history tells it.
type Version struct {
	Change
	// UserID and Username are of who made it, where that is known: the terminal's changes are nobody's.
	UserID   UserID
	Username string
}

// Deleted is a file that is gone and can be brought back.
type Deleted struct {
	// Item is the file as it last was. Its Revision is that of its last version.
	Item
	// DeletedRevision made it go, at DeletedAt, by Source.
	DeletedRevision int64
	DeletedAt       time.Time
	Source          Source
}

// Restored is what a restore did.
type Restored struct {
	// Revision of the workspace afterwards.
	Revision int64
	// Written and Deleted count items. A deleted folder counts with what was in it.
	Written, Deleted int
	// Left tells by path what could not be brought back, and why.
	Left map[string]string
}

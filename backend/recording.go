package backend

import "time"

// RecordingID is a recording's UUID in its canonical text form.
type RecordingID string

// Recording is what one terminal showed for a while, as asciicast v2. Its events are stored in chunks.
type Recording struct {
	ID        RecordingID
	SessionID SessionID
	// Terminal is the name of the terminal, Title its title when the recording started.
	Terminal string
	Title    string
	// Cols and Rows are the terminal's size when the recording started.
	Cols, Rows int
	StartedAt  time.Time
	// Stopping says that the owner has asked it to end.
	Stopping bool
	// EndedAt is zero while it is active.
	EndedAt time.Time
	// Error says in words why it ended before its time.
	Error string
	// Duration is the time of the last event.
	Duration time.Duration
	// Size of all events in bytes, the header not counted.
	Size   int64
	Cursor RecordingCursor
	// Age is how long ago it started, by the clock that StartedAt is of, when the row was read.
	Age time.Duration
}

// Active says whether it still goes on.
func (r Recording) Active() bool { return r.EndedAt.IsZero() }

// NewRecording is what a recording begins with.
type NewRecording struct {
	SessionID  SessionID
	Terminal   string
	Title      string
	Cols, Rows int
}

// RecordingCursor is where a recording goes on: it commits with each chunk, so that a recorder that dies loses and
// doubles nothing.
type RecordingCursor struct {
	// Chunks that are stored.
	Chunks int
	// Incarnation of the terminal, empty before the first chunk, and the Offset of the first byte of its output that
	// the chunks do not hold.
	Incarnation string
	Offset      int64
}

// RecordingChunk is appended to a recording: events in whole lines.
type RecordingChunk struct {
	ID RecordingID
	// Lines of Data end with a line feed.
	Data []byte
	// Duration is the time of the last event.
	Duration time.Duration
	// At is the cursor before, and Cursor the one after: one chunk more.
	At, Cursor RecordingCursor
	// End, with an Error or none, ends the recording with this chunk. Data may then be empty, and makes no chunk.
	End   bool
	Error string
}

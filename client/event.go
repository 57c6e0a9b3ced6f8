package client

import "time"

// The kinds of Event, in the order in which they make sense: Attached, Snapshot if any, then the others mixed.
type (
	// Event is one of Attached, Snapshot, Output, Gap, Resized and Titled.
	Event interface{ event() }

	// Attached says that output begins, or goes on after a break.
	Attached struct {
		Terminal, Incarnation string
		// Offset is that of the next output byte.
		Offset uint64
		Cols   int
		Rows   int
		// Reset: clear the screen; Snapshot bytes that draw the present one follow.
		Reset    bool
		Snapshot int
		// Created: this attach has started the program.
		Created bool
		// Restarted: another program than before stands behind the name.
		Restarted bool
		// ViewOnly: what is typed is not taken.
		ViewOnly bool
		Title    string
	}
	// Snapshot is a piece of what draws the present screen. It has been printed before and is not counted.
	Snapshot struct{ Data []byte }
	// Output is what the program printed. Offset is that of the first byte.
	Output struct {
		Offset uint64
		Data   []byte
	}
	// Gap says that the bytes From..To (To excluded) will not come.
	Gap struct{ From, To uint64 }
	// Resized is the terminal's size, which the smallest of its viewers decides.
	Resized struct{ Cols, Rows int }
	// Titled is the terminal's title.
	Titled struct{ Title string }
)

func (Attached) event() {}
func (Snapshot) event() {}
func (Output) event()   {}
func (Gap) event()      {}
func (Resized) event()  {}
func (Titled) event()   {}

// Exit is how a terminal's program has ended.
type Exit struct {
	// Code is the exit code; 128 + signal when a signal ended it.
	Code int `json:"code"`
	// Signal is for example "SIGKILL"; empty when the program ended by itself.
	Signal string `json:"signal"`
	// Reason has words for people, if there is more to say.
	Reason string `json:"reason"`
}

// Phase is where a Terminal stands.
type Phase int

const (
	// Connecting says that a socket is being opened.
	Connecting Phase = iota
	// Starting says that the environment is not ready yet; State.Message says what it does.
	Starting
	// Online says that the terminal is attached.
	Online
	// Lost says that the socket broke, or could not be opened; the client comes back after State.Wait.
	Lost
)

// State is what Options.OnState is told.
type State struct {
	Phase Phase
	// Environment is the environment's phase while Starting, as the protocol has it, for example "restoring".
	Environment string
	Message     string
	Err         error
	Wait        time.Duration
}

// message is any text frame of the server.
type message struct {
	Type        string `json:"type"`
	Phase       string `json:"phase"`
	Message     string `json:"message"`
	Reason      string `json:"reason"`
	Terminal    string `json:"terminal"`
	Incarnation string `json:"incarnation"`
	Offset      uint64 `json:"offset"`
	InputOffset uint64 `json:"input_offset"`
	Cols        int    `json:"cols"`
	Rows        int    `json:"rows"`
	Reset       bool   `json:"reset"`
	Snapshot    int    `json:"snapshot"`
	Title       string `json:"title"`
	Created     bool   `json:"created"`
	Mode        string `json:"mode"`
	From        uint64 `json:"from"`
	To          uint64 `json:"to"`
}

// errorMessage and exitMessage share a field name, of different types, so that each is read by itself.
type errorMessage struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

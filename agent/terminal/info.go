package terminal

import (
	"fmt"
	"time"
	"unicode"
	"unicode/utf8"

	"codingplatform/agent/program"
)

// Size is a terminal's size in characters.
type Size struct{ Cols, Rows int }

func (s Size) valid() bool {
	return s.Cols >= 1 && s.Cols <= maxSize && s.Rows >= 1 && s.Rows <= maxSize
}

// Spec is what to start.
type Spec struct {
	// Name is unique: 1 to 64 letters, digits, spaces and "._-".
	Name string
	Size Size
	// Command is the program and its arguments; default Config.Shell.
	Command []string
	// Cwd is relative to the workspace root.
	Cwd string
	// Env is added to the environment.
	Env map[string]string
}

func (s Spec) validate() error {
	if err := validName(s.Name); err != nil {
		return err
	}
	if !s.Size.valid() {
		return fmt.Errorf("%w: size %dx%d is not within 1 to %d", ErrInvalid, s.Size.Cols, s.Size.Rows, maxSize)
	}
	return nil
}

func validName(name string) error {
	if name == "" || !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxName {
		return fmt.Errorf("%w: a name has 1 to %d characters", ErrInvalid, maxName)
	}
	for _, r := range name {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == ' ', r == '.', r == '_', r == '-':
		default:
			return fmt.Errorf("%w: a name has letters, digits, spaces and ._- only", ErrInvalid)
		}
	}
	return nil
}

// Exit is how a terminal's program ended.
type Exit struct {
	program.Exit
	At time.Time
}

// Info describes a terminal.
type Info struct {
	Name string
	// Former are the names that it had before and that still reach it, oldest first.
	Former  []string
	Size    Size
	Title   string
	Cwd     string
	Created time.Time
	// Offset is that of the next output byte.
	Offset uint64
	// Exit is nil while the program runs.
	Exit *Exit
	// Foreground is the name of the foreground job, empty when that is the terminal's own program.
	Foreground string
	// Watchers are the viewers in the order of their coming, without recorders.
	Watchers []Watcher
	// Recording says that a recorder is attached.
	Recording bool
	// Bells is how often the bell was rung.
	Bells uint64
	PID   int
}

// Watcher is a viewer as others see it.
type Watcher struct {
	Name     string
	ViewOnly bool
	Visible  bool
}

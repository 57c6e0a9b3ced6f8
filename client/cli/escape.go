package cli

import "fmt"

// escapeAction is what a person asked of the program here rather than of the one there.
type escapeAction int

const (
	escapeNothing escapeAction = iota
	escapeDetach
	escapeHelp
)

// escapes finds commands in what is typed, as ssh does: the escape character as the first of a line makes the next
// one a command. The zero value has no escape character.
type escapes struct {
	char    byte
	midLine bool
	pending bool // the escape character was typed, and is held back
}

// next takes what was typed and returns what of it is for the terminal, up to the first command, and the rest
// after that command.
func (e *escapes) next(typed []byte) (pass []byte, action escapeAction, rest []byte) {
	if e.char == 0 {
		return typed, escapeNothing, nil
	}
	pass = make([]byte, 0, len(typed)+1)
	for i, b := range typed {
		if e.pending {
			e.pending = false
			switch b {
			case '.':
				return pass, escapeDetach, typed[i+1:]
			case '?':
				// The line is still at its beginning.
				return pass, escapeHelp, typed[i+1:]
			case e.char:
				e.midLine = true
				pass = append(pass, b)
				continue
			}
			pass = append(pass, e.char)
		} else if b == e.char && !e.midLine {
			e.pending = true
			continue
		}
		e.midLine = b != '\r' && b != '\n'
		pass = append(pass, b)
	}
	return pass, escapeNothing, nil
}

// help is what the help command shows.
func (e *escapes) help() string {
	c := string(e.char)
	return fmt.Sprintf("At the beginning of a line:\r\n  %s.  detach; the program goes on\r\n  %s?  this\r\n  %s%s  type %s\r\n", c, c, c, c, c)
}

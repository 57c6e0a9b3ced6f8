package cli

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"codingplatform/client"
)

// notices tells a person about the connection, in one line each, and of nothing that is over before it is seen.
type notices struct {
	states chan client.State
	say    func(string)
}

func newNotices(say func(string)) *notices {
	return &notices{states: make(chan client.State, 64), say: say}
}

// tell never blocks. Where there is no room, a later state says more.
func (n *notices) tell(s client.State) {
	select {
	case n.states <- s:
	default:
	}
}

// run ends with its context.
func (n *notices) run(ctx context.Context) {
	var (
		lost    bool // since when there was no connection
		told    bool // and a person knows
		cause   error
		started string
	)
	timer := time.NewTimer(noticeableLoss)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			told = true
			n.say("the connection is lost, trying again: " + brief(cause))
		case s := <-n.states:
			switch s.Phase {
			case client.Connecting:
			case client.Starting:
				// Where it stood before it was asked to start, and that all is well, is no news.
				if s.Environment != "stopped" && s.Environment != "ready" && s.Message != started {
					started = s.Message
					n.say(s.Message)
				}
			case client.Lost:
				if cause = s.Err; !lost {
					lost = true
					timer.Reset(noticeableLoss)
				}
			case client.Online:
				timer.Stop()
				if told {
					n.say("connected again")
				}
				lost, told, started = false, false, ""
			}
		}
	}
}

// brief is the innermost cause, which has the words that help.
func brief(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// printable takes out what would act on a terminal: names and titles are written by strangers.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\ufffd'
	}, s)
}

package client

import "fmt"

// input is what was typed, addressed by its position since the terminal began. What the server has not confirmed
// is kept, to be sent again. A confirmation comes with each attach only, so what was sent is bounded: the oldest
// bytes beyond the limit are given up, and confirm tells if the server turns out to miss them. It is not safe for
// concurrent use.
type input struct {
	limit   int
	buf     []byte // the bytes base..end
	base    uint64
	sent    uint64 // the next byte to send
	reached uint64 // the furthest that sending has been
}

func (in *input) end() uint64 { return in.base + uint64(len(in.buf)) }

// unsent is how many bytes no socket has seen.
func (in *input) unsent() int { return int(in.end() - in.sent) } //nolint:gosec // bounded by the buffer

func (in *input) push(p []byte) { in.buf = append(in.buf, p...) }

// take copies at most limit bytes that were not sent, which then count as sent.
func (in *input) take(limit int) []byte {
	n := min(limit, in.unsent())
	if n <= 0 {
		return nil
	}
	from := in.sent - in.base
	out := append([]byte(nil), in.buf[from:from+uint64(n)]...)
	in.sent += uint64(n)
	in.reached = max(in.reached, in.sent)
	if kept := in.sent - in.base; kept > uint64(in.limit) { //nolint:gosec // a positive constant
		in.trim(in.sent - uint64(in.limit)) //nolint:gosec // as above
	}
	return out
}

// begin counts from a server's position, for a terminal that nothing was sent to. What is kept stays.
func (in *input) begin(position uint64) {
	in.base, in.sent, in.reached = position, position, position
}

// confirm drops what the server has taken: all before position. With rewind, sending goes on from there. An error
// says that the server misses what is gone, or counts what was never sent.
func (in *input) confirm(position uint64, rewind bool) error {
	switch {
	// Not in.sent, which goes back with each socket: what a former one had brought may have been taken meanwhile.
	case position > in.reached:
		return fmt.Errorf("%w: the server has taken %d bytes, of %d that were sent", ErrInputLost, position, in.reached)
	case position < in.base:
		if !rewind {
			return nil // It will have got further since.
		}
		return fmt.Errorf("%w: the server misses %d bytes that are no longer kept", ErrInputLost, in.base-position)
	}
	in.trim(position)
	if rewind || in.sent < position {
		in.sent = position
	}
	return nil
}

// restart drops everything, which was meant for a program that is gone, and counts from a server's position.
func (in *input) restart(position uint64) {
	in.buf = nil
	in.begin(position)
}

func (in *input) trim(position uint64) {
	in.buf = in.buf[position-in.base:]
	in.base = position
	if len(in.buf) == 0 {
		in.buf = nil
	}
}

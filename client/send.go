package client

import (
	"context"
	"fmt"
	"strconv"

	"github.com/coder/websocket"
)

const (
	// frameBytes is the largest frame of input.
	frameBytes = 64 << 10
	// pingBytes is the input after which a ping asks the server whether it has read that far, aheadBytes how much
	// is sent beyond the last answer. So what is under way is bounded, and with it what must be kept.
	pingBytes  = 512 << 10
	aheadBytes = 1 << 20
	// ackBytes is what is acknowledged while more is queued.
	ackBytes = 64 << 10
)

// send brings the server what it has to know, until the socket ends.
func (c *conn) send(ctx context.Context) error {
	var answered <-chan outcome
	defer func() {
		if answered != nil {
			_ = (<-answered).unwrap()
		}
	}()
	for {
		kind, frame, ping := c.next()
		if frame == nil {
			select {
			case <-c.t.wake:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			continue
		}
		if err := c.ws.Write(ctx, kind, frame); err != nil {
			return err
		}
		if ping == 0 {
			continue
		}
		if answered != nil {
			if err := (<-answered).unwrap(); err != nil {
				return err
			}
		}
		answered = guard(func() error { return c.ping(ctx, ping) })
	}
}

// next is the frame that is due, and the position to ping for, if it is time.
func (c *conn) next() (kind websocket.MessageType, frame []byte, ping uint64) {
	t := c.t
	t.mu.Lock()
	defer t.mu.Unlock()
	if !c.attached {
		return 0, nil, 0
	}
	if c.ack() {
		return websocket.MessageText, append(strconv.AppendUint([]byte(`{"type":"ack","offset":`), c.acked, 10), '}'), 0
	}
	if (t.cols != c.cols || t.rows != c.rows) && !t.viewOnly {
		c.cols, c.rows = t.cols, t.rows
		return websocket.MessageText, fmt.Appendf(nil, `{"type":"resize","cols":%d,"rows":%d}`, c.cols, c.rows), 0
	}
	if t.viewOnly || t.input.sent-c.answered >= aheadBytes {
		return 0, nil, 0
	}
	if frame = t.input.take(frameBytes); frame == nil {
		return 0, nil, 0
	}
	t.room.Broadcast()
	if !c.pinging && t.input.sent-c.pinged >= pingBytes {
		c.pinging, c.pinged, ping = true, t.input.sent, t.input.sent
	}
	return websocket.MessageBinary, frame, ping
}

// ack says whether c.acked is to be acknowledged now. The first time it is at once, even if nothing was shown: until
// then the server takes for shown what may still be on its way, and keeps too little of it if the socket breaks.
func (c *conn) ack() bool {
	t := c.t
	shown := c.epoch == t.epoch && t.rendered > c.acked && (!c.told || t.rendered-c.acked >= ackBytes || t.events.idle())
	if shown {
		c.acked = t.rendered
	}
	due := shown || !c.told
	c.told = true
	return due
}

// ping returns when the server has read the input before position: a socket is in order. It has no time limit,
// since the server reads no further while the program does not read.
func (c *conn) ping(ctx context.Context, position uint64) error {
	if err := c.ws.Ping(ctx); err != nil {
		return err
	}
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	c.pinging = false
	if c.pinged >= position { // else another program has begun a count of its own
		c.answered = position
	}
	signal(c.t.wake)
	return nil
}

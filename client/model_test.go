package client

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// model is a terminal there, with a program that prints all of output and reads all of wanted. It behaves badly as it
// is told, and never wrongly: what it does is within the protocol.
type model struct {
	t      *testing.T
	output []byte
	wanted int
	seed   uint64
	faults

	mu      sync.Mutex
	taken   []byte
	printed int // what the program has printed: one socket or another has carried it
	handled func() uint64
}

// faults are what a model does badly.
type faults struct {
	// Chances in a thousand, for each frame.
	closes, resets int
	// losesTail: when a socket ends, the last input that came over it is lost on the way to the agent.
	losesTail bool
	// keeps is how many bytes of output can be had again; older ones are a gap and a new screen. 0: all.
	keeps int
}

// frameOfModel is the largest frame that the model sends.
const frameOfModel = 3000

func (m *model) serve(ctx context.Context, s *socket) {
	random := rand.New(rand.NewPCG(m.seed+1000, s.n))
	m.mu.Lock()
	offset, inputOffset := m.printed, len(m.taken)
	m.mu.Unlock()
	from, resumes := s.resumeAt(m.t, "i")
	var ok bool
	switch {
	case !resumes:
		ok = m.attach(ctx, s, offset, inputOffset)
	case m.keeps > 0 && offset-from > m.keeps:
		ok = m.attach(ctx, s, offset, inputOffset) && s.say(ctx, `{"type":"gap","from":%d,"to":%d}`, from, offset)
	default:
		offset = from
		ok = s.say(ctx, `{"type":"attached","terminal":"1","incarnation":"i","offset":%d,"input_offset":%d,"cols":80,"rows":24}`, offset, inputOffset)
	}
	if !ok {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	full, done, delay := make(chan struct{}), make(chan struct{}), random.IntN(3)
	go func() {
		defer close(done)
		defer cancel()
		m.read(ctx, s, inputOffset, full, delay)
	}()
	defer func() {
		_ = s.CloseNow()
		<-done
	}()
	for offset < len(m.output) {
		end := min(offset+1+random.IntN(frameOfModel), len(m.output))
		if !s.print(ctx, m.output[offset:end]) {
			return
		}
		offset = end
		m.mu.Lock()
		m.printed = max(m.printed, offset)
		m.mu.Unlock()
		switch chance := random.IntN(1000); {
		case chance < m.closes:
			_ = s.Close([]websocket.StatusCode{1001, 1012, 1011, 1013}[random.IntN(4)], "for a reason")
			return
		case chance < m.closes+m.resets:
			// The present screen again, as a viewer gets it that was slow: what it lacked is left out, or comes twice.
			if m.keeps > 0 {
				offset = min(offset+random.IntN(5000), len(m.output))
			} else {
				offset = max(0, offset-random.IntN(5000))
			}
			m.mu.Lock()
			m.printed = max(m.printed, offset)
			taken := len(m.taken)
			m.mu.Unlock()
			if !m.attach(ctx, s, offset, taken) {
				return
			}
		}
	}
	select {
	case <-full:
	case <-done:
		return
	}
	s.say(ctx, `{"type":"exit","code":5}`)
	<-done
}

// attach draws the screen anew: here a screen is all that was ever printed.
func (m *model) attach(ctx context.Context, s *socket, offset, inputOffset int) bool {
	if !s.say(ctx, `{"type":"attached","terminal":"1","incarnation":"i","offset":%d,"input_offset":%d,"cols":80,"rows":24,"reset":true,"snapshot":%d}`,
		offset, inputOffset, offset) {
		return false
	}
	for from := 0; from < offset; from += 20000 {
		if !s.print(ctx, m.output[from:min(from+20000, offset)]) {
			return false
		}
	}
	return true
}

// read takes input as the relay does: by its own count from the first attached on. Frames are taken one after the
// other with a delay, so that an end loses the last of them, if the model loses any.
func (m *model) read(ctx context.Context, s *socket, position int, full chan<- struct{}, delay int) {
	var waiting [][]byte
	var once sync.Once
	take := func(data []byte) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if position > len(m.taken) {
			m.t.Errorf("a hole in the input: %d after %d", position, len(m.taken))
			return
		}
		if end := position + len(data); end > len(m.taken) {
			m.taken = append(m.taken, data[len(m.taken)-position:]...)
		}
		position += len(data)
		if position >= m.wanted {
			once.Do(func() { close(full) })
		}
	}
	take(nil)
	for {
		kind, data, err := s.Read(ctx)
		if err != nil {
			if !m.losesTail {
				for _, w := range waiting {
					take(w)
				}
			}
			return
		}
		if kind == websocket.MessageText {
			m.check(parseControl(m.t, data))
			continue
		}
		waiting = append(waiting, data)
		untaken := 0
		for _, w := range waiting {
			untaken += len(w)
		}
		// Nothing follows the last ones: they are taken at once.
		last := position+untaken >= m.wanted
		for len(waiting) > 0 && (len(waiting) > delay || last) {
			take(waiting[0])
			waiting = waiting[1:]
		}
	}
}

// check wants an acknowledgement to be of what the handler has seen.
func (m *model) check(c control) {
	if c.Type != "ack" {
		m.t.Errorf("the client says %+v", c)
		return
	}
	if seen := m.handled(); c.Offset > seen {
		m.t.Errorf("%d is acknowledged and %d was handled", c.Offset, seen)
	}
}

// noise is repeatable.
func noise(seed uint64, n int) []byte {
	out := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(seed)}).Read(out) //nolint:gosec // small seeds; it never fails
	return out
}

// deadline ends a model that waits for what never comes, with a word for it.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Hour, fmt.Errorf("%s does not end", t.Name()))
	t.Cleanup(cancel)
	return ctx
}

package terminal_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"math/rand/v2"
	"net"
	"sync"
	"testing"

	"codingplatform/agent/agenttest"
	"codingplatform/agent/identity"
	stream "codingplatform/proto/attach"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// cutConn breaks after so many bytes in either direction, in the middle of a write.
type cutConn struct {
	net.Conn
	mu   sync.Mutex
	left int
}

// take says how many of n bytes still pass.
func (c *cutConn) take(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n = min(n, c.left)
	c.left -= n
	return n
}

func (c *cutConn) Write(p []byte) (int, error) {
	n := c.take(len(p))
	written, err := c.Conn.Write(p[:n])
	if err == nil && n < len(p) {
		_ = c.Close()
		err = net.ErrClosed
	}
	return written, err
}

func (c *cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if passed := c.take(n); passed < n {
		_ = c.Close()
		return passed, net.ErrClosed
	}
	return n, err
}

// TestTwoHundredCuts types megabytes into a program that says it back, over connections that break after random
// numbers of bytes: what was said back is what was typed.
func TestTwoHundredCuts(t *testing.T) {
	t.Parallel()
	a := agenttest.Start(t, nil)
	r := rand.New(rand.NewPCG(11, 12))
	typed := make([]byte, 8<<20)
	for i := range typed {
		typed[i] = byte(r.Uint32()) //nolint:gosec // random bits, however many
	}
	p := &persistent{t: t, a: a, r: r, typed: typed}
	cuts := 0
	for !p.whole() {
		p.round(1 + r.IntN(160<<10))
		if cuts++; cuts > 5000 {
			t.Fatalf("no end after %d rounds: %d bytes, gaps %v, next is %d; it begins with %q", cuts, len(p.got), p.gaps, p.next, p.got[:min(len(p.got), 100)])
		}
	}
	if cuts < 200 {
		t.Errorf("only %d rounds", cuts)
	}
	_, said, _ := bytes.Cut(p.got, []byte("ready\n"))
	if len(p.gaps) > 0 || sha256.Sum256(said) != sha256.Sum256(typed) {
		t.Errorf("after %d rounds %d bytes were said back of %d, and they are others; gaps %v", cuts, len(said), len(typed), p.gaps)
	}
}

// persistent is a client that comes back.
type persistent struct {
	t     *testing.T
	a     *agenttest.Agent
	r     *rand.Rand
	typed []byte

	incarnation string
	next        uint64
	got         []byte
	gaps        []*agentv1.TerminalGap
}

func (p *persistent) whole() bool {
	_, said, ready := bytes.Cut(p.got, []byte("ready\n"))
	return ready && len(said) >= len(p.typed)
}

// round connects once, for so many bytes after the handshake.
func (p *persistent) round(left int) {
	ctx, cancel := context.WithCancel(p.t.Context())
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", p.a.Socket)
	if err != nil {
		p.t.Fatal(err)
	}
	const handshake = 4 << 10
	cut := &cutConn{Conn: conn, left: handshake + left}
	open := &agentv1.AttachOpen{
		Terminal: "cut", ClientId: "persistent", Mode: agentv1.TerminalMode_TERMINAL_MODE_WRITE, Cols: 80, Rows: 24, Incarnation: p.incarnation, Acks: true,
		Create: &agentv1.TerminalSpec{Cols: 80, Rows: 24, Command: []string{"sh", "-c", "stty raw -echo; echo ready; exec cat"}},
	}
	if p.incarnation != "" {
		open.Offset = &p.next
	}
	s, err := stream.Dial(ctx, cut, p.a.Authority.Client(identity.BackendURI), stream.Buffers(), open)
	if err != nil {
		return
	}
	defer func() { _ = s.Close() }()
	typing := make(chan struct{})
	defer func() { cancel(); <-typing }()
	started, taken := false, uint64(0)
	for {
		m, err := s.Receive()
		if err != nil {
			if !started {
				close(typing)
			}
			return
		}
		switch m := m.GetMessage().(type) {
		case *agentv1.AttachTerminalResponse_Attached:
			p.attached(m.Attached)
			taken = m.Attached.GetInputOffset()
		case *agentv1.AttachTerminalResponse_Output:
			p.got = append(p.got, m.Output.GetData()...)
			p.next = m.Output.GetOffset() + uint64(len(m.Output.GetData()))
			// It shows at the next Receive when the connection is broken.
			_ = s.Ack(p.next)
		case *agentv1.AttachTerminalResponse_Gap:
			p.gaps = append(p.gaps, m.Gap)
		case *agentv1.AttachTerminalResponse_Exit:
			p.t.Fatalf("the program has ended: %v", m.Exit)
		}
		// Before it is ready the terminal is not raw: what is typed then is taken for control characters.
		if !started && bytes.Contains(p.got, []byte("ready\n")) {
			started = true
			go p.typeFrom(s, taken, typing)
		}
		if p.whole() {
			cancel()
		}
	}
}

func (p *persistent) attached(m *agentv1.TerminalAttached) {
	if p.incarnation == "" {
		p.got = append(p.got, m.GetSnapshot()...)
		// A snapshot draws a screen: what the program wrote is in it.
		if i := bytes.Index(p.got, []byte("ready")); i >= 0 {
			p.got = append(p.got[:i], "ready\n"...)
		} else {
			p.got = p.got[:0]
		}
	} else if m.GetReset_() {
		p.t.Fatalf("the screen was drawn anew at %d, %d was next: output is missing", m.GetOffset(), p.next)
	}
	p.incarnation, p.next = m.GetIncarnation(), m.GetOffset()
}

// typeFrom sends what the agent has not taken, in pieces.
func (p *persistent) typeFrom(s *stream.Client, offset uint64, done chan<- struct{}) {
	defer close(done)
	for at := int(offset); at < len(p.typed); { //nolint:gosec // at most as much as was typed
		n := min(1000, len(p.typed)-at)
		if s.Input(uint64(at), p.typed[at:at+n]) != nil { //nolint:gosec // never negative
			return
		}
		at += n
	}
}

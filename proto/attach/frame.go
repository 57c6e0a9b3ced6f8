package attach

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
)

// Upgrade names the protocol and Path is where the agent speaks it.
const (
	Upgrade = "agent-terminal/1"
	Path    = "/agent.v1.TerminalService/Attach"
)

// MaxData is the most bytes of one output or input.
const MaxData = 64 << 10

// maxFrame bounds a frame: a snapshot with a long history is the largest.
const maxFrame = 64 << 20

type kind uint8

const (
	kindMessage kind = iota + 1
	kindOutput
	kindInput
	kindAck
	kindGoodbye
	kindEnd
	kindError
)

const (
	lengthSize = 4
	headerSize = lengthSize + 1
	offsetSize = 8
	// Headroom is what a buffer for Output has to have before the data.
	Headroom = headerSize + offsetSize
	// readBuffer is enough for what is small; what is large is read where it belongs.
	readBuffer = 512
	// writeTimeout ends a connection whose peer has taken nothing for so long, or writeSlack less.
	writeTimeout = 5 * time.Minute
	writeSlack   = time.Minute
)

// stream reads and writes frames.
type stream struct {
	conn net.Conn
	in   *bufio.Reader
	// buffers are *[]byte for payloads, held only from their arrival to the next read, so that an idle terminal
	// has none.
	buffers *sync.Pool
	held    *[]byte

	mu       sync.Mutex // of writes
	out      []byte     // for small frames
	deadline time.Time  // of writes
}

// What the kernel may hold of a stream at either end, in bytes; Linux takes twice of it. Left to itself it holds
// megabytes for a viewer that does not read.
const (
	sendBuffer    = 64 << 10
	receiveBuffer = 96 << 10
)

// Bound keeps a connection from holding much for a peer that does not read.
func Bound(conn net.Conn) error {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	buffered, ok := conn.(interface {
		SetReadBuffer(bytes int) error
		SetWriteBuffer(bytes int) error
	})
	if !ok {
		return nil // it is in memory, as in tests
	}
	if err := errors.Join(buffered.SetReadBuffer(receiveBuffer), buffered.SetWriteBuffer(sendBuffer)); err != nil {
		return fmt.Errorf("bound a terminal stream's buffers: %w", err)
	}
	return nil
}

// Buffers makes the pool that the streams of one process share.
func Buffers() *sync.Pool {
	return &sync.Pool{New: func() any {
		buf := make([]byte, Headroom+MaxData)
		return &buf
	}}
}

// read takes the next frame. The payload is valid until the next call. io.EOF: between two frames.
func (s *stream) read() (kind, []byte, error) {
	if s.held != nil {
		s.buffers.Put(s.held)
		s.held = nil
	}
	var header [headerSize]byte
	if _, err := io.ReadFull(s.in, header[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(header[:]) - 1
	if size >= maxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes", size)
	}
	payload, err := s.payload(int(size))
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return kind(header[lengthSize]), payload, err
}

func (s *stream) payload(size int) ([]byte, error) {
	if size > Headroom+MaxData {
		// It grows with what comes: a length alone costs nothing.
		var large bytes.Buffer
		_, err := io.CopyN(&large, s.in, int64(size))
		return large.Bytes(), err
	}
	buf, ok := s.buffers.Get().(*[]byte)
	if !ok {
		return nil, errors.New("a pool of buffers holds something else")
	}
	s.held = buf
	_, err := io.ReadFull(s.in, (*buf)[:size])
	return (*buf)[:size], err
}

// write sends a frame of small parts.
func (s *stream) write(k kind, parts ...[]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = s.begin(s.out[:0], k)
	for _, part := range parts {
		s.out = append(s.out, part...)
	}
	err := s.finish(s.out)
	if cap(s.out) > 2*readBuffer {
		s.out = nil
	}
	return err
}

func (s *stream) begin(buf []byte, k kind) []byte { return append(buf, 0, 0, 0, 0, byte(k)) }

// finish fills in the length and sends. The caller holds s.mu.
func (s *stream) finish(frame []byte) error {
	if len(frame)-lengthSize > maxFrame {
		return fmt.Errorf("a frame of %d bytes", len(frame))
	}
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-lengthSize)) //nolint:gosec // see above
	// It is moved only now and then, which costs as much as a small write.
	if now := time.Now(); s.deadline.Sub(now) < writeTimeout-writeSlack {
		s.deadline = now.Add(writeTimeout)
		if err := s.conn.SetWriteDeadline(s.deadline); err != nil {
			return err
		}
	}
	_, err := s.conn.Write(frame)
	return err
}

// writeData sends data with its offset. frame has Headroom bytes before the data, which are overwritten.
func (s *stream) writeData(k kind, offset uint64, frame []byte) error {
	frame[lengthSize] = byte(k)
	binary.BigEndian.PutUint64(frame[headerSize:], offset)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.finish(frame)
}

func (s *stream) writeMessage(m proto.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	frame, err := proto.MarshalOptions{}.MarshalAppend(s.begin(nil, kindMessage), m)
	if err != nil {
		return fmt.Errorf("marshal a message of the terminal stream: %w", err)
	}
	return s.finish(frame)
}

var errShort = errors.New("a frame of the terminal stream is too short")

// data takes the payload of an output or input apart.
func data(payload []byte) (offset uint64, rest []byte, err error) {
	if len(payload) < offsetSize {
		return 0, nil, errShort
	}
	return binary.BigEndian.Uint64(payload), payload[offsetSize:], nil
}

package attach

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// written is a connection that keeps what is written and reads what it was given.
type written struct {
	net.Conn
	bytes.Buffer
}

// Read implements net.Conn.
func (w *written) Read(p []byte) (int, error) { return w.Buffer.Read(p) }

// Write implements net.Conn.
func (w *written) Write(p []byte) (int, error) { return w.Buffer.Write(p) }

// SetWriteDeadline implements net.Conn.
func (w *written) SetWriteDeadline(time.Time) error { return nil }

func reading(data []byte) *stream {
	return &stream{in: bufio.NewReaderSize(bytes.NewReader(data), readBuffer), buffers: Buffers()}
}

// TestFramesCutAnywhere cuts three frames at every byte: what is whole is read, and a cut within a frame is told from
// an end between two.
func TestFramesCutAnywhere(t *testing.T) {
	t.Parallel()
	conn := &written{}
	s := &stream{conn: conn}
	ends := []int{0}
	for _, frame := range []func() error{
		func() error { return s.write(kindAck, make([]byte, offsetSize)) },
		func() error {
			return s.writeData(kindOutput, 9, append(make([]byte, Headroom), bytes.Repeat([]byte("o"), 700)...))
		},
		func() error { return s.write(kindEnd) },
	} {
		if err := frame(); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, conn.Len())
	}
	all := conn.Bytes()
	for cut := range len(all) + 1 {
		whole := 0
		for _, end := range ends[1:] {
			if end <= cut {
				whole++
			}
		}
		in := reading(all[:cut])
		for n := range whole {
			k, payload, err := in.read()
			if err != nil {
				t.Fatalf("cut at %d: frame %d: %v", cut, n, err)
			}
			if want := []kind{kindAck, kindOutput, kindEnd}[n]; k != want || len(payload) != ends[n+1]-ends[n]-headerSize {
				t.Fatalf("cut at %d: frame %d is of kind %d with %d bytes", cut, n, k, len(payload))
			}
		}
		_, _, err := in.read()
		if atEnd := cut == ends[whole]; atEnd != errors.Is(err, io.EOF) || !atEnd && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut at %d, after %d whole frames: %v", cut, whole, err)
		}
	}
}

// FuzzRead reads anything: never a panic, never a payload that is longer than what came.
func FuzzRead(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x09\x04\x00\x00\x00\x00\x00\x00\x00\x07"))
	f.Add([]byte("\x00\x00\x00\x00\x01"))
	f.Add([]byte("\x03\xff\xff\xff\x02abc"))
	f.Fuzz(func(t *testing.T, p []byte) {
		s := reading(p)
		for total := 0; ; {
			_, payload, err := s.read()
			if err != nil {
				return
			}
			if total += headerSize + len(payload); total > len(p) {
				t.Fatalf("%d bytes of frames from %d", total, len(p))
			}
			// Errors say that it is too short, which is an answer.
			_, _, _ = data(payload)
		}
	})
}

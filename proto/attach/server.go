package attach

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	agentv1 "codingplatform/proto/gen/agent/v1"
)

// Server is the agent's end of a stream. Close must be called.
type Server struct {
	stream
	request agentv1.AttachTerminalRequest
	input   agentv1.AttachTerminalRequest_Input
	ack     agentv1.AttachTerminalRequest_Ack
}

// Accept takes an upgrade. When it answers an error the request has been answered.
func Accept(w http.ResponseWriter, r *http.Request, buffers *sync.Pool) (*Server, error) {
	if r.Header.Get("Upgrade") != Upgrade {
		http.Error(w, "this is for Upgrade: "+Upgrade, http.StatusUpgradeRequired)
		return nil, fmt.Errorf("no upgrade to %s", Upgrade)
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "this needs HTTP/1.1", http.StatusHTTPVersionNotSupported)
		return nil, fmt.Errorf("take the connection over: %w", err)
	}
	s := &Server{stream: stream{conn: conn, buffers: buffers}}
	s.input.Input, s.ack.Ack = &agentv1.TerminalInput{}, &agentv1.TerminalAck{}
	// What has come already is read first; after it a small buffer does.
	s.in = bufio.NewReaderSize(io.MultiReader(io.LimitReader(buffered, int64(buffered.Reader.Buffered())), conn), readBuffer)
	if err := errors.Join(conn.SetDeadline(time.Time{}), Bound(conn)); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	_, err = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+Upgrade+"\r\n\r\n")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("answer an upgrade: %w", err), conn.Close())
	}
	return s, nil
}

// Receive takes the next message. io.EOF: the viewer has said goodbye. Other errors are Connect's.
func (s *Server) Receive() (*agentv1.AttachTerminalRequest, error) {
	k, payload, err := s.read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, connect.NewError(connect.CodeUnavailable, fmt.Errorf("read the terminal stream: %w", err))
	}
	switch k {
	case kindInput:
		in := s.input.Input
		if in.Offset, in.Data, err = data(payload); err != nil {
			return nil, connect.NewError(connect.CodeInvalidArgument, err)
		}
		s.request.Message = &s.input
		return &s.request, nil
	case kindAck:
		if s.ack.Ack.Offset, _, err = data(payload); err != nil {
			return nil, connect.NewError(connect.CodeInvalidArgument, err)
		}
		s.request.Message = &s.ack
		return &s.request, nil
	case kindMessage:
		m := &agentv1.AttachTerminalRequest{}
		if err := proto.Unmarshal(payload, m); err != nil {
			return nil, connect.NewError(connect.CodeInvalidArgument, err)
		}
		return m, nil
	case kindGoodbye:
		return nil, io.EOF
	case kindOutput, kindEnd, kindError:
	}
	return nil, connect.NewError(connect.CodeInvalidArgument, fmt.Errorf("a frame of kind %d", k))
}

// Send sends a message other than output.
func (s *Server) Send(m *agentv1.AttachTerminalResponse) error { return s.writeMessage(m) }

// Output sends output. frame is Headroom bytes, which are overwritten, and then the data.
func (s *Server) Output(offset uint64, frame []byte) error {
	return s.writeData(kindOutput, offset, frame)
}

// End says that nothing follows: err tells why when it is not nil, with the code that it has for Connect.
func (s *Server) End(err error) error {
	if err == nil {
		return s.write(kindEnd)
	}
	return s.write(kindError, binary.BigEndian.AppendUint32(nil, uint32(connect.CodeOf(err))), []byte(errorText(err)))
}

func errorText(err error) string {
	if e, ok := errors.AsType[*connect.Error](err); ok {
		return e.Message()
	}
	return err.Error()
}

// Close ends the connection.
func (s *Server) Close() error { return s.conn.Close() }

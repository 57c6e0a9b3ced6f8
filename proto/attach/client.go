package attach

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	agentv1 "codingplatform/proto/gen/agent/v1"
)

// Client is the backend's end of a stream. Close must be called.
type Client struct {
	stream
	ctx    context.Context //nolint:containedctx // of the stream's life, which ends with it
	unhook func() bool

	greeted  bool
	response agentv1.AttachTerminalResponse
	output   agentv1.AttachTerminalResponse_Output
}

// greetTimeout is how long an agent may take for the handshake of TLS, and then to answer the upgrade.
const greetTimeout = 10 * time.Second

// Config is a configuration for Dial, made once of one for the agent's other services.
func Config(config *tls.Config) *tls.Config {
	config = config.Clone()
	config.NextProtos = []string{"http/1.1"}
	if config.ServerName == "" {
		config.ServerName = "agent"
	}
	return config
}

// Dial opens a stream on a connection to the agent, which it closes on an error. The stream ends with ctx. What is
// wrong with open is told by Receive. Errors of the connection and of TLS have CodeUnavailable.
func Dial(ctx context.Context, conn net.Conn, config *tls.Config, buffers *sync.Pool, open *agentv1.AttachOpen) (*Client, error) {
	secure := tls.Client(conn, config)
	c := &Client{stream: stream{conn: secure, in: bufio.NewReaderSize(secure, readBuffer), buffers: buffers}, ctx: ctx}
	c.output.Output = &agentv1.TerminalOutput{}
	// The context ends reads and writes that wait.
	c.unhook = context.AfterFunc(ctx, func() { _ = conn.Close() })
	greeting, cancel := context.WithTimeout(ctx, greetTimeout)
	defer cancel()
	if err := secure.HandshakeContext(greeting); err != nil {
		return nil, errors.Join(c.broken(err), c.Close())
	}
	request := "GET " + Path + " HTTP/1.1\r\nHost: agent\r\nConnection: Upgrade\r\nUpgrade: " + Upgrade + "\r\n\r\n"
	first := &agentv1.AttachTerminalRequest{Message: &agentv1.AttachTerminalRequest_Open{Open: open}}
	frame, err := proto.MarshalOptions{}.MarshalAppend([]byte{0, 0, 0, 0, byte(kindMessage)}, first)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("marshal the opening of a terminal stream: %w", err), c.Close())
	}
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-lengthSize)) //nolint:gosec // names and a command
	if _, err := secure.Write(append([]byte(request), frame...)); err != nil {
		return nil, errors.Join(c.broken(err), c.Close())
	}
	return c, nil
}

// broken is the error of a connection that failed.
func (c *Client) broken(err error) error {
	if c.ctx.Err() != nil {
		return connect.NewError(connect.CodeCanceled, context.Cause(c.ctx))
	}
	return connect.NewError(connect.CodeUnavailable, err)
}

// greet reads the answer to the upgrade.
func (c *Client) greet() error {
	if err := c.conn.SetReadDeadline(time.Now().Add(greetTimeout)); err != nil {
		return c.broken(err)
	}
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return c.broken(fmt.Errorf("read the agent's answer: %w", err))
	}
	defer func() { _ = response.Body.Close() }() // there is none after 101
	if response.StatusCode != http.StatusSwitchingProtocols {
		return connect.NewError(connect.CodeUnimplemented, fmt.Errorf("the agent answers %s to the terminal stream", response.Status))
	}
	if err := c.conn.SetReadDeadline(time.Time{}); err != nil {
		return c.broken(err)
	}
	return nil
}

// Receive takes the next message. io.EOF: the stream has ended as it should. Other errors are Connect's.
func (c *Client) Receive() (*agentv1.AttachTerminalResponse, error) {
	if !c.greeted {
		if err := c.greet(); err != nil {
			return nil, err
		}
		c.greeted = true
	}
	k, payload, err := c.read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, c.broken(fmt.Errorf("read the terminal stream: %w", err))
	}
	switch k {
	case kindOutput:
		out := c.output.Output
		if out.Offset, out.Data, err = data(payload); err != nil {
			return nil, connect.NewError(connect.CodeInternal, err)
		}
		c.response.Message = &c.output
		return &c.response, nil
	case kindMessage:
		m := &agentv1.AttachTerminalResponse{}
		if err := proto.Unmarshal(payload, m); err != nil {
			return nil, connect.NewError(connect.CodeInternal, fmt.Errorf("the agent sent what is no message: %w", err))
		}
		return m, nil
	case kindEnd:
		return nil, io.EOF
	case kindError:
		if len(payload) < lengthSize {
			return nil, connect.NewError(connect.CodeInternal, errShort)
		}
		return nil, connect.NewError(connect.Code(binary.BigEndian.Uint32(payload)), errors.New(string(payload[lengthSize:])))
	case kindInput, kindAck, kindGoodbye:
	}
	return nil, connect.NewError(connect.CodeInternal, fmt.Errorf("the agent sent a frame of kind %d", k))
}

// Send sends a message other than input and ack. io.EOF: the connection is broken, and Receive says how.
func (c *Client) Send(m *agentv1.AttachTerminalRequest) error { return sent(c.writeMessage(m)) }

// Input sends what was typed, MaxData bytes at most. io.EOF as Send.
func (c *Client) Input(offset uint64, p []byte) error {
	return sent(c.write(kindInput, binary.BigEndian.AppendUint64(make([]byte, 0, offsetSize), offset), p))
}

// Ack says what has been rendered. io.EOF as Send.
func (c *Client) Ack(offset uint64) error {
	return sent(c.write(kindAck, binary.BigEndian.AppendUint64(make([]byte, 0, offsetSize), offset)))
}

// Goodbye says that the viewer has left for good. The agent ends the stream.
func (c *Client) Goodbye() error { return sent(c.write(kindGoodbye)) }

func sent(err error) error {
	if err != nil {
		return io.EOF
	}
	return nil
}

// Close ends the stream.
func (c *Client) Close() error {
	c.unhook()
	if err := c.conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

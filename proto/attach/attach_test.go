package attach_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"

	"codingplatform/proto/attach"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// start serves streams over TLS and answers how to dial one.
func start(t *testing.T, serve func(*attach.Server)) (dial func(context.Context, *agentv1.AttachOpen) (*attach.Client, error), raw func() net.Conn) {
	t.Helper()
	buffers := attach.Buffers()
	var streams sync.WaitGroup
	t.Cleanup(streams.Wait)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		streams.Add(1)
		defer streams.Done()
		s, err := attach.Accept(w, r, buffers)
		if err != nil {
			return
		}
		serve(s)
		_ = s.Close()
	}))
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	config := attach.Config(&tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS13})
	connect := func() net.Conn {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	dial = func(ctx context.Context, open *agentv1.AttachOpen) (*attach.Client, error) {
		return attach.Dial(ctx, connect(), config, attach.Buffers(), open)
	}
	raw = func() net.Conn { return tls.Client(connect(), config) }
	return dial, raw
}

func open() *agentv1.AttachOpen { return &agentv1.AttachOpen{Terminal: "1", ClientId: "c"} }

func TestEveryMessageArrives(t *testing.T) {
	t.Parallel()
	type seen struct {
		kind   string
		offset uint64
		size   int
	}
	got := make(chan seen, 16)
	dial, _ := start(t, func(s *attach.Server) {
		for {
			m, err := s.Receive()
			if err != nil {
				got <- seen{kind: err.Error()}
				break
			}
			switch m := m.GetMessage().(type) {
			case *agentv1.AttachTerminalRequest_Open:
				got <- seen{kind: "open " + m.Open.GetTerminal()}
			case *agentv1.AttachTerminalRequest_Input:
				got <- seen{"input", m.Input.GetOffset(), len(m.Input.GetData())}
			case *agentv1.AttachTerminalRequest_Ack:
				got <- seen{kind: "ack", offset: m.Ack.GetOffset()}
			case *agentv1.AttachTerminalRequest_Resize:
				got <- seen{kind: "resize", size: int(m.Resize.GetCols())}
			default:
				got <- seen{kind: "other"}
			}
		}
		frame := append(make([]byte, attach.Headroom), bytes.Repeat([]byte("x"), attach.MaxData)...)
		_ = s.Output(1<<40, frame)
		_ = s.Send(&agentv1.AttachTerminalResponse{Message: &agentv1.AttachTerminalResponse_Attached{Attached: &agentv1.TerminalAttached{Snapshot: make([]byte, 3<<20)}}})
		_ = s.End(nil)
	})
	c, err := dial(t.Context(), open())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	for _, err := range []error{
		c.Input(7, make([]byte, attach.MaxData)),
		c.Ack(1 << 50),
		c.Send(&agentv1.AttachTerminalRequest{Message: &agentv1.AttachTerminalRequest_Resize{Resize: &agentv1.TerminalResize{Cols: 132, Rows: 43}}}),
		c.Goodbye(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []seen{{kind: "open 1"}, {"input", 7, attach.MaxData}, {kind: "ack", offset: 1 << 50}, {kind: "resize", size: 132}, {kind: "EOF"}} {
		if one := <-got; one != want {
			t.Errorf("the agent took %v, want %v", one, want)
		}
	}
	m, err := c.Receive()
	if err != nil || m.GetOutput().GetOffset() != 1<<40 || len(m.GetOutput().GetData()) != attach.MaxData {
		t.Fatalf("output: %v, %v", m.GetOutput().GetOffset(), err)
	}
	if m, err = c.Receive(); err != nil || len(m.GetAttached().GetSnapshot()) != 3<<20 {
		t.Fatalf("a snapshot of %d bytes, %v", len(m.GetAttached().GetSnapshot()), err)
	}
	if _, err = c.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v", err)
	}
}

func TestErrorsKeepTheirCode(t *testing.T) {
	t.Parallel()
	dial, _ := start(t, func(s *attach.Server) {
		_, _ = s.Receive()
		_ = s.End(connect.NewError(connect.CodeNotFound, errors.New("no terminal 1")))
	})
	c, err := dial(t.Context(), open())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, err = c.Receive()
	if connect.CodeOf(err) != connect.CodeNotFound || !strings.Contains(err.Error(), "no terminal 1") {
		t.Errorf("got %v", err)
	}
}

func TestAStreamEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	dial, _ := start(t, func(s *attach.Server) {
		_, _ = s.Receive()
		_, err := s.Receive()
		ended <- err
	})
	ctx, cancel := context.WithCancel(t.Context())
	c, err := dial(ctx, open())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	cancel()
	if _, err := c.Receive(); connect.CodeOf(err) != connect.CodeCanceled {
		t.Errorf("the client's end is %v", err)
	}
	if err := <-ended; connect.CodeOf(err) != connect.CodeUnavailable {
		t.Errorf("the agent's end is %v", err)
	}
}

func TestOnlyTheUpgradeIsTaken(t *testing.T) {
	t.Parallel()
	_, raw := start(t, func(*attach.Server) { t.Error("a stream was taken") })
	conn := raw()
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET "+attach.Path+" HTTP/1.1\r\nHost: agent\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 426 ")) {
		t.Errorf("the agent answers %q, %v", answer, err)
	}
}

// TestWrongFramesEndTheStream sends what no backend does.
func TestWrongFramesEndTheStream(t *testing.T) {
	t.Parallel()
	for name, frame := range map[string]string{
		"no kind":          "\x00\x00\x00\x00",
		"too large":        "\xff\xff\xff\xff\x01",
		"an agent's kind":  "\x00\x00\x00\x01\x06",
		"an unknown kind":  "\x00\x00\x00\x01\x63",
		"a short offset":   "\x00\x00\x00\x03\x03ab",
		"a broken message": "\x00\x00\x00\x03\x01\xff\xff",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ended := make(chan error, 1)
			_, raw := start(t, func(s *attach.Server) {
				_, err := s.Receive()
				ended <- err
			})
			conn := raw()
			request := "GET " + attach.Path + " HTTP/1.1\r\nHost: agent\r\nConnection: Upgrade\r\nUpgrade: " + attach.Upgrade + "\r\n\r\n"
			if _, err := io.WriteString(conn, request+frame); err != nil {
				t.Fatal(err)
			}
			_ = conn.Close()
			if err := <-ended; err == nil || errors.Is(err, io.EOF) {
				t.Errorf("it was taken: %v", err)
			}
		})
	}
}

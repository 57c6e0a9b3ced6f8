package relay_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"codingplatform/backend"
)

// proxied is a connection through a proxy that cuts what has been silent for a minute.
type proxied struct {
	net.Conn
	cut *time.Timer
}

func behindProxy(conn net.Conn) *proxied {
	return &proxied{Conn: conn, cut: time.AfterFunc(time.Minute, func() { _ = conn.Close() })}
}

func (p *proxied) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	p.cut.Reset(time.Minute)
	return n, err
}

func (p *proxied) Write(b []byte) (int, error) {
	p.cut.Reset(time.Minute)
	return p.Conn.Write(b)
}

// TestProxiesDoNotCut has sockets on which nothing happens for an hour.
func TestProxiesDoNotCut(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{"events": events, "terminal": terminal} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, backend.Access{Owner: true})
				dial := w.transport.DialContext
				w.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := dial(ctx, network, address)
					if err != nil {
						return nil, err
					}
					return behindProxy(conn), nil
				}
				ended := w.open(query)
				select {
				case got := <-ended:
					t.Errorf("it ended with %+v", got)
				case <-time.After(hour):
				}
			})
		})
	}
}

// TestSleepersAreNoticed has a client that says nothing any more, as a laptop that sleeps does.
func TestSleepersAreNoticed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, backend.Access{Owner: true})
		dial := w.transport.DialContext
		var under net.Conn
		w.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			var err error
			under, err = dial(ctx, network, address)
			return under, err
		}
		ws, _, err := websocket.Dial(t.Context(), "ws://relay/ws?session="+session+events, &websocket.DialOptions{HTTPClient: w.client})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = ws.CloseNow() }()
		begun := time.Now()
		time.Sleep(hour)
		// All that the server wrote is unread; then there is its end.
		buf := make([]byte, 4096)
		for err = nil; err == nil; {
			_, err = under.Read(buf)
		}
		if waited := time.Since(begun); waited != hour {
			t.Errorf("the server held on to the socket for %s", waited)
		}
	})
}

// TestStreamsSayThatTheyLive listens as a page does, which sees no pings.
func TestStreamsSayThatTheyLive(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		query string
		words int
	}{
		"events": {events, 3}, "account": {"&account=1", 3}, "terminal": {terminal, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, backend.Access{Owner: true})
				ws, _, err := websocket.Dial(t.Context(), "ws://relay/ws?session="+session+c.query, &websocket.DialOptions{HTTPClient: w.client})
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = ws.CloseNow() }()
				minute, cancel := context.WithTimeout(t.Context(), later)
				defer cancel()
				words := 0
				for {
					_, data, err := ws.Read(minute)
					if err != nil {
						break
					}
					if string(data) == `{"type":"alive"}` {
						words++
					}
				}
				if minute.Err() == nil || words != c.words {
					t.Errorf("%d words in a minute, not %d; the wait ended with %v", words, c.words, minute.Err())
				}
			})
		})
	}
}

package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
)

func TestFinalCloses(t *testing.T) {
	t.Parallel()
	for code, want := range map[websocket.StatusCode]error{
		1000: ErrEnded, 4400: ErrBadRequest, 4401: ErrUnauthenticated, 4403: ErrForbidden, 4404: ErrNotFound, 4409: ErrReplaced,
	} {
		t.Run(fmt.Sprint(int(code)), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := newMemory()
				api := serve(t, network, sockets(t, func(_ context.Context, s *socket) {
					_ = s.Close(code, "because of this")
				}))
				terminal := api.Terminal(Options{Session: "s", Terminal: "1", Handle: nothing})
				_, err := terminal.Run(t.Context())
				if !errors.Is(err, want) || !strings.Contains(err.Error(), "because of this") {
					t.Errorf("Run ends with %v", err)
				}
				if closed, ok := errors.AsType[*CloseError](err); !ok || closed.Code != int(code) {
					t.Errorf("the error is %#v", err)
				}
				if n := len(network.attempts()); n != 1 {
					t.Errorf("there were %d connections", n)
				}
				if _, err := terminal.Write([]byte("x")); !errors.Is(err, ErrClosed) {
					t.Errorf("Write answers %v", err)
				}
			})
		})
	}
}

func TestComesBackAtOnceWhenTheServerRestarts(t *testing.T) {
	t.Parallel()
	for _, code := range []websocket.StatusCode{1001, 1012} {
		synctest.Test(t, func(t *testing.T) {
			network := newMemory()
			api := serve(t, network, sockets(t, func(ctx context.Context, s *socket) {
				if !s.attached(ctx) {
					return
				}
				if s.n < 5 {
					_ = s.Close(code, "going")
					return
				}
				s.say(ctx, `{"type":"exit","code":3,"signal":"","reason":""}`)
				_ = s.drain(ctx)
			}))
			exit, err := api.Terminal(Options{Session: "s", Terminal: "1", Handle: nothing}).Run(t.Context())
			if err != nil || exit.Code != 3 {
				t.Fatalf("Run: %+v %v", exit, err)
			}
			times := network.attempts()
			if len(times) != 6 {
				t.Fatalf("%d connections", len(times))
			}
			for i := 1; i < len(times); i++ {
				if wait := times[i].Sub(times[i-1]); wait > restartJitter {
					t.Errorf("after %d it waited %s", code, wait)
				}
			}
		})
	}
}

func TestNeverGivesUp(t *testing.T) {
	t.Parallel()
	for name, unwell := range map[string]func(*memory, *int){
		"nobody listens": func(m *memory, up *int) {
			m.refuse = func(n int) error {
				if n < *up {
					return errors.New("connection refused")
				}
				return nil
			}
		},
		"the handshake breaks": func(m *memory, up *int) {
			m.budget = func(n int) (int, int) {
				if n < *up {
					return n % 300, -1
				}
				return -1, -1
			}
		},
		"restarts for ever": func(*memory, *int) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				up := 6000 // about a day
				network := newMemory()
				unwell(network, &up)
				api := serve(t, network, sockets(t, func(ctx context.Context, s *socket) {
					if name == "restarts for ever" && s.n < uint64(up) { //nolint:gosec // positive
						_ = s.Close(1012, "no database")
						return
					}
					s.attached(ctx)
					s.say(ctx, `{"type":"exit","code":0}`)
					_ = s.drain(ctx)
				}))
				if _, err := api.Terminal(Options{Session: "s", Terminal: "1", Handle: nothing}).Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				times := network.attempts()
				if len(times) != up+1 {
					t.Fatalf("%d attempts", len(times))
				}
				for i := 8; i < len(times); i++ {
					if wait := times[i].Sub(times[i-1]); wait < longestWait/2 || wait > longestWait {
						t.Fatalf("wait %d is %s", i, wait)
					}
				}
				if sum := times[6].Sub(times[0]); sum > 20*time.Second {
					t.Errorf("the first six waits took %s", sum)
				}
			})
		})
	}
}

func TestContextEndsItPolitely(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		left := make(chan error, 1)
		api := serve(t, newMemory(), sockets(t, func(ctx context.Context, s *socket) {
			s.attached(ctx)
			left <- s.drain(ctx)
		}))
		why := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		terminal := api.Terminal(Options{Session: "s", Terminal: "1", Handle: func(Event) error {
			cancel(why)
			return nil
		}})
		if _, err := terminal.Run(ctx); !errors.Is(err, why) {
			t.Errorf("Run ends with %v", err)
		}
		if err := <-left; websocket.CloseStatus(err) != websocket.StatusNormalClosure {
			t.Errorf("the server saw %v", err)
		}
	})
}

func TestSilenceIsABrokenSocket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := newMemory()
		api := serve(t, network, sockets(t, func(ctx context.Context, s *socket) {
			s.attached(ctx)
			gone := s.gone(ctx)
			// The first says nothing any more; the second pings as the server does.
			for range 100 {
				select {
				case <-gone:
					return
				case <-time.After(20 * time.Second):
				}
				if s.n > 0 && s.Ping(ctx) != nil {
					return
				}
			}
			s.say(ctx, `{"type":"exit","code":0}`)
			<-gone
		}))
		if _, err := api.Terminal(Options{Session: "s", Terminal: "1", Handle: nothing}).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		times := network.attempts()
		if len(times) != 2 {
			t.Fatalf("%d connections", len(times))
		}
		if wait := times[1].Sub(times[0]); wait < silence || wait > silence+time.Second {
			t.Errorf("it noticed after %s", wait)
		}
	})
}

// A handler that takes its time keeps neither pings from being answered nor anything from being kept for it.
func TestSlowHandlerKeepsTheSocket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := newMemory()
		output := bytes.Repeat([]byte("0123456789abcdef"), 16<<10) // the agent's window
		api := serve(t, network, sockets(t, func(ctx context.Context, s *socket) {
			s.attached(ctx)
			gone := s.gone(ctx)
			for part := output; len(part) > 0; part = part[1<<10:] {
				s.print(ctx, part[:1<<10])
			}
			for range 30 {
				if err := s.Ping(ctx); err != nil {
					t.Errorf("the client does not answer: %v", err)
				}
				time.Sleep(20 * time.Second)
			}
			s.say(ctx, `{"type":"exit","code":0}`)
			<-gone
		}))
		var got bytes.Buffer
		_, err := api.Terminal(Options{Session: "s", Terminal: "1", Handle: func(e Event) error {
			if out, ok := e.(Output); ok {
				time.Sleep(3 * time.Second)
				got.Write(out.Data)
			}
			return nil
		}}).Run(t.Context())
		if err != nil || !bytes.Equal(got.Bytes(), output) || len(network.attempts()) != 1 {
			t.Errorf("%v, %d of %d bytes, %d connections", err, got.Len(), len(output), len(network.attempts()))
		}
	})
}

func TestHandlersEnd(t *testing.T) {
	t.Parallel()
	handlers := map[string]func(Event) error{
		"error": func(Event) error { return io.ErrShortWrite },
		"panic": func(Event) error { panic("oops") },
	}
	for name, handle := range handlers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				api := serve(t, newMemory(), sockets(t, func(ctx context.Context, s *socket) {
					s.attached(ctx)
					_ = s.drain(ctx)
				}))
				defer func() {
					if p := recover(); (p != nil) != (name == "panic") {
						t.Errorf("recovered %v", p)
					}
				}()
				_, err := api.Terminal(Options{Session: "s", Terminal: "1", Handle: handle}).Run(t.Context())
				if !errors.Is(err, io.ErrShortWrite) {
					t.Errorf("Run ends with %v", err)
				}
			})
		})
	}
}

func TestSizeAndModeAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got []control
		api := serve(t, newMemory(), sockets(t, func(ctx context.Context, s *socket) {
			want := map[string]string{"session": "s", "terminal": "a b", "cols": "100", "rows": "30", "cwd": "src", "client": "me", "mode": ""}
			for key, value := range want {
				if s.query.Get(key) != value {
					t.Errorf("%s is %q", key, s.query.Get(key))
				}
			}
			if diff := cmp.Diff([]string{"make", "-j2"}, s.query["command"]); diff != "" {
				t.Error(diff)
			}
			s.say(ctx, `{"type":"status","phase":"starting","message":"Starting"}`)
			s.say(ctx, `{"type":"news","of":"tomorrow"}`)
			s.attached(ctx)
			for {
				_, data, err := s.Read(ctx)
				if err != nil {
					return
				}
				c := parseControl(t, data)
				got = append(got, c)
				if c.Cols == 60 {
					s.say(ctx, `{"type":"size","cols":60,"rows":20}`)
					s.say(ctx, `{"type":"title","title":"make"}`)
					s.say(ctx, `{"type":"exit","code":137,"signal":"SIGKILL","reason":"out of memory"}`)
				}
			}
		}))
		var states []Phase
		var events []Event
		var terminal *Terminal
		terminal = api.Terminal(Options{
			Session: "s", Terminal: "a b", ClientID: "me", Cols: 100, Rows: 30, Cwd: "src", Command: []string{"make", "-j2"},
			Handle: func(e Event) error {
				events = append(events, e)
				if _, ok := e.(Attached); ok {
					terminal.Resize(60, 20)
				}
				return nil
			},
			OnState: func(s State) { states = append(states, s.Phase) },
		})
		exit, err := terminal.Run(t.Context())
		if diff := cmp.Diff(Exit{137, "SIGKILL", "out of memory"}, exit); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
		if diff := cmp.Diff([]Phase{Connecting, Starting, Online}, states); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]control{{Type: "ack"}, {Type: "resize", Cols: 60, Rows: 20}}, got); diff != "" {
			t.Error(diff)
		}
		want := []Event{
			Attached{Terminal: "1", Incarnation: "i", Cols: 80, Rows: 24, Reset: true, Created: true},
			Resized{60, 20},
			Titled{"make"},
		}
		if diff := cmp.Diff(want, events); diff != "" {
			t.Error(diff)
		}
	})
}

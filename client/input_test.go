package client

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
)

// FuzzInput holds the buffer against a slice of all that was ever typed.
func FuzzInput(f *testing.F) {
	f.Add([]byte{0, 9, 1, 4, 2, 3, 3, 2, 0, 200, 1, 255, 2, 100, 4, 7, 0, 3, 1, 9})
	f.Fuzz(func(t *testing.T, steps []byte) {
		in := input{limit: 100}
		var all []byte
		base, sent, reached := 0, 0, 0 // of all; sending goes back, what was taken of it does not
		for i := 0; i+1 < len(steps); i += 2 {
			n := int(steps[i+1])
			switch steps[i] % 5 {
			case 0:
				data := bytes.Repeat([]byte{steps[i+1]}, n)
				in.push(data)
				all = append(all, data...)
			case 1:
				got := in.take(n)
				if want := all[sent:min(sent+n, len(all))]; !bytes.Equal(got, want) {
					t.Fatalf("take %d at %d is %v, not %v", n, sent, got, want)
				}
				sent += len(got)
				reached = max(reached, sent)
				base = max(base, sent-100)
			case 2, 3:
				position, rewind := max(0, reached-n), steps[i]%5 == 2
				err := in.confirm(uint64(position), rewind)
				switch {
				case position < base:
					if (err != nil) != rewind {
						t.Fatalf("confirm %d below %d: %v", position, base, err)
					}
				case err != nil:
					t.Fatal(err)
				default:
					base = position
					if rewind || sent < position {
						sent = position
					}
				}
			case 4:
				if err := in.confirm(uint64(reached)+1+uint64(steps[i+1]), true); !errors.Is(err, ErrInputLost) {
					t.Fatalf("what was never sent is confirmed: %v", err)
				}
			}
			if len(in.buf) != len(all)-base || in.unsent() != len(all)-sent {
				t.Fatalf("kept %d and unsent %d, not %d and %d", len(in.buf), in.unsent(), len(all)-base, len(all)-sent)
			}
		}
	})
}

// What is under way is bounded by pings, which say what the server has read.
func TestInputWaitsForTheServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var taken atomic.Int64
		network := newMemory()
		silent := make(chan struct{})
		api := serve(t, network, sockets(t, func(ctx context.Context, s *socket) {
			// The first does not say that it reads.
			s.pong = func() bool { return s.n > 0 }
			if s.n == 0 {
				s.attached(ctx)
			} else {
				s.say(ctx, `{"type":"attached","incarnation":"i","input_offset":%d}`, taken.Load())
			}
			go func() {
				if s.n == 0 {
					<-silent
					_ = s.CloseNow()
				}
			}()
			for {
				kind, data, err := s.Read(ctx)
				if err != nil {
					return
				}
				if kind != websocket.MessageBinary {
					continue
				}
				if taken.Add(int64(len(data))) == 20<<20 {
					s.say(ctx, `{"type":"exit"}`)
				}
			}
		}))
		terminal := api.Terminal(Options{Session: "s", Terminal: "1", Handle: nothing})
		var wg sync.WaitGroup
		wg.Go(func() {
			if n, err := terminal.Write(make([]byte, 20<<20)); n != 20<<20 || err != nil {
				t.Errorf("Write: %d %v", n, err)
			}
		})
		wg.Go(func() {
			if _, err := terminal.Run(t.Context()); err != nil {
				t.Errorf("Run: %v", err)
			}
		})
		synctest.Wait()
		if n := taken.Load(); n < aheadBytes || n > aheadBytes+frameBytes {
			t.Errorf("%d bytes were sent ahead", n)
		}
		close(silent)
		wg.Wait()
		if n := len(network.attempts()); n != 2 {
			t.Errorf("%d connections", n)
		}
	})
}

// Another program behind the name gets nothing that was meant for the one before, and ends a stream.
func TestRestartedTerminal(t *testing.T) {
	t.Parallel()
	for _, streaming := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var typed [2][]byte
			api := serve(t, newMemory(), sockets(t, func(ctx context.Context, s *socket) {
				s.say(ctx, `{"type":"attached","terminal":"1","incarnation":"%d","reset":true,"offset":7}`, s.n)
				for {
					kind, data, err := s.Read(ctx)
					if err != nil {
						return
					}
					if kind != websocket.MessageBinary {
						continue
					}
					typed[s.n] = append(typed[s.n], data...)
					if s.n == 0 {
						return // It breaks before the server has confirmed anything.
					}
					s.say(ctx, `{"type":"exit"}`)
				}
			}))
			var restarts []bool
			var terminal *Terminal
			terminal = api.Terminal(Options{Session: "s", Terminal: "1", Stream: streaming, Handle: func(e Event) error {
				if e, ok := e.(Attached); ok {
					restarts = append(restarts, e.Restarted)
					text := "for the first"
					if e.Restarted {
						text = "for the second"
					}
					_, err := terminal.Write([]byte(text))
					return err
				}
				return nil
			}})
			_, err := terminal.Run(t.Context())
			if streaming {
				if !errors.Is(err, ErrRestarted) || len(restarts) != 1 {
					t.Errorf("a stream: %v %v", err, restarts)
				}
				return
			}
			if err != nil || len(restarts) != 2 || !restarts[1] || string(typed[1]) != "for the second" {
				t.Errorf("%v %v %q", err, restarts, typed)
			}
		})
	}
}

func TestLostInputIsSaid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		api := serve(t, newMemory(), sockets(t, func(ctx context.Context, s *socket) {
			// The second says that nothing has come, of more than a client keeps.
			s.attached(ctx)
			for read := 0; s.n > 0 || read <= maxKept; {
				_, data, err := s.Read(ctx)
				if err != nil {
					return
				}
				read += len(data)
			}
		}))
		terminal := api.Terminal(Options{Session: "s", Terminal: "1", Handle: nothing})
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = terminal.Write(make([]byte, maxKept+1<<20))
		}()
		if _, err := terminal.Run(t.Context()); !errors.Is(err, ErrInputLost) {
			t.Errorf("Run ends with %v", err)
		}
		<-done
	})
}

func TestViewersDoNotType(t *testing.T) {
	t.Parallel()
	for _, asked := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			api := serve(t, newMemory(), sockets(t, func(ctx context.Context, s *socket) {
				if (s.query.Get("mode") == "view") != asked {
					t.Errorf("mode is %q", s.query.Get("mode"))
				}
				// Also who asked for more is given no more.
				s.say(ctx, `{"type":"attached","incarnation":"i","mode":"view"}`)
				time.Sleep(time.Second) // of the bubble: until the client has nothing more to do
				s.say(ctx, `{"type":"exit"}`)
				for {
					_, data, err := s.Read(ctx)
					if err != nil {
						return
					}
					t.Errorf("a viewer says %q", data)
				}
			}))
			var terminal *Terminal
			terminal = api.Terminal(Options{Session: "s", Terminal: "1", View: asked, Handle: func(e Event) error {
				if a, ok := e.(Attached); ok && !a.ViewOnly {
					t.Error("it may type")
				}
				terminal.Resize(10, 10)
				if _, err := terminal.Write([]byte("x")); !errors.Is(err, ErrViewOnly) {
					t.Errorf("Write: %v", err)
				}
				return nil
			}})
			if _, err := terminal.Run(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

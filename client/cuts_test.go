package client

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
)

// rounds is how often a socket breaks in each of the cases.
const rounds = 200

// TestNothingIsLostOrDoubled has the socket break at random bytes, of the handshake, of a frame, of a snapshot, in
// either direction, while both sides talk.
func TestNothingIsLostOrDoubled(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]struct {
		faults faults
		budget func(random *rand.Rand) (up, down int)
		stream bool
		holes  bool
	}{
		"cut":                     {budget: cuts(20000), stream: true},
		"cut, on a screen":        {budget: cuts(20000)},
		"cut often":               {budget: cuts(3000), stream: true},
		"input lost on the way":   {faults: faults{losesTail: true}, budget: cuts(20000), stream: true},
		"closed":                  {faults: faults{closes: 100}, stream: true},
		"closed, on a screen":     {faults: faults{closes: 100}},
		"drawn anew":              {faults: faults{resets: 200}, stream: true},
		"drawn anew, on a screen": {faults: faults{resets: 200}},
		"all at once":             {faults: faults{closes: 50, resets: 50, losesTail: true}, budget: cuts(60000), stream: true},
		"all, on a screen":        {faults: faults{closes: 50, resets: 50, losesTail: true}, budget: cuts(60000)},
		"what is old is gone":     {faults: faults{keeps: 100, closes: 50, resets: 50}, budget: cuts(60000), stream: true, holes: true},
	} {
		for seed := range uint64(3) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					m := &model{faults: bad.faults}
					network := newMemory()
					if bad.budget != nil {
						var mu sync.Mutex
						random := rand.New(rand.NewPCG(seed, 7))
						network.budget = func(n int) (int, int) {
							mu.Lock()
							defer mu.Unlock()
							if n >= rounds {
								return -1, -1
							}
							return bad.budget(random)
						}
					}
					testModel(t, network, m, seed, bad.stream, bad.holes)
				})
			})
		}
	}
}

// cuts breaks a socket in one direction or in both.
func cuts(within int) func(*rand.Rand) (int, int) {
	return func(random *rand.Rand) (up, down int) {
		up, down = random.IntN(within), random.IntN(within)
		switch random.IntN(3) {
		case 0:
			up = -1
		case 1:
			down = -1
		}
		return up, down
	}
}

func testModel(t *testing.T, network *memory, m *model, seed uint64, streaming, holes bool) {
	t.Helper()
	typed := noise(seed+100, 300000)
	m.t, m.seed, m.output, m.wanted = t, seed, noise(seed, 400000), len(typed)
	var mu sync.Mutex
	var shown []byte
	var handled uint64
	m.handled = func() uint64 {
		mu.Lock()
		defer mu.Unlock()
		return handled
	}
	api := serve(t, network, sockets(t, m.serve))
	terminal := api.Terminal(Options{Session: "s", Terminal: "1", Stream: streaming, Handle: func(e Event) error {
		mu.Lock()
		defer mu.Unlock()
		switch e := e.(type) {
		case Attached:
			if e.Reset {
				shown = shown[:0]
				handled = max(handled, e.Offset)
			}
			if e.Restarted {
				t.Error("restarted")
			}
		case Snapshot:
			shown = append(shown, e.Data...)
		case Output:
			if e.Offset != uint64(len(shown)) {
				t.Errorf("output of %d comes after %d", e.Offset, len(shown))
			}
			shown = append(shown, e.Data...)
			handled = max(handled, e.Offset+uint64(len(e.Data)))
		case Gap:
			if !holes || e.From != uint64(len(shown)) || e.To <= e.From {
				t.Errorf("%+v after %d", e, len(shown))
			}
			// What is missing is known to be missing.
			shown = append(shown, m.output[e.From:e.To]...)
			handled = e.To
		}
		return nil
	}})
	ctx := deadline(t)
	written := make(chan error, 1)
	go func() {
		random := rand.New(rand.NewPCG(seed, 9))
		for rest := typed; len(rest) > 0; {
			n := min(1+random.IntN(2000), len(rest))
			if _, err := terminal.Write(rest[:n]); err != nil {
				written <- err
				return
			}
			rest = rest[n:]
		}
		written <- nil
	}()
	exit, err := terminal.Run(ctx)
	if err != nil || exit.Code != 5 {
		t.Errorf("Run: %+v %v", exit, err)
	}
	if err := <-written; err != nil && !errors.Is(err, ErrClosed) {
		t.Errorf("Write: %v", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !bytes.Equal(m.taken, typed) {
		t.Errorf("the program has read %d bytes that are not the %d that were typed", len(m.taken), len(typed))
	}
	if !bytes.Equal(shown, m.output) {
		t.Errorf("%d bytes are shown that are not the %d that were printed", len(shown), len(m.output))
	}
	t.Logf("%d connections", len(network.attempts()))
}

package relay_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"codingplatform/backend"
)

// TestDrainCutsWhoDoesNotAnswer when its time is over; who does is told to come back.
func TestDrainCutsWhoDoesNotAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, backend.Access{Owner: true})
		there := w.open("")
		gone, _, err := websocket.Dial(t.Context(), "ws://relay/ws?session="+session, &websocket.DialOptions{HTTPClient: w.client})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = gone.CloseNow() }() // it is cut
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		if cut := w.handler.Drain(ctx); cut != 1 || w.handler.Sockets() != 0 {
			t.Errorf("%d sockets were cut, and %d are left; want 1, and none", cut, w.handler.Sockets())
		}
		if took := time.Since(begun); took != time.Second {
			t.Errorf("it took %v", took)
		}
		if e := <-there; e.code != websocket.StatusServiceRestart {
			t.Errorf("who answers was told %v", e)
		}
	})
}

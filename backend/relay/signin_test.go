package relay_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"codingplatform/backend"
)

// TestSocketsOfASignIn: one look is for all of them, whichever goes first, and all of them end with it.
func TestSocketsOfASignIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const unauthenticated = 4401
		w := newWorld(t, backend.Access{Owner: true})
		first, _, err := websocket.Dial(t.Context(), "ws://relay/ws?session="+session+events, &websocket.DialOptions{HTTPClient: w.client})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		second, third := w.open(terminal), w.open(events)
		synctest.Wait()
		_ = first.CloseNow() // as a page that is closed does
		time.Sleep(later)    // one more look, for none is told
		if looks := w.looksAtSignIn(); looks != 2 {
			t.Errorf("three sockets of one sign-in were looked after %d times in a minute, not twice", looks)
		}
		w.signOut()
		for name, ended := range map[string]<-chan end{"second": second, "third": third} {
			if got := <-ended; got.code != unauthenticated || got.after != later {
				t.Errorf("the %s socket ended with %+v", name, got)
			}
		}
		// What was let in a moment before is looked at by itself.
		if got := <-w.open(terminal); got.code != unauthenticated {
			t.Errorf("a socket after the end ended with %+v", got)
		}
	})
}

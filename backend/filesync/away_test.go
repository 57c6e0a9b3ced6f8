package filesync_test

import (
	"syscall"
	"testing"

	"codingplatform/backend"
	"codingplatform/backend/filesync"
)

// TestAnAgentThatIsGone: a syncer whose agent listens no more ends with CodeUnavailable, by which its caller asks the
// runtime what has become of the environment. With another code the session would fail.
func TestAnAgentThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.startAgent()
	lease, err := w.store.AcquireLease(t.Context(), w.session, "a", leaseTTL)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := w.connect(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	w.endAgent(syscall.SIGKILL)
	w.cut()
	syncer := filesync.New(filesync.Config{Store: w.store, Conn: conn, Lease: lease, Policy: w.policy, Logger: w.logger})
	if err := syncer.Run(t.Context()); backend.CodeOf(err) != backend.CodeUnavailable {
		t.Errorf("it ended with %v", err)
	}
}

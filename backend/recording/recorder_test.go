package recording_test

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"connectrpc.com/connect"

	"codingplatform/backend"
	"codingplatform/backend/recording"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

const megabyte = 1 << 20

var _ recording.Store = (*faulty)(nil)

// count is a script that waits for a line, prints lines from 1 to n, and then what it is told to end with.
func count(n int) (script, printed string) {
	var all strings.Builder
	for i := range n {
		fmt.Fprintf(&all, "%07d é 😀 %s\n", i+1, "0123456789")
	}
	return fmt.Sprintf(`echo ready; read go; awk 'BEGIN { for (i = 1; i <= %d; i++) printf "%%07d é 😀 0123456789\n", i }'; echo "$go"; read end`, n), all.String()
}

// Replicas die and the database's connection breaks at any append: each byte is there once.
func TestNothingIsLostOrDoubled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 32*megabyte)
	random := rand.New(rand.NewPCG(1, 2))
	died := make(chan struct{}, 1)
	store := &faulty{Store: w.Store, fault: func(int) fault {
		if random.IntN(4) == 0 {
			select {
			case died <- struct{}{}:
			default:
			}
		}
		return fault(random.IntN(3))
	}}
	script, want := count(60_000)
	term := w.start("1", script)
	term.until("ready")
	r := w.record("1")
	first := w.replica(w.Store)
	w.until(r.ID, begun)
	first.kill()
	alive := w.replica(store)
	term.line("all-is-said")
	printed := make(chan struct{})
	go func() {
		defer close(printed)
		term.until("all-is-said")
	}()
	for deaths := 0; deaths < 25; {
		select {
		case <-died:
			alive.kill()
			w.takeOver(fmt.Sprintf("replica %d", deaths))
			alive = w.replica(store)
			deaths++
		case <-printed:
			printed = nil
			alive.kill()
			w.takeOver("the last one")
			w.replica(w.Store)
			deaths = 25
		}
	}
	if printed != nil {
		<-printed
		alive.kill()
		w.takeOver("the last one")
		w.replica(w.Store)
	}
	if r = w.stop(r); r.Error != "" {
		t.Fatalf("ended with %q", r.Error)
	}
	got := w.play(r.ID)
	_, rest, _ := strings.Cut(got.printed, "ready\n")
	if want += "all-is-said\n"; !strings.HasSuffix(got.printed, want) || got.screens != 1 {
		t.Errorf("%d bytes with SHA-256 %x were printed, %d with %x recorded; %d screens",
			len(want), sha256.Sum256([]byte(want)), len(rest), sha256.Sum256([]byte(rest)), got.screens)
	}
	if int64(got.bytes) != r.Size {
		t.Errorf("%d bytes, the row says %d", got.bytes, r.Size)
	}
}

// What the agent no longer has is missing, and the recording goes on with the present screen.
func TestGapIsDrawnOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 64<<10)
	script, _ := count(20_000)
	term := w.start("1", script+`; echo "$end"; read end`)
	term.until("ready")
	r := w.record("1")
	first := w.replica(w.Store)
	w.until(r.ID, begun)
	first.kill()
	term.line("while-nobody-looked")
	term.until("while-nobody-looked")
	w.takeOver("second")
	w.replica(w.Store)
	term.line("and-then")
	term.until("and-then")
	r = w.stop(r)
	got := w.play(r.ID)
	if got.screens != 2 || !strings.Contains(got.printed, "0020000 é") || !strings.Contains(got.printed, "and-then") || r.Error != "" {
		t.Errorf("%d screens, ended with %q; the last one is\n%q", got.screens, r.Error, got.printed[max(0, len(got.printed)-500):])
	}
}

func TestLargestSize(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 4*megabyte)
	w.maxBytes = 256 << 10
	script, _ := count(20_000)
	term := w.start("1", script)
	term.until("ready")
	r := w.record("1")
	w.replica(w.Store)
	w.until(r.ID, begun)
	term.line("x")
	r = w.until(r.ID, ended)
	if r.Error != "the recording has reached its largest size, 256 KiB" || r.Size > w.maxBytes || r.Size < w.maxBytes/4 {
		t.Errorf("%+v", r)
	}
	if got := w.play(r.ID); int64(got.bytes) != r.Size || !strings.Contains(got.printed, "0000001 é") {
		t.Errorf("%d bytes of %d", got.bytes, r.Size)
	}
	// The terminal does not notice.
	term.until("0020000 é")
}

func TestSizesAreRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, megabyte)
	term := w.start("1", `echo ready; while read size; do stty size; done`)
	term.until("ready")
	r := w.record("1")
	first := w.replica(w.Store)
	w.until(r.ID, begun)
	resize := func(cols, rows uint32) {
		t.Helper()
		err := term.stream.Send(&agentv1.AttachTerminalRequest{Message: &agentv1.AttachTerminalRequest_Resize{Resize: &agentv1.TerminalResize{Cols: cols, Rows: rows}}})
		if err != nil {
			t.Fatal(err)
		}
		term.line("")
		term.until(fmt.Sprintf("%d %d\n", rows, cols))
	}
	resize(100, 30)
	first.kill()
	resize(60, 20)
	w.takeOver("second")
	w.replica(w.Store)
	r = w.stop(r)
	if got := w.play(r.ID); strings.Join(got.sizes, " ") != "100x30 60x20" && strings.Join(got.sizes, " ") != "100x30 100x30 60x20" {
		t.Errorf("sizes %v", got.sizes)
	}
}

func TestEndsWithTheProgram(t *testing.T) {
	t.Parallel()
	w := newWorld(t, megabyte)
	term := w.start("1", `echo ready; read go; printf 'last words \303'`)
	term.until("ready")
	r := w.record("1")
	w.replica(w.Store)
	w.until(r.ID, begun)
	if list := w.terminals(); len(list) != 1 || !list[0].GetRecording() || len(list[0].GetWatchers()) != 1 || list[0].GetViewers() != 1 {
		t.Errorf("others are told %+v", list)
	}
	term.line("go")
	term.until("")
	r = w.until(r.ID, ended)
	if got := w.play(r.ID); !strings.HasSuffix(got.printed, "last words \ufffd") || r.Error != "" {
		t.Errorf("ended with %q after %q", r.Error, got.printed)
	}
}

// A terminal of the same name is another one.
func TestNewTerminalOfTheNameIsNotRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, megabyte)
	term := w.start("1", `echo old; read go`)
	term.until("old")
	r := w.record("1")
	first := w.replica(w.Store)
	w.until(r.ID, begun)
	first.kill()
	_, err := w.agent.Terminals.CloseTerminal(t.Context(), connect.NewRequest(&agentv1.CloseTerminalRequest{Name: "1"}))
	if err != nil {
		t.Fatal(err)
	}
	w.takeOver("second")
	t.Run("gone", func(t *testing.T) {
		gone := w.replica(w.Store)
		if r := w.until(r.ID, ended); r.Error != "" {
			t.Errorf("ended with %q", r.Error)
		}
		gone.kill()
	})
	w.start("2", `echo old; read go`).until("old")
	r = w.record("2")
	third := w.replica(w.Store)
	w.until(r.ID, begun)
	third.kill()
	if _, err = w.agent.Terminals.CloseTerminal(t.Context(), connect.NewRequest(&agentv1.CloseTerminalRequest{Name: "2"})); err != nil {
		t.Fatal(err)
	}
	w.start("2", `echo new; read go`).until("new")
	w.takeOver("fourth")
	w.replica(w.Store)
	r = w.until(r.ID, ended)
	if got := w.play(r.ID); strings.Contains(got.printed, "new") || r.Error != "" {
		t.Errorf("ended with %q, recorded %q", r.Error, got.printed)
	}
}

func TestFinishEndsAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, megabyte)
	a, b := w.start("a", `echo ready; read go; echo "a says $go"; read go`), w.start("b", `echo ready; read go; echo "b says $go"; read go`)
	a.until("ready")
	b.until("ready")
	ra, rb := w.record("a"), w.record("b")
	replica := w.replica(w.Store)
	w.until(ra.ID, begun)
	w.until(rb.ID, begun)
	a.line("one")
	b.line("two")
	a.until("a says one")
	b.until("b says two")
	replica.Finish(t.Context())
	<-replica.done
	for id, want := range map[backend.RecordingID]string{ra.ID: "a says one\n", rb.ID: "b says two\n"} {
		r, err := w.Recording(t.Context(), w.session, id)
		if err != nil || r.Active() || r.Error != "" {
			t.Errorf("%+v %v", r, err)
		}
		if got := w.play(id); !strings.HasSuffix(got.printed, want) {
			t.Errorf("%q does not end with %q", got.printed, want)
		}
	}
}

func TestDeletedRecordingEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, megabyte)
	w.start("1", `echo ready; read go`).until("ready")
	r := w.record("1")
	w.replica(w.Store)
	w.until(r.ID, begun)
	watch, err := w.agent.Terminals.WatchTerminals(t.Context(), connect.NewRequest(&agentv1.WatchTerminalsRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = watch.Close() }()
	if err := w.DeleteRecording(t.Context(), w.session, r.ID); err != nil {
		t.Fatal(err)
	}
	for watch.Receive() {
		if list := watch.Msg().GetTerminals(); len(list) == 1 && !list[0].GetRecording() {
			return
		}
	}
	t.Fatalf("it is still recorded: %v", watch.Err())
}

func (w *world) terminals() []*agentv1.TerminalInfo {
	w.t.Helper()
	response, err := w.agent.Terminals.ListTerminals(w.t.Context(), connect.NewRequest(&agentv1.ListTerminalsRequest{}))
	if err != nil {
		w.t.Fatal(err)
	}
	return response.Msg.GetTerminals()
}

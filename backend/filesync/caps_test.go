package filesync_test

import (
	"fmt"
	"strings"
	"testing"

	"codingplatform/backend"
)

// listed waits until the database lists these entries, and of them those as unsaved that have a reason.
func (w *world) listed(want map[string]backend.UnsavedReason) {
	w.tb.Helper()
	w.until("the list", func() (bool, string) {
		items, _, err := w.store.Tree(w.tb.Context(), w.session, "", 0)
		if err != nil {
			return false, err.Error()
		}
		got := map[string]backend.UnsavedReason{}
		wrong := len(items) != len(want)
		for _, item := range items {
			got[item.Path] = item.Unsaved
			reason, ok := want[item.Path]
			wrong = wrong || !ok || reason != item.Unsaved
		}
		return !wrong, fmt.Sprint(got)
	})
}

// TestRoomThatIsMadeAndTaken: what goes and what comes are told apart by when, and the database may hear of what comes first.
func TestRoomThatIsMadeAndTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.policy.MaxWorkspaceBytes = 100_000
	w.startAgent()
	w.startReplica("a")
	w.flush()
	w.sh(`head -c 60000 /dev/urandom > f0`)
	w.untilEqual()
	for i := range 10 {
		w.sh(fmt.Sprintf(`rm f%d; head -c 60000 /dev/urandom > f%d`, i, i+1))
		w.untilEqual()
	}
	w.sh(`head -c 60000 /dev/urandom > over`)
	w.listed(map[string]backend.UnsavedReason{"f10": backend.Saved, "over": backend.UnsavedWorkspaceFull})
	w.sh(`head -c 40000 /dev/urandom > exactly`)
	w.listed(map[string]backend.UnsavedReason{"f10": backend.Saved, "over": backend.UnsavedWorkspaceFull, "exactly": backend.Saved})
	w.sh(`rm f10`)
	w.untilEqual()
}

func TestTooManyFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.policy.MaxFiles = 4
	w.startAgent()
	w.startReplica("a")
	w.flush()
	w.sh(`for i in 1 2 3 4; do echo $i > f$i; done`)
	w.untilEqual() // exactly as many as may be
	full := backend.UnsavedWorkspaceFull
	want := map[string]backend.UnsavedReason{"f1": "", "f2": "", "f3": "", "f4": "", "d": "", "d/g": full, "h": full}
	w.sh(`mkdir d; echo g > d/g; echo h > h`)
	w.listed(want)
	// What has no place even in the list is told.
	w.sh(`for i in 5 6 7 8; do mkdir d$i; echo $i > d$i/f; done`)
	w.flush()
	w.until("it is told", func() (bool, string) {
		status := w.replicas[0].state()
		return strings.Contains(status.Message, "full"), fmt.Sprintf("%+v", status)
	})
	w.sh(`rm f1 f2 f3 f4 h; rm -r d6 d7 d8`)
	w.untilEqual()
	w.until("all is well again", func() (bool, string) {
		status := w.replicas[0].state()
		return status.Message == "" && status.Unsaved == 0, fmt.Sprintf("%+v", status)
	})
}

// TestAPathThatIsTooLong: what the database refuses holds up neither the rest nor a stop, and is told.
func TestAPathThatIsTooLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.startAgent()
	w.startReplica("a")
	w.flush()
	w.sh(`name=$(printf %0250d 0); mkdir top; cd top; for i in 1 2 3 4 5 6 7 8 9; do mkdir $name; cd $name; done; echo deep > f; mkdir g; echo deeper > g/f`)
	w.flush()
	w.sh(`echo more > "$(find . -type d -name g)/h"; echo fine > fine`)
	w.flush()
	w.until("it is told", func() (bool, string) {
		status := w.replicas[0].state()
		return strings.Contains(status.Message, "2048 are allowed"), fmt.Sprintf("%+v", status)
	})
	w.sh(`mv top/0*/0*/0* short; rmdir top/0*/0* && rmdir top/0* && rmdir top`)
	w.untilEqual()
	w.until("all is well again", func() (bool, string) {
		status := w.replicas[0].state()
		return status.Message == "", fmt.Sprintf("%+v", status)
	})
}

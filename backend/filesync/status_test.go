package filesync

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"codingplatform/backend"
	agentv1 "codingplatform/proto/gen/agent/v1"
)

// What is well again takes back its own words, and nobody else's.
func TestWordsOfTheStatus(t *testing.T) {
	t.Parallel()
	var told []string
	s := New(Config{
		Logger: slog.New(slog.DiscardHandler), OnStatus: func(st Status) { told = append(told, st.Message) },
	})
	want := func(step, words string) {
		t.Helper()
		if got := s.Status().Message; got != words || len(told) > 0 && told[len(told)-1] != words {
			t.Errorf("%s: the status says %q and %q was told, not %q", step, got, told, words)
		}
	}
	s.tell(ofContents, "no room")
	want("a content was not stored", "no room")
	failures := 2
	if err := s.retry(t.Context(), ofBatches, "commit", func() error {
		if failures--; failures >= 0 {
			return backend.Errorf(backend.CodeUnavailable, "the database restarts")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want("the database took something else", "no room")
	s.setAgentStatus(&agentv1.FileStatusResponse{WatchMode: agentv1.WatchMode_WATCH_MODE_INOTIFY})
	want("the agent tells how it watches", "no room")
	s.setAgentStatus(&agentv1.FileStatusResponse{WatchMode: agentv1.WatchMode_WATCH_MODE_INOTIFY, Braked: true})
	if got := s.Status(); !got.Braked || got.Message == "no room" {
		t.Errorf("an emptied workspace is not told first: %+v", got)
	}
	s.tell(ofDisk, "not written")
	s.setAgentStatus(&agentv1.FileStatusResponse{WatchMode: agentv1.WatchMode_WATCH_MODE_POLL})
	want("the files are back", "no room")
	s.tell(ofContents, "")
	want("the content is stored", "not written")
	s.tell(ofDisk, "")
	if s.Status().Message == "" {
		t.Error("too few watches are not told")
	}
	s.setAgentStatus(&agentv1.FileStatusResponse{WatchMode: agentv1.WatchMode_WATCH_MODE_INOTIFY})
	want("all is well", "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.retry(ctx, ofFeed, "read", func() error { return errors.New("lost") }); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled wait ended with %v", err)
	}
	want("the syncer ends", "")
}

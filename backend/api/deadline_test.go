package api

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// clockedWriter notes the deadlines that are set on its connection.
type clockedWriter struct {
	*httptest.ResponseRecorder
	reads, writes []time.Time
	writeErr      error
}

func (w *clockedWriter) SetReadDeadline(at time.Time) error {
	w.reads = append(w.reads, at)
	return nil
}

func (w *clockedWriter) SetWriteDeadline(at time.Time) error {
	w.writes = append(w.writes, at)
	return nil
}

func (w *clockedWriter) Write(p []byte) (int, error) {
	if w.writeErr != nil {
		return 0, w.writeErr
	}
	return w.ResponseRecorder.Write(p)
}

func newClocked() *clockedWriter { return &clockedWriter{ResponseRecorder: httptest.NewRecorder()} }

func silentServer() *server { return &server{log: slog.New(slog.DiscardHandler)} }

// last is how long the last deadline leaves, 0 when it is lifted. The answer is in whole minutes: no test is
// slow enough for the rest to matter.
func last(t *testing.T, deadlines []time.Time) time.Duration {
	t.Helper()
	if len(deadlines) == 0 {
		t.Fatal("no deadline was set")
	}
	at := deadlines[len(deadlines)-1]
	if at.IsZero() {
		return 0
	}
	return time.Until(at).Round(time.Minute)
}

func TestEveryRequestHasDeadlines(t *testing.T) {
	t.Parallel()
	w := newClocked()
	handler := silentServer().bound(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	if len(w.reads) != 0 || len(w.writes) != 1 || w.writes[0].IsZero() {
		t.Errorf("without a body: reads %v, writes %v", w.reads, w.writes)
	}
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("x")))
	if len(w.reads) != 1 || len(w.writes) != 2 || w.reads[0].IsZero() {
		t.Errorf("with a body: reads %v, writes %v", w.reads, w.writes)
	}
}

func TestDeadlinesMoveWithTheBytes(t *testing.T) {
	t.Parallel()
	const total = time.Hour
	w := newClocked()
	handler := silentServer().within(total)(http.HandlerFunc(func(paced http.ResponseWriter, r *http.Request) {
		if end, ok := r.Context().Deadline(); !ok || time.Until(end).Round(time.Minute) != total {
			t.Errorf("the handler's deadline is %v", end)
		}
		// The handler may think as long as the call may take; the client may not.
		if got := last(t, w.writes); got < total {
			t.Errorf("before the answer the write deadline leaves %v", got)
		}
		if got := last(t, w.reads); got > time.Minute {
			t.Errorf("before the body the read deadline leaves %v", got)
		}
		before := len(w.reads)
		if _, err := io.ReadAll(r.Body); err != nil {
			t.Error(err)
		}
		if len(w.reads) <= before || last(t, w.reads) != 0 {
			t.Errorf("after the body the read deadlines are %v", w.reads)
		}
		before = len(w.writes)
		for range 3 {
			if _, err := io.WriteString(paced, "x"); err != nil {
				t.Error(err)
			}
		}
		if len(w.writes) < before+3 || last(t, w.writes) > time.Minute {
			t.Errorf("after writing the write deadlines are %v", w.writes)
		}
		// A client that does not read is not given more time.
		w.writeErr, before = errors.New("timeout"), len(w.writes)
		if _, err := io.WriteString(paced, "x"); err == nil || len(w.writes) > before+1 {
			t.Errorf("after a failed write: %v, %d more deadlines", err, len(w.writes)-before)
		}
	}))
	handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("body")))
}

// A call's own end comes before a client's time to read.
func TestBodyEndsWithTheCall(t *testing.T) {
	t.Parallel()
	w := newClocked()
	silentServer().within(time.Millisecond)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).
		ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("body")))
	if at := w.reads[0]; time.Until(at) > stallTimeout/2 {
		t.Errorf("the read deadline is %v", at)
	}
}

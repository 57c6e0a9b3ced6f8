package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// pace is how long a call may take.
type pace struct {
	// total is the limit of the whole call.
	total time.Duration
	// stall is how long a client may leave one read or write hanging.
	stall time.Duration
}

// The paces of the calls.
const (
	stallTimeout    = 30 * time.Second
	callTimeout     = 30 * time.Second
	saveTimeout     = 5 * time.Minute
	archiveTimeout  = 30 * time.Minute
	shutdownTimeout = 3 * time.Minute
)

// within limits a call to total and gives a slow client stallTimeout for each read and write, so that a client
// that stands still holds nothing, and one that is merely slow gets through.
func (s *server) within(total time.Duration) func(http.Handler) http.Handler {
	p := pace{total: total, stall: stallTimeout}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), p.total)
			defer cancel()
			end := time.Now().Add(p.total)
			paced := &pacedWriter{ResponseWriter: w, control: http.NewResponseController(w), pace: p, log: s.log, end: end}
			r = r.WithContext(ctx)
			if r.Body != nil && r.Body != http.NoBody {
				body := &pacedBody{ReadCloser: r.Body, writer: paced}
				body.extend()
				r.Body = body
			}
			paced.extend()
			next.ServeHTTP(paced, r)
		})
	}
}

// bound gives every request its first deadlines, also one that no call takes: without, it would wait for its
// body for ever, and its answer would have what is left of the deadline of the connection's last one. A call goes
// on from there; a socket loses them as it takes the connection over.
func (s *server) bound(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		end := time.Now().Add(stallTimeout)
		paced := pacedWriter{control: http.NewResponseController(w), log: s.log}
		if r.Body != nil && r.Body != http.NoBody {
			paced.report(paced.control.SetReadDeadline(end))
		}
		paced.report(paced.control.SetWriteDeadline(end))
		next.ServeHTTP(w, r)
	})
}

// pacedWriter moves the write deadline on with each write.
type pacedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	pace    pace
	log     *slog.Logger
	end     time.Time
	status  int
}

// Unwrap lets http.ResponseController reach the connection.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Status is the status that was sent, 0 when none was.
func (w *pacedWriter) Status() int { return w.status }

func (w *pacedWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
		w.extend()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *pacedWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.extend()
	n, err := w.ResponseWriter.Write(p)
	if err == nil {
		// What was written may lie in a buffer that is flushed after the handler.
		w.extend()
	}
	return n, err
}

// extend gives the next write its time. Before the first one the handler's own time counts too.
func (w *pacedWriter) extend() {
	deadline := time.Now().Add(w.pace.stall)
	if w.status == 0 {
		deadline = w.end.Add(w.pace.stall)
	}
	w.report(w.control.SetWriteDeadline(deadline))
}

func (w *pacedWriter) report(err error) {
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		w.log.Debug("deadline not set", "error", err)
	}
}

// pacedBody moves the read deadline on with each read, and lifts it at the end of the body: the server's own
// read for the next request would otherwise run into it and cancel the handler.
type pacedBody struct {
	io.ReadCloser
	writer *pacedWriter
}

func (b *pacedBody) Read(p []byte) (int, error) {
	b.extend()
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.writer.report(b.writer.control.SetReadDeadline(time.Time{}))
	}
	return n, err
}

func (b *pacedBody) extend() {
	deadline := time.Now().Add(b.writer.pace.stall)
	if b.writer.end.Before(deadline) {
		deadline = b.writer.end
	}
	b.writer.report(b.writer.control.SetReadDeadline(deadline))
}

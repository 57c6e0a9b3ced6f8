package pgembed

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
)

// readyMessage is the server's word that it takes connections; lc_messages=C keeps it in English.
const readyMessage = "database system is ready to accept connections"

// keptLines of the log go into the error of a start that failed.
const keptLines = 12

// logWriter turns the server's standard error into log records. It is written to by one goroutine.
type logWriter struct {
	ctx    context.Context //nolint:containedctx // io.Writer takes none
	logger *slog.Logger
	ready  chan struct{}
	once   sync.Once
	rest   []byte

	mu   sync.Mutex
	last []string
}

func newLogWriter(ctx context.Context, logger *slog.Logger) *logWriter {
	return &logWriter{ctx: ctx, logger: logger, ready: make(chan struct{})}
}

// Write implements io.Writer.
func (w *logWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, rest, found := bytes.Cut(w.rest, []byte("\n"))
		if !found {
			// A line without an end must not grow for ever.
			if len(w.rest) > 64<<10 {
				w.line(string(w.rest))
				w.rest = nil
			}
			return len(p), nil
		}
		w.line(string(line))
		w.rest = rest
	}
}

func (w *logWriter) line(line string) {
	line = strings.TrimSpace(line)
	if line == "" {
		return
	}
	w.mu.Lock()
	w.last = append(w.last, line)
	if len(w.last) > keptLines {
		w.last = w.last[1:]
	}
	w.mu.Unlock()
	severity, message, found := strings.Cut(line, ":  ")
	if !found {
		severity, message = "", line
	}
	level := slog.LevelDebug
	switch severity {
	case "WARNING":
		level = slog.LevelWarn
	case "FATAL":
		// Every connection that a shutdown ends is one of these.
		level = slog.LevelInfo
	case "PANIC":
		level = slog.LevelError
	}
	w.logger.Log(w.ctx, level, "postgres", "severity", severity, "text", message)
	if strings.Contains(message, readyMessage) {
		w.once.Do(func() { close(w.ready) })
	}
}

// tail returns the last lines, for an error.
func (w *logWriter) tail() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.last, "; ")
}

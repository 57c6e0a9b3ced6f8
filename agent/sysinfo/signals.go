package sysinfo

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

// HandleIgnoredSignals gives every signal that this process ignores a handler that does nothing. A process
// started in the background of a script inherits ignored SIGINT and SIGQUIT, and so would every program that
// it starts: Ctrl-C would do nothing in their terminals. execve(2) resets handled signals to the default but
// leaves ignored ones ignored. The returned function takes the handlers away again.
func HandleIgnoredSignals() (restore func(), err error) {
	ignored, err := ignoredSignals()
	if err != nil {
		return nil, err
	}
	if len(ignored) == 0 {
		return func() {}, nil
	}
	// Nobody reads it: Notify never blocks, and the signals stay without effect on this process.
	sink := make(chan os.Signal, 1)
	signal.Notify(sink, ignored...)
	return func() { signal.Stop(sink) }, nil
}

// ignoredSignals are those in the mask SigIgn of /proc/self/status.
func ignoredSignals() ([]os.Signal, error) {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil, fmt.Errorf("read signal dispositions: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		hex, ok := strings.CutPrefix(line, "SigIgn:")
		if !ok {
			continue
		}
		mask, err := strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
		if err != nil {
			return nil, fmt.Errorf("read signal dispositions: %w", err)
		}
		var ignored []os.Signal
		for bit := range 31 { // the classic signals; programs do not ignore real-time ones by inheritance
			if mask&(1<<bit) != 0 {
				ignored = append(ignored, syscall.Signal(bit+1))
			}
		}
		return ignored, nil
	}
	return nil, errors.New("read signal dispositions: no SigIgn in /proc/self/status")
}

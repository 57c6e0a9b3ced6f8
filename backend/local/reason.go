package local

import (
	"fmt"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// endReason says in words why an environment ended. asked: by Stop; forced: what Stop did when it did not.
func endReason(rec record, l layout, asked bool, forced string) string {
	code, known := l.exitCode()
	// bwrap reports a signal as shells do.
	signal := syscall.Signal(0)
	if known && code > 128 {
		signal = syscall.Signal(code - 128)
	}
	words := l.lastWords()
	if words != "" {
		words = ": " + words
	}
	switch {
	case forced != "":
		return forced
	case asked && (!known || code == 0 || signal == syscall.SIGTERM):
		return "stopped"
	case signal == syscall.SIGKILL && oomKills(rec.MemoryEvents) > 0:
		return "out of memory: the limit is " + bytesInWords(rec.MemoryBytes)
	case !known:
		return "it ended, and its exit code is not known" + words
	case signal != 0:
		return "ended by " + signalName(signal) + words
	case code == 0:
		return "it ended by itself" + words
	default:
		return "it failed with exit code " + strconv.Itoa(code) + words
	}
}

func signalName(signal syscall.Signal) string {
	if name := unix.SignalName(signal); name != "" {
		return name
	}
	return "signal " + strconv.Itoa(int(signal))
}

func bytesInWords(n int64) string {
	switch {
	case n >= 1<<30:
		return strconv.FormatFloat(float64(n*10/(1<<30))/10, 'f', -1, 64) + " GiB"
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}

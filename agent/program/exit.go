package program

import (
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Exit is how a program ended.
type Exit struct {
	// Code is the exit code; 128 + signal when a signal ended it.
	Code int
	// Signal is for example "SIGKILL"; empty when the program ended by itself.
	Signal string
	// Reason is in words for people; empty when there is nothing to add.
	Reason string
}

// ExitOf takes the state of an ended process apart.
func ExitOf(state *os.ProcessState) Exit {
	status, ok := state.Sys().(syscall.WaitStatus)
	if !ok {
		return Exit{Code: state.ExitCode()}
	}
	if !status.Signaled() {
		return Exit{Code: status.ExitStatus()}
	}
	name := unix.SignalName(status.Signal())
	if name == "" {
		name = "signal " + strconv.Itoa(int(status.Signal()))
	}
	exit := Exit{Code: 128 + int(status.Signal()), Signal: name, Reason: "ended by " + name}
	if status.CoreDump() {
		exit.Reason += ", core dumped"
	}
	return exit
}

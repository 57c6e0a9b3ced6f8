package terminal

import (
	"log/slog"
	"time"

	"codingplatform/agent/program"
	"codingplatform/agent/sysinfo"
)

// Limits of the contract; see proto/agent/v1/terminal.proto.
const (
	maxSize       = 4096
	maxName       = 64
	maxClientID   = 128
	maxTitle      = 256
	maxClients    = 256
	maxViewerName = 64
	defaultWindow = 384 << 10
	// MaxOutput is the most bytes of one Output event.
	MaxOutput = 64 << 10
)

// Config is what a Manager needs. Zero values of limits have the defaults given.
type Config struct {
	Logger *slog.Logger
	// Base is what all programs have in common.
	Base program.Base
	// Shell is what a terminal runs when nothing is named: the program and its arguments.
	Shell []string
	// Incarnation is the agent's, random per start.
	Incarnation string
	// Cgroup tells whether the kernel killed for lack of memory; its zero value says never.
	Cgroup sysinfo.Cgroup
	// MaxTerminals bounds terminals, exited ones included until they are closed; default 32.
	MaxTerminals int
	// Scrollback is how many lines above the screen each terminal keeps, within ScrollbackBytes of memory; default
	// 10,000 lines, 2 MiB.
	Scrollback, ScrollbackBytes int
	// Resume is how many bytes of output each terminal keeps for viewers that come back; default 1 MiB.
	Resume int
	// InputQueue bounds the input that a terminal's program has not read, in bytes; default 4 MiB.
	InputQueue int
	// ParkAfter is how long a writer may hold up a program without progress; default 10 s.
	ParkAfter time.Duration
	// HoldFor is how long the output that a writer lacks is kept for it when its connection broke, if need be by
	// letting the program wait; default 10 s. Others who look on are held up for 3 s at most.
	HoldFor time.Duration
	// KillAfter is how long the programs of a closed terminal have after SIGHUP; default 2 s.
	KillAfter time.Duration
	// DrainAfter is how long output is waited for that the program left behind; default 1 s. The kernel hangs
	// the terminal up with its leader, so that only a program that opens it anew needs this.
	DrainAfter time.Duration
}

func (c Config) withDefaults() Config {
	setDefault(&c.MaxTerminals, 32)
	setDefault(&c.Resume, 1<<20)
	setDefault(&c.HoldFor, 10*time.Second)
	setDefault(&c.InputQueue, 4<<20)
	setDefault(&c.ParkAfter, 10*time.Second)
	setDefault(&c.KillAfter, 2*time.Second)
	setDefault(&c.DrainAfter, time.Second)
	return c
}

func setDefault[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

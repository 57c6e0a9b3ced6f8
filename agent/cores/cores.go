// Package cores decides on how many processors the agent's Go code runs.
//
// Terminals want one. A keystroke or a piece of output passes through a few goroutines that wait for each other; with
// more processors the runtime wakes a thread for each of them, which costs more than what they do: of 100 MB of output
// 0.69 s of CPU instead of 0.59, of 500 terminals at 40 KB a second 81 % of a core instead of 67, measured on two cores.
//
// Bringing and reading many files wants all, so that a key need not wait until a file is hashed: such work holds More.
package cores

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// linger is how long the processors stay after the last who wanted them: a change of their number stops the world for
// a moment, and work comes in bursts.
const linger = time.Second

// Cores counts who wants more than one processor.
type Cores struct {
	set func(int)
	all int

	mu     sync.Mutex
	users  int
	many   bool
	settle *time.Timer
}

var process atomic.Pointer[Cores] //nolint:gochecknoglobals // the number of processors is the whole process's

// New makes a Cores of `all` processors, which uses one from now on; set is called with how many are to be used.
func New(all int, set func(int)) *Cores {
	set(1)
	return &Cores{set: set, all: all}
}

// Start has the process use one processor, until somebody wants More.
func Start() {
	process.Store(New(runtime.GOMAXPROCS(0), func(n int) { runtime.GOMAXPROCS(n) }))
}

// More has the process use all processors until release is called. It does nothing before Start.
func More() (release func()) {
	if c := process.Load(); c != nil {
		return c.More()
	}
	return func() {}
}

// More has all processors used until release is called, which is to be done once.
func (c *Cores) More() (release func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users++
	if c.settle != nil {
		c.settle.Stop()
		c.settle = nil
	}
	if !c.many {
		c.many = true
		c.set(c.all)
	}
	return c.release
}

func (c *Cores) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users--
	if c.users == 0 {
		c.settle = time.AfterFunc(linger, c.fewer)
	}
}

func (c *Cores) fewer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users == 0 && c.many {
		c.many = false
		c.set(1)
	}
}

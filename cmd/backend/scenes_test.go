package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	wire "codingplatform/client"
)

// collector puts together what one viewer of a terminal gets.
type collector struct {
	t        testing.TB
	terminal *wire.Terminal
	// before is what came up to the mark, after hashes what came behind it.
	before bytes.Buffer
	mark   string
	after  hash.Hash
	count  int
	want   int
	// passed is told of each megabyte behind the mark.
	passed chan int
	// ready is closed when the mark has come, or, without one, when the terminal is attached.
	ready  chan struct{}
	once   sync.Once
	cancel context.CancelFunc
}

func (c *client) collect(session, terminal, mark string, want int, command ...string) *collector {
	c.t.Helper()
	api, err := wire.New(c.url, c.token)
	if err != nil {
		c.t.Fatal(err)
	}
	v := &collector{t: c.t, mark: mark, after: sha256.New(), want: want, passed: make(chan int, want>>20+2), ready: make(chan struct{})}
	v.terminal = api.Terminal(wire.Options{Session: session, Terminal: terminal, Command: command, Stream: true, Handle: v.handle})
	return v
}

func (v *collector) handle(e wire.Event) error {
	switch e := e.(type) {
	case wire.Attached:
		if v.mark == "" {
			v.once.Do(func() { close(v.ready) })
		}
	case wire.Output:
		v.take(e.Data)
	case wire.Gap:
		return fmt.Errorf("the bytes %d to %d are missing", e.From, e.To)
	}
	return nil
}

func (v *collector) take(data []byte) {
	if v.count == 0 && !bytes.Contains(v.before.Bytes(), []byte(v.mark)) {
		v.before.Write(data)
		at := bytes.Index(v.before.Bytes(), []byte(v.mark))
		if at < 0 {
			return
		}
		v.once.Do(func() { close(v.ready) })
		data = bytes.Clone(v.before.Bytes()[at+len(v.mark):])
		v.before.Truncate(at + len(v.mark))
	}
	data = data[:min(len(data), v.want-v.count)]
	v.after.Write(data)
	before := v.count
	v.count += len(data)
	if v.count>>20 != before>>20 || v.count == v.want {
		v.passed <- v.count
	}
	if v.count == v.want {
		v.cancel()
	}
}

// run collects until all is there.
func (v *collector) run(ctx context.Context) error {
	ctx, v.cancel = context.WithCancel(ctx)
	defer v.cancel()
	defer close(v.passed)
	_, err := v.terminal.Run(ctx)
	if v.count == v.want {
		return nil
	}
	return fmt.Errorf("after %d of %d bytes: %w", v.count, v.want, err)
}

func (v *collector) sum() string { return hex.EncodeToString(v.after.Sum(nil)) }

// TestTwoViewersOfAFlood kills the backend twice under two viewers of a flood: each puts together what the program
// wrote.
func TestTwoViewersOfAFlood(t *testing.T) {
	t.Parallel()
	dir, address := dataDir(t), freePort(t)
	p := startProcess(t, dir, "--listen", address)
	c := &client{t: t, url: p.url}
	c.register("ada")
	session := c.createSession("flood")
	const size = 24 << 20
	script := fmt.Sprintf("stty raw -echo; head -c %d /dev/urandom | base64 -w 76 | head -c %d > /tmp/f; sha256sum < /tmp/f; echo read''y; head -c 1 > /tmp/x; cat /tmp/f; sleep 1000", size, size)
	first := c.collect(session, "flood", "ready\n", size, "sh", "-c", script)
	second := c.collect(session, "flood", "", size)
	both, ctx := errgroup.WithContext(t.Context())
	both.Go(func() error { return first.run(ctx) })
	<-first.ready
	both.Go(func() error { return second.run(ctx) })
	<-second.ready
	if _, err := first.terminal.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	kills := 0
	for n := range first.passed {
		if at := (kills + 1) * size / 3; n >= at && kills < 2 {
			kills++
			p.end(t, os.Kill)
			p = startProcess(t, dir, "--listen", address)
		}
	}
	if err := both.Wait(); err != nil {
		t.Error(err)
	}
	sum, _, _ := strings.Cut(first.before.String(), " ")
	sum = sum[max(0, len(sum)-64):]
	for name, v := range map[string]*collector{"first": first, "second": second} {
		if v.sum() != sum {
			t.Errorf("the %s viewer has put together %s, the program wrote %s", name, v.sum(), sum)
		}
	}
	if kills != 2 {
		t.Errorf("%d kills", kills)
	}
	p.end(t, os.Interrupt)
}

// TestPasteAcrossRestarts pastes while the backend is killed and started anew, again and again: the program gets each
// byte once.
func TestPasteAcrossRestarts(t *testing.T) {
	t.Parallel()
	dir, address := dataDir(t), freePort(t)
	p := startProcess(t, dir, "--listen", address)
	c := &client{t: t, url: p.url}
	c.register("ada")
	session := c.createSession("paste")
	const size = 1 << 20
	paste := make([]byte, size)
	if _, err := rand.Read(paste); err != nil {
		t.Fatal(err)
	}
	want := sha256.Sum256(paste)
	answer := hex.EncodeToString(want[:])
	v := c.collect(session, "paste", "ready\n", len(answer), "sh", "-c", fmt.Sprintf("stty raw -echo; echo read''y; head -c %d | sha256sum; sleep 1000", size))
	running, ctx := errgroup.WithContext(t.Context())
	running.Go(func() error { return v.run(ctx) })
	<-v.ready
	running.Go(func() error {
		for at := 0; at < size; at += 4096 {
			if _, err := v.terminal.Write(paste[at : at+4096]); err != nil {
				return err
			}
		}
		return nil
	})
	for range 3 {
		p.end(t, os.Kill)
		p = startProcess(t, dir, "--listen", address)
	}
	if err := running.Wait(); err != nil {
		t.Error(err)
	}
	if v.sum() != hex.EncodeToString(func() []byte { s := sha256.Sum256([]byte(answer)); return s[:] }()) {
		t.Error("the program has read something else than was pasted")
	}
	p.end(t, os.Interrupt)
}

package terminal

import (
	"errors"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func newTestWaiter(t *testing.T) (w *waiter, slave *os.File) {
	t.Helper()
	master, slave, err := openPTY(Size{Cols: 80, Rows: 24})
	if err != nil {
		t.Fatal(err)
	}
	w, err = newWaiter(master, unix.EPOLLIN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(w.Close(), master.Close()); err != nil {
			t.Error(err)
		}
		_ = slave.Close() // a test may have closed it
	})
	return w, slave
}

// What came between two waits, and was told to the runtime meanwhile, is told again to the second one.
func TestWhatCameBetweenWaitsIsTold(t *testing.T) {
	t.Parallel()
	w, slave := newTestWaiter(t)
	if err := w.SetDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if err := w.wait(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("wait = %v, want a deadline exceeded", err)
	}
	if _, err := slave.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	// The runtime's poller looks at least as often as every 10 ms while the process does something.
	for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if err := w.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := w.wait(); err != nil {
		t.Errorf("wait = %v with output to be read", err)
	}
}

// Many pieces at random moments, read by one and told by another thread.
func TestNoPieceIsMissed(t *testing.T) {
	t.Parallel()
	const pieces = 20_000
	w, slave := newTestWaiter(t)
	type result struct {
		total int
		err   error
	}
	written := make(chan result, 1) // it may come after the test has failed
	go func() {
		r := rand.New(rand.NewPCG(1, 2))
		var all result
		for i := 0; i < pieces && all.err == nil; i++ {
			var n int
			n, all.err = slave.Write(make([]byte, 1+r.IntN(3000)))
			all.total += n
			for range r.IntN(2000) { // a moment of no fixed length
				_ = r.Uint64()
			}
		}
		all.err = errors.Join(all.err, slave.Close())
		written <- all
	}()
	buf := make([]byte, readSize)
	for got := 0; ; {
		// For each piece anew: the next one is never long in coming, all of them are on a busy machine.
		if err := w.SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		n, err := w.read(buf)
		got += n
		if errors.Is(err, unix.EIO) {
			if all := <-written; all.err != nil || got != all.total {
				t.Errorf("%d of %d bytes were read: %v", got, all.total, all.err)
			}
			return
		}
		if err != nil {
			t.Fatalf("%v after %d bytes", err, got)
		}
	}
}

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
	written := make(chan int, 1)
	go func() {
		r := rand.New(rand.NewPCG(1, 2))
		total := 0
		for range pieces {
			n, err := slave.Write(make([]byte, 1+r.IntN(3000)))
			if err != nil {
				t.Error(err)
			}
			total += n
			for range r.IntN(2000) { // a moment of no fixed length
				_ = r.Uint64()
			}
		}
		written <- total
		if err := slave.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := w.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, readSize)
	for got := 0; ; {
		n, err := w.read(buf)
		got += n
		if errors.Is(err, unix.EIO) {
			if total := <-written; got != total {
				t.Errorf("%d of %d bytes were read", got, total)
			}
			return
		}
		if err != nil {
			t.Fatalf("%v after %d bytes", err, got)
		}
	}
}

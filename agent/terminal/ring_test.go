package terminal

import (
	"bytes"
	"testing"
)

// FuzzRing compares the ring with all bytes that were ever written.
func FuzzRing(f *testing.F) {
	f.Add([]byte("abcdefghij"), 3, 4)
	f.Add(bytes.Repeat([]byte("x"), 1000), 64, 7)
	f.Add([]byte{}, 1, 1)
	f.Fuzz(func(t *testing.T, data []byte, limit, step int) {
		limit, step = 1+abs(limit)%4096, 1+abs(step)%512
		r := newRing(limit)
		for at := 0; at < len(data); at += step {
			r.Append(data[at:min(at+step, len(data))])
			end := min(at+step, len(data))
			if r.End() != uint64(end) { //nolint:gosec // not negative
				t.Fatalf("end %d, want %d", r.End(), end)
			}
			if held := r.End() - r.Start(); held < uint64(min(limit, end)) && held != uint64(end) { //nolint:gosec // not negative
				t.Fatalf("it holds %d bytes of %d, limit %d", held, end, limit)
			}
			got := make([]byte, r.End()-r.Start())
			for n := 0; n < len(got); {
				copied := r.CopyAt(got[n:], r.Start()+uint64(n))
				if copied == 0 {
					t.Fatalf("nothing at %d of %d..%d", n, r.Start(), r.End())
				}
				n += copied
			}
			if want := data[r.Start():end]; !bytes.Equal(got, want) {
				t.Fatalf("it holds %q, want %q", got, want)
			}
		}
		if n := r.CopyAt(make([]byte, 1), r.End()); n != 0 {
			t.Fatalf("%d bytes after the end", n)
		}
	})
}

func abs(n int) int {
	if n < 0 {
		return max(-n, 0)
	}
	return n
}

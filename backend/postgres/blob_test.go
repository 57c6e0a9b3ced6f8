package postgres_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"codingplatform/backend"
)

// numbered is text of so many bytes, of which no part is like the next.
func numbered(size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i += 8 {
		b.WriteString("0000000" + string(rune('a'+i/8%26)))
		b.WriteString(strings.Repeat(string(rune('A'+i/200%26)), 3))
	}
	return b.String()[:size]
}

func TestBlobReaderSkips(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, size := range map[string]int{"empty": 0, "inline": 200 << 10, "chunks": 3<<20 + 17, "whole chunks": 2 << 20} {
		content := numbered(size)
		item := w.save(name, content)
		for _, steps := range [][2]int64{{0, 0}, {0, 5}, {1, 1 << 20}, {5, 1<<20 - 5}, {1<<20 - 1, 1}, {1<<20 + 3, 1<<20 - 3}, {1 << 21, 3}, {7, 1 << 22}, {0, 1 << 60}} {
			r, err := w.BlobReader(t.Context(), w.session, item.Hash)
			if err != nil {
				t.Fatal(err)
			}
			r.Skip(steps[0])
			// Read, so that the second step begins within what is there already.
			head := make([]byte, 3)
			n, err := io.ReadFull(r, head)
			if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatal(err)
			}
			r.Skip(steps[1])
			rest, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			from := min(steps[0], int64(size))
			to := min(from+int64(n)+steps[1], int64(size))
			if string(head[:n]) != content[from:from+int64(n)] || string(rest) != content[to:] {
				t.Errorf("%s, %v: %q and %d bytes, want %d", name, steps, head[:n], len(rest), int64(size)-to)
			}
		}
	}
}

// TestAContentThatLacksAPiece is told so, and not read as a shorter one.
func TestAContentThatLacksAPiece(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	item := w.save("f", numbered(2<<20))
	w.exec(`DELETE FROM blob_pieces WHERE n = 300`)
	r, err := w.BlobReader(t.Context(), w.session, item.Hash)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); !errors.Is(err, io.ErrUnexpectedEOF) || len(got) != 1<<20 {
		t.Errorf("%d bytes were read, %v", len(got), err)
	}
}

func TestBlobReaderOfAnotherSession(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t), newWorld(t)
	item := w.save("f", "secret")
	_, err := w.BlobReader(t.Context(), other.session, item.Hash)
	wantCode(t, err, backend.CodeNotFound)
}

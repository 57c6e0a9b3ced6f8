package screen_test

import (
	"bytes"
	"fmt"
	"testing"

	"codingplatform/agent/screen"
)

func benchmark(b *testing.B, data []byte) {
	b.Helper()
	s := screen.New(80, 24, screen.Config{})
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		for at := 0; at < len(data); at += 4096 {
			s.Write(data[at:min(at+4096, len(data))])
		}
	}
}

func BenchmarkWriteText(b *testing.B) {
	benchmark(b, bytes.Repeat([]byte("The quick brown fox jumps over the lazy dog, and so on until the line is full.\r\n"), 10_000))
}

func BenchmarkWriteShortLines(b *testing.B) { benchmark(b, bytes.Repeat([]byte("y\r\n"), 100_000)) }

func BenchmarkWriteLongLines(b *testing.B) {
	benchmark(b, bytes.Repeat([]byte("0123456789abcdef"), 50_000))
}

func BenchmarkWriteColours(b *testing.B) {
	var out []byte
	for i := range 50_000 {
		out = fmt.Appendf(out, "\x1b[38;2;%d;%d;%dm#", i%256, i/256%256, i%7)
	}
	benchmark(b, out)
}

func BenchmarkWriteUnicode(b *testing.B) {
	benchmark(b, bytes.Repeat([]byte("Grüße aus 東京 – „naïve“ 👍\r\n"), 20_000))
}

func BenchmarkSnapshot(b *testing.B) {
	s := screen.New(80, 24, screen.Config{})
	s.Write(bytes.Repeat([]byte("\x1b[32muser@host\x1b[0m:\x1b[34m~/project\x1b[0m$ make all the things\r\n"), 20_000))
	b.SetBytes(int64(len(s.Snapshot())))
	b.ReportAllocs()
	for b.Loop() {
		s.Snapshot()
	}
}

package api

import (
	"net/http"
	"testing"
)

func TestRangeOf(t *testing.T) {
	t.Parallel()
	const size = 100
	for _, c := range []struct {
		header, ifRange string
		start, length   int64
		partial, bad    bool
	}{
		{header: "", length: size},
		{header: "bytes=0-0", start: 0, length: 1, partial: true},
		{header: "bytes=10-19", start: 10, length: 10, partial: true},
		{header: "Bytes = 10 - 19", start: 10, length: 10, partial: true},
		{header: "bytes=90-", start: 90, length: 10, partial: true},
		{header: "bytes=90-1000", start: 90, length: 10, partial: true},
		{header: "bytes=90-99999999999999999999999", start: 90, length: 10, partial: true},
		{header: "bytes=-7", start: 93, length: 7, partial: true},
		{header: "bytes=-1000", start: 0, length: size, partial: true},
		{header: "bytes=10-19", ifRange: `"7"`, start: 10, length: 10, partial: true},
		{header: "bytes=10-19", ifRange: `"6"`, length: size},
		{header: "bytes=100-", bad: true},
		{header: "bytes=99999999999999999999999-", bad: true},
		{header: "bytes=-0", bad: true},
		{header: "bytes=100-", ifRange: `"6"`, length: size},
		{header: "bytes=19-10", length: size},
		{header: "bytes=0-1,5-6", length: size},
		{header: "bytes=-", length: size},
		{header: "bytes=a-b", length: size},
		{header: "bytes=+1-5", length: size},
		{header: "bytes=0", length: size},
		{header: "lines=0-5", length: size},
	} {
		r := &http.Request{Header: http.Header{}}
		r.Header.Set("Range", c.header)
		r.Header.Set("If-Range", c.ifRange)
		part, partial, err := rangeOf(r, size, `"7"`)
		if (err != nil) != c.bad || !c.bad && (part != byteRange{c.start, c.length} || partial != c.partial) {
			t.Errorf("%q, if %q: %+v, %v, %v", c.header, c.ifRange, part, partial, err)
		}
	}
}

func FuzzRangeOf(f *testing.F) {
	for _, header := range []string{"bytes=0-5", "bytes=-5", "bytes=7-", "bytes=9223372036854775807-9223372036854775807", "bytes=-9223372036854775808"} {
		f.Add(header, int64(10))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 || size > maxOffset {
			return
		}
		r := &http.Request{Header: http.Header{"Range": {header}}}
		part, _, err := rangeOf(r, size, "")
		if part.start < 0 || part.length < 0 || part.start+part.length > size {
			t.Fatalf("%q of %d bytes: %+v, %v", header, size, part, err)
		}
	})
}

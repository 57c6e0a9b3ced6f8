package api

import (
	"net/http"
	"strconv"
	"strings"

	"codingplatform/backend"
)

// byteRange is a part of a content, in bytes.
type byteRange struct {
	start, length int64
}

// rangeOf reads which part of a content a request asks for (RFC 9110, 14.2); partial is false where all of it is meant:
// also when several parts are asked for, which a server may answer so, when the header is no range of bytes, and when
// If-Range names another version than tag. A range that no byte is in is an error.
func rangeOf(r *http.Request, size int64, tag string) (part byteRange, partial bool, err error) {
	whole := byteRange{length: size}
	condition := r.Header.Get("If-Range")
	if condition != "" && condition != tag {
		return whole, false, nil
	}
	first, last, ok := parseRange(r.Header.Get("Range"))
	switch {
	case !ok:
		return whole, false, nil
	case first < 0:
		// The last bytes of it, as many as there are.
		part.start = max(size-last, 0)
		part.length = size - part.start
	default:
		part.start = first
		part.length = min(last, size-1) - first + 1
	}
	if part.length <= 0 {
		return whole, false, &requestError{
			status: http.StatusRequestedRangeNotSatisfiable, code: backend.CodeInvalid,
			message: "the content has " + strconv.FormatInt(size, 10) + " bytes, and none in that range",
		}
	}
	return part, true, nil
}

// parseRange reads a Range header with one range of bytes. With first -1, last counts from the end.
func parseRange(header string) (first, last int64, ok bool) {
	unit, spec, _ := strings.Cut(header, "=")
	from, to, dash := strings.Cut(spec, "-")
	if !strings.EqualFold(strings.TrimSpace(unit), "bytes") || !dash {
		return 0, 0, false
	}
	from, to = strings.TrimSpace(from), strings.TrimSpace(to)
	first, fromOK := parseOffset(from)
	last, toOK := parseOffset(to)
	switch {
	case from == "" && toOK:
		return -1, last, true
	case fromOK && to == "":
		return first, maxOffset, true
	default:
		return first, last, fromOK && toOK && first <= last
	}
}

// maxOffset is more than a content can have, and far from where adding would overflow.
const maxOffset = 1 << 60

// parseOffset reads digits, and nothing else. What is beyond maxOffset is maxOffset.
func parseOffset(text string) (int64, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n > maxOffset {
		// Digits alone fail for their number only.
		return maxOffset, true
	}
	return n, true
}

package terminal

// maxChunk is the unit in which the ring grows, in bytes.
const maxChunk = 16 << 10

// ring keeps the newest bytes of a stream, addressed by their absolute offset. It grows in chunks, as they
// are needed, to limit bytes and at most two chunks more. It is not safe for use at once.
type ring struct {
	limit  uint64
	chunk  uint64
	chunks [][]byte // all full but the last; the first one begins at base
	base   uint64
	end    uint64
	spare  []byte // a chunk that was dropped, for the next one
}

func newRing(limit int) *ring {
	limit = max(limit, 1)
	chunk := min(max(limit/8, 64), maxChunk)
	return &ring{limit: uint64(limit), chunk: uint64(chunk)}
}

// Append adds p at the end.
func (r *ring) Append(p []byte) {
	for len(p) > 0 {
		last := len(r.chunks) - 1
		if last < 0 || len(r.chunks[last]) == cap(r.chunks[last]) {
			r.grow()
			last = len(r.chunks) - 1
		}
		c := r.chunks[last]
		n := min(len(p), cap(c)-len(c))
		r.chunks[last] = append(c, p[:n]...)
		r.end += uint64(n) //nolint:gosec // n is not negative
		p = p[n:]
	}
	for start := r.Start(); r.base+r.chunk <= start; r.base += r.chunk {
		r.spare = r.chunks[0][:0]
		copy(r.chunks, r.chunks[1:])
		r.chunks[len(r.chunks)-1] = nil
		r.chunks = r.chunks[:len(r.chunks)-1]
	}
}

func (r *ring) grow() {
	c := r.spare
	r.spare = nil
	if c == nil {
		c = make([]byte, 0, r.chunk)
	}
	r.chunks = append(r.chunks, c)
}

// Start is the offset of the oldest byte kept.
func (r *ring) Start() uint64 {
	if r.end > r.limit {
		return max(r.base, r.end-r.limit)
	}
	return r.base
}

// End is the offset of the next byte.
func (r *ring) End() uint64 { return r.end }

// CopyAt copies bytes from an offset on to dst and says how many. It copies none from an offset that is not
// kept or not yet written.
func (r *ring) CopyAt(dst []byte, offset uint64) int {
	if offset < r.Start() || offset >= r.end {
		return 0
	}
	n := 0
	for at := offset - r.base; n < len(dst) && at < r.end-r.base; {
		copied := copy(dst[n:], r.chunks[at/r.chunk][at%r.chunk:])
		n += copied
		at += uint64(copied) //nolint:gosec // copied is not negative
	}
	return n
}

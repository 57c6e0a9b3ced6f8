package screen

// maxParams is how many parameters, and how many sub-parameters, a control sequence has at most; more are ignored.
const maxParams = 32

// params are those of a control sequence.
type params struct {
	values [maxParams]int
	n      int
	sub    [maxParams]int // -1 where empty
	subs   int
	// subEnd is where the sub-parameters of each parameter end; they begin where the ones before end.
	subEnd [maxParams]uint8
}

// maxParam bounds a parameter.
const maxParam = 0x7fffffff

// parse reads parameters: digits, ";" and ":". Empty parameters are 0.
func (p *params) parse(data []byte) {
	p.values[0], p.n, p.subs = 0, 1, 0
	p.subEnd[0] = 0
	inSub, rejected, rejectedSub := false, false, false
	for _, b := range data {
		switch {
		case b == ';':
			inSub = false
			if p.n == maxParams {
				rejected = true
				continue
			}
			p.values[p.n] = 0
			p.subEnd[p.n] = uint8(p.subs) //nolint:gosec // 32 at most
			p.n++
		case b == ':':
			inSub = true
			if rejected || p.subs == maxParams {
				rejectedSub = true
				continue
			}
			p.sub[p.subs] = -1
			p.subs++
			p.subEnd[p.n-1] = uint8(p.subs) //nolint:gosec // 32 at most
		case rejected || inSub && rejectedSub:
		case inSub:
			p.sub[p.subs-1] = min(max(p.sub[p.subs-1], 0)*10+int(b-'0'), maxParam)
		default:
			p.values[p.n-1] = min(p.values[p.n-1]*10+int(b-'0'), maxParam)
		}
	}
}

// subOf are the sub-parameters of a parameter.
func (p *params) subOf(i int) []int {
	from := uint8(0)
	if i > 0 {
		from = p.subEnd[i-1]
	}
	return p.sub[from:p.subEnd[i]]
}

// or1 is a parameter that counts, where 0 stands for 1.
func (p *params) or1(i int) int {
	if i < p.n && p.values[i] > 0 {
		return p.values[i]
	}
	return 1
}

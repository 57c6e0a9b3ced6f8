package terminal

// csi is a control sequence taken apart.
type csi struct {
	prefix byte // one of < = > ?, or 0
	inter  byte // the last intermediate, or 0
	final  byte
	params []byte // digits, ";" and ":"
}

// parseCSI takes the parser's present control sequence apart. params is valid until the next byte.
func parseCSI(p *parser) csi {
	c := csi{final: p.final}
	buf := p.buf
	if len(buf) > 0 && buf[0] >= '<' && buf[0] <= '?' {
		c.prefix, buf = buf[0], buf[1:]
	}
	for len(buf) > 0 && buf[len(buf)-1] < 0x30 {
		if c.inter == 0 {
			c.inter = buf[len(buf)-1]
		}
		buf = buf[:len(buf)-1]
	}
	c.params = buf
	return c
}

// maxParam bounds a parameter, as in xterm.
const maxParam = 65535

// param is one parameter with its sub-parameters, -1 where empty.
type param struct {
	value int
	sub   [6]int
	subs  int
}

// eachParam calls fn for each parameter, once for none at all.
func (c csi) eachParam(fn func(param)) {
	cur, inSub := param{value: -1}, false
	for _, b := range c.params {
		switch {
		case b >= '0' && b <= '9':
			dst := &cur.value
			if inSub {
				if cur.subs == 0 {
					continue // more sub-parameters than anyone has
				}
				dst = &cur.sub[cur.subs-1]
			}
			*dst = min(max(*dst, 0)*10+int(b-'0'), maxParam)
		case b == ':':
			inSub = true
			if cur.subs < len(cur.sub) {
				cur.sub[cur.subs] = -1
				cur.subs++
			}
		case b == ';':
			fn(cur)
			cur, inSub = param{value: -1}, false
		}
	}
	fn(cur)
}

// first is the first parameter, or def when it is empty.
func (c csi) first(def int) int {
	value, done := def, false
	c.eachParam(func(p param) {
		if !done && p.value >= 0 {
			value = p.value
		}
		done = true
	})
	return value
}

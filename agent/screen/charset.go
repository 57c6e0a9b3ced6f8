package screen

// charsets are the designated character sets by the final byte of their designation, 0 for ASCII.
type charsets struct {
	g      [4]byte
	level  int
	active byte
}

func (c *charsets) designate(g int, set byte) {
	c.g[g] = set
	if c.level == g {
		c.active = set
	}
}

func (c *charsets) shift(level int) {
	c.level = level
	c.active = c.g[level]
}

// knownCharset says that a set can be designated, and by which name it is kept.
func knownCharset(final byte) (set byte, ok bool) {
	switch final {
	case 'B':
		return 0, true
	case '5':
		return 'C', true
	case '6':
		return 'E', true
	case '7':
		return 'H', true
	case '0', 'A', '4', 'C', 'R', 'Q', 'K', 'Y', 'E', 'Z', 'H', '=':
		return final, true
	}
	return 0, false
}

// national are the characters of the National Replacement Character Sets (DEC VT220 manual, chapter 2), each after
// the ASCII character in whose place it stands.
func national(set byte) string {
	switch set {
	case 'A':
		return "#£"
	case '4':
		return `#£@¾[i\½]|{¨|f}¼~´`
	case 'C':
		return "[Ä\\Ö]Å^Ü`é{ä|ö}å~ü"
	case 'R':
		return `#£@à[°\ç]§{é|ù}è~¨`
	case 'Q':
		return "@à[â\\ç]ê^î`ô{é|ù}è~û"
	case 'K':
		return `@§[Ä\Ö]Ü{ä|ö}ü~ß`
	case 'Y':
		return "#£@§[°\\ç]é`ù{à|ò}è~ì"
	case 'E':
		return "@Ä[Æ\\Ø]Å^Ü`ä{æ|ø}å~ü"
	case 'Z':
		return `#£@§[¡\Ñ]¿{°|ñ}ç`
	case 'H':
		return "@É[Ä\\Ö]Å^Ü`é{ä|ö}å~ü"
	case '=':
		return "#ù@à[é\\ç]ê^î_è`ô{ä|ö}ü~û"
	case '0': // DEC special graphics
		return "`◆a▒b␉c␌d␍e␊f°g±h␤i␋j┘k┐l┌m└n┼o⎺p⎻q─r⎼s⎽t├u┤v┴w┬x│y≤z≥{π|≠}£~·"
	}
	return ""
}

// translate is what an ASCII character shows in a character set.
func translate(set byte, r rune) rune {
	from := rune(-1)
	for _, c := range national(set) {
		if from < 0 {
			from = c
			continue
		}
		if from == r {
			return c
		}
		from = -1
	}
	return r
}

package pyre

// KeepsDigit tells whether a digit behind this byte is not meant where digits are
// said to be alike: behind letters, as in ssh2, and what ASCII has among them.
func KeepsDigit(before byte) bool { return before >= 0x40 }

// DigitsAlike tells whether the expression takes all digits for the same, but
// for those that KeepsDigit speaks of: a text with other digits, in the same
// places, has its matches in the same places. It may say no where yes were true.
func (re *Regexp) DigitsAlike() bool {
	pr := re.prog
	for i := range pr.code {
		if !pr.code[i].digitsAlike() {
			return false
		}
	}
	return true
}

func (in *inst) digitsAlike() bool {
	switch {
	case in.op == opBackref, len(in.peeks()) > 0, in.op == opByte && isDigit(in.b):
		return false
	case !literalAlike(in.str), in.tab != nil && !tableAlike(in.tab):
		return false
	}
	x := in.ext
	if x == nil {
		return true
	}
	for _, c := range []*class{x.class, x.last} {
		if c != nil && !tableAlike(&c.tab) {
			return false
		}
	}
	return (x.after.next == nil || tableAlike(x.after.next)) && literalAlike(x.after.literal) && literalAlike(string(x.guard))
}

func (in *inst) peeks() []*node {
	if in.ext == nil {
		return nil
	}
	return in.ext.peeks
}

// literalAlike tells whether no digit of a literal is one of those that are to
// be alike.
func literalAlike(s string) bool {
	for i := range len(s) {
		if isDigit(s[i]) && (i == 0 || !KeepsDigit(s[i-1])) {
			return false
		}
	}
	return true
}

// tableAlike tells whether a table says the same of all digits.
func tableAlike(tab *[256]uint8) bool {
	for b := '1'; b <= '9'; b++ {
		if tab[b] != tab['0'] {
			return false
		}
	}
	return true
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

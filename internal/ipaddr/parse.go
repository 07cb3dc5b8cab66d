package ipaddr

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
)

// Parse reads a text as Fail2ban does: an address, an address in brackets, a
// network with a length or a mask; anything else is the text itself.
func Parse(text string) ID {
	id, err := ParseStrict(text)
	if err != nil {
		return Raw(text)
	}
	return id
}

// ParseStrict is Parse with an error for the one thing that the reference
// refuses: a mask with holes.
func ParseStrict(text string) (ID, error) {
	s := text
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		s = s[1 : len(s)-1]
	}
	addr, suffix, slash := strings.Cut(s, "/")
	if !slash {
		if a, ok := parseAddr(s); ok {
			return FromAddr(a), nil
		}
		return Raw(s), nil
	}
	if !looksNumeric(addr) || suffix == "" {
		return Raw(s), nil
	}
	plen, ok := decimal(suffix)
	if !ok {
		if !looksNumeric(suffix) {
			return Raw(s), nil
		}
		var err error
		if plen, err = maskLen(suffix); err != nil {
			return ID{}, err
		}
	}
	a, ok := parseAddr(addr)
	if !ok {
		return Raw(addr), nil
	}
	return masked(a, plen), nil
}

// ParseFamily reads the text of a group that says which family it holds. Text
// that is no address of that family stays a text; brackets and lengths are
// not looked for. cidr is the prefix length captured beside it, or empty; with
// one the family is not enforced.
func ParseFamily(text string, fam Family, cidr string) ID {
	a, ok := parseAddr(text)
	if !ok {
		return Raw(text)
	}
	if plen, isNum := decimal(cidr); isNum {
		return masked(a, plen)
	}
	if (fam == Inet4) != a.Is4() {
		return Raw(text)
	}
	return FromAddr(a)
}

// parseAddr is inet_pton: no zones, no leading zeros in IPv4.
func parseAddr(s string) (netip.Addr, bool) {
	if len(s) < 2 || strings.IndexByte(s, '%') >= 0 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	return a, err == nil
}

// looksNumeric tells whether the text has the shape that the reference takes
// for the address (or mask) of a network: four dotted numbers, or hexadecimal
// digits and colons. The mixed spelling ::1.2.3.4 is not among them, so with a
// length it stays a text.
func looksNumeric(s string) bool {
	if strings.IndexByte(s, ':') >= 0 {
		return colonShape(s, s, 0)
	}
	parts := strings.Split(s, ".")
	if len(parts) != 4 {
		return false
	}
	for _, p := range parts {
		if _, ok := decimal(p); !ok || len([]rune(p)) > 3 {
			return false
		}
	}
	return true
}

// maxColonGroups is how many groups the reference allows before the last one.
const maxColonGroups = 7

// colonShape tells whether rest, the end of s behind n groups, can be taken for
// that of an IPv6 address: one to seven groups, each of hexadecimal digits and
// one or two colons or of a lone colon, and digits or a second colon at the end.
func colonShape(s, rest string, n int) bool {
	hex := 0
	for hex < len(rest) && isHex(rest[hex]) {
		hex++
	}
	if n > 0 && hex == len(rest) && hex >= 1 && hex <= 4 {
		return true
	}
	if n > 0 && rest == ":" && s[len(s)-len(rest)-1] == ':' {
		return true
	}
	if n == maxColonGroups || hex > 4 || !strings.HasPrefix(rest[hex:], ":") {
		return false
	}
	if hex > 0 && strings.HasPrefix(rest[hex:], "::") && colonShape(s, rest[hex+2:], n+1) {
		return true
	}
	return colonShape(s, rest[hex+1:], n+1)
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// maxPlen bounds the nonsense lengths that are kept.
const maxPlen = 1 << 30

// decimal reads a run of decimal digits of any script, as Python does.
func decimal(s string) (int, bool) {
	n := 0
	for _, r := range s {
		d := digit(r)
		if d < 0 {
			return 0, false
		}
		if n = n*10 + d; n > maxPlen {
			n = maxPlen
		}
	}
	return n, s != ""
}

// digit is the value of a decimal digit, -1 for anything else. Every script
// has its ten digits in one run, and every range of the table starts with one.
func digit(r rune) int {
	if r < 0x80 {
		if r >= '0' && r <= '9' {
			return int(r - '0')
		}
		return -1
	}
	for _, t := range unicode.Nd.R16 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return int(r-rune(t.Lo)) % 10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return int(r-rune(t.Lo)) % 10
		}
	}
	return -1
}

// maskLen turns a mask such as 255.255.0.0 or ffff:: into its length. One that
// only looks like an address has length 0.
func maskLen(s string) (int, error) {
	a, ok := parseAddr(s)
	if !ok {
		return 0, nil
	}
	n, zero := 0, false
	for _, b := range a.AsSlice() {
		for bit := 7; bit >= 0; bit-- {
			switch set := b>>bit&1 == 1; {
			case set && zero:
				return 0, fmt.Errorf("invalid mask '%s', no plen representation", s)
			case set:
				n++
			default:
				zero = true
			}
		}
	}
	return n, nil
}

package filter

import (
	"fmt"
	"strings"
	"testing"

	"stockade/internal/filter/filtertest"
	"stockade/internal/ipaddr"
)

// TestIDsAreSpeltAsByTheReference makes texts that look like addresses and
// networks, and compares what both sides read in them.
func TestIDsAreSpeltAsByTheReference(t *testing.T) {
	d := filtertest.Start(t, "UTC")
	rnd := newRand(9)
	pick := func(list ...string) string { return list[rnd.IntN(len(list))] }
	v4 := func() string {
		parts := make([]string, 4)
		for i := range parts {
			parts[i] = pick("0", "1", "10", "127", "192", "255", fmt.Sprint(rnd.IntN(256)), fmt.Sprint(rnd.IntN(256)), "256", "01")
		}
		return strings.Join(parts, ".")
	}
	v6 := func() string {
		var b strings.Builder
		for i := range 1 + rnd.IntN(8) {
			if i > 0 {
				b.WriteString(":")
			}
			b.WriteString(pick("", "0", "0", "1", "ffff", "FFFF", "2001", "db8", "a", "00ab", "12345"))
		}
		return pick("", "::", "::ffff:", "::ffff:0:", "fe80::") + b.String() + pick("", "", "::", ":1.2.3.4", "::1")
	}
	suffix := func() string {
		return pick("", "", "", "/", "/0", "/8", "/24", "/31", "/32", "/33", "/64", "/96", "/120", "/127", "/128", "/129", "/x", "/08", "/ 8",
			"/255.255.0.0", "/255.0.255.0", "/ffff:ffff::", "/ffff::1", "/24/8", "/255.255.255.255")
	}
	var texts []string
	for range scale(20_000, 200_000) {
		s := v4()
		if rnd.IntN(2) == 0 {
			s = v6()
		}
		s += suffix()
		switch rnd.IntN(12) {
		case 0:
			s = "[" + s + "]"
		case 1:
			s = pick(" ", "[", "x", "") + s + pick(" ", "]", "%lo", ".", ":")
		}
		texts = append(texts, s)
	}
	bad, addrs := 0, 0
	for i, want := range d.IPs(texts) {
		id, err := ipaddr.ParseStrict(texts[i])
		got := []any{id.String(), id.Family().String(), id.IsAddr()}
		if err != nil {
			got = []any{err.Error()}
		}
		if id.Family() != ipaddr.None {
			addrs++
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			if bad++; bad <= 20 {
				t.Errorf("%q: %v, want %v", texts[i], got, want)
			}
		}
	}
	t.Logf("%d texts, %d with an address", len(texts), addrs)
}

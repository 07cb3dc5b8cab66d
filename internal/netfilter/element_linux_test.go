package netfilter

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// encoded is a message's body as the kernel would list these elements.
func encoded(interval bool, elems ...elem) []byte {
	var m message
	list := m.nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS)
	for _, e := range elems {
		m.element(e, interval)
	}
	m.unnest(list)
	return m.b
}

func TestElementsAreReadAsTheyWereWritten(t *testing.T) {
	got := decodeElements(encoded(true,
		elem{netip.MustParsePrefix("10.0.0.0/8"), time.Minute}, elem{netip.MustParsePrefix("240.0.0.0/4"), 0}), nil)
	if len(got) != 3 || got[0].addr != netip.MustParseAddr("10.0.0.0") || !got[1].end || got[1].addr != netip.MustParseAddr("11.0.0.0") || got[2].end {
		t.Fatalf("%+v", got)
	}
	if ranges := intervals(got); len(ranges) != 2 || ranges[0].prefix.String() != "10.0.0.0/8" || ranges[1].prefix.String() != "240.0.0.0/4" {
		t.Errorf("%+v", ranges)
	}
}

func TestRangesAreCutIntoPrefixes(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"10.0.0.0", "10.255.255.255", "[10.0.0.0/8]"},
		{"10.0.0.1", "10.0.0.1", "[10.0.0.1/32]"},
		{"10.0.0.1", "10.0.0.6", "[10.0.0.1/32 10.0.0.2/31 10.0.0.4/31 10.0.0.6/32]"},
		{"0.0.0.0", "255.255.255.255", "[0.0.0.0/0]"},
		{"255.255.255.254", "255.255.255.255", "[255.255.255.254/31]"},
		{"::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "[::/0]"},
		{"2001:db8::", "2001:db8::ffff", "[2001:db8::/112]"},
	} {
		list := prefixes(netip.MustParseAddr(c.from), netip.MustParseAddr(c.to))
		if got := prefixText(list); got != c.want {
			t.Errorf("%s-%s: %s, want %s", c.from, c.to, got, c.want)
		}
	}
}

func prefixText(list []netip.Prefix) string {
	text := "["
	for i, p := range list {
		if i > 0 {
			text += " "
		}
		text += p.String()
	}
	return text + "]"
}

func FuzzDecodeElements(f *testing.F) {
	f.Add(encoded(false, elem{netip.MustParsePrefix("192.0.2.1/32"), time.Hour}, elem{netip.MustParsePrefix("192.0.2.2/32"), 0}))
	f.Add(encoded(true, elem{netip.MustParsePrefix("2001:db8::/32"), time.Hour}))
	f.Add([]byte{4, 0, 3, 0x80, 255, 255})
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, e := range decodeElements(body, nil) {
			if !e.addr.IsValid() {
				t.Fatal("an element without an address")
			}
		}
		lookups(body)
		var n notifications
		n.read(body, func([]removal, string) {})
		decodeError(unix.NLM_F_ACK_TLVS, body)
		decodeError(0xffff, body)
	})
}

package ipaddr

import (
	"net/netip"
	"testing"
)

func TestParseSpellsAsTheReferenceDoes(t *testing.T) {
	tests := []struct {
		in, want string
		fam      Family
		single   bool
	}{
		{"1.2.3.4", "1.2.3.4", Inet4, true},
		{"01.2.3.4", "01.2.3.4", None, false},
		{"1.2.3", "1.2.3", None, false},
		{"::1", "::1", Inet6, true},
		{"[::1]", "::1", Inet6, true},
		{"[1.2.3.4]", "1.2.3.4", Inet4, true},
		{"1.2.3.4/24", "1.2.3.0/24", Inet4, false},
		{"1.2.3.4/0", "0.0.0.0", Inet4, false},
		{"1.2.3.4/32", "1.2.3.4", Inet4, true},
		{"1.2.3.4/33", "1.2.3.4", Inet4, false},
		{"::1/129", "::1", Inet6, false},
		{"::1/64", "::/64", Inet6, false},
		{"2001:DB8::A", "2001:db8::a", Inet6, true},
		{"/24", "/24", None, false},
		{"1.2.3.4/", "1.2.3.4/", None, false},
		{"1.2.3.4/x", "1.2.3.4/x", None, false},
		{"1.2.3.4/255.255.255.0", "1.2.3.0/24", Inet4, false},
		{"1.2.3.4/0.0.0.0", "0.0.0.0", Inet4, false},
		{"2001:db8::1/ffff:ffff::", "2001:db8::/32", Inet6, false},
		{"::ffff:1.2.3.4", "1.2.3.4", Inet4, true},
		{"::ffff:102:304", "1.2.3.4", Inet4, true},
		{"::ffff:1.2.3.0/120", "::ffff:1.2.3.0/120", None, false},
		{"::ffff:102:304/120", "::ffff:1.2.3.0/120", Inet6, false},
		{"::ffff:102:304/128", "::ffff:1.2.3.4", Inet6, true},
		{"::ffff:102:304/24", "::/24", Inet6, false},
		{"1.2.3.4/-1", "1.2.3.4/-1", None, false},
		{"1.2.3.4/08", "1.0.0.0/8", Inet4, false},
		{"1.2.3.4/8.8", "1.2.3.4/8.8", None, false},
		{"[1.2.3.4]/24", "[1.2.3.4]/24", None, false},
		{"[1.2.3.4/24]", "1.2.3.0/24", Inet4, false},
		{"fe80::1%eth0", "fe80::1%eth0", None, false},
		{"300.1.2.3", "300.1.2.3", None, false},
		{"300.1.2.3/24", "300.1.2.3", None, false},
		{"1.2.3.4/24/8", "1.2.3.4/24/8", None, false},
		{"::/0", "::", Inet6, false},
		{"::", "::", Inet6, true},
		{"1.2.3.4\t", "1.2.3.4\t", None, false},
		{"[abc]", "abc", None, false},
		{"[1.2.3.4", "[1.2.3.4", None, false},
		{"::1.2.3.4", "::1.2.3.4", Inet6, true},
		{"::2:3", "::0.2.0.3", Inet6, true},
		{"::ffff:0:1.2.3.4", "::ffff:0:102:304", Inet6, true},
		{"1.2.3.4/16777216", "1.2.3.4", Inet4, false},
		{"::/1", "::/1", Inet6, false},
		{"١.2.3.4", "١.2.3.4", None, false},
		{"1.2.3.4/١", "0.0.0.0/1", Inet4, false},
		{"[[::1]]", "[::1]", None, false},
		{"[]", "[]", None, false},
		{"", "", None, false},
		{"::1/255.0.0.0", "::/8", Inet6, false},
		{"1.2.3.4/ffff::", "1.2.0.0/16", Inet4, false},
	}
	for _, tt := range tests {
		id := Parse(tt.in)
		if id.String() != tt.want || id.Family() != tt.fam || id.IsAddr() != tt.single {
			t.Errorf("Parse(%q) = %q %v single=%v, want %q %v %v", tt.in, id, id.Family(), id.IsAddr(), tt.want, tt.fam, tt.single)
		}
		if id.IsZero() {
			t.Errorf("Parse(%q) is no ID", tt.in)
		}
	}
}

func TestMaskWithHolesIsRefused(t *testing.T) {
	_, err := ParseStrict("1.2.3.4/255.0.255.0")
	if err == nil || err.Error() != "invalid mask '255.0.255.0', no plen representation" {
		t.Fatalf("got %v", err)
	}
	if got := Parse("1.2.3.4/255.0.255.0"); !got.IsText() {
		t.Fatalf("Parse = %#v, want the text", got)
	}
}

func TestGroupForcesItsFamily(t *testing.T) {
	tests := []struct {
		in   string
		fam  Family
		cidr string
		want string
		got  Family
	}{
		{"1.2.3.4", Inet4, "", "1.2.3.4", Inet4},
		{"::1", Inet4, "", "::1", None},
		{"1.2.3.4", Inet6, "", "1.2.3.4", None},
		{"::ffff:1.2.3.4", Inet6, "", "1.2.3.4", Inet4},
		{"::ffff:1.2.3.4", Inet6, "120", "::ffff:1.2.3.0/120", Inet6},
		{"[1.2.3.4]", Inet4, "", "[1.2.3.4]", None},
		{"1.2.3.4/24", Inet4, "", "1.2.3.4/24", None},
		{"1.2.3.4", Inet4, "24", "1.2.3.0/24", Inet4},
		{"1.2.3.4", Inet4, "0", "0.0.0.0", Inet4},
		{"2001:DB8::1", Inet6, "33", "2001:db8::/33", Inet6},
		{"abc", Inet4, "24", "abc", None},
		{"ab:cd", Inet6, "", "ab:cd", None},
	}
	for _, tt := range tests {
		id := ParseFamily(tt.in, tt.fam, tt.cidr)
		if id.String() != tt.want || id.Family() != tt.got {
			t.Errorf("ParseFamily(%q, %v, %q) = %q %v, want %q %v", tt.in, tt.fam, tt.cidr, id, id.Family(), tt.want, tt.got)
		}
	}
}

func TestEqualIDsAreEqualValues(t *testing.T) {
	same := [][2]string{{"::ffff:1.2.3.4", "1.2.3.4"}, {"1.2.3.4/32", "1.2.3.4"}, {"1.2.3.9/24", "1.2.3.0/255.255.255.0"}, {"[::1]", "0:0::1"}, {"abc", "[abc]"}}
	for _, p := range same {
		if Parse(p[0]) != Parse(p[1]) {
			t.Errorf("%q and %q differ", p[0], p[1])
		}
	}
	other := [][2]string{{"1.2.3.4", "1.2.3.4/33"}, {"::", "::/0"}, {"::/0", "0.0.0.0/0"}, {"abc", "ABC"}}
	for _, p := range other {
		if Parse(p[0]) == Parse(p[1]) {
			t.Errorf("%q and %q are one", p[0], p[1])
		}
	}
	if Parse("1.2.3.4") == Raw("1.2.3.4") {
		t.Error("a raw text equals an address")
	}
}

func TestContainsComparesTheAddressInItsFamily(t *testing.T) {
	tests := []struct {
		net, id string
		want    bool
	}{
		{"1.2.3.0/24", "1.2.3.4", true},
		{"1.2.3.0/24", "1.2.3.0/25", true},
		{"1.2.3.0/25", "1.2.3.0/24", true},
		{"1.2.3.4", "1.2.3.4", true},
		{"1.2.3.4/33", "1.2.3.4", true},
		{"::/0", "1.2.3.4", false},
		{"0.0.0.0/0", "9.9.9.9", true},
		{"abc", "abc", true},
		{"abc", "1.2.3.4", false},
	}
	for _, tt := range tests {
		if got := Parse(tt.net).Contains(Parse(tt.id)); got != tt.want {
			t.Errorf("%s contains %s = %v", tt.net, tt.id, got)
		}
	}
}

func TestReverse(t *testing.T) {
	tests := map[string]string{
		"1.2.3.4":     "4.3.2.1.",
		"1.2.3.4/24":  "0/24.3.2.1.",
		"abc":         "",
		"2001:db8::1": "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.",
	}
	for in, want := range tests {
		if got := Parse(in).Reverse(); got != want {
			t.Errorf("Reverse(%s) = %q, want %q", in, got, want)
		}
	}
}

func TestFromPrefixOfOneAddressIsThatAddress(t *testing.T) {
	if got := FromPrefix(netip.MustParsePrefix("1.2.3.4/32")); got != Parse("1.2.3.4") {
		t.Errorf("got %#v", got)
	}
	if got := FromPrefix(netip.MustParsePrefix("1.2.3.4/8")); got.String() != "1.0.0.0/8" {
		t.Errorf("got %v", got)
	}
	if !FromAddr(netip.Addr{}).IsZero() || !FromPrefix(netip.Prefix{}).IsZero() {
		t.Error("an invalid address is an ID")
	}
}

func TestSetCoversByAddressAndPrefix(t *testing.T) {
	var s Set
	for _, x := range []string{"1.2.3.4", "10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32", "name", "9.9.9.9/40"} {
		if !s.Add(Parse(x)) {
			t.Errorf("%s was not new", x)
		}
	}
	if s.Add(Parse("1.2.3.4/32")) || s.Len() != 6 {
		t.Error("the same ID was added twice")
	}
	check := func(x string, want bool) {
		t.Helper()
		if got := s.Contains(Parse(x)); got != want {
			t.Errorf("Contains(%s) = %v", x, got)
		}
	}
	check("1.2.3.4", true)
	check("1.2.3.5", false)
	check("10.1.2.3", true)
	check("2001:db8:1::1", true)
	check("2001:db9::1", false)
	check("name", true)
	check("other", false)
	check("9.9.9.9", true)
	s.Remove(Parse("10.0.0.0/8"))
	check("10.1.2.3", true)
	check("10.2.2.3", false)
	s.Remove(Parse("10.1.0.0/16"))
	check("10.1.2.3", false)
	if s.Remove(Parse("10.1.0.0/16")) {
		t.Error("removed twice")
	}
	want := []string{"1.2.3.4", "2001:db8::/32", "9.9.9.9", "name"}
	for i, id := range s.List() {
		if id.String() != want[i] {
			t.Errorf("List[%d] = %s, want %s", i, id, want[i])
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"1.2.3.4", "::1/64", "[::ffff:1.2.3.4]", "1.2.3.4/255.255.0.0", "x", "::2:3", "::ffff:102:304/120"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id := Parse(s)
		if id.IsZero() {
			t.Fatal("no ID")
		}
		if id.IsAddr() && Parse(id.String()) != id && !id.Addr().Is4In6() {
			t.Fatalf("%q prints as %q, which is another", s, id)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		Parse("192.0.2.17")
	}
}

package pyre

import (
	"strings"
	"testing"
)

func TestExponentialPatternsAreFound(t *testing.T) {
	for _, p := range explosive {
		re, err := Compile(p.pattern, 0)
		if err != nil {
			t.Fatal(err)
		}
		a := re.Ambiguity()
		if a.Found != p.exponential {
			t.Errorf("%s: found %v, want %v (%+v)", p.pattern, a.Found, p.exponential, a)
		}
		if a.Found && (a.Part == "" || a.Example == "" || !strings.Contains(p.pattern, a.Part)) {
			t.Errorf("%s: part %q, example %q", p.pattern, a.Part, a.Example)
		}
	}
}

func TestHarmlessPatternsAreNotAccused(t *testing.T) {
	for _, pattern := range []string{
		`^a+b$`, `^(?:\S+ )*x$`, `^(?:a|b)*c$`, `^(?:[^,]*,)*$`, `^(\d+\.)+x`, `(?:ab?)*c`, `^(?:\w+\s)*$`, `^(?:a++b?)*$`, `^(?:(?>\w+)\s*)+$`,
		`^(?:a+)+`, `(?:x*)*`, `^(?:a{1,3}b)+$`, `^(?:\[\d+\])?:\s+(?:error: )?Failed \S+ for (?:invalid user )?.*? from (?:\d{1,3}\.){3}\d{1,3}$`,
		`^(?:(?:[0-9a-f]{1,4}::?|:){1,7}(?:[0-9a-f]{1,4}|:)) x$`, `^(?:"[^"]*"|[^" ]+ )*$`, `^(?=.*a)(?=.*b).*$`, `a*?b*?c*?$`,
	} {
		re, err := Compile(pattern, 0)
		if err != nil {
			t.Fatal(err)
		}
		if a := re.Ambiguity(); a.Found {
			t.Errorf("%s: accused of %+v", pattern, a)
		}
	}
}

func TestAmbiguityNamesTheLoop(t *testing.T) {
	re, _ := Compile(`^start (?P<x>\S+) (?:[a-z]+ ?)+ from <$`, 0)
	a := re.Ambiguity()
	if a.Part != `(?:[a-z]+ ?)+` || a.Example != "a" {
		t.Errorf("got %+v", a)
	}
	if !strings.Contains(a.Explain, a.Part) {
		t.Errorf("explanation %q does not show the loop", a.Explain)
	}
}

func TestCatchAllBefore(t *testing.T) {
	for _, c := range []struct{ pattern, want string }{
		{`^Failed for .* from (?P<ip4>\d+)$`, `.*`},
		{`^Failed for .+? from (?P<ip4>\d+)$`, `.+?`},
		{`^Failed for \S+ from (?P<ip4>\d+)$`, ``},
		{`^Failed for [^"]* from (?P<ip4>\d+)$`, `[^"]*`},
		{`^Failed from (?P<ip4>\d+) .*$`, ``},
		{`^(?:a|b .* c) from (?P<ip4>\d+)`, `.*`},
		{`^(?:a (?P<ip4>\d+)|b .* c)`, ``},
		{`^(?:b .* c|a (?P<ip4>\d+))`, ``},
		{`^(?P<user>.*) from (?P<ip4>\d+)`, `.*`},
		{`^(?=.* x)from (?P<ip4>\d+)`, ``},
	} {
		re, err := Compile(c.pattern, 0)
		if err != nil {
			t.Fatal(err)
		}
		part, found := re.CatchAllBefore("ip4")
		if part != c.want || found != (c.want != "") {
			t.Errorf("%s: %q, want %q", c.pattern, part, c.want)
		}
	}
}

func TestHasAnchor(t *testing.T) {
	for pattern, want := range map[string]bool{
		`^a`: true, `\Aa`: true, `(?:^a|^b)`: true, `(?P<x>^a)`: true, `a`: false, `(?:^)?a`: false, `(?=x)^a`: true, ` ^a`: false, `^a|b`: false,
	} {
		for _, flags := range []Flags{0, Multiline} {
			if got := mustCompile(t, pattern, flags).HasAnchor(); got != want {
				t.Errorf("%s with flags %d: %v", pattern, flags, got)
			}
		}
	}
}

package xtables

import (
	"errors"
	"strings"
	"testing"

	"stockade/internal/ipaddr"
)

func TestParametersThatOnlyAShellUnderstandsAreRefused(t *testing.T) {
	for name, value := range map[string]string{
		"blocktype": "DROP; reboot", "port": "$(cat /etc/ports)", "chain": "`id`", "protocol": "tcp|udp", "iptables": "sudo iptables",
		"returntype": "RETURN; reboot", "pre-rule": `-m comment --comment "a b"`, "lockingopt": "--modprobe=/tmp/x", "type": "custom",
		"rule-jump": "-j elsewhere", "name": "two words",
	} {
		_, err := ParseSpec("iptables-multiport", func(n string, _ ipaddr.Family) (string, bool) { return value, n == name })
		if !errors.Is(err, ErrNotExpressible) {
			t.Errorf("%s = %q: %v", name, value, err)
		} else if name != "lockingopt" && name != "returntype" && !strings.Contains(err.Error(), name+" = ") {
			t.Errorf("%s = %q is called %v", name, value, err)
		}
	}
}

func TestRulesAreListedInOrderOfInsertion(t *testing.T) {
	spec, err := ParseSpec("iptables-allports", func(n string, _ ipaddr.Family) (string, bool) {
		v, ok := map[string]string{"chain": "INPUT, FORWARD", "protocol": "tcp,udp", "name": "x"}[n]
		return v, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, j := range spec.Families[0].Jumps {
		got = append(got, j.Chain+" "+shown(j.Rule))
	}
	want := "INPUT -p tcp -j f2b-x,INPUT -p udp -j f2b-x,FORWARD -p tcp -j f2b-x,FORWARD -p udp -j f2b-x"
	if strings.Join(got, ",") != want {
		t.Errorf("%q", got)
	}
}

// FuzzParseSpec looks that no parameter brings anything into a batch that is not
// a plain word: every line is one rule.
func FuzzParseSpec(f *testing.F) {
	f.Add("name", "j")
	f.Add("blocktype", "DROP\n-F")
	f.Add("port", "22,80:90")
	f.Add("ipsettime", "<timeout-bantime>")
	f.Fuzz(func(t *testing.T, name, value string) {
		for kind := range forms {
			spec, err := ParseSpec(kind, func(n string, _ ipaddr.Family) (string, bool) { return value, n == name })
			if err != nil {
				continue
			}
			for i := range spec.Families {
				fam := &spec.Families[i]
				lines := []string{fam.addLine(Ban{ID: ipaddr.Parse("192.0.2.1")}), shown(fam.Return)}
				for _, j := range fam.Jumps {
					lines = append(lines, j.Chain+" "+shown(j.Rule))
				}
				for _, line := range lines {
					if strings.ContainsAny(line, "\n\r`$;|&<>\\'\x00") {
						t.Fatalf("%s = %q gives %q", name, value, line)
					}
				}
			}
		}
	})
}

// FuzzListings reads what the programs print.
func FuzzListings(f *testing.F) {
	f.Add("-N f2b-j\n-A f2b-j -s 192.0.2.1/32 -j REJECT --reject-with icmp-port-unreachable\n-A f2b-j -j RETURN\n")
	f.Add("create f2b-j hash:ip family inet\nadd f2b-j 192.0.2.1 timeout 0\nadd f2b-j 10.0.0.0/8\n")
	f.Fuzz(func(t *testing.T, text string) {
		spec := FamilySpec{Chain: "f2b-j", Set: &SetSpec{Name: "f2b-j"}}
		for _, e := range append(parseRules(&spec, text), parseMembers(&spec, text)...) {
			if e.ban.ID.Family() == ipaddr.None || !e.leftover {
				t.Fatalf("%+v of %q", e, text)
			}
		}
	})
}

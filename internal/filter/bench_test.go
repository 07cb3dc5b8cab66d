package filter

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"stockade/internal/datepattern"
	"stockade/internal/filter/filtertest"
	"stockade/internal/testenv"
)

// sshdLines are the lines of the public OpenSSH log by what the filter makes of
// them, or lines of our own of the same kind where it is not at hand.
func sshdLines(b *testing.B, f *Filter) map[string][][]byte {
	b.Helper()
	var lines [][]byte
	if path, ok := testenv.Shared(b, "data/OpenSSH_2k.log"); ok {
		text, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		lines = bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	} else {
		b.Log("the public OpenSSH log is not here: lines of our own are used")
		for range 500 {
			lines = append(lines,
				[]byte("Dec 10 06:55:46 LabSZ sshd[24200]: reverse mapping checking getaddrinfo for ns.example.com [192.0.2.1] failed - POSSIBLE BREAK-IN ATTEMPT!"),
				[]byte("Dec 10 06:55:48 LabSZ sshd[24200]: Failed password for invalid user webmaster from 192.0.2.1 port 38926 ssh2"),
				[]byte("Dec 10 06:55:48 LabSZ sshd[24200]: Connection closed by 192.0.2.1 [preauth]"))
		}
	}
	out := map[string][][]byte{"all": lines}
	for _, l := range lines {
		fails, info := f.Process(noon, Line{Text: bytes.TrimRight(l, "\r")})
		switch {
		case len(fails) > 0:
			out["match"] = append(out["match"], l)
		case info.Outcome == Matched:
			out["nofail"] = append(out["nofail"], l)
		default:
			out["nomatch"] = append(out["nomatch"], l)
		}
	}
	return out
}

func BenchmarkSSHD(b *testing.B) {
	d := filtertest.Start(b, "UTC")
	spec := d.Read(d.Dir+"/etc/fail2ban", "sshd", nil)
	make := func() *Filter {
		f, err := build(spec, time.UTC)
		if err != nil {
			b.Fatal(err)
		}
		return f
	}
	lines := sshdLines(b, make())
	for _, kind := range []string{"all", "nomatch", "nofail", "match"} {
		b.Run(kind, func(b *testing.B) {
			f := make()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				f.Process(noon, Line{Text: lines[kind][i%len(lines[kind])], InOperation: true})
			}
		})
	}
}

// BenchmarkTrial is what fail2ban-regex does with a line.
func BenchmarkTrial(b *testing.B) {
	d := filtertest.Start(b, "UTC")
	spec := d.Read(d.Dir+"/etc/fail2ban", "sshd", nil)
	spec.All = true
	f, err := build(spec, time.UTC)
	if err != nil {
		b.Fatal(err)
	}
	f.SetLight(true)
	lines := sshdLines(b, f)["all"]
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		f.Process(noon, Line{Text: lines[i%len(lines)], InOperation: true})
	}
}

func BenchmarkNewFilter(b *testing.B) {
	for b.Loop() {
		f := New(datepattern.Env{Zone: time.UTC})
		if err := f.AddFailregex(Rule{Text: `^ x <HOST>$`}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestLineWithoutAMatchCostsNoAllocation(t *testing.T) {
	f := newFilter(t, func(f *Filter) {
		f.SetAgeChecks(true)
		if err := f.SetPrefregex(Rule{Text: `^ srv sshd\[\d+\]: <F-CONTENT>.+</F-CONTENT>$`}); err != nil {
			t.Fatal(err)
		}
		if err := f.AddIgnoreregex(Rule{Text: `^never`}); err != nil {
			t.Fatal(err)
		}
	}, `^Failed \S+ for <F-USER>.*</F-USER> from <HOST>`, `^Invalid user .* from <HOST>`, `bad \S+ <ADDR>`)
	lines := []string{
		"Aug 14 10:00:00 srv sshd[1]: Server listening on 0.0.0.0 port 22.",
		"Aug 14 10:00:01 srv cron[1]: something else",
		"no date at all in this line",
		"Aug 14 10:00:01 srv sshd[1]: Failed password for nobody" + strings.Repeat(" x", 50),
	}
	var raw [][]byte
	for _, l := range lines {
		raw = append(raw, []byte(l))
		f.Process(noon, Line{Text: []byte(l), InOperation: true})
	}
	n := testing.AllocsPerRun(100, func() {
		for _, l := range raw {
			if fails, _ := f.Process(noon, Line{Text: l, InOperation: true}); len(fails) != 0 {
				t.Fatal("matched")
			}
		}
	})
	if n > 0 {
		t.Errorf("%v allocations for %d lines", n, len(lines))
	}
}

package pyre

import (
	"bytes"
	"math/bits"
	"testing"
)

// The benchmarks' own filter for a mail and a shell daemon, of the shape that
// real ones have.
const (
	benchAddress = `(?:\[?(?:(?:::f{4,6}:)?(?P<ip4>(?:\d{1,3}\.){3}\d{1,3})|(?P<ip6>(?:[0-9a-fA-F]{1,4}::?|:){1,7}(?:[0-9a-fA-F]{1,4}|(?<=:):)))\]?|(?P<dns>[\w\-.^_]*\w))`
	benchHead    = `^(?P<mlfid>\s*(?:\S+\s+)?(?:gated|maild)(?:\[\d+\])?:?\s+)(?P<content>.+)$`
)

var benchRules = []string{
	`^Failed (?P<method>\S+) for (?P<bad>invalid user )?(?P<user>(?P<plain>\S+)|(?(bad)(?:(?! from ).)*?|[^:]+)) from ` + benchAddress + `(?: port \d+)?(?: ssh\d*)?(?(plain): |(?:(?! from ).)*)$`,
	`^Invalid user (?P<user>\S*) from ` + benchAddress + `(?: port \d+)?$`,
	`^(?:error: )?Received disconnect from ` + benchAddress + `(?: port \d+)?:\s*3: .*$`,
	`^(?:error: )?Received disconnect from ` + benchAddress + `(?: port \d+)?:\s*11: .*$`,
	`^Connection closed by (?:authenticating user (?P<user>\S+) )?` + benchAddress + `(?: port \d+)?(?: \[preauth\])?$`,
	`^authentication failure;(?: \w+=\S*)* rhost=` + benchAddress + `(?:\s+user=(?P<user>\S*))?\s*$`,
	`^User (?P<user>\S+) from ` + benchAddress + ` not allowed because .*$`,
	`^reverse mapping checking getaddrinfo for \S+ \[` + benchAddress + `\] failed.*$`,
	`^warning: \S+\[` + benchAddress + `\]: SASL \w+ authentication failed: (?!connection lost).*$`,
	`^NOQUEUE: reject: \w+ from \S+\[` + benchAddress + `\]: 5\d\d .*$`,
}

var benchLines = []string{
	" host gated[24200]: reverse mapping checking getaddrinfo for ns.example.net [173.234.31.186] failed - POSSIBLE BREAK-IN ATTEMPT!\n",
	" host gated[24200]: Invalid user webmaster from 173.234.31.186\n",
	" host gated[24200]: input_userauth_request: invalid user webmaster [preauth]\n",
	" host gated[24200]: pam_unix(gated:auth): check pass; user unknown\n",
	" host gated[24200]: Failed password for invalid user webmaster from 173.234.31.186 port 38926 ssh2\n",
	" host gated[24200]: Connection closed by 173.234.31.186 [preauth]\n",
	" host gated[24206]: Failed password for root from 2001:db8::25 port 52912 ssh2\n",
	" host gated[24206]: Received disconnect from 112.95.230.3: 11: Bye Bye [preauth]\n",
	" host gated[24208]: Accepted password for alice from 192.0.2.7 port 51522 ssh2\n",
	" host maild[311]: warning: unknown[203.0.113.9]: SASL LOGIN authentication failed: UGFzc3dvcmQ6\n",
	" host maild[311]: NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 554 5.7.1 Client host rejected\n",
	" host kernel: [ 1234.5678] eth0: link up\n",
	" host cron[99]: (root) CMD (run-parts /etc/cron.hourly)\n",
}

// benchFilter is a jail's matching: a head that hands on its content, and
// rules of which the first that matches wins.
type benchFilter struct {
	machine  *Machine
	head     *Regexp
	content  int
	rules    []*Regexp
	dispatch *Dispatch
}

func newBenchFilter(b *testing.B) *benchFilter {
	f := &benchFilter{machine: NewMachine(), head: mustCompile(b, benchHead, 0)}
	f.content = f.head.GroupIndex("content")
	for _, rule := range benchRules {
		f.rules = append(f.rules, mustCompile(b, rule, 0))
	}
	f.dispatch = NewDispatch(f.rules)
	return f
}

// match tells whether a rule matched the line.
func (f *benchFilter) match(line []byte) bool {
	budget := LineBudget(len(line))
	if found, _ := f.machine.Search(f.head, line, 0, len(line), &budget); !found {
		return false
	}
	start, _ := f.machine.Span(f.content)
	text := line[start:]
	for w, mask := range f.dispatch.Candidates(text) {
		for ; mask != 0; mask &= mask - 1 {
			re := f.rules[64*w+bits.TrailingZeros64(mask)]
			if found, _ := f.machine.Search(re, text, 0, len(text), &budget); found {
				return true
			}
		}
	}
	return false
}

func benchmarkLines(b *testing.B, lines []string, want int) {
	f := newBenchFilter(b)
	var texts [][]byte
	total := 0
	for _, l := range lines {
		texts = append(texts, []byte(l))
		total += len(l)
	}
	got := 0
	for _, text := range texts {
		if f.match(text) {
			got++
		}
	}
	if got != want {
		b.Fatalf("%d lines match, want %d", got, want)
	}
	b.SetBytes(int64(total / len(lines)))
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		f.match(texts[i%len(texts)])
	}
}

func BenchmarkLinesMixed(b *testing.B)   { benchmarkLines(b, benchLines, 8) }
func BenchmarkLinesNoHead(b *testing.B)  { benchmarkLines(b, benchLines[11:], 0) }
func BenchmarkLinesNoRule(b *testing.B)  { benchmarkLines(b, benchLines[2:4], 0) }
func BenchmarkLinesFailed(b *testing.B)  { benchmarkLines(b, benchLines[4:5], 1) }
func BenchmarkLinesInvalid(b *testing.B) { benchmarkLines(b, benchLines[1:2], 1) }
func BenchmarkLinesIPv6(b *testing.B)    { benchmarkLines(b, benchLines[6:7], 1) }

// BenchmarkByteLoop is a yardstick for the machine that runs the others.
func BenchmarkByteLoop(b *testing.B) {
	text := bytes.Repeat([]byte("0123456789ab"), 100)
	n := 0
	for range b.N {
		for _, c := range text {
			if c > '5' {
				n += int(c)
			}
		}
	}
	if n == 1 {
		b.Log(n)
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for range b.N {
		for _, rule := range benchRules {
			if _, err := Compile(rule, 0); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(len(benchRules)), "patterns")
}

func TestSearchDoesNotAllocate(t *testing.T) {
	m := NewMachine()
	var res []*Regexp
	for _, rule := range append([]string{benchHead}, benchRules...) {
		res = append(res, mustCompile(t, rule, 0))
	}
	lines := [][]byte{}
	for _, l := range benchLines {
		lines = append(lines, []byte(l), []byte(l[20:]))
	}
	allocs := testing.AllocsPerRun(20, func() {
		for _, re := range res {
			for _, line := range lines {
				b := LineBudget(len(line))
				m.Search(re, line, 0, len(line), &b)
			}
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

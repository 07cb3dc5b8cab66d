package datepattern

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"stockade/internal/pyre"
)

// Lines of an ordinary log, a few a second, through one detector; the time of
// each is read as well.
func BenchmarkMatch(b *testing.B) {
	start := time.Date(2005, 8, 14, 9, 0, 0, 0, time.UTC)
	for _, bench := range []struct {
		name, pattern, head, layout, tail string
	}{
		{"syslog", "{^LN-BEG}", "", "Jan _2 15:04:05", " host sshd[1234]: Failed password for root from 192.0.2.1 port 12345 ssh2"},
		{"iso", "{^LN-BEG}", "", "2006-01-02 15:04:05.000000", " host sshd[1234]: Failed password for root from 192.0.2.1 port 12345 ssh2"},
		{"iso zone", "{^LN-BEG}", "", "2006-01-02T15:04:05.000000-07:00", " host sshd[1234]: Failed password for root from 192.0.2.1 port 12345 ssh2"},
		{"access log", `^[^\[]*\[({DATE})`, "%d.0.2.1 - - [", "02/Jan/2006:15:04:05 -0700", `] "GET / HTTP/1.1" 200 12`},
		{"access log default", "{DEFAULT}", "%d.0.2.1 - - [", "02/Jan/2006:15:04:05 -0700", `] "GET / HTTP/1.1" 200 12`},
		{"compact", "{^LN-BEG}", "", "20060102T150405", " host x"},
		{"no date", "{^LN-BEG}", "%d.0.2.1 - - ", "[02/Jan/2006:15:04:05 -0700", `] "GET / HTTP/1.1" 200 12`},
		{"number default", "{DEFAULT}", "%d.0.2.1 - - ", "", `] "GET /index.html HTTP/1.1" 200 12 "-" "Mozilla/5.0 (X11; Linux)"`},
		{"no date default", "{DEFAULT}", "%d.0.2.1 - - ", "x", `] "GET /index.html HTTP/1.1" 200 12 "-" "Mozilla/5.0 (X11; Linux)"`},
		{"other dates", "{^LN-BEG}", "", "Jan _2 15:04:05", " host sshd[1234]: Failed password for root from 192.0.2.1 port 12345 ssh2"},
		{"two shapes", "{^LN-BEG}", "", "Jan _2 15:04:05", " host sshd[1234]: Failed password for root from 192.0.2.1 port 12345 ssh2"},
		{"epoch", "{^LN-BEG}", "", "", ".123 host x"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var lines [][]byte
			for i := range 4096 {
				at := start.Add(time.Duration(i) * 300 * time.Millisecond)
				if bench.name == "other dates" {
					at = start.Add(-time.Duration(i*37%140) * 25 * time.Hour)
				}
				text := at.Format(bench.layout)
				if bench.name == "two shapes" && i%2 > 0 {
					text = at.Format(time.DateTime)
				}
				if bench.layout == "" {
					text = fmt.Sprint(at.Unix())
				}
				head := bench.head
				if head != "" {
					head = fmt.Sprintf(head, 10+i*7%200)
				}
				lines = append(lines, []byte(head+text+bench.tail))
			}
			now := start.Add(time.Hour)
			d := New(Env{Now: func() time.Time { return now }, Zone: time.UTC})
			if err := d.Append(bench.pattern); err != nil {
				b.Fatal(err)
			}
			m := pyre.NewMachine()
			b.ReportAllocs()
			i := 0
			var budget pyre.Budget
			for b.Loop() {
				line := lines[i&4095]
				i++
				budget = pyre.LineBudget(len(line))
				hit, ok, err := d.Match(m, line, &budget)
				if !ok && strings.HasPrefix(bench.name, "n") { // no date, number
					continue
				}
				if !ok || err != nil {
					b.Fatalf("%q: %v %v", line, ok, err)
				}
				if _, ok, err := d.Time(line, hit); !ok || err != nil {
					b.Fatalf("%q: %v %v", line, ok, err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, pattern := range []string{"%Y-%m-%d %H:%M:%S", "^{DATE}", `^[^\[]*\[({DATE})`} {
		b.Run(pattern, func(b *testing.B) {
			for b.Loop() {
				made.templates = nil
				if err := New(fixed(at)).Append(pattern); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("defaults", func(b *testing.B) {
		for b.Loop() {
			defaultTemplates(2026)
		}
	})
}

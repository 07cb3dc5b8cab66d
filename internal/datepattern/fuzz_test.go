package datepattern

import (
	"strings"
	"testing"
	"time"

	"stockade/internal/pyre"
)

// No pattern makes Append panic, and one that it takes can be searched.
func FuzzPattern(f *testing.F) {
	for _, p := range patternPool {
		f.Add(p, "2005-08-14 10:00:00 x")
	}
	f.Add("%", "")
	f.Add("%(Y)s%(", "x")
	f.Add("{^LN-BEG}**(?i)%k$**", "[[10")
	f.Fuzz(func(t *testing.T, pattern, line string) {
		if len(pattern) > 200 {
			return // huge repetitions are pyre's business
		}
		d := New(fixed(at))
		if d.AppendOption(pattern) != nil {
			return
		}
		look(d, line)
	})
}

// No line makes Match or Time panic, and what is found lies in the line.
func FuzzFind(f *testing.F) {
	for _, layout := range layouts {
		f.Add(at.Format(layout)+" x", "["+at.Format(layout)+"]")
	}
	f.Add("1124013600.5", "@4000000042ff14a080000000")
	f.Add("٢٠٠٥-٠٨-١٤ 10:00:00", "")
	f.Fuzz(func(t *testing.T, first, second string) {
		zone, _ := LoadZone("Europe/Berlin")
		for _, patterns := range [][]string{nil, {"{^LN-BEG}"}, {`^[^\[]*\[({DATE})`, "LEPOCH"}, {"**{DATE}**", "%c", `(?P<Y>\S+) (?P<j>\S+) (?P<z>\S+)`}} {
			d := New(Env{Now: func() time.Time { return at }, Zone: zone})
			for _, p := range patterns {
				if err := d.Append(p); err != nil {
					t.Fatal(err)
				}
			}
			for _, line := range []string{first, second, first, second, first + second, first, second} {
				if why := look(d, line); why != "" {
					t.Errorf("%q: %s", line, why)
				}
			}
		}
	})
}

// look matches a line and reads its time, and tells what is wrong.
func look(d *Detector, line string) string {
	line = strings.ToValidUTF8(line, "\uFFFD")
	budget := pyre.LineBudget(len(line))
	hit, ok, err := d.Match(pyre.NewMachine(), []byte(line), &budget)
	if !ok || err != nil {
		return ""
	}
	if hit.Start < 0 || hit.End < hit.Start || hit.End > len(line) || hit.WholeStart > hit.WholeEnd || hit.WholeEnd > len(line) {
		return "found outside the line"
	}
	_, _, _ = d.Time([]byte(line), hit)
	return ""
}

package datepattern

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"stockade/internal/pyre"
	"stockade/internal/testenv"
)

// shapedPatterns take a shape, and a few look as if they did.
var shapedPatterns = []string{
	"{^LN-BEG}", "{DEFAULT}", `^[^\[]*\[({DATE})`, `^\[{DATE}\]`, "{DATE}", "^{DATE}", "**{DATE}**", "({DATE})", `\[{DATE}\s*\]`,
	"%b %d %H:%M:%S", "%b %d %k:%M:%S", "{^LN-BEG}%b %d %ExH:%ExM:%ExS", "^%b %d %H:%M:%S", "(?:%a )?%b %d %H:%M:%S", "%b %d %H:%M:%S$", "%b %d %H:%M:%S %Y", "%b %Exd %H:%M:%S", "%b %d %Exk:%M:%S(?: %ExY)?",
	"%a %b %d %H:%M:%S", "(?:%a )?%b %d %H:%M:%S(?: %y%m| %Y)", `(?:%a )?%b %d %k:%M:%S(?:\.%f)?(?: %ExY)?`, `^\[((?:%a )?%b %d %k:%M:%S(?:\.%f)?(?: %ExY)?)`,
	"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S,%f", `%Y-%m-%d %H:%M:%S(?:[.,]%f)?(?:\s*%z)?`, `{^LN-BEG}%ExY(?P<_sep>[-/.])%m(?P=_sep)%d[T ]%H:%M:%S(?:[.,]%f)?(?:\s*%z)?`, "%Y-%Exm-%Exd[T ]%H:%M:%S%Exz", `^%Y\.%m\.%d %H:%M:%S`,
	`\[%Y-%m-%d %H:%M:%S\]`, `^\[(%Y-%m-%d %H:%M:%S) %z\]`, `%Y-%m-%d %H:%M:%S$`, `x%Y-%m-%dT%H:%M:%S`, `%Y/%m/%d %H:%M:%S|foo`, `(%Y/%m/%d %H:%M:%S)?`,
	"%d/%b/%Y:%H:%M:%S %z", `^[^\[]*\[(%d/%b/%ExY:%H:%M:%S) %z`, "%d/%b/%Y[ :]?%H:%M:%S", "%d-%b-%Y %H:%M:%S", "[ ]%d/%b/%Y:%H:%M:%S", "%d/%m/%Y:%H:%M:%S", `\[%d/%b/%Y:%H:%M:%S`,
}

// shapedLine puts a date of a shape into a line.
func (g generator) shapedLine(head, layout, tail string) string {
	at := time.Date(2004+g.IntN(3), time.Month(1+g.IntN(12)), 1+g.IntN(31), g.IntN(24), g.IntN(60), g.IntN(60), 0, time.UTC)
	date := at.Format(layout)
	if g.chance(4) {
		date = strings.ToUpper(date)
	}
	text := head + date + tail
	if g.chance(2) {
		return text
	}
	bytes := []byte(text)
	for range 1 + g.IntN(2) {
		at := len(head) - 1 + g.IntN(len(date)+4)
		if at < 0 || at >= len(bytes) {
			continue
		}
		bytes[at] = pick(g, []byte("0123456789012345678901234567890123456789 :-/.TZ[]+AabcdeghijlmnoprstuvyzZUG"))
	}
	text = string(bytes)
	if g.chance(40) {
		text = g.mutate(text)
	}
	return strings.ToValidUTF8(text, "?")
}

// A line whose date is another one of the same shape is answered from memory
// as a search would.
func TestOtherDatesOfAShapeAreFoundAsBySearch(t *testing.T) {
	scenarios := 1500
	if testenv.Full() {
		scenarios = 60_000
	}
	heads := []string{"", "", "[", "[[", "x ", "x", "10.1.2.3 - - [", "Mon ", "é ", "1", " ", "(", "2005-01-", "Aug ", "20"}
	tails := []string{"", " x", " host y", " Z", " UTC x", " +0100] x", "] x", " 2005 x", ".123 x", ",5", " g", "Z", ":1", "1", "é", " é", "  y", ")", " [1] x"}
	shapes := []string{"Jan _2 15:04:05", "Jan 02 15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006/01/02 15:04:05", "2006.01.02 15:04:05", "02/Jan/2006:15:04:05", "02-Jan-2006 15:04:05", "Mon Jan _2 15:04:05", "Jan _2 15:04:05 2006", "Mon Jan _2 15:04:05.999999 2006"}
	g := generator{rand.New(rand.NewPCG(11, 5))}
	m := pyre.NewMachine()
	lines, remembered, moved, turns := 0, 0, 0, 0
	for i := range scenarios {
		s := scenario{TZ: pick(g, testZones), Now: 1124013600 + int64(g.IntN(600*daySeconds)), Patterns: []string{pick(g, shapedPatterns)}}
		if g.chance(4) {
			zone := pick(g, testOffsets)
			s.Zone = &zone
		}
		turning := g.chance(6) // a log of two programs
		if turning {
			s.Patterns = []string{pick(g, []string{"{^LN-BEG}", "{DEFAULT}", "^{DATE}"})}
		}
		zone, err := LoadZone(s.TZ)
		if err != nil {
			t.Fatal(err)
		}
		env := Env{Now: func() time.Time { return time.Unix(s.Now, 0) }, Zone: zone, Year: 2026}
		quick, slow := New(env), New(env)
		if !appendAll(quick, s) || !appendAll(slow, s) {
			t.Fatalf("%q is refused", s.Patterns)
		}
		var head, layout, tail string
		var forms [3][3]string
		choose := func() { // mostly what the pattern finds
			for range 40 {
				head, layout, tail = pick(g, heads), pick(g, shapes), pick(g, tails)
				probe := New(env)
				if !appendAll(probe, s) || g.chance(50) || answer(t, probe, m, []byte(head+time.Unix(s.Now, 0).UTC().Format(layout)+tail)).ok {
					return
				}
			}
		}
		for i := range forms {
			choose()
			forms[i] = [3]string{head, layout, tail}
		}
		often := 2 + g.IntN(20)
		if turning {
			forms[0], forms[1] = [3]string{"", "Jan _2 15:04:05", " host x"}, [3]string{"", "2006-01-02 15:04:05", pick(g, []string{" x", ".123 x", " +0100 x"})}
			often = 2
		}
		for range 100 {
			if g.chance(50) {
				choose()
			} else if g.chance(often) {
				form := pick(g, forms[:])
				head, layout, tail = form[0], form[1], form[2]
			}
			if g.chance(20) {
				s.Now += int64(g.IntN(daySeconds))
			}
			text := []byte(g.shapedLine(head, layout, tail))
			before, last := quick.memo.serial, -1
			if quick.state.last != none {
				last = quick.order[quick.state.last].index
			}
			_, known := quick.peek(text)
			lines++
			slow.memo = memo{serial: slow.memo.serial}
			a, b := answer(t, quick, m, text), answer(t, slow, m, text)
			if a != b || quick.state != slow.state || !sameRanking(quick, slow) {
				t.Fatalf("scenario %d: TZ=%s patterns=%q line %q at %d:\n%+v %+v from memory,\n%+v %+v searched", i, s.TZ, s.Patterns, text, s.Now, a, quick.state, b, slow.state)
			}
			if known {
				remembered++
				if quick.memo.serial != before {
					moved++
				}
				if a.template != last {
					turns++
				}
			}
		}
	}
	t.Logf("%d of %d lines answered from memory, %d with another date, %d by a template that did not find the last one", remembered, lines, moved, turns)
	if moved*20 < lines || turns*500 < lines {
		t.Errorf("only %d of %d lines had another date, %d another template", moved, lines, turns)
	}
}

// sameRanking tells whether two detectors will try the same templates in the
// same order.
func sameRanking(a, b *Detector) bool {
	return slices.EqualFunc(a.order, b.order, func(x, y *ranked) bool {
		return x.index == y.index && x.hits == y.hits && x.distance == y.distance && x.lastUsed == y.lastUsed
	})
}

// A hit is read as it was found, though a line with another date came since.
func TestTimeOfAnEarlierHit(t *testing.T) {
	d := detector(t, "{^LN-BEG}")
	first, second := "2005-08-14 09:58:07 x", "2005-07-01 03:04:05 x"
	for range 3 {
		match(t, d, first)
	}
	hit, _ := match(t, d, first)
	later, _ := match(t, d, second)
	for _, test := range []struct {
		line string
		hit  Hit
		want string
	}{{first, hit, "2005-08-14 09:58:07"}, {second, later, "2005-07-01 03:04:05"}} {
		stamp, ok, err := d.Time([]byte(test.line), test.hit)
		if got := stamp.UTC().Format(time.DateTime); !ok || err != nil || got != test.want {
			t.Errorf("%s is read as %s %v %v", test.line, got, ok, err)
		}
	}
}

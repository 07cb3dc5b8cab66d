package datepattern

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"stockade/internal/pyre"
)

// letters gives the first letters of the names of the templates in their order.
func letters(d *Detector) string {
	text := ""
	for _, t := range d.Templates() {
		text += t.Name[:1]
	}
	return text
}

func lettered(t *testing.T, now *time.Time) *Detector {
	d := New(Env{Now: func() time.Time { return *now }, Zone: time.UTC, Year: 2026})
	for letter := range strings.FieldsSeq("A B C D E F G H I J") {
		if err := d.Append(letter + "%d"); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// Orders after each line, as the reference has them.
func TestTemplatesMoveUp(t *testing.T) {
	now := at
	d := lettered(t, &now)
	for _, step := range []struct {
		after      int
		line, want string
	}{
		{310, "xx J5", "JABCDEFGHI"},
		{1, "D5", "JDABCEFGHI"},
		{1, "J5", "JDABCEFGHI"},
		{1, "C5", "JDCABEFGHI"},
		{1, "A5", "JDCABEFGHI"},
		{1, "J5", "JDCABEFGHI"},
		{50, "D5", "JDCABEFGHI"},
		{1, "G5", "JDCAGBEFHI"},
		{1, "F5", "JDCAGFBEHI"},
		{310, "xx J5", "JDCAGFBEHI"},
		{1, "xx F5", "JDFCAGBEHI"},
		{1, "no date", "JDFCAGBEHI"},
	} {
		now = now.Add(time.Duration(step.after) * time.Second)
		match(t, d, step.line)
		if got := letters(d); got != step.want {
			t.Fatalf("after %q %s, want %s", step.line, got, step.want)
		}
	}
}

func TestLineBeginBeatsDatesInsideMessages(t *testing.T) {
	d := detector(t)
	const line = "Aug 14 09:59:59 srv app: since 2005-08-14 08:00:00"
	if got := cutOf(t, d, line); got != "Aug 14 09:59:59" {
		t.Errorf("cut %q", got)
	}
	list := d.Templates()
	if list[0].Hits != 1 || list[0].Weight != 100 || list[0].Rank != 100 {
		t.Errorf("first template %+v", list[0])
	}
}

func TestFormatChangeIsFollowed(t *testing.T) {
	d := detector(t)
	for _, line := range []string{"Aug 14 09:59:59 x", "2005-08-14 10:00:00 x", "Aug 14 10:00:01 x", "[14/Aug/2005:10:00:02 +0000] x"} {
		if _, why := reading(t, d, line); why != "" {
			t.Errorf("%q: %s", line, why)
		}
	}
}

// Distances count characters: é before the date weighs as one.
func TestDistanceCountsCharacters(t *testing.T) {
	for _, prefix := range []string{"xx ", "éé ", "日日 "} {
		d := detector(t, "%H:%M:%S", "%Y/%m/%d")
		match(t, d, prefix+"10:00:00 y")
		if got := d.order[0].distance; got != utf8.RuneCountInString(prefix) {
			t.Errorf("%q: distance %d", prefix, got)
		}
	}
}

// The end of the last place counts as the end of the line, its start not as
// the start.
func TestSearchAtTheLastPlace(t *testing.T) {
	d := detector(t, "%H:%M:%S", "%Y-%m-%d")
	m := pyre.NewMachine()
	for _, step := range []struct{ line, want string }{
		{"a 10:00:00 b", "10:00:00"},
		{"a 10:00:005b", "-"},
		{"a 10:00:0 b", "10:00:0"},
		{"ab10:00:00 c", "-"},
		{"a 2005-08-14", "2005-08-14"},
	} {
		budget := pyre.LineBudget(len(step.line))
		hit, ok, err := d.Match(m, []byte(step.line), &budget)
		got := "-"
		if ok {
			got = step.line[hit.Start:hit.End]
		}
		if got != step.want || err != nil {
			t.Errorf("%q: %q %v, want %q", step.line, got, err, step.want)
		}
	}
}

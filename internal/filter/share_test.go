package filter

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stockade/internal/datepattern"
	"stockade/internal/event"
)

// sharedRules are rule sets that read the same log.
var sharedRules = map[string][]string{
	"sshd": {
		`^<F-NOFAIL>Connection from</F-NOFAIL> <HOST>`, `^Failed password for <F-USER>\S+</F-USER> from <HOST>`,
		`^<F-MLFFORGET>Disconnected</F-MLFFORGET> from <HOST>`,
	},
	"loose": {`bad (?:\S+ )*<HOST>`, `Failed .* from <HOST>`},
}

func sharedFilter(tb testing.TB, name, rules string) *Filter {
	tb.Helper()
	f := New(datepattern.Env{Now: func() time.Time { return noon }, Zone: time.UTC})
	f.SetName(name)
	f.SetLasting(false)
	if rules == "sshd" {
		if err := f.SetPrefregex(Rule{Text: `^ host sshd\[<F-MLFID>\d+</F-MLFID>\]: <F-CONTENT>.+</F-CONTENT>$`}); err != nil {
			tb.Fatal(err)
		}
	}
	for _, r := range sharedRules[rules] {
		if err := f.AddFailregex(Rule{Text: r}); err != nil {
			tb.Fatal(err)
		}
	}
	return f
}

// sharedLog is a log with sessions, lines of others, lines without a date, with
// an odd one and with bytes that are no text.
func sharedLog(rnd *rand.Rand, n int) []Line {
	lines := make([]Line, n)
	offset := int64(0)
	for i := range lines {
		at := noon.Add(time.Duration(i) * 50 * time.Millisecond)
		stamp := at.Format("Jan _2 15:04:05")
		switch rnd.IntN(12) {
		case 0:
			stamp = at.Format("2006-01-02 15:04:05")
		case 1:
			stamp = ""
		case 2:
			stamp = at.Add(-3 * time.Hour).Format("Jan _2 15:04:05")
		case 3:
			stamp = "Feb 30 10:00:00"
		}
		text := fmt.Sprintf("%s host sshd[%d]: %s 192.0.2.%d port 1", stamp, 1+rnd.IntN(5), []string{
			"Connection from", "Failed password for root from", "Failed password for joe from", "Disconnected from", "bad \xff thing", "nothing of",
		}[rnd.IntN(6)], 1+rnd.IntN(9))
		offset += int64(len(text)) + 1
		lines[i] = Line{Text: []byte(text), InOperation: i > n/10, Place: event.Place{Path: "/log", Inode: 7, Offset: offset}}
	}
	return lines
}

// outcomeText spells all that came of a line.
func outcomeText(fails []Failure, info Info) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %d %v", info.Outcome, info.IgnoredBy, info.Err)
	for i := range fails {
		x := &fails[i]
		fmt.Fprintf(&b, "\n %s %q %v %v %d %v %+v %+v", x.ID, x.DNS, x.Time.UnixNano(), x.HasTime, x.Index, x.Data, x.Matches, x.Cause)
	}
	for _, r := range info.Records {
		fmt.Fprintf(&b, "\n %v", r)
	}
	return b.String()
}

// pair is a filter that shares and one that does not.
type pair struct {
	shared, alone *Filter
	next, change  int
}

// changeBoth changes a setting of both, once the shared one has caught up with
// the others, since until then it answers by the rules that it had.
func (p *pair) changeBoth(t *testing.T) {
	t.Helper()
	if s := p.shared.team.seat; s != nil && s.next < s.ring.head.Load() || p.shared.team.left != nil {
		p.change++
		return
	}
	for _, f := range []*Filter{p.shared, p.alone} {
		if err := f.AddFailregex(Rule{Text: `nothing of <HOST>`}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSharedWorkGivesWhatEachHadAlone runs filters that share their work in
// random order, some far behind others, and changes some of them on the way.
func TestSharedWorkGivesWhatEachHadAlone(t *testing.T) {
	for seed := range uint64(8) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		lines := sharedLog(rnd, 3000)
		var shares Shares
		var all []*pair
		for i := range 7 {
			rules := []string{"sshd", "loose"}[i/5]
			p := &pair{shared: sharedFilter(t, fmt.Sprint("jail", i), rules), alone: sharedFilter(t, fmt.Sprint("jail", i), rules), change: -1}
			if seed%2 == 1 && i%2 == 1 {
				p.change = rnd.IntN(len(lines))
			}
			shares.Join(p.shared, "/log")
			all = append(all, p)
		}
		behind := 40 << (seed % 4 * 2) // up to more than the rows of a ring
		for done := 0; done < len(all); {
			p := all[rnd.IntN(len(all))]
			for k := rnd.IntN(behind); k > 0 && p.next < len(lines); k-- {
				if p.next == p.change {
					p.changeBoth(t)
				}
				ln := lines[p.next]
				now := noon.Add(time.Duration(p.next) * 50 * time.Millisecond)
				want := outcomeText(p.alone.Process(now, ln))
				if got := outcomeText(p.shared.Process(now, ln)); got != want {
					t.Fatalf("seed %d, %s, line %d %q:\n got %s\nwant %s", seed, p.alone.name, p.next, ln.Text, got, want)
				}
				if p.next++; p.next == len(lines) {
					done++
				}
			}
		}
	}
}

// TestFiltersShareWorkFromSeveralGoroutines lets jails of two kinds read a log at
// their own speed; each has to find what one alone finds.
func TestFiltersShareWorkFromSeveralGoroutines(t *testing.T) {
	lines := sharedLog(rand.New(rand.NewPCG(1, 1)), 3000)
	find := func(f *Filter) (found []string) {
		for i, ln := range lines {
			fails, _ := f.Process(noon.Add(time.Duration(i)*50*time.Millisecond), ln)
			for j := range fails {
				found = append(found, fmt.Sprint(i, fails[j].ID, fails[j].Index, fails[j].Data))
			}
		}
		return found
	}
	var shares Shares
	var filters []*Filter
	for i := range 6 {
		filters = append(filters, sharedFilter(t, fmt.Sprint("jail", i), []string{"sshd", "loose"}[i%2]))
		shares.Join(filters[i], "/log")
	}
	var running sync.WaitGroup
	for i, f := range filters {
		running.Go(func() {
			want := find(sharedFilter(t, "alone", []string{"sshd", "loose"}[i%2]))
			if got := find(f); !slices.Equal(got, want) {
				t.Errorf("filter %d found %d failures, alone it finds %d, or others", i, len(got), len(want))
			}
		})
	}
	running.Wait()
}

// TestFilterWithoutCompanyWorksAlone gives up rows that nobody else reads.
func TestFilterWithoutCompanyWorksAlone(t *testing.T) {
	var shares Shares
	f := sharedFilter(t, "alone", "sshd")
	shares.Join(f, "/log")
	for i, ln := range sharedLog(rand.New(rand.NewPCG(1, 1)), 2*ringRows) {
		if i%256 == 0 && f.Ahead(256) {
			t.Fatalf("ahead of nobody at line %d", i)
		}
		f.Process(noon, ln)
	}
	if f.team.seat != nil || f.desk.seat != nil {
		t.Error("the filter still keeps rows for others")
	}
}

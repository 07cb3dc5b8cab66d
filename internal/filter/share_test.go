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
	"stockade/internal/logbook"
	"stockade/internal/source"
	"stockade/internal/testenv"
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
	f.TakeRecords()
	return f
}

// sharedLog is a log with sessions, lines of others, lines without a date, with
// an odd one and with bytes that are no text.
func sharedLog(rnd *rand.Rand, n int) []source.Line {
	lines := make([]source.Line, n)
	offset := int64(0)
	for i := range lines {
		at := timeOf(i)
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
		lines[i] = source.Line{Text: []byte(text), Offset: offset}
	}
	return lines
}

// outcomeText spells all that came of a line.
func outcomeText(fails []Failure, info Info) string {
	return fmt.Sprintf("%d %d %s", info.Outcome, info.IgnoredBy, rowText(fails, info.Records, info.Err))
}

// age is how many lines come at the same moment; no batch is longer.
const age = 700

func timeOf(line int) time.Time { return noon.Add(time.Duration(line/age) * 90 * time.Second) }

// rowText spells what came of a line.
func rowText(fails []Failure, records []logbook.Record, err error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v", err)
	for i := range fails {
		x := &fails[i]
		fmt.Fprintf(&b, "\n %s %q %v %v %d %v %+v %+v", x.ID, x.DNS, x.Time.UnixNano(), x.HasTime, x.Index, x.Data, x.Matches, x.Cause)
	}
	for _, r := range records {
		fmt.Fprintf(&b, "\n %v", r)
	}
	return b.String()
}

// jailed is a filter that shares, as a jail has it, and one with the same rules
// that does not.
type jailed struct {
	shared, alone *Filter
	// given is where the next batch will begin, queue are the batches on their
	// way, from is the next line of the first of them.
	given int
	queue []*source.Batch
	from  int
	// change is the line from which on there is a further rule, changed says
	// that the shared filter was told.
	change          int
	changed, agreed bool
	company         *string
	// worked counts the lines that it had to look at by itself.
	worked int
}

func newJailed(t *testing.T, name, rules string) *jailed {
	t.Helper()
	p := &jailed{shared: sharedFilter(t, name, rules), alone: sharedFilter(t, name, rules), change: -1}
	p.shared.Join()
	return p
}

// world deals the lines of a log out to filters.
type world struct {
	t         *testing.T
	lines     []source.Line
	all       []*jailed
	companies map[string]uint64
	number    uint64
}

// deliver gives a batch of up to n lines to filters that stand at one place.
func (w *world) deliver(group []*jailed, n int) {
	from := group[0].given
	to := min(from+n, (from/age+1)*age, len(w.lines))
	if start := len(w.lines) / 10; from < start {
		to = min(to, start)
	}
	board := &source.Board{}
	for _, p := range group {
		b := &source.Batch{Path: "/log", Inode: 7, Lines: w.lines[from:to], InOperation: from >= len(w.lines)/10, Board: board}
		b.Company = w.company(group, p)
		p.queue = append(p.queue, b)
		p.given = to
	}
}

// company numbers the mates in a group: those with the same rules at first.
func (w *world) company(group []*jailed, p *jailed) uint64 {
	var mates []*jailed
	for _, o := range group {
		if (o.alone.pref == nil) == (p.alone.pref == nil) {
			mates = append(mates, o)
		}
	}
	if len(mates) == 1 {
		p.company = nil
		return 0
	}
	names := ""
	for _, o := range mates {
		names += " " + o.alone.name
	}
	same := true
	for _, o := range mates {
		same = same && o.company != nil && *o.company == names
	}
	if !same {
		w.number++
		for _, o := range mates {
			o.company = &names
		}
		w.companies[names] = w.number
	}
	return w.companies[names]
}

// work has a filter look at the next portion it was given, and compares.
func (w *world) work(p *jailed) {
	w.t.Helper()
	b := p.queue[0]
	first := slices.IndexFunc(w.lines, func(ln source.Line) bool { return ln.Offset == b.Lines[0].Offset })
	from, to := p.from, min(p.from+PortionSize, len(b.Lines))
	if p.change >= 0 && !p.changed && from == 0 && first >= p.change {
		p.changed = true
		w.addRule(p.shared)
	}
	now := timeOf(first)
	portion, ok := p.shared.Share(now, b, from, to)
	if p.changed && !p.agreed && !p.shared.member.leaving {
		// Until here it answered by the rules that the team has.
		p.agreed = true
		w.addRule(p.alone)
	}
	rows := []Row(nil)
	if ok {
		rows = portion.Rows
	}
	dates := Dates{UndatedOnly: true, OddOnly: true}
	for i := from; i < to; i++ {
		fails, info := p.alone.Process(now, p.alone.Line(b, i))
		dates.note(now, &info)
		want := rowText(fails, info.Records, info.Err)
		got := ""
		switch {
		case !ok:
			p.worked++
			fails, info := p.shared.Process(now, p.shared.Line(b, i))
			got = rowText(fails, info.Records, info.Err)
		case len(rows) > 0 && rows[0].Line == i:
			got = rowText(rows[0].Fails, rows[0].Records.For(p.shared.name), rows[0].Err)
			rows = rows[1:]
		default:
			got = rowText(nil, nil, nil)
		}
		if got != want {
			w.t.Fatalf("%s, line %d %q, shared %v:\n got %s\nwant %s", p.alone.name, first+i, b.Lines[i].Text, ok, got, want)
		}
	}
	if ok && portion.Dates != dates {
		w.t.Fatalf("%s, lines %d to %d: dates\n got %+v\nwant %+v", p.alone.name, first+from, first+to, portion.Dates, dates)
	}
	if p.from = to; to == len(b.Lines) {
		p.queue, p.from = p.queue[1:], 0
	}
}

func (w *world) addRule(f *Filter) {
	w.t.Helper()
	if err := f.AddFailregex(Rule{Text: `nothing of <HOST>`}); err != nil {
		w.t.Fatal(err)
	}
	f.TakeRecords()
}

// group gathers filters at the place of p.
func (w *world) group(p *jailed, in func() bool) []*jailed {
	group := []*jailed{}
	for _, o := range w.all {
		if o.given == p.given && len(o.queue) < 4 && (o == p || in()) {
			group = append(group, o)
		}
	}
	return group
}

// limit is how far it is to the next place at which somebody stands.
func (w *world) limit(p *jailed, n int) int {
	for _, o := range w.all {
		if d := o.given - p.given; d > 0 && d < n {
			n = d
		}
	}
	return n
}

// TestSharedWorkGivesWhatEachHadAlone deals a log out to filters in random
// order, some far behind others, some with batches of their own, and changes
// some of them on the way.
func TestSharedWorkGivesWhatEachHadAlone(t *testing.T) {
	seeds := uint64(6)
	if testenv.Full() {
		seeds = 100
	}
	for seed := range seeds {
		rnd := rand.New(rand.NewPCG(seed, 4))
		w := &world{t: t, lines: sharedLog(rnd, 4000), companies: map[string]uint64{}}
		for i := range 7 {
			p := newJailed(t, fmt.Sprint("jail", i), []string{"sshd", "loose"}[i/5])
			if seed%2 == 1 && i%2 == 1 {
				p.change = rnd.IntN(len(w.lines))
			}
			w.all = append(w.all, p)
		}
		for done := 0; done < len(w.all); {
			p := w.all[rnd.IntN(len(w.all))]
			if len(p.queue) > 0 && rnd.IntN(3) > 0 {
				if w.work(p); len(p.queue) == 0 && p.given == len(w.lines) {
					done++
				}
				continue
			}
			if len(p.queue) < 4 && p.given < len(w.lines) {
				w.deliver(w.group(p, func() bool { return rnd.Uint64N(20) < 20-seed%20 }), w.limit(p, 1+rnd.IntN(600)))
			}
		}
	}
}

// run deals the lines from one to another out to all, in batches of n.
func (w *world) run(to, n int, among ...*jailed) {
	w.t.Helper()
	for among[0].given < to {
		w.deliver(among, min(n, to-among[0].given))
		for _, p := range among {
			for len(p.queue) > 0 {
				w.work(p)
			}
		}
	}
}

// oneTeam wants the filters to be in the same team.
func oneTeam(t *testing.T, when string, all ...*jailed) {
	t.Helper()
	for _, p := range all {
		if p.shared.member.team == nil || p.shared.member.team != all[0].shared.member.team {
			t.Errorf("%s, %s shares with others", when, p.alone.name)
		}
	}
}

func newWorld(t *testing.T, n int) (w *world, a, b, c *jailed) {
	t.Helper()
	w = &world{t: t, lines: sharedLog(rand.New(rand.NewPCG(3, 3)), n), companies: map[string]uint64{}}
	a, b, c = newJailed(t, "a", "sshd"), newJailed(t, "b", "sshd"), newJailed(t, "c", "sshd")
	w.all = []*jailed{a, b, c}
	return w, a, b, c
}

// TestOneThatStoodStillSharesAgainOnceItHasCaughtUp leaves a filter with its
// batches for long, in the middle of sessions; nobody waits for it.
func TestOneThatStoodStillSharesAgainOnceItHasCaughtUp(t *testing.T) {
	w, a, b, c := newWorld(t, 4000)
	w.run(900, 100, a, b, c)
	oneTeam(t, "at first", a, b, c)
	w.deliver([]*jailed{a, b, c}, 300)
	w.work(a)
	for range 2 {
		w.work(b)
	}
	w.work(a)
	w.run(3000, 50, a, b)
	oneTeam(t, "without c", a, b)
	for len(c.queue) > 0 {
		w.work(c)
	}
	if c.worked != 0 {
		t.Errorf("c looked at %d line(s) that others had looked at", c.worked)
	}
	w.run(3000, 350, c)
	w.run(3500, 100, a, b, c)
	oneTeam(t, "in the end", a, b, c)
	if worked := a.worked + b.worked; worked != 0 || c.worked != 1800 {
		t.Errorf("a and b looked at %d line(s) alone, c at %d", worked, c.worked)
	}
}

// dateAlike leaves dates of one kind in the log: with two it would matter how
// many of each a filter has seen.
func (w *world) dateAlike() {
	for i := range w.lines {
		if w.lines[i].Text[0] == '2' {
			w.lines[i].Text = w.lines[i-1].Text
		}
	}
}

// TestOneThatComesLaterShares adds a filter that has not seen the beginning of
// the log.
func TestOneThatComesLaterShares(t *testing.T) {
	w, a, b, c := newWorld(t, 6000)
	w.dateAlike()
	w.run(2000, 100, a, b)
	c.given = 1000
	w.run(2000, 500, c)
	w.run(6000, 20, a, c, b)
	oneTeam(t, "in the end", a, b, c)
	if c.worked != 1000 {
		t.Errorf("c worked alone on %d lines", c.worked)
	}
}

// TestOneThatMissedABeginningSharesLater adds filters that have not seen how
// sessions began: work compares what they make of these lines.
func TestOneThatMissedABeginningSharesLater(t *testing.T) {
	for _, begin := range []int{1980, 1990, 1995, 1999} {
		w, a, b, c := newWorld(t, 2400)
		w.dateAlike()
		w.run(2000, 100, a, b)
		c.given = begin
		w.run(2000, 10, c)
		w.run(2400, 10, a, c, b)
	}
}

// TestOthersShareOnWhenOneLeaves removes the first of a team, which has not
// looked at all that it was given.
func TestOthersShareOnWhenOneLeaves(t *testing.T) {
	w, a, b, c := newWorld(t, 3000)
	w.run(900, 100, a, b, c)
	w.deliver([]*jailed{a, b, c}, 400)
	w.work(a)
	a.shared.Leave()
	w.work(b)
	for len(c.queue) > 0 {
		w.work(c)
	}
	w.work(b)
	w.run(3000, 100, b, c)
	oneTeam(t, "in the end", b, c)
	if b.worked+c.worked > 0 {
		t.Errorf("worked alone on %d line(s)", b.worked+c.worked)
	}
}

// TestFiltersChangedAlikeShareAgain changes the rules of two of three, as a
// reload does.
func TestFiltersChangedAlikeShareAgain(t *testing.T) {
	w, a, b, c := newWorld(t, 4000)
	a.change, b.change = 1000, 1000
	w.run(4000, 100, a, b, c)
	oneTeam(t, "after the change", a, b)
	if c.shared.member.team == a.shared.member.team {
		t.Error("filters with other rules share")
	}
}

// TestFindTimesMatterOnlyUntilTheEndIsReached shares between filters that differ
// in how old lines may be, as jails for ever longer bans do.
func TestFindTimesMatterOnlyUntilTheEndIsReached(t *testing.T) {
	w, a, b, _ := newWorld(t, 3000)
	for _, f := range []*Filter{b.shared, b.alone} {
		f.SetFindTime(time.Hour)
	}
	start := len(w.lines) / 10
	w.run(start, 50, a, b)
	if a.shared.member.team == b.shared.member.team {
		t.Error("filters that leave out other lines share")
	}
	w.run(start+400, 50, a, b)
	oneTeam(t, "in operation", a, b)
}

// TestLoneFilterWorksForItself without a team.
func TestLoneFilterWorksForItself(t *testing.T) {
	w, a, b, _ := newWorld(t, 2000)
	w.run(500, 100, a, b)
	w.run(2000, 100, a)
	if a.shared.member.team != nil || a.worked != 1500 {
		t.Errorf("worked alone on %d line(s)", a.worked)
	}
}

// TestFiltersShareWorkFromSeveralGoroutines lets jails of two kinds look at a
// log at their own speed; each has to find what one alone finds.
func TestFiltersShareWorkFromSeveralGoroutines(t *testing.T) {
	lines := sharedLog(rand.New(rand.NewPCG(1, 1)), 9000)
	var batches []*source.Batch
	for from := 0; from < len(lines); from += 300 {
		batches = append(batches, &source.Batch{
			Path: "/log", Lines: lines[from:min(from+300, len(lines))], Company: 1, Board: &source.Board{}, InOperation: true,
		})
	}
	find := func(f *Filter) (found []string) {
		for n, b := range batches {
			for from := 0; from < len(b.Lines); from += PortionSize {
				to, now := min(from+PortionSize, len(b.Lines)), timeOf(n*300)
				note := func(i int, x *Failure) { found = append(found, fmt.Sprint(n, i, x.ID, x.Index, x.Data, x.Matches)) }
				if p, ok := f.Share(now, b, from, to); ok {
					for _, row := range p.Rows {
						for k := range row.Fails {
							note(row.Line, &row.Fails[k])
						}
					}
					continue
				}
				for i := from; i < to; i++ {
					fails, _ := f.Process(now, f.Line(b, i))
					for k := range fails {
						note(i, &fails[k])
					}
				}
			}
		}
		return found
	}
	var filters []*Filter
	for i := range 6 {
		f := sharedFilter(t, fmt.Sprint("jail", i), []string{"sshd", "loose"}[i%2])
		f.Join()
		filters = append(filters, f)
	}
	want := [][]string{find(sharedFilter(t, "alone", "sshd")), find(sharedFilter(t, "alone", "loose"))}
	var running sync.WaitGroup
	for i, f := range filters {
		running.Go(func() {
			if got := find(f); !slices.Equal(got, want[i%2]) {
				t.Errorf("filter %d found %d failures, alone it finds %d, or others", i, len(got), len(want[i%2]))
			}
		})
	}
	running.Wait()
	teams := map[*team]bool{}
	for _, f := range filters {
		teams[f.member.team] = true
	}
	if len(teams) != 2 {
		t.Errorf("%d teams for two kinds of filters", len(teams))
	}
}

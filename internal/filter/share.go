package filter

import (
	"crypto/sha256"
	"fmt"
	"sync/atomic"
	"time"

	"stockade/internal/source"
)

// Kind names all that decides, beside what was learnt from earlier lines, what
// a filter makes of a line.
type Kind [sha256.Size]byte

// Join lets the filter share its work, from the next batch on, with those that
// are given the same batches and would come to the same results. It tells the
// kind of the filter: others of that kind can share with it.
func (f *Filter) Join() Kind {
	f.member.shares = true
	return f.kind(true)
}

// Leave ends all sharing of this filter.
func (f *Filter) Leave() {
	f.Alone()
	f.member.shares = false
}

// Alone is for whoever changes a setting: until others are of the same kind
// again, the filter works for itself.
func (f *Filter) Alone() {
	f.member.kinds = [2]Kind{}
	if f.member.team != nil {
		f.leave()
	}
}

// kind is that of the filter. While a log is caught up with, findtime matters.
func (f *Filter) kind(inOperation bool) Kind {
	i := 0
	if inOperation {
		i = 1
	}
	k := &f.member.kinds[i]
	if *k != (Kind{}) {
		return *k
	}
	h := sha256.New()
	s := &f.settings
	fmt.Fprintf(h, "%v %q %q %q %v %v %q %v %v %q", inOperation, s.encoding.name, s.datePattern, s.timezone, s.hasTimezone,
		s.ageChecks, s.useDNS, s.rawHosts, s.noCauses, f.Prefregex())
	if !inOperation {
		fmt.Fprintf(h, " %v", s.findTime)
	}
	for _, list := range [][]*rule{f.fail, f.ignore} {
		fmt.Fprintln(h)
		for _, r := range list {
			fmt.Fprintf(h, "%q %q\n", r.re.String(), r.origin)
		}
	}
	h.Sum(k[:0])
	return *k
}

// shareable says that sharing is wanted and possible.
func (f *Filter) shareable() bool {
	s := &f.settings
	return f.member.shares && s.maxLines == 1 && !s.checkAll && !s.light
}

// twin makes a filter of the same kind that works for a team.
func (f *Filter) twin(k *knowledge) *Filter {
	c := New(f.base)
	c.name, c.settings = sharedName, f.settings
	c.settings.borrows = false
	copies := func(list []*rule) []*rule {
		out := make([]*rule, len(list))
		for i, r := range list {
			n := *r
			out[i] = &n
		}
		return out
	}
	c.fail, c.ignore, c.dispatch = copies(f.fail), copies(f.ignore), f.dispatch
	if f.pref != nil {
		c.pref = copies([]*rule{f.pref})[0]
	}
	c.learn(k)
	return c
}

// PortionSize is how many lines are looked at in one go.
const PortionSize = 256

// Portion is what came of some lines of a batch. It belongs to all who share it.
type Portion struct {
	// Rows are those lines that led to something, in order.
	Rows  []Row
	Dates Dates
	// Notes is for what the first of them makes of it and the others can use.
	Notes atomic.Value
	// given counts searches that were given up.
	given int
}

// Row is one line that led to something.
type Row struct {
	// Line is its index in the batch.
	Line    int
	Fails   []Failure
	Records Records
	Err     error
}

// Dates sums up how it went with the dates of lines that follow each other.
type Dates struct {
	Lines, Undated, Odd uint64
	// UndatedRun and OddRun count the last ones without another in between; they
	// reach back beyond the first of these lines if UndatedOnly and OddOnly.
	UndatedRun, OddRun   uint64
	UndatedOnly, OddOnly bool
	// Last is the last date, if there was one, OddBy by how much the last odd
	// one was off.
	Last  time.Time
	OddBy time.Duration
}

func (d *Dates) note(now time.Time, info *Info) {
	d.Lines++
	switch {
	case info.Undated:
		d.Undated++
		d.UndatedRun++
	case info.Odd != 0:
		d.Odd++
		d.OddRun++
		d.OddBy, d.Last, d.UndatedRun, d.UndatedOnly = info.Odd, now.Add(info.Odd), 0, false
	case info.HasTime:
		d.Last, d.UndatedRun, d.OddRun, d.UndatedOnly, d.OddOnly = info.Time, 0, 0, false, false
	}
}

// Share gives what comes of a portion of a batch, where the work on it is
// shared: PortionSize lines, or what is left of them. The portions of a batch
// are asked for in order. It is not ok where the filter has to Process the lines of the
// batch by itself.
func (f *Filter) Share(now time.Time, b *source.Batch, from, to int) (p *Portion, ok bool) {
	m := &f.member
	if from%PortionSize != 0 || to != min(from+PortionSize, len(b.Lines)) {
		return nil, false
	}
	if from == 0 {
		f.takeSeat(b)
	}
	if m.sheet == nil || m.batch != b {
		return nil, false
	}
	p = m.sheet.portion(now, from/PortionSize, b)
	f.now = now
	f.tally.total += p.given
	return p, true
}

package trial

import (
	"strings"
	"time"

	"stockade/internal/filter"
	"stockade/internal/ipaddr"
	"stockade/internal/ticket"
)

// stats is what the report says.
type stats struct {
	lines, ignored, matched, missed int
	prefHits                        int
	// prefMatched and prefLast are what came of the prefregex last.
	prefMatched               bool
	prefLast                  string
	fail, ignore              []ruleStats
	ignoredLines              listing
	matchedLines, missedLines listing
	prefData                  []string
	took                      time.Duration
}

// ruleStats are the hits of one regex.
type ruleStats struct {
	hits int
	ids  []foundID
}

// foundID is one ID as -v lists it.
type foundID struct {
	id       string
	when     time.Time
	multiple bool
}

// listing is one list of lines. Those beyond the limit are only counted,
// unless all are wanted.
type listing struct {
	wanted bool
	limit  int
	count  int
	lines  []string
}

func (s *stats) init(fail, ignore int, o *regexOptions) {
	s.fail, s.ignore = make([]ruleStats, fail), make([]ruleStats, ignore)
	s.matchedLines = listing{wanted: o.set["--print-all-matched"], limit: -1}
	s.missedLines = listing{wanted: !o.set["--print-no-missed"], limit: o.listed}
	s.ignoredLines = listing{wanted: !o.set["--print-no-ignored"], limit: o.listed}
	if o.set["--print-all-missed"] {
		s.missedLines.limit = -1
	}
	if o.set["--print-all-ignored"] {
		s.ignoredLines.limit = -1
	}
}

// add counts a line and keeps it if it is going to be printed.
func (l *listing) add(text func() string) {
	l.count++
	if l.wanted && (l.limit < 0 || l.count < l.limit) {
		l.lines = append(l.lines, text())
	}
}

// line runs one line through the filter and counts what came of it. Empty
// lines and comments are passed over.
func (t *regexTrial) line(raw []byte) error {
	if len(raw) == 0 || raw[0] == '#' || len(raw) == 1 && raw[0] == '\r' {
		return nil
	}
	fails, info := t.filter.Process(t.now(), filter.Line{Text: raw, InOperation: true})
	return t.count(fails, info)
}

// now is the present, looked at now and then only.
func (t *regexTrial) now() time.Time {
	const every = 256
	if t.stats.lines%every == 0 {
		t.present = t.env.now()
	}
	return t.present
}

// countPrefix counts the matches of the prefregex. The reference looks whether
// it has matched, not whether it was tried: a line that was ignored before that
// counts as the one before it did.
func (t *regexTrial) countPrefix(info filter.Info) {
	s := &t.stats
	untried := info.Outcome == filter.Ignored && !info.PrefixMatched
	if !untried {
		s.prefMatched = info.PrefixMatched
	}
	if !s.prefMatched {
		return
	}
	s.prefHits++
	if t.o.verbose == 0 || s.prefHits > t.o.listed {
		return
	}
	if !untried {
		s.prefLast = dictText(t.filter.PrefixGroups())
	}
	s.prefData = append(s.prefData, s.prefLast)
}

// count notes the result of a line.
func (t *regexTrial) count(fails []filter.Failure, info filter.Info) error {
	s := &t.stats
	t.printRecords(info.Records)
	if info.Err != nil {
		return refusal{info.Err.Error()}
	}
	s.lines++
	t.countPrefix(info)
	fails = t.resolve(fails)
	if t.o.quiet() {
		t.output(fails, info)
		return nil
	}
	// One result that is no failure by itself makes the whole line ignored.
	real, nofail := 0, false
	for i := range fails {
		x := &fails[i]
		t.hit(x, real >= 2)
		if x.NoFail {
			nofail = true
			continue
		}
		real++
	}
	t.consume(info.Consumed)
	switch {
	case info.Outcome == filter.Ignored:
		s.ignore[info.IgnoredBy].hits++
		s.ignored++
		s.ignoredLines.add(t.filter.LineText)
	case nofail:
		s.ignored++
		s.ignoredLines.add(t.filter.LineText)
	case real > 0:
		s.matched++
		s.matchedLines.add(t.matchedText(info.Consumed))
	default:
		s.missed++
		s.missedLines.add(t.filter.LineText)
	}
	return nil
}

// hit counts one result for its regex; multiple says that the line has more
// than one already.
func (t *regexTrial) hit(x *filter.Failure, multiple bool) {
	r := &t.stats.fail[x.Index]
	r.hits++
	if t.o.verbose == 0 {
		return
	}
	id := x.ID.String()
	if x.Pending {
		id = "None"
	}
	when := x.Time
	if !x.HasTime {
		when = t.now()
	}
	r.ids = append(r.ids, foundID{id, when, multiple})
}

// consume counts the earlier lines of a match over several: they were missed
// so far.
func (t *regexTrial) consume(lines []ticket.Match) {
	s := &t.stats
	for i := range len(lines) - 1 {
		text := lines[i].Text()
		s.missed--
		s.missedLines.remove(text)
		s.matched++
		if !t.o.set["-D"] {
			s.matchedLines.add(func() string { return text })
		}
	}
}

// matchedText gives what is listed of a match: its last line, or all of them
// together where links are made of them.
func (t *regexTrial) matchedText(consumed []ticket.Match) func() string {
	if len(consumed) < 2 || !t.o.set["-D"] {
		return t.filter.LineText
	}
	return func() string {
		texts := make([]string, len(consumed))
		for i, m := range consumed {
			texts[i] = m.Text()
		}
		return strings.Join(texts, "\n")
	}
}

// remove takes the first equal line out of the list.
func (l *listing) remove(text string) {
	l.count--
	for i := range l.lines {
		if l.lines[i] == text {
			l.lines = append(l.lines[:i], l.lines[i+1:]...)
			return
		}
	}
}

// resolve looks up the host names among the failures.
func (t *regexTrial) resolve(fails []filter.Failure) []filter.Failure {
	for i := range fails {
		if fails[i].DNS == "" {
			continue
		}
		out := append([]filter.Failure(nil), fails[:i]...)
		for _, x := range fails[i:] {
			var addrs []ipaddr.ID
			if x.DNS != "" {
				addrs = t.env.lookup(x.DNS)
			}
			out = append(out, x.Resolved(addrs)...)
		}
		return out
	}
	return fails
}

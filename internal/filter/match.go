package filter

import (
	"math/bits"

	"stockade/internal/event"
	"stockade/internal/pyre"
	"stockade/internal/ticket"
)

// earlyMargin is by how much the failregexes must outnumber the ignoreregexes
// for these to be tried first.
const earlyMargin = 2

// evaluateLine runs the rules over a single line.
func (f *Filter) evaluateLine(info *Info) {
	body := f.line.body()
	if f.ignoredEarly(body, info) {
		return
	}
	c := &f.data.content
	c.text, c.offset, c.copy = body, 0, false
	if f.pref != nil && f.pref.spares(body) {
		return
	}
	var known *recalled
	all, whole := false, f.recallsWhole()
	if whole {
		known, all = f.seen.find(body)
	} else {
		f.seen.pass()
	}
	if f.pref != nil {
		if !f.prefixFits(body, known) {
			return
		}
		info.PrefixMatched = true
		f.cutContent()
	}
	if !whole {
		known, all = f.seen.find(c.text)
	}
	if len(f.fail) == 0 {
		return
	}
	next, done := 0, false
	if all {
		next, done = f.tryKnown(known, c.text, info)
	}
	if !done {
		f.tryFrom(next, c.text, info)
	}
}

// recallsWhole tells whether it is the line as a whole that is remembered, with
// what the prefregex made of it. A prefregex to which digits matter would find
// few lines alike: there it is the content.
func (f *Filter) recallsWhole() bool { return f.pref == nil || f.pref.alike }

// prefixFits tells whether the prefregex matches, and keeps its groups.
func (f *Filter) prefixFits(body []byte, known *recalled) bool {
	if known != nil {
		f.data.prefSpans = append(f.data.prefSpans[:0], known.prefix...)
		return known.fits
	}
	given := f.tally.total
	found := f.search(f.machine, f.pref, 0, body)
	f.pref.gate.learn(body, found, f.machine.Far())
	if found {
		f.keepPrefix()
		from, to := f.contentSpan(len(body))
		f.seen.notePrefix(f.data.prefSpans, from, to)
	} else if f.tally.total == given {
		f.seen.done(true, true)
	}
	return found
}

// ignoredEarly tries the ignoreregexes before all else where there are few of
// them.
func (f *Filter) ignoredEarly(text []byte, info *Info) bool {
	n := len(f.ignore)
	return n > 0 && n < len(f.fail)-earlyMargin && f.isIgnored(text, info)
}

func (f *Filter) isIgnored(text []byte, info *Info) bool {
	for i, r := range f.ignore {
		if f.search(f.second, r, i, text) {
			info.Outcome, info.IgnoredBy = Ignored, i
			return true
		}
	}
	return false
}

// tryKnown does without a search where the line is one of the last ones. It
// tells which failregex is the next to be tried, or that none is.
func (f *Filter) tryKnown(e *recalled, text []byte, info *Info) (next int, done bool) {
	for i := range e.found {
		x := &e.found[i]
		f.machine.Recall(&x.spans)
		if f.matched(x.rule, text, info) {
			return 0, true
		}
		next = x.rule + 1
	}
	return next, e.whole
}

// keepsFirst tells whether all lines that are taken for the same as this one
// have the same first byte of their content, by which the failregexes are chosen
// that are tried.
func (f *Filter) keepsFirst(content []byte) bool {
	at := f.data.content.offset
	if at == 0 || len(content) == 0 || !f.recallsWhole() {
		return true
	}
	return content[0] < '0' || content[0] > '9' || pyre.KeepsDigit(f.line.body()[at-1])
}

// tryFrom tries the failregexes from an index on.
func (f *Filter) tryFrom(from int, text []byte, info *Info) {
	given, alike := f.tally.total, f.keepsFirst(text)
	for w, word := range f.dispatch.Candidates(text) {
		for ; word != 0; word &= word - 1 {
			i := w<<6 + bits.TrailingZeros64(word)
			if i < from {
				continue
			}
			if f.line.budget <= 0 {
				return
			}
			r := f.fail[i]
			alike = alike && r.alike
			if r.spares(text) {
				continue
			}
			found := f.search(f.machine, r, i, text)
			r.gate.learn(text, found, f.machine.Far())
			if !found {
				continue
			}
			f.seen.note(i, f.machine)
			if !f.settings.checkAll && f.tally.total == given {
				f.seen.done(false, alike)
			}
			if f.matched(i, text, info) {
				return
			}
			if f.settings.maxLines > 1 {
				text = f.searchRest()
			}
		}
	}
	if f.tally.total == given {
		f.seen.done(true, alike)
	}
}

// matched handles a failregex that matched the text and tells whether to stop.
func (f *Filter) matched(i int, text []byte, info *Info) (stop bool) {
	multi := f.settings.maxLines > 1
	if multi {
		f.buf.split(f.machine, f.fail[i], text)
		if len(f.ignore) > 0 && f.isIgnored(f.buf.matchedText(), info) {
			info.Consumed = f.buf.matches()
			f.buf.consume()
			return !f.settings.checkAll
		}
	} else if len(f.ignore) > 0 && f.isIgnored(text, info) {
		return !f.settings.checkAll
	}
	if f.line.undated {
		f.warnUndated()
		if !f.line.hasTime && f.settings.ageChecks {
			return false
		}
	}
	info.Outcome = Matched
	var lines []ticket.Match
	if multi {
		lines = f.buf.matches()
		info.Consumed = lines
		f.buf.consume()
	}
	if err := f.found(i, lines); err != nil {
		f.failures = f.failures[:0]
		info.Outcome, info.Err = Broken, err
		return true
	}
	return !f.settings.checkAll
}

// found makes of a match what it stands for: a failure, a line of a session, or
// nothing. lines are nil where it is the present line alone.
func (f *Filter) found(i int, lines []ticket.Match) error {
	r := f.fail[i]
	data := f.gather(r)
	has := r.roles
	if f.pref != nil {
		has |= f.pref.roles
	}
	var rec *session
	if has&roleMLFID != 0 {
		if key := data.find(groupMLFID); key != nil && !key.Null {
			rec = f.sess.merge(f, key.Text, &data, has, lines)
			if rec.noFail && !f.settings.checkAll {
				return nil
			}
			data, has = rec.data, rec.has
		}
	}
	who := &f.who
	if err := f.identify(who, data, has); err != nil {
		return err
	}
	if !who.found {
		if rec == nil {
			f.noGroup(r)
			return nil
		}
		if rec.pending = true; !f.settings.checkAll {
			return nil
		}
	}
	if who.dns != "" && !f.settings.resolves() {
		return nil
	}
	f.deliver(i, r, who, rec, data, lines)
	return nil
}

// deliver adds a failure to the results of the line.
func (f *Filter) deliver(i int, r *rule, who *subject, rec *session, data Data, lines []ticket.Match) {
	n := len(f.failures)
	if n < cap(f.failures) && f.settings.light {
		// Nothing but what is set below was ever set in it.
		f.failures = f.failures[:n+1]
	} else {
		f.failures = append(f.failures, Failure{})
	}
	x := &f.failures[n]
	x.ID, x.DNS, x.Index, x.Pending = who.id, who.dns, i, !who.found
	l := &f.line
	x.Time, x.HasTime, x.IntegerTime = l.time, l.hasTime, l.integer
	x.NoFail = false
	if f.settings.checkAll {
		x.NoFail = rec != nil && rec.noFail || rec == nil && data.text(groupNofail) != ""
	}
	if f.settings.light {
		return
	}
	f.line.string()
	f.keepAll(data)
	if !who.ip.IsZero() {
		data.set(Entry{Group: groupIP, Text: who.ip.String()})
		if rec != nil {
			rec.data = data
		}
	}
	x.Data = data
	if !f.settings.borrows || f.settings.checkAll {
		x.Data = append(make(Data, 0, len(data)), data...)
	}
	switch {
	case rec != nil:
		x.Matches = rec.matches
	case lines != nil:
		x.Matches = lines
	default:
		x.Matches = []ticket.Match{f.line.match()}
	}
	if !f.settings.noCauses {
		x.Cause = event.Cause{
			Rule:  event.Rule{Kind: r.kind, Index: i, Origin: r.origin},
			Line:  f.lineText(),
			Spans: f.spans(r),
			Place: l.place,
			Who:   event.Who{Kind: "log"},
		}
	}
}

// lineText is the line as it stood in the log, without its end.
func (f *Filter) lineText() string {
	l := &f.line
	s := l.string()
	switch {
	case !l.cut:
		return s[l.nDate : len(s)-1]
	case l.nBefore == 0:
		return s[:len(s)-1]
	}
	body := s[l.nDate : len(s)-1]
	return body[:l.nBefore] + s[:l.nDate] + body[l.nBefore:]
}

// spans tells where in lineText the groups stand.
func (f *Filter) spans(r *rule) event.Spans {
	at := make([]int32, 0, 2*len(*r.names))
	add := func(from, to int) {
		if from < 0 {
			at = append(at, -1, -1)
			return
		}
		at = append(at, int32(f.place(from, false)), int32(f.place(to, true)))
	}
	for i := 0; i < len(f.data.prefSpans) && f.pref != nil; i += 2 {
		add(f.data.prefSpans[i], f.data.prefSpans[i+1])
	}
	offset := f.data.content.offset
	for i := range r.groups {
		from, to := f.machine.Span(r.groups[i].index)
		if from >= 0 {
			from, to = offset+from, offset+to
		}
		add(from, to)
	}
	return event.NewSpans(r.names, at)
}

// place turns an offset in the searched body into one in lineText.
func (f *Filter) place(offset int, end bool) int {
	l := &f.line
	if !l.cut || offset < l.nBefore || end && offset == l.nBefore {
		return min(offset, len(l.text)-l.nDate-1)
	}
	return min(offset+l.nDate, len(l.text)-1)
}

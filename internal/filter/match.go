package filter

import (
	"math/bits"

	"stockade/internal/event"
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
	f.data.content = contentState{text: body, own: f.data.content.own}
	if f.pref != nil {
		if !f.search(f.machine, f.pref, 0, body) {
			return
		}
		info.PrefixMatched = true
		f.keepPrefix()
	}
	f.tryRules(f.data.content.text, info)
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

// tryRules tries the failregexes in order on the text.
func (f *Filter) tryRules(text []byte, info *Info) {
	if len(f.fail) == 0 {
		return
	}
	for w, word := range f.dispatch.Candidates(text) {
		for ; word != 0; word &= word - 1 {
			i := w<<6 + bits.TrailingZeros64(word)
			if f.line.budget <= 0 {
				return
			}
			if f.search(f.machine, f.fail[i], i, text) && f.matched(i, text, info) {
				return
			}
		}
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
			return true
		}
	} else if len(f.ignore) > 0 && f.isIgnored(text, info) {
		return true
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
	return !f.settings.checkAll || multi
}

// found makes of a match what it stands for: a failure, a line of a session, or
// nothing. lines are nil where it is the present line alone.
func (f *Filter) found(i int, lines []ticket.Match) error {
	r := f.fail[i]
	data := f.gather(r)
	var fail Failure
	var rec *session
	if key := data.Find("mlfid"); key != nil && !key.Null {
		rec = f.sess.merge(f.now, key.Text, &data, lines, f)
		if rec.noFail && !f.settings.checkAll {
			return nil
		}
		data, fail.Matches = rec.data, rec.matches
	} else if lines != nil {
		fail.Matches = lines
	} else {
		fail.Matches = []ticket.Match{f.line.match()}
	}
	who, err := f.identify(data)
	if err != nil {
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
		fail.Pending = true
	}
	if who.dns != "" && !f.settings.resolves() {
		return nil
	}
	fail.ID, fail.DNS, fail.Index = who.id, who.dns, i
	fail.Data = append(make(Data, 0, len(data)+1), data...)
	if !who.ip.IsZero() {
		ip := Entry{Name: "ip", Text: who.ip.String()}
		fail.Data.set(ip)
		if rec != nil {
			rec.data.set(ip)
		}
	}
	fail.NoFail = f.settings.checkAll && (rec != nil && rec.noFail || data.Text("nofail") != "")
	f.deliver(fail, r)
	return nil
}

// deliver adds time and cause.
func (f *Filter) deliver(fail Failure, r *rule) {
	l := &f.line
	fail.Time, fail.HasTime, fail.IntegerTime = l.time, l.hasTime, l.integer
	if !f.settings.noCauses {
		fail.Cause = event.Cause{
			Rule:  event.Rule{Kind: r.kind, Index: fail.Index, Origin: r.origin},
			Line:  f.lineText(),
			Spans: f.spans(r),
			Place: l.place,
			Who:   event.Who{Kind: "log"},
		}
	}
	f.failures = append(f.failures, fail)
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
func (f *Filter) spans(r *rule) []event.Span {
	n := len(r.groups)
	if f.pref != nil {
		n += len(f.pref.groups)
	}
	out := make([]event.Span, 0, n)
	add := func(name string, from, to int) {
		if from >= 0 {
			out = append(out, event.Span{Name: name, Start: f.place(from, false), End: f.place(to, true)})
		}
	}
	if f.pref != nil {
		for i, g := range f.pref.groups {
			add(g.name, f.data.prefSpans[2*i], f.data.prefSpans[2*i+1])
		}
	}
	offset := f.data.content.offset
	for _, g := range r.groups {
		if from, to := f.machine.Span(g.index); from >= 0 {
			add(g.name, offset+from, offset+to)
		}
	}
	return out
}

// place turns an offset in the searched body into one in lineText.
func (f *Filter) place(offset int, end bool) int {
	l := &f.line
	if !l.cut || offset < l.nBefore || end && offset == l.nBefore {
		return min(offset, len(l.text)-l.nDate-1)
	}
	return min(offset+l.nDate, len(l.text)-1)
}

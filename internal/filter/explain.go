package filter

import (
	"strings"
	"time"

	"stockade/internal/pyre"
)

// Explanation tells what each rule makes of a line.
type Explanation struct {
	// Line is the line, Date the text that was cut out of it, Searched what the
	// prefregex sees and Content what the failregexes see.
	Line, Date, Searched, Content string
	Time                          time.Time
	HasTime                       bool
	// Pattern is the name of the date template that matched.
	Pattern                string
	DateTook               time.Duration
	Prefix                 *RuleResult
	Failregex, Ignoreregex []RuleResult
}

// RuleResult is what one rule makes of a line.
type RuleResult struct {
	Index   int
	Text    string
	Origin  string
	Matched bool
	// OverBudget says that the search was given up.
	OverBudget bool
	Groups     Data
	Took       time.Duration
	// Reached is the part of the expression that still matches, Rest what stands
	// behind it; At is the offset in the searched text where it then stands.
	Reached, Rest string
	At            int
}

// Explain runs every rule on a line, whatever the others found, and measures.
// It changes no session and no buffer.
func (f *Filter) Explain(now time.Time, ln Line, clock func() time.Time) (Explanation, error) {
	f.now = now
	begin := clock()
	if err := f.takeLine(&ln); err != nil {
		return Explanation{}, err
	}
	l := &f.line
	e := Explanation{
		Line: f.lineText(), Searched: f.Stripped(), Time: l.time, HasTime: l.hasTime,
		DateTook: clock().Sub(begin),
	}
	if l.cut {
		e.Date = l.string()[:l.nDate]
		e.Pattern = f.lastTemplate()
	}
	body := l.body()
	f.data.content = contentState{text: body}
	if f.pref != nil {
		r := f.explainRule(f.pref, 0, body, clock)
		e.Prefix = &r
		if r.Matched {
			f.keepPrefix()
		}
	}
	text := f.data.content.text
	e.Content = strings.TrimSuffix(string(text), "\n")
	for i, r := range f.fail {
		e.Failregex = append(e.Failregex, f.explainRule(r, i, text, clock))
	}
	for i, r := range f.ignore {
		e.Ignoreregex = append(e.Ignoreregex, f.explainRule(r, i, text, clock))
	}
	return e, nil
}

// lastTemplate is the name of the date template that was used last.
func (f *Filter) lastTemplate() string {
	for _, t := range f.dates.Templates() {
		if t.Hits > 0 {
			return t.Name
		}
	}
	return ""
}

// explainRule runs one rule with a budget of its own.
func (f *Filter) explainRule(r *rule, index int, text []byte, clock func() time.Time) RuleResult {
	out := RuleResult{Index: index, Text: r.text, Origin: r.origin}
	budget := pyre.LineBudget(len(text))
	begin := clock()
	ok, err := f.machine.Search(r.re, text, 0, len(text), &budget)
	out.Took = clock().Sub(begin)
	out.Matched, out.OverBudget = ok, err != nil
	if ok {
		out.Groups = captured(nil, r, f.machine, string(text))
		f.compose(&out.Groups, r.extras)
		_, out.At = f.machine.Span(0)
		return out
	}
	f.findStop(r, text, &out)
	return out
}

// findStop finds the longest beginning of the expression that matches the text:
// where the rest of it fails is where the rule stops.
func (f *Filter) findStop(r *rule, text []byte, out *RuleResult) {
	pattern := r.re.String()
	cuts := cutPoints(pattern)
	budget := pyre.LineBudget(len(text))
	machine := pyre.NewMachine()
	for i := len(cuts) - 1; i >= 0; i-- {
		c := cuts[i]
		re, err := pyre.Compile(pattern[:c.at]+strings.Repeat(")", c.open), 0)
		if err != nil {
			continue
		}
		ok, err := machine.Search(re, text, 0, len(text), &budget)
		if err != nil {
			return
		}
		if ok {
			out.Reached, out.Rest = pattern[:c.at], pattern[c.at:]
			_, out.At = machine.Span(0)
			return
		}
	}
	out.Rest = pattern
}

// cutPoint is a place where an expression may be cut, inside so many groups.
type cutPoint struct{ at, open int }

// cutPoints finds the places between the elements of an expression. Groups that
// an alternative follows are not cut into.
func cutPoints(pattern string) []cutPoint {
	var out []cutPoint
	open := 0
	for i := 0; i < len(pattern); {
		out = append(out, cutPoint{i, open})
		n := 1
		switch pattern[i] {
		case '\\':
			n = min(2, len(pattern)-i)
		case '[':
			n = classLen(pattern[i:])
		case '(':
			open++
			n = groupHead(pattern[i:])
		case ')':
			open--
		}
		i += n
	}
	return append(out, cutPoint{len(pattern), max(open, 0)})
}

// classLen is the length of a character class.
func classLen(s string) int {
	i := 1
	if strings.HasPrefix(s[i:], "^") {
		i++
	}
	if strings.HasPrefix(s[i:], "]") {
		i++
	}
	for ; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case ']':
			return i + 1
		}
	}
	return len(s)
}

// groupHead is the length of what opens a group, as (?P<name>.
func groupHead(s string) int {
	if !strings.HasPrefix(s, "(?") {
		return 1
	}
	for i := 2; i < len(s); i++ {
		switch s[i] {
		case '>', ':', '=', '!', ')':
			return i + 1
		}
	}
	return len(s)
}

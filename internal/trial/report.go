package trial

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"

	"stockade/internal/datepattern"
	"stockade/internal/filter"
	"stockade/internal/pyobj"
)

// foundTime is how -v prints the time of a failure.
const foundTime = "Mon Jan 02 15:04:05 2006"

// report prints all that was found.
func (t *regexTrial) report() {
	s := &t.stats
	t.say("\nResults\n=======\n\n")
	if p := t.filter.Prefregex(); p != "" {
		t.say("Prefregex: %d total\n|  %s\n", s.prefHits, p)
		for _, d := range s.prefData {
			t.say("|      %s\n", d)
		}
		if t.o.verbose > 0 && s.prefHits > len(s.prefData) {
			t.say("|      ...\n")
		}
		t.say("`-\n\n")
	}
	t.reportRules("Failregex", ruleTexts(t.filter.Rules()), s.fail)
	t.reportRules("Ignoreregex", ruleTexts(t.filter.IgnoreRules()), s.ignore)
	t.reportDates()
	t.say("Lines: %d lines, %d ignored, %d matched, %d missed\n", s.lines, s.ignored, s.matched, s.missed)
	t.say("[processed in %.2f sec]\n\n", s.took.Seconds())
	if t.o.set["--print-all-matched"] {
		t.reportLines("Matched", &s.matchedLines, t.filter.Rules(), t.filter.Failregex())
	}
	t.reportLines("Ignored", &s.ignoredLines, t.filter.IgnoreRules(), t.filter.Ignoreregex())
	t.reportLines("Missed", &s.missedLines, t.filter.Rules(), t.filter.Failregex())
}

func ruleTexts(rules []filter.Rule) []string {
	out := make([]string, len(rules))
	for i, r := range rules {
		out[i] = r.Text
	}
	return out
}

// reportRules lists the regexes that were hit, or all of them with -v.
func (t *regexTrial) reportRules(title string, texts []string, hits []ruleStats) {
	total := 0
	for _, h := range hits {
		total += h.hits
	}
	t.say("%s: %d total\n", title, total)
	if total > 0 || t.o.verbose > 0 && len(texts) > 0 {
		t.say("|-  #) [# of hits] regular expression\n")
		for i, h := range hits {
			if h.hits == 0 && t.o.verbose == 0 {
				continue
			}
			t.say("|  %2d) [%d] %s\n", i+1, h.hits, texts[i])
			for _, id := range h.ids {
				multiple := ""
				if id.multiple {
					multiple = " (multiple regex matched)"
				}
				t.say("|      %s  %s%s\n", id.id, id.when.In(t.env.zone()).Format(foundTime), multiple)
			}
		}
		t.say("`-\n")
	}
	t.say("\n")
}

// reportDates lists the date templates that were hit, or all of them with -v.
func (t *regexTrial) reportDates() {
	if t.isJournal() && !t.rules.dates && !t.o.set["-d"] {
		return
	}
	t.say("Date template hits:\n")
	var rows []datepattern.Template
	hit := false
	for _, x := range t.filter.Dates().Templates() {
		hit = hit || x.Hits > 0
		if x.Hits > 0 || t.o.verbose > 0 {
			rows = append(rows, x)
		}
	}
	if len(rows) > 0 {
		t.say("|- [# of hits] date format\n")
		for _, x := range rows {
			t.say("|  [%d] %s\n", x.Hits, x.Name)
			if t.o.set["--verbose-date"] {
				t.say("|      # weight: %.3f (%.3f), pattern: %s\n", x.Weight, x.Rank, x.Pattern)
				t.say("|      # regex:   %s\n", x.Regex)
			}
		}
		t.say("`-\n")
	}
	t.say("\n")
}

// reportLines prints one list of lines.
func (t *regexTrial) reportLines(title string, l *listing, rules []filter.Rule, expanded []string) {
	if !l.wanted || l.count == 0 {
		return
	}
	title += " line(s)"
	if l.limit >= 0 && l.count >= l.limit {
		kind := strings.ToLower(strings.Fields(title)[0])
		t.say("%s: too many to print.  Use --print-all-%s to print all %d lines\n", title, kind, l.count)
		return
	}
	t.say("|- %s:\n", title)
	for _, x := range l.lines {
		x = strings.TrimRightFunc(x, unicode.IsSpace)
		if !t.o.set["-D"] {
			t.say("|  %s\n", x)
			continue
		}
		for i, r := range rules {
			t.say("|  %s | %s |  %s\n", x, r.Text, t.debugURL(expanded[i], x))
		}
	}
	t.say("`-\n")
}

// debugURL is a page that shows how the regex runs on the text.
func (t *regexTrial) debugURL(regex, text string) string {
	u := fmt.Sprintf("https://www.debuggex.com/?re=%s&str=%s&flavor=python", quotePlus(regex), quotePlus(text))
	if t.filter.MaxLines() > 1 {
		u += "&flags=m"
	}
	return u
}

// quotePlus is Python's urllib.parse.quote_plus.
func quotePlus(s string) string { return url.QueryEscape(s) }

// dictText prints captured groups as a Python dict.
func dictText(d filter.Data) string {
	out := pyobj.NewDict()
	for i := range d {
		v := d[i].Value()
		if users, ok := v.([]string); ok {
			set := make(pyobj.Set, len(users))
			for i, u := range users {
				set[i] = u
			}
			v = set
		}
		out.Set(d[i].Name(), v)
	}
	return pyobj.Repr(out)
}

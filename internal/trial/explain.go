package trial

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"stockade/internal/filter"
	"stockade/internal/logbook"
)

// explainFlags are the options of `stockade regex`.
var explainFlags = []flag{
	{names: []string{"-h", "--help"}, help: "print this page"},
	{names: []string{"-c", "--config"}, kind: isText, meta: "DIR", help: "configuration directory (default /etc/fail2ban over the embedded library)"},
	{names: []string{"-d", "--datepattern"}, kind: isText, meta: "PATTERN", help: "date pattern, instead of the filter's"},
	{names: []string{"--timezone", "--TZ"}, kind: isText, meta: "ZONE", help: "zone of times that name none"},
	{names: []string{"-e", "--encoding"}, kind: isText, meta: "ENCODING", help: "encoding of the log"},
	{names: []string{"-n", "--lines"}, kind: isNumber, meta: "N", help: "explain at most N lines of a file (default 10)"},
	{names: []string{"--missed"}, help: "explain only lines that no failregex matches"},
	{names: []string{"--all"}, help: "show every regex, also those that do not get past their first character"},
	{names: []string{"--json"}, help: "one JSON object a line"},
	{names: []string{"--no-color"}, help: "no colours on a terminal"},
}

const explainHelp = `Tells what a filter makes of a log line: the date that is found, the regex that
matches and what it captures, the regexes that nearly match and where they stop,
and the time that each one takes.

LOG is a line, several lines, or the path of a file; REGEX a failregex, the name
of a jail or filter (sshd[mode=aggressive]), or the path of a filter file.

Options:
`

// explainedLines is how many lines of a file are explained unless -n says so.
const explainedLines = 10

var errEnough = errors.New("enough lines")

// Explain is `stockade regex`.
func Explain(args []string, env Env) int {
	usage := fmt.Sprintf("Usage: %s regex [OPTIONS] <LOG> <REGEX> [IGNOREREGEX]\n", env.Program)
	v, err := parseFlags(explainFlags, args)
	if err == nil && !v.set["-h"] && len(v.args) != 2 && len(v.args) != 3 {
		err = errors.New("a log (or a line) and a regex (or a filter) are needed")
	}
	if err != nil {
		fmt.Fprintf(env.Stderr, "%s\n%v\n", usage, err)
		return statusSyntax
	}
	if v.set["-h"] {
		fmt.Fprint(env.Stdout, usage, "\n", explainHelp, helpText(explainFlags))
		return statusOK
	}
	out := bufio.NewWriter(env.Stdout)
	defer out.Flush()
	x := &explainer{env: &env, v: v, out: out, left: explainedLines}
	if v.set["-n"] {
		x.left = v.count["-n"]
	}
	x.color = env.Terminal && !v.set["--no-color"]
	if err := x.run(); err != nil {
		out.Flush()
		fmt.Fprintf(env.Stderr, "%s regex: %v\n", env.Program, err)
		return statusFailed
	}
	return statusOK
}

type explainer struct {
	env   *Env
	v     *flagValues
	out   *bufio.Writer
	f     *filter.Filter
	left  int
	color bool
}

func (x *explainer) run() error {
	v := x.v
	x.f = x.env.newFilter()
	t := &regexTrial{env: x.env, out: bufio.NewWriter(io.Discard), filter: x.f, o: &regexOptions{
		flagValues: &flagValues{set: map[string]bool{"-d": v.set["-d"]}, count: v.count, text: v.text},
		log:        v.args[0], regex: v.args[1], level: logbook.Critical,
	}}
	if v.set["-d"] {
		if err := x.f.SetDatePattern(v.text["-d"]); err != nil {
			return err
		}
	}
	if v.set["--timezone"] {
		if err := x.f.SetLogTimezone(v.text["--timezone"]); err != nil {
			return err
		}
	}
	if v.set["-e"] {
		if err := x.f.SetLogEncoding(v.text["-e"]); err != nil {
			return err
		}
	}
	if err := t.readRegex(); err != nil {
		return err
	}
	x.f.SetCheckAll(false)
	x.f.SetCauses(true)
	if len(v.args) == 3 {
		t.o.ignore = v.args[2]
		if err := t.readIgnoreregex(); err != nil {
			return err
		}
	}
	err := x.lines(t)
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// lines explains the lines of the log.
func (x *explainer) lines(t *regexTrial) error {
	if !t.isFile() {
		for l := range strings.SplitSeq(x.v.args[0], "\n") {
			if err := x.line([]byte(l)); err != nil {
				return err
			}
		}
		return nil
	}
	file, err := os.Open(x.env.path(x.v.args[0]))
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	defer file.Close()
	return eachLine(file, x.f.Split(), x.line)
}

// explained is one line with all that is told about it.
type explained struct {
	Line      string          `json:"line"`
	Error     string          `json:"error,omitempty"`
	Date      *explainedDate  `json:"date,omitempty"`
	Searched  string          `json:"searched"`
	Prefregex *explainedRule  `json:"prefregex,omitempty"`
	Content   string          `json:"content,omitempty"`
	Outcome   string          `json:"outcome"`
	Failures  []explainedHit  `json:"failures,omitempty"`
	Rules     []explainedRule `json:"rules"`
}

type explainedDate struct {
	Text    string    `json:"text"`
	Time    time.Time `json:"time,omitzero"`
	Pattern string    `json:"pattern"`
	Nanos   int64     `json:"ns"`
}

type explainedRule struct {
	Kind    string         `json:"kind"`
	Number  int            `json:"number"`
	Regex   string         `json:"regex"`
	Origin  string         `json:"origin,omitempty"`
	Matched bool           `json:"matched"`
	Budget  bool           `json:"over_budget,omitempty"`
	Groups  map[string]any `json:"groups,omitempty"`
	Reached string         `json:"reached,omitempty"`
	Rest    string         `json:"stopped_at,omitempty"`
	At      int            `json:"offset"`
	Nanos   int64          `json:"ns"`
}

type explainedHit struct {
	ID      string `json:"id"`
	Number  int    `json:"number"`
	Resolve bool   `json:"to_be_resolved,omitempty"`
}

// line explains one line.
func (x *explainer) line(raw []byte) error {
	if len(raw) == 0 || raw[0] == '#' {
		return nil
	}
	ln := filter.Line{Text: raw, InOperation: true}
	e, err := x.f.Explain(x.env.now(), ln, time.Now)
	out := explained{Line: e.Line, Searched: e.Searched}
	if err != nil {
		out.Line, out.Error, out.Outcome = string(raw), err.Error(), "error"
		return x.print(&out)
	}
	fails, info := x.f.Process(x.env.now(), ln)
	if x.v.set["--missed"] && info.Outcome == filter.Matched {
		return nil
	}
	out.Outcome = outcomeText(info.Outcome, len(fails))
	for i := range fails {
		hit := explainedHit{ID: fails[i].ID.String(), Number: fails[i].Index + 1}
		if fails[i].DNS != "" {
			hit.ID, hit.Resolve = fails[i].DNS, true
		}
		out.Failures = append(out.Failures, hit)
	}
	if e.Date != "" {
		out.Date = &explainedDate{Text: e.Date, Pattern: e.Pattern, Nanos: e.DateTook.Nanoseconds()}
		if e.HasTime {
			out.Date.Time = e.Time.In(x.env.zone())
		}
	}
	if e.Prefix != nil {
		r := explainRule("prefregex", e.Prefix)
		out.Prefregex = &r
		out.Content = e.Content
	}
	for i := range e.Failregex {
		out.Rules = append(out.Rules, explainRule("failregex", &e.Failregex[i]))
	}
	for i := range e.Ignoreregex {
		out.Rules = append(out.Rules, explainRule("ignoreregex", &e.Ignoreregex[i]))
	}
	return x.print(&out)
}

func outcomeText(o filter.Outcome, failures int) string {
	switch {
	case o == filter.Ignored:
		return "ignored"
	case o == filter.Matched && failures == 0:
		return "no failure by itself: it belongs to a session"
	case o == filter.Matched:
		return "failure"
	}
	return "no match"
}

func explainRule(kind string, r *filter.RuleResult) explainedRule {
	out := explainedRule{
		Kind: kind, Number: r.Index + 1, Regex: r.Text, Origin: r.Origin, Matched: r.Matched,
		Budget: r.OverBudget, Reached: r.Reached, Rest: r.Rest, At: r.At, Nanos: r.Took.Nanoseconds(),
	}
	for i := range r.Groups {
		if e := &r.Groups[i]; !e.Null {
			if out.Groups == nil {
				out.Groups = map[string]any{}
			}
			out.Groups[e.Name()] = e.Value()
		}
	}
	return out
}

// print prints one explanation.
func (x *explainer) print(e *explained) error {
	if x.v.set["--json"] {
		enc := json.NewEncoder(x.out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(e); err != nil {
			return fmt.Errorf("write as JSON: %w", err)
		}
	} else {
		x.text(e)
	}
	if x.left--; x.left == 0 {
		return errEnough
	}
	return nil
}

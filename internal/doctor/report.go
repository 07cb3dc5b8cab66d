package doctor

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"stockade/internal/api"
)

// verdicts say in a word what an exit status means.
var verdicts = [...]string{"protected", "protected, with warnings", "not protected as it should be"}

// WriteText prints one page: what is watched, and what is wrong.
func WriteText(w io.Writer, f *Facts, findings []Finding) error {
	b := bufio.NewWriter(w)
	var count [Error + 1]int
	for _, x := range findings {
		count[x.Severity]++
	}
	fmt.Fprintf(b, "This machine is %s: %d errors, %d warnings, %d notices.\n", verdicts[ExitStatus(findings)], count[Error], count[Warning], count[Notice])
	if h := f.Health; h != nil {
		fmt.Fprintf(b, "\nThe server answers on %s (process %d).\n", visible(f.Socket), h.PID)
		for i := range h.Jails {
			writeJail(b, f.Now, &h.Jails[i])
		}
	}
	if len(findings) > 0 {
		fmt.Fprintln(b)
	}
	WriteFindings(b, findings)
	return b.Flush()
}

// WriteFindings prints findings, each with its cure below it.
func WriteFindings(w io.Writer, findings []Finding) {
	for _, x := range findings {
		jail := ""
		if x.Jail != "" {
			jail = " [" + visible(x.Jail) + "]"
		}
		fmt.Fprintf(w, "%s: %s%s (%s)\n    → %s\n", x.Severity, visible(x.Text), jail, x.Code, visible(x.Cure))
	}
}

func writeJail(w io.Writer, now time.Time, j *api.JailHealth) {
	fmt.Fprintf(w, "  %s: %d banned", visible(j.Name), j.Banned)
	for i := range j.Enforced {
		e := &j.Enforced[i]
		if e.By != "" {
			fmt.Fprintf(w, ", %d of them in %s %s", j.Banned-e.Lacking, e.By, e.Holder)
		}
	}
	fmt.Fprintln(w)
	for i := range j.Sources {
		s := &j.Sources[i]
		switch {
		case s.Waiting || s.Error != "":
			fmt.Fprintf(w, "    %s: not read\n", visible(s.Path))
		case s.ReadAt == nil:
			fmt.Fprintf(w, "    %s: no line since the start\n", visible(s.Path))
		default:
			fmt.Fprintf(w, "    %s: last line %s ago, %d lines\n", visible(s.Path), ago(now.Sub(*s.ReadAt)), s.Lines)
		}
	}
}

func ago(d time.Duration) string {
	if d < time.Second {
		return "less than a second"
	}
	return d.Round(time.Second).String()
}

// WriteJSON prints the findings for programs.
func WriteJSON(w io.Writer, f *Facts, findings []Finding) error {
	if findings == nil {
		findings = []Finding{}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Status   int         `json:"status"`
		Verdict  string      `json:"verdict"`
		Findings []Finding   `json:"findings"`
		Server   *api.Health `json:"server"`
	}{ExitStatus(findings), verdicts[ExitStatus(findings)], findings, f.Health})
}

// visible takes out of a text what could steer a terminal.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' {
			return ' '
		}
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return '\uFFFD'
		}
		return r
	}, text)
}

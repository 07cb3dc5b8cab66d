package config

import (
	"fmt"
	"strings"
)

// verdict is how a tree compares.
type verdict int

const (
	// same: both give the same stream.
	same verdict = iota
	// refused: the reference refuses the tree and we report why.
	refused
	// listed: a difference that is on the list of deliberate ones.
	listed
	// differs: anything else.
	differs
)

// listedCodes are the findings that mark a deliberate difference: what the
// reference refuses or answers otherwise, and we read.
var listedCodes = map[string]bool{"known-chain": true, "gamin": true, "mta": true}

// compareAnswer compares what the reference printed for -d with our result.
// The text says what differs.
func compareAnswer(a answer, r *Result, err error) (verdict, string) {
	noted := err == nil && hasListed(r)
	if strings.HasPrefix(a.Out, "ERROR: ") {
		switch {
		case err != nil || r.Refused != nil:
			return refused, ""
		case noted:
			return listed, ""
		}
		return differs, "the reference refuses, we do not:\n" + a.Out + a.Err
	}
	if err != nil {
		return differs, fmt.Sprintf("we refuse, the reference does not: %v", err)
	}
	if r.Refused != nil {
		return differs, fmt.Sprintf("we say that the reference refuses, but it does not: %v", r.Refused)
	}
	if (a.Code == 0) != r.Valid() {
		return differs, fmt.Sprintf("exit status %d, we say valid=%v", a.Code, r.Valid())
	}
	want := strings.Split(strings.TrimSuffix(a.Out, "\n"), "\n")
	got := Lines(r.Stream)
	if d := diffLines(want, got); d == "" {
		return same, ""
	}
	want, got = withoutErrors(want, r), withoutErrors(got, r)
	if d := diffLines(want, got); d != "" {
		if noted {
			return listed, ""
		}
		return differs, d
	}
	return listed, ""
}

func hasListed(r *Result) bool {
	for _, f := range r.Findings {
		if listedCodes[f.Code] {
			return true
		}
	}
	return false
}

// withoutErrors takes out what may differ about jails that lost something: the
// words of the error, and for those that start degraded (which the reference
// drops) the whole jail.
func withoutErrors(lines []string, r *Result) []string {
	var out []string
	for _, line := range lines {
		if strings.HasPrefix(line, "['config-error'") {
			continue
		}
		if jail := lineJail(line); jail != "" && contains(r.Degraded, jail) {
			continue
		}
		out = append(out, line)
	}
	return out
}

// lineJail gives the jail a printed command is for.
func lineJail(line string) string {
	for _, head := range []string{"['add', '", "['start', '", "['set', '", "['multi-set', '"} {
		if rest, ok := strings.CutPrefix(line, head); ok {
			name, _, _ := strings.Cut(rest, "'")
			return name
		}
	}
	return ""
}

// readTree makes our result for a tree.
func readTree(dir string, purpose Purpose) (*Result, error) {
	tree, err := Load(Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	return tree.Stream("", purpose)
}

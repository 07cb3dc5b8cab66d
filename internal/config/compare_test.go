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
	excused := map[string]bool{}
	chain := err == nil && excuse(r, excused)
	if strings.HasPrefix(a.Out, "ERROR: ") {
		switch {
		case err != nil || r.Refused != nil:
			return refused, ""
		case chain:
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
	if (a.Code == 0) != r.Valid() && len(excused) == 0 {
		return differs, fmt.Sprintf("exit status %d, we say valid=%v", a.Code, r.Valid())
	}
	want := strings.Split(strings.TrimSuffix(a.Out, "\n"), "\n")
	got := Lines(r.Stream)
	if d := diffLines(want, got); d == "" {
		return same, ""
	}
	want, got = withoutErrors(want, excused), withoutErrors(got, excused)
	if d := diffLines(want, got); d != "" {
		return differs, d
	}
	return listed, ""
}

// excuse names the jails whose streams differ on purpose, and tells whether
// there is anything that the reference takes for an endless recursion.
func excuse(r *Result, jails map[string]bool) (chain bool) {
	for _, name := range r.Degraded {
		jails[name] = true
	}
	for _, f := range r.Findings {
		if listedCodes[f.Code] {
			jails[f.Jail] = true
			chain = chain || f.Code == "known-chain"
		}
	}
	return chain
}

// withoutErrors takes out what may differ: the words of errors, and the jails
// that are excused.
func withoutErrors(lines []string, excused map[string]bool) []string {
	var out []string
	for _, line := range lines {
		if strings.HasPrefix(line, "['config-error'") || excused[lineJail(line)] {
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

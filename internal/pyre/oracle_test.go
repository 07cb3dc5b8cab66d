package pyre

import (
	"bufio"
	"encoding/json"
	"testing"

	"stockade/internal/testenv"
)

// oracle is a Python process that answers what its re module does.
type oracle struct {
	t   testing.TB
	in  *json.Encoder
	out *bufio.Reader
}

// question asks for searches of one pattern in several texts.
type question struct {
	Pattern string   `json:"p"`
	Flags   int      `json:"f"`
	Texts   []string `json:"t"`
	From    int      `json:"from,omitempty"`
	To      *int     `json:"to,omitempty"`
	All     bool     `json:"all,omitempty"` // all matches, only group 0
}

// reply holds either a refusal or one result for each text: null, spans in
// characters, or a word for what Python could not do.
type reply struct {
	Err    []any             `json:"err"`
	Names  map[string]int    `json:"names"`
	Groups int               `json:"groups"`
	Result []json.RawMessage `json:"r"`
}

// newOracle starts Python 3.11, or skips the test where there is none: other
// versions have other texts and other Unicode tables.
func newOracle(t testing.TB) *oracle {
	t.Helper()
	d := testenv.Talk(t, testenv.PythonCommand(t, "testdata/oracle.py"))
	return &oracle{t: t, in: json.NewEncoder(d.In), out: d.Out}
}

// ask sends a question and waits for the reply.
func (o *oracle) ask(q question) reply {
	o.t.Helper()
	if q.Texts == nil {
		q.Texts = []string{}
	}
	if err := o.in.Encode(q); err != nil {
		o.t.Fatalf("asking Python: %v", err)
	}
	line, err := o.out.ReadBytes('\n')
	if err != nil {
		o.t.Fatalf("reading Python's reply about %q: %v", q.Pattern, err)
	}
	var r reply
	if err := json.Unmarshal(line, &r); err != nil {
		o.t.Fatalf("reading Python's reply about %q: %v", q.Pattern, err)
	}
	return r
}

// spans decodes one result; word is set when Python gave none.
func (r reply) spans(i int) (spans []int, word string) {
	if json.Unmarshal(r.Result[i], &word) == nil && word != "" {
		return nil, word
	}
	json.Unmarshal(r.Result[i], &spans)
	return spans, ""
}

// pythonFlags gives flags as Python numbers them.
func pythonFlags(f Flags) int {
	n := 0
	for flag, value := range map[Flags]int{IgnoreCase: 2, Multiline: 8, DotAll: 16, Verbose: 64, ASCII: 256, Unicode: 32} {
		if f&flag != 0 {
			n |= value
		}
	}
	return n
}

// charSpans gives the spans of the last match counted in characters.
func charSpans(m *Machine, re *Regexp, text string) []int {
	at := make([]int, len(text)+1)
	n := 0
	for i := range text {
		at[i] = n
		n++
	}
	at[len(text)] = n
	var out []int
	for g := 0; g <= re.NumGroups(); g++ {
		s, e := m.Span(g)
		if s < 0 {
			out = append(out, -1, -1)
			continue
		}
		out = append(out, at[s], at[e])
	}
	return out
}

package datepattern

import (
	"encoding/json"
	"testing"

	"stockade/internal/testenv"
)

// scenario is what one detector is given, in the form of testdata/reference.py.
type scenario struct {
	TZ       string   `json:"tz"`
	Now      int64    `json:"now"`
	Patterns []string `json:"patterns"`
	Zone     *string  `json:"zone"`
	Lines    []moment `json:"lines"`
}

// moment is a line and when it comes.
type moment struct {
	Text string
	Now  int64
}

func (m moment) MarshalJSON() ([]byte, error) { return json.Marshal([]any{m.Text, m.Now}) }

// verdict is what the reference says of a scenario.
type verdict struct {
	Error     []string      `json:"error"`
	Templates []rankedRow   `json:"templates"`
	Broken    bool          `json:"broken"`
	Lines     []lineVerdict `json:"lines"`
	Ranking   []rankedRow   `json:"ranking"`
}

type lineVerdict struct {
	Error     []string `json:"error"`
	Span      []int    `json:"span"`
	Cut       []int    `json:"cut"`
	Name      string   `json:"name"`
	Time      *float64 `json:"time"`
	Integer   bool     `json:"integer"`
	TimeError []string `json:"timeError"`
	// Order holds the names of the templates in their order after the line.
	Order []string `json:"order"`
}

// rankedRow is one template: name, pattern, whether it is anchored, its rank,
// hits and weight.
type rankedRow struct {
	Name, Pattern string
	Anchored      bool
	Rank          float64
	Hits          int
	Weight        float64
}

func (r *rankedRow) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&r.Name, &r.Pattern, &r.Anchored, &r.Rank, &r.Hits, &r.Weight})
}

// oracle is the reference's detector in a process of its own.
type oracle struct{ *testenv.Dialogue }

func newOracle(tb testing.TB) *oracle {
	tb.Helper()
	return &oracle{testenv.Talk(tb, testenv.ReferenceCommand(tb, "testdata/reference.py"))}
}

func (o *oracle) ask(tb testing.TB, s scenario) verdict {
	tb.Helper()
	request, err := json.Marshal(s)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := o.In.Write(append(request, '\n')); err != nil {
		tb.Fatal(err)
	}
	reply, err := o.Out.ReadBytes('\n')
	if err != nil {
		tb.Fatalf("the reference died on %s: %v", request, err)
	}
	var v verdict
	if err := json.Unmarshal(reply, &v); err != nil {
		tb.Fatal(err)
	}
	return v
}

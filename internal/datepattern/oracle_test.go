package datepattern

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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
type oracle struct {
	in  io.Writer
	out *bufio.Reader
}

func newOracle(tb testing.TB) *oracle {
	tb.Helper()
	dir := testenv.Reference(tb)
	testenv.Need(tb, "python3")
	python := "python3"
	if _, err := os.Stat("/usr/bin/python3"); err == nil {
		python = "/usr/bin/python3"
	}
	cmd := exec.Command(python, filepath.Join("testdata", "reference.py"))
	cmd.Env = append(os.Environ(), "PYTHONPATH="+filepath.Join(dir, "usr/lib/python3/dist-packages"), "PYTHONDONTWRITEBYTECODE=1", "LC_ALL=C.UTF-8")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	return &oracle{in: in, out: bufio.NewReaderSize(out, 1<<20)}
}

func (o *oracle) ask(tb testing.TB, s scenario) verdict {
	tb.Helper()
	request, err := json.Marshal(s)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := o.in.Write(append(request, '\n')); err != nil {
		tb.Fatal(err)
	}
	reply, err := o.out.ReadBytes('\n')
	if err != nil {
		tb.Fatalf("the reference died on %s: %v", request, err)
	}
	var v verdict
	if err := json.Unmarshal(reply, &v); err != nil {
		tb.Fatal(err)
	}
	return v
}

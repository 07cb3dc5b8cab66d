package cli

import (
	"bytes"
	"encoding/json"
	goflag "flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stockade/internal/pyobj"
)

var update = goflag.Bool("update", false, "write what the reference answers into testdata/exchanges.txt")

// exchanges is a recording of our own: each line with > is a request in JSON,
// the line after it the repr of what version 1.1.1 answered, configured as
// scratch does it. $D is the scratch directory.
const exchanges = "testdata/exchanges.txt"

// requestOf makes a request from JSON: numbers without a point are integers.
func requestOf(t *testing.T, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var walk func(v any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case json.Number:
			if n, err := v.Int64(); err == nil {
				return int(n)
			}
			f, err := v.Float64()
			if err != nil {
				t.Fatal(err)
			}
			return f
		case []any:
			for i := range v {
				v[i] = walk(v[i])
			}
		case map[string]any:
			d := &pyobj.Dict{}
			for k, e := range v {
				d.Set(k, walk(e))
			}
			return d
		}
		return v
	}
	return walk(v)
}

// repeat asks a fresh server what the recording asks, in order, and gives the
// recording as this server would have made it.
func (s suite) repeat(t *testing.T, recording string) string {
	t.Helper()
	dir := scratch(t)
	s.startServer(t, dir)
	w := dialWire(t, filepath.Join(dir, "f.sock"))
	var out strings.Builder
	for l := range strings.Lines(recording) {
		request, ok := strings.CutPrefix(l, "> ")
		if !ok {
			continue
		}
		words := requestOf(t, strings.ReplaceAll(request, "$D", dir)).([]any)
		out.WriteString(l + neutral(w.ask(words...), dir) + "\n")
	}
	return out.String()
}

// TestServerAnswersAsInOurRecording needs nothing but what is in the
// repository.
func TestServerAnswersAsInOurRecording(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(exchanges)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		data = []byte(theirs(t).repeat(t, string(data)))
		if err := os.WriteFile(exchanges, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if n := bytes.Count(data, []byte("> ")); n < 200 {
		t.Errorf("%d exchanges", n)
	}
	want, got := strings.Split(string(data), "\n"), strings.Split(ours().repeat(t, string(data)), "\n")
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			t.Errorf("%s\n got %s\nwant %s", want[max(i-1, 0)], got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d lines, want %d", len(got), len(want))
	}
}

//go:build bench

package main

import (
	"bytes"
	"os"
	"testing"
	"time"

	"stockade/internal/datepattern"
	"stockade/internal/filter"
)

// sample is what one line costs in the filter.
type sample struct {
	Lines  int
	Nanos  float64
	Allocs float64
}

// measureSamples runs the filter of the first jail over the lines of the log
// by what becomes of them.
func measureSamples(todo *job, zone *time.Location) (map[string]sample, error) {
	text, err := os.ReadFile(todo.Log)
	if err != nil {
		return nil, err
	}
	now := time.Unix(todo.Now, 0)
	jj := &todo.Jails[0]
	def, err := definition(todo, jj)
	if err != nil {
		return nil, err
	}
	fresh := func() (*filter.Filter, error) {
		f := filter.New(datepattern.Env{Now: func() time.Time { return now }, Zone: zone})
		f.SetFindTime(time.Duration(jj.FindTime * float64(time.Second)))
		return f, setUp(f, def)
	}
	f, err := fresh()
	if err != nil {
		return nil, err
	}
	kinds := map[string][][]byte{}
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		fails, info := f.Process(now, filter.Line{Text: line})
		kind := "no match"
		switch {
		case len(fails) > 0:
			kind = "failure"
		case info.Outcome == filter.Matched:
			kind = "match without failure"
		}
		kinds[kind] = append(kinds[kind], line)
		kinds["all lines"] = append(kinds["all lines"], line)
	}
	out := map[string]sample{}
	for kind, lines := range kinds {
		f, err := fresh()
		if err != nil {
			return nil, err
		}
		b := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				f.Process(now, filter.Line{Text: lines[i%len(lines)]})
			}
		})
		out[kind] = sample{len(lines), float64(b.T.Nanoseconds()) / float64(b.N), float64(b.MemAllocs) / float64(b.N)}
	}
	return out, nil
}

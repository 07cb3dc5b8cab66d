package tally

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"stockade/internal/pyexpr"
	"stockade/internal/testenv"
)

// oracle asks the reference for ban times.
type oracle struct {
	*testing.T
	ask *json.Encoder
	get *bufio.Scanner
}

func newOracle(t *testing.T) *oracle {
	d := testenv.Talk(t, testenv.ReferenceCommand(t, "testdata/escalation.py"))
	return &oracle{T: t, ask: json.NewEncoder(d.In), get: bufio.NewScanner(d.Out)}
}

// bantimes are what the reference makes of these options.
func (o *oracle) bantimes(options [][2]string, base int64, counts []int) []float64 {
	o.Helper()
	if err := o.ask.Encode(map[string]any{"options": options, "base": base, "counts": counts}); err != nil {
		o.Fatal(err)
	}
	if !o.get.Scan() {
		o.Fatalf("the reference ended at %v: %v", options, o.get.Err())
	}
	var seconds []float64
	if err := json.Unmarshal(o.get.Bytes(), &seconds); err != nil {
		o.Fatal(err)
	}
	return seconds
}

// ours sets the same options here.
func ours(t *testing.T, options [][2]string) *Escalation {
	e := &Escalation{}
	for _, o := range options {
		var err error
		seconds := func() float64 {
			v, bad := pyexpr.Seconds(o[1])
			f, _ := v.Float64()
			err = bad
			return f
		}
		switch o[0] {
		case "increment":
			e.Increment = true
		case "factor":
			err = e.SetFactor(o[1])
		case "formula":
			err = e.SetFormula(o[1])
		case "multipliers":
			err = e.SetMultipliers(o[1])
		case "maxtime":
			e.SetMaxTime(seconds(), o[1])
		case "rndtime":
			e.SetRndTime(seconds(), o[1])
		}
		if err != nil {
			t.Fatalf("%v: %v", o, err)
		}
	}
	return e
}

const guideFormula = "ban.Time * math.exp(float(ban.Count+1)*banFactor)/math.exp(1*banFactor)"

// An address is banned ten times under each setting; the ban times are the
// reference's, to the second, or within its random part.
func TestTenBansLastAsLongAsWithTheReference(t *testing.T) {
	o := newOracle(t)
	settings := [][][2]string{
		{},
		{{"factor", "2"}},
		{{"factor", "1.5"}, {"maxtime", "5w"}},
		{{"factor", "2.0 / 2.885385"}, {"formula", guideFormula}},
		{{"factor", "2"}, {"formula", guideFormula}, {"maxtime", "60d"}},
		{{"formula", "ban.Time * (1<<(ban.Count if ban.Count<20 else 20)) * banFactor"}},
		{{"formula", "ban.Time + 3600*ban.Count"}},
		{{"formula", "ban.Time // 7"}},
		{{"multipliers", "1 2 4 8 16 32 64"}},
		{{"multipliers", "1 5 30 60 300 720 1440 2880"}, {"factor", "3"}, {"maxtime", "1d"}},
		{{"multipliers", "7"}},
		{{"rndtime", "30m"}},
		{{"rndtime", "30m"}, {"maxtime", "60d"}, {"factor", "2"}},
		{{"maxtime", "1h"}, {"rndtime", "100"}},
	}
	counts := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 19, 20, 21, 40}
	for _, options := range settings {
		options = append([][2]string{{"increment", "true"}}, options...)
		for _, base := range []int64{600, 10800, 7} {
			t.Run(fmt.Sprint(options, base), func(t *testing.T) {
				want := o.bantimes(options, base, counts)
				e := ours(t, options)
				span := int64(e.limits.rnd)
				for i, count := range counts {
					got, err := e.Bantime(base, count, rand.Float64)
					if err != nil {
						t.Fatal(err)
					}
					limit := min(int64(want[i]), MaxBantime)
					low, high := limit-span, limit+span
					if got < low || got > high {
						t.Errorf("ban %d: %d, want %s (within %d)", count+1, got, strconv.FormatFloat(want[i], 'f', -1, 64), span)
					}
				}
			})
		}
	}
}

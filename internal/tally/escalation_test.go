package tally

import (
	"math"
	"testing"
)

func none() float64 { return 0 }

func TestBantimeGrowsWithTheNumberOfEarlierBans(t *testing.T) {
	set := func(f func(e *Escalation) error) Escalation {
		e := Escalation{Increment: true}
		if err := f(&e); err != nil {
			t.Fatal(err)
		}
		return e
	}
	for _, c := range []struct {
		name string
		e    Escalation
		want map[int]int64
	}{
		{
			"default formula", set(func(e *Escalation) error { return nil }),
			map[int]int64{0: 600, 1: 1200, 2: 2400, 3: 4800, 4: 9600, 30: 629145600},
		},
		{
			"factor below one", set(func(e *Escalation) error { return e.SetFactor("1/2") }),
			map[int]int64{0: 600, 1: 600, 2: 1200, 3: 2400},
		},
		{
			"multipliers", set(func(e *Escalation) error { return e.SetMultipliers("1 2 4") }),
			map[int]int64{0: 600, 1: 1200, 2: 2400, 3: 2400, 9: 2400},
		},
		{
			"cap", set(func(e *Escalation) error { e.SetMaxTime(3600, "3600"); return nil }),
			map[int]int64{1: 1200, 2: 2400, 3: 3600, 30: 3600},
		},
		{"the guide's formula", set(func(e *Escalation) error {
			e.SetMaxTime(5184000, "60d")
			if err := e.SetFactor("2"); err != nil {
				return err
			}
			return e.SetFormula("ban.Time * math.exp(float(ban.Count+1)*banFactor)/math.exp(1*banFactor)")
		}), map[int]int64{1: int64(600 * math.Exp(4) / math.Exp(2)), 9: 5184000}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for count, want := range c.want {
				got, err := c.e.Bantime(600, count, none)
				if err != nil || got != want {
					t.Errorf("ban %d lasts %d (%v), want %d", count+1, got, err, want)
				}
			}
		})
	}
}

func TestRandomPartComesAfterTheCap(t *testing.T) {
	e := Escalation{Increment: true}
	e.SetMaxTime(1000, "1000")
	e.SetRndTime(100, "100")
	if got, _ := e.Bantime(600, 5, func() float64 { return 0.5 }); got != 1050 {
		t.Errorf("got %d, want 1050", got)
	}
}

func TestPermanentBansDoNotGrow(t *testing.T) {
	e := Escalation{Increment: true}
	if got, _ := e.Bantime(-1, 5, none); got != -1 {
		t.Errorf("got %d, want -1", got)
	}
}

func TestMultipliersTakeExactlyOneBlank(t *testing.T) {
	var e Escalation
	if err := e.SetMultipliers("1  2"); err == nil {
		t.Error("two blanks were accepted")
	}
}

func TestWeightOfKnownIDsIsPrintedAsTheReferenceDoes(t *testing.T) {
	for _, c := range []struct {
		count, maxRetry int
		want            string
	}{{1, 5, "2.0"}, {2, 5, "3.0"}, {3, 5, "5.0"}, {4, 5, "5"}, {1, 2, "2.0"}, {2, 2, "2"}} {
		if _, got := Weight(c.count, c.maxRetry); got != c.want {
			t.Errorf("Weight(%d, %d) prints %s, want %s", c.count, c.maxRetry, got, c.want)
		}
	}
}

package tally

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"stockade/internal/pyexpr"
)

// Escalation makes bans longer for those who come back. The zero value leaves
// every ban as it is. It is a value: a copy may be used by another goroutine.
type Escalation struct {
	// Increment switches it on.
	Increment bool
	// OverallJails counts the bans of all jails.
	OverallJails bool

	factor, formula, multipliers string
	maxTime, rndTime             string
	limits                       escalationLimits
	scale                        pyexpr.Value
	compiled                     *pyexpr.Expr
	steps                        []int64
}

type escalationLimits struct {
	max, rnd       float64
	hasMax, hasRnd bool
}

// History is what is known of the earlier bans of an ID.
type History struct {
	// Count is the number of bans, Last the time of the latest one and Bantime
	// its length in seconds.
	Count   int
	Last    time.Time
	Bantime int64
}

// defaultDoublings bounds the growth of the built-in formula, and of the
// weight of a known ID.
const defaultDoublings = 20

// SetFactor sets bantime.factor, an arithmetic expression.
func (e *Escalation) SetFactor(text string) error {
	v, err := pyexpr.Arithmetic(text)
	if err != nil {
		return fmt.Errorf("bantime.factor %q: %w", text, err)
	}
	e.factor, e.scale = text, v
	return nil
}

// SetFormula sets bantime.formula.
func (e *Escalation) SetFormula(text string) error {
	x, err := pyexpr.Compile(text, "ban.Time", "ban.Count", "banFactor")
	if err != nil {
		return fmt.Errorf("bantime.formula %q: %w", text, err)
	}
	e.formula, e.compiled = text, x
	return nil
}

// SetMultipliers sets bantime.multipliers, whole numbers with one blank
// between each; an empty text unsets them.
func (e *Escalation) SetMultipliers(text string) error {
	var steps []int64
	if text != "" {
		for _, word := range strings.Split(text, " ") {
			n, err := strconv.ParseInt(word, 10, 64)
			if err != nil {
				return fmt.Errorf("bantime.multipliers %q: invalid literal for int() with base 10: '%s'", text, word)
			}
			steps = append(steps, n)
		}
	}
	e.multipliers, e.steps = text, steps
	return nil
}

// SetMaxTime sets bantime.maxtime in seconds, given as it is to be shown; an
// empty text unsets it.
func (e *Escalation) SetMaxTime(seconds float64, text string) {
	e.maxTime, e.limits.max, e.limits.hasMax = text, seconds, text != ""
}

// SetRndTime sets bantime.rndtime in the same way.
func (e *Escalation) SetRndTime(seconds float64, text string) {
	e.rndTime, e.limits.rnd, e.limits.hasRnd = text, seconds, text != ""
}

// Options gives the settings as they were written, empty where unset.
func (e *Escalation) Options() (factor, formula, multipliers, maxTime, rndTime string) {
	return e.factor, e.formula, e.multipliers, e.maxTime, e.rndTime
}

// Cap is bantime.maxtime in seconds, false where there is none.
func (e *Escalation) Cap() (seconds int64, ok bool) {
	return clampSeconds(e.limits.max), e.limits.hasMax
}

// Bantime is how long the next ban lasts, in seconds, of an ID that was banned
// count times before, where base is the jail's own ban time. random gives
// numbers in [0, 1).
func (e *Escalation) Bantime(base int64, count int, random func() float64) (int64, error) {
	if base < 0 || count < 1 {
		return base, nil
	}
	seconds, err := e.grown(base, count, random)
	if err != nil {
		return base, err
	}
	if e.limits.hasMax {
		seconds = math.Min(seconds, e.limits.max)
	}
	if e.limits.hasRnd {
		// After the cap: an attacker must not be able to tell the end.
		seconds += random() * e.limits.rnd
	}
	return clampSeconds(seconds), nil
}

func (e *Escalation) grown(base int64, count int, random func() float64) (float64, error) {
	factor := 1.0
	scale := pyexpr.Int(1)
	if e.factor != "" {
		scale = e.scale
		factor, _ = scale.Float64()
	}
	if len(e.steps) > 0 {
		step := e.steps[min(count, len(e.steps)-1)]
		return float64(base) * factor * float64(step), nil
	}
	if e.compiled == nil {
		return math.Max(float64(base), math.Ldexp(float64(base), min(count, defaultDoublings))*factor), nil
	}
	v, err := e.compiled.Eval(pyexpr.Vars{
		"ban.Time": pyexpr.Int(base), "ban.Count": pyexpr.Int(int64(count)), "banFactor": scale,
	}, random)
	if err != nil {
		return 0, fmt.Errorf("bantime.formula %q: %w", e.formula, err)
	}
	seconds, ok := v.Float64()
	if !ok && !math.IsInf(seconds, 0) {
		return 0, fmt.Errorf("bantime.formula %q: %s is no number of seconds", e.formula, v)
	}
	return math.Max(float64(base), seconds), nil
}

// MaxBantime keeps what a formula yields within what a date can be written
// for: about 7,900 years.
const MaxBantime int64 = 250_000_000_000

func clampSeconds(s float64) int64 {
	if s >= float64(MaxBantime) || math.IsNaN(s) {
		return MaxBantime
	}
	return int64(s)
}

// Weight is what one failure of an ID counts that was banned count times
// before, and that number as the reference prints it: with a fraction, unless
// it is maxRetry itself.
func Weight(count, maxRetry int) (weight float64, text string) {
	w := math.Ldexp(1, min(count, defaultDoublings))/2 + 1
	if w > float64(maxRetry) {
		return float64(maxRetry), strconv.Itoa(maxRetry)
	}
	return w, strconv.FormatFloat(w, 'f', 1, 64)
}

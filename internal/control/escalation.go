package control

import (
	"errors"
	"strings"
	"time"

	"stockade/internal/config"
	"stockade/internal/ignore"
	"stockade/internal/jail"
	"stockade/internal/logbook"
	"stockade/internal/pyexpr"
	"stockade/internal/pyobj"
	"stockade/internal/tally"
)

// escalationPrefix begins the options of growing ban times.
const escalationPrefix = "bantime."

// setEscalation sets one of the bantime.* options.
func setEscalation(option string) func(*call, *jail.State, any) (any, error) {
	return func(c *call, s *jail.State, v any) (any, error) {
		e := s.Escalation()
		text := pyobj.Str(v)
		var err error
		switch strings.TrimPrefix(option, escalationPrefix) {
		case "increment":
			e.Increment = isTrue(v)
			v = e.Increment
		case "overalljails":
			e.OverallJails = isTrue(v)
		case "factor":
			err = e.SetFactor(text)
		case "formula":
			err = inlineError(e.SetFormula(text))
		case "multipliers":
			err = setMultipliers(e, text)
		case "maxtime":
			err = setLimit(e.SetMaxTime, v)
		case "rndtime":
			err = setLimit(e.SetRndTime, v)
		default:
			err = pyobj.Errorf("ValueError", "unknown option %s", option)
		}
		if err != nil {
			return nil, err
		}
		s.Log(logbook.Info, "fail2ban.jail", "Set banTime."+strings.TrimPrefix(option, escalationPrefix)+" = "+text)
		c.note(s, option, v)
		if option == "bantime.increment" || option == "bantime.overalljails" {
			return v, nil
		}
		return escalation(c, s, option), nil
	}
}

// setMultipliers reports the first word that is no number in Python's words.
func setMultipliers(e *tally.Escalation, text string) error {
	for _, word := range strings.Fields(text) {
		if _, err := pyobj.Int(word); err != nil {
			return err
		}
	}
	return e.SetMultipliers(text)
}

// inlineError names the place of a fault in a formula as the reference does.
func inlineError(err error) error {
	var e *pyexpr.Error
	if errors.As(err, &e) {
		return expressionError(e, "~inline-conf-expr~")
	}
	return err
}

// setLimit sets a time, or unsets it with an empty text.
func setLimit(set func(float64, string), v any) error {
	if v == nil || v == "" {
		set(0, "")
		return nil
	}
	value, text, err := seconds(v)
	if err == nil {
		set(value, text)
	}
	return err
}

// escalation is the value of one of the bantime.* options, None where unset.
func escalation(c *call, s *jail.State, option string) any {
	e := s.Escalation()
	factor, formula, multipliers, maxTime, rndTime := e.Options()
	switch strings.TrimPrefix(option, escalationPrefix) {
	case "increment":
		return c.noted(s, option, orNone(e.Increment))
	case "overalljails":
		return c.noted(s, option, orNone(e.OverallJails))
	case "factor":
		return orNone(factor)
	case "formula":
		return orNone(formula)
	case "multipliers":
		return orNone(multipliers)
	case "maxtime":
		return orNone(number(maxTime))
	case "rndtime":
		return orNone(number(rndTime))
	}
	return nil
}

// orNone is None for what is empty or off.
func orNone(v any) any {
	if v == "" || v == false {
		return nil
	}
	return v
}

// The defaults of ignorecache.
const (
	cacheCount = 100
	cacheTime  = 300 * time.Second
)

// setIgnoreCache reads key="…", max-count=N, max-time=T; an empty text
// switches the cache off.
func setIgnoreCache(_ *call, s *jail.State, v any) (any, error) {
	text := pyobj.Str(v)
	if strings.TrimSpace(text) == "" {
		s.Ignore().SetCache(ignore.CacheOptions{})
		return nil, nil
	}
	params, err := config.ParseParams(text)
	if err != nil {
		return nil, pyobj.Builtin("ValueError", err.Error())
	}
	values := map[string]string{}
	for _, p := range params {
		values[p.Name] = p.Value
	}
	opt := ignore.CacheOptions{Key: values["key"], MaxCount: cacheCount, MaxTime: cacheTime}
	if _, ok := values["key"]; !ok {
		return nil, pyobj.Builtin("KeyError", "key")
	}
	if n, ok := values["max-count"]; ok {
		if opt.MaxCount, err = pyobj.Int(n); err != nil {
			return nil, err
		}
	}
	if t, ok := values["max-time"]; ok {
		value, _, err := seconds(t)
		if err != nil {
			return nil, err
		}
		opt.MaxTime = time.Duration(value * float64(time.Second))
	}
	s.Ignore().SetCache(opt)
	return ignoreCache(s), nil
}

// ignoreCache lists key, number and time, None while there is no cache.
func ignoreCache(s *jail.State) any {
	opt, on := s.Ignore().Cache()
	if !on {
		return nil
	}
	return []any{opt.Key, opt.MaxCount, int(opt.MaxTime / time.Second)}
}

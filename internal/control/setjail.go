package control

import (
	"errors"
	"strings"

	"stockade/internal/ignore"
	"stockade/internal/ipaddr"
	"stockade/internal/jail"
	"stockade/internal/pyobj"
)

// option is a setter of `set JAIL …`. args are the words behind its name.
type option func(c *call, j *jail.Jail, args []any) (any, error)

// options are the setters of a jail, by name.
var options map[string]option

func init() {
	options = map[string]option{
		"idle":            setIdle,
		"ignoreself":      one(setIgnoreSelf),
		"addignoreip":     addIgnoreIP,
		"delignoreip":     one(delIgnoreIP),
		"ignorecommand":   one(setIgnoreCommand),
		"ignorecache":     one(setIgnoreCache),
		"addlogpath":      addLogPath,
		"dellogpath":      one(delLogPath),
		"logencoding":     one(setLogEncoding),
		"addjournalmatch": addJournalMatch,
		"deljournalmatch": delJournalMatch,
		"prefregex":       one(setPrefregex),
		"addfailregex":    addRegex(failregexes),
		"addignoreregex":  addRegex(ignoreregexes),
		"delfailregex":    one(delRegex(failregexes)),
		"delignoreregex":  one(delRegex(ignoreregexes)),
		"usedns":          one(setUseDNS),
		"findtime":        one(setFindTime),
		"bantime":         one(setBanTime),
		"datepattern":     one(setDatePattern),
		"logtimezone":     one(setLogTimezone),
		"maxretry":        one(setMaxRetry),
		"maxmatches":      one(setMaxMatches),
		"maxlines":        one(setMaxLines),
		"never":           one(setNever),
		"never_wider":     one(setNeverWider),
		"never_self":      one(setNeverSelf),
		"never_admins":    one(setSwitch(func(n *ignore.Never) *bool { return &n.Admins })),
		"never_gateway":   one(setSwitch(func(n *ignore.Never) *bool { return &n.Gateways })),
		"never_resolvers": one(setSwitch(func(n *ignore.Never) *bool { return &n.Resolvers })),

		"alarm_bans_per_minute": one(setPace((*jail.State).SetAlarm)),
		"max_bans_per_minute":   one(setPace((*jail.State).SetLimit)),
		"banip":                 banIP,
		"unbanip":               unbanIP,
		"attempt":               attempt,
		"addaction":             addAction,
		"delaction":             delAction,
		"action":                setAction,
	}
}

// setJail answers `set JAIL OPTION …`. The option is looked up before the jail.
func setJail(c *call, name string) (any, error) {
	option, err := c.text(2)
	if err != nil {
		return nil, err
	}
	run, known := options[option]
	if strings.HasPrefix(option, escalationPrefix) {
		run, known = one(setEscalation(option)), true
	}
	if !known {
		return nil, pyobj.Builtin("Exception", "Invalid command "+pyobj.Repr(option)+" (no set action or not yet implemented)")
	}
	j, err := c.jails.Jail(name)
	if err != nil {
		return nil, err
	}
	v, err := run(c, j, c.words[3:])
	return v, gone(name, err)
}

// one is a setter of a single value; what stands behind it is ignored.
func one(set func(c *call, s *jail.State, value any) (any, error)) option {
	return func(c *call, j *jail.Jail, args []any) (any, error) {
		if len(args) == 0 {
			return nil, errIndex()
		}
		return j.Do(c.ctx, func(s *jail.State) (any, error) { return set(c, s, args[0]) })
	}
}

// isTrue reads a switch as the reference does.
func isTrue(v any) bool {
	switch strings.ToLower(pyobj.Str(v)) {
	case "1", "on", "true", "yes":
		return true
	}
	return false
}

func setIdle(c *call, j *jail.Jail, args []any) (any, error) {
	if len(args) == 0 {
		return nil, errIndex()
	}
	on := args[0] == "on"
	if !on && args[0] != "off" {
		return nil, pyobj.Builtin("Exception", "Invalid idle option, must be 'on' or 'off'")
	}
	return j.Do(c.ctx, func(s *jail.State) (any, error) {
		s.SetIdle(on)
		return s.Idle(), nil
	})
}

func setIgnoreSelf(_ *call, s *jail.State, v any) (any, error) {
	s.Ignore().SetSelf(isTrue(v))
	return s.Ignore().Self(), nil
}

func addIgnoreIP(c *call, j *jail.Jail, args []any) (any, error) {
	return j.Do(c.ctx, func(s *jail.State) (any, error) {
		for _, a := range args {
			if text := pyobj.Str(a); text != "" {
				s.Ignore().Add(text)
			}
		}
		return list(s.Ignore().List()), nil
	})
}

func delIgnoreIP(_ *call, s *jail.State, v any) (any, error) {
	if !s.Ignore().Remove(pyobj.Str(v)) {
		return nil, pyobj.Builtin("ValueError", "list.remove(x): x not in list")
	}
	return list(s.Ignore().List()), nil
}

func setIgnoreCommand(c *call, s *jail.State, v any) (any, error) {
	s.Ignore().SetCommand(pyobj.Str(v))
	c.note(s, "ignorecommand", v)
	return v, nil
}

func setLogEncoding(_ *call, s *jail.State, v any) (any, error) {
	err := s.Filter().SetLogEncoding(pyobj.Str(v))
	return s.Filter().LogEncoding(), err
}

func setUseDNS(_ *call, s *jail.State, v any) (any, error) {
	err := s.Filter().SetUseDNS(v)
	return s.Filter().UseDNS(), err
}

func setDatePattern(c *call, s *jail.State, v any) (any, error) {
	if err := s.Filter().SetDatePattern(pyobj.Str(v)); err != nil {
		return nil, err
	}
	c.note(s, "datepattern", v)
	return datePattern(c, s), nil
}

func setLogTimezone(_ *call, s *jail.State, v any) (any, error) {
	if err := s.Filter().SetLogTimezone(pyobj.Str(v)); err != nil {
		return nil, pyobj.Builtin("ValueError", err.Error())
	}
	return logTimezone(s), nil
}

func setFindTime(c *call, s *jail.State, v any) (any, error) {
	value, text, err := seconds(v)
	if err != nil {
		return nil, err
	}
	s.SetFindTime(value, text)
	c.note(s, "findtime", number(text))
	return number(text), nil
}

// setBanTime cuts a fraction off, as the reference does.
func setBanTime(_ *call, s *jail.State, v any) (any, error) {
	value, _, err := seconds(v)
	if err != nil {
		return nil, err
	}
	s.SetBanTime(int64(value))
	return int(s.BanTime()), nil
}

func setMaxRetry(_ *call, s *jail.State, v any) (any, error) {
	n, err := pyobj.Int(v)
	if err != nil {
		return nil, err
	}
	s.SetMaxRetry(n)
	return n, nil
}

func setMaxMatches(_ *call, s *jail.State, v any) (any, error) {
	n, err := pyobj.Int(v)
	if err != nil {
		return nil, err
	}
	s.SetMaxMatches(n)
	return n, nil
}

func setMaxLines(_ *call, s *jail.State, v any) (any, error) {
	err := s.Filter().SetMaxLines(v)
	return s.Filter().MaxLines(), err
}

// banIP bans now, whatever the ignore rules say.
func banIP(c *call, j *jail.Jail, args []any) (any, error) {
	ids := make([]ipaddr.ID, len(args))
	for i, a := range args {
		ids[i] = ipaddr.Parse(pyobj.Str(a))
	}
	n, err := j.BanIP(c.ctx, c.who, ids)
	return n, c.refusal(err)
}

// unbanIP lifts bans; with --report-absent it is an error that one was not
// there, after the others were lifted.
func unbanIP(c *call, j *jail.Jail, args []any) (any, error) {
	if len(args) == 0 {
		return nil, errIndex()
	}
	report := args[0] == "--report-absent"
	if !report {
		n, err := j.UnbanIP(c.ctx, idsOf(args))
		return n, c.refusal(err)
	}
	total, absent := 0, []any{}
	for _, a := range args[1:] {
		n, err := j.UnbanIP(c.ctx, idsOf([]any{a}))
		if err := c.refusal(err); err != nil {
			return nil, err
		}
		if n == 0 {
			absent = append(absent, pyobj.Str(a))
		}
		total += n
	}
	if len(absent) > 0 {
		return nil, pyobj.Builtin("ValueError", "not banned: "+pyobj.Repr(absent))
	}
	return total, nil
}

func idsOf(args []any) []ipaddr.ID {
	ids := make([]ipaddr.ID, len(args))
	for i, a := range args {
		ids[i] = ipaddr.Parse(pyobj.Str(a))
	}
	return ids
}

// refusal keeps the errors that end a command: an action that failed does not,
// it is in the log and in the status.
func (c *call) refusal(err error) error {
	if errors.Is(err, jail.ErrStopped) {
		return err
	}
	return c.unless(err)
}

// attempt counts failures; the lines become their matches.
func attempt(c *call, j *jail.Jail, args []any) (any, error) {
	if len(args) == 0 {
		return nil, pyobj.Builtin("TypeError", "Filter.addAttempt() missing 1 required positional argument: 'ip'")
	}
	var lines []string
	for _, a := range args[1:] {
		lines = append(lines, pyobj.Str(a))
	}
	n, err := j.Attempt(c.ctx, c.who, ipaddr.Parse(pyobj.Str(args[0])), lines)
	return n, err
}

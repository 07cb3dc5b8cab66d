package control

import (
	"strings"
	"time"

	"stockade/internal/ipaddr"
	"stockade/internal/jail"
	"stockade/internal/pyobj"
)

// getters answer `get JAIL OPTION` from the jail's state alone.
var getters = map[string]func(c *call, s *jail.State) any{
	"logpath":         func(_ *call, s *jail.State) any { return logPaths(s) },
	"logencoding":     func(_ *call, s *jail.State) any { return s.Filter().LogEncoding() },
	"journalmatch":    func(_ *call, s *jail.State) any { return journalMatches(s) },
	"ignoreself":      func(_ *call, s *jail.State) any { return s.Ignore().Self() },
	"ignoreip":        func(_ *call, s *jail.State) any { return list(s.Ignore().List()) },
	"ignorecommand":   ignoreCommand,
	"ignorecache":     func(_ *call, s *jail.State) any { return ignoreCache(s) },
	"prefregex":       func(_ *call, s *jail.State) any { return s.Filter().Prefregex() },
	"failregex":       func(_ *call, s *jail.State) any { return list(s.Filter().Failregex()) },
	"ignoreregex":     func(_ *call, s *jail.State) any { return list(s.Filter().Ignoreregex()) },
	"usedns":          func(_ *call, s *jail.State) any { return s.Filter().UseDNS() },
	"findtime":        findTime,
	"bantime":         func(_ *call, s *jail.State) any { return int(s.BanTime()) },
	"datepattern":     func(c *call, s *jail.State) any { return datePattern(c, s) },
	"logtimezone":     func(_ *call, s *jail.State) any { return logTimezone(s) },
	"maxretry":        func(_ *call, s *jail.State) any { return s.MaxRetry() },
	"maxmatches":      func(_ *call, s *jail.State) any { return s.MaxMatches() },
	"never":           func(_ *call, s *jail.State) any { return list(s.Never().List()) },
	"never_wider":     func(_ *call, s *jail.State) any { return s.Never().WidestText() },
	"never_self":      func(_ *call, s *jail.State) any { return s.NeverSelf() },
	"never_admins":    func(_ *call, s *jail.State) any { return s.Never().Admins },
	"never_gateway":   func(_ *call, s *jail.State) any { return s.Never().Gateways },
	"never_resolvers": func(_ *call, s *jail.State) any { return s.Never().Resolvers },

	"alarm_bans_per_minute": func(_ *call, s *jail.State) any { return s.Alarm() },
	"max_bans_per_minute":   func(_ *call, s *jail.State) any { return s.Limit() },
	"maxlines":              func(_ *call, s *jail.State) any { return s.Filter().MaxLines() },
	"actions":               func(_ *call, s *jail.State) any { return actionNames(s) },
}

// getJail answers `get JAIL OPTION …`. The option is looked up before the jail.
func getJail(c *call, name string) (any, error) {
	option, err := c.text(2)
	if err != nil {
		return nil, err
	}
	read, isState := getters[option]
	switch {
	case strings.HasPrefix(option, escalationPrefix):
		read, isState = func(c *call, s *jail.State) any { return escalation(c, s, option) }, true
	case isState:
	default:
		switch option {
		case "banip", "banned", "action", "actionproperties", "actionmethods":
		default:
			return nil, pyobj.Builtin("Exception", "Invalid command (no get action or not yet implemented)")
		}
	}
	j, err := c.jails.Jail(name)
	if err != nil {
		return nil, err
	}
	var v any
	args := c.words[3:]
	switch {
	case isState:
		v, err = j.Do(c.ctx, func(s *jail.State) (any, error) { return read(c, s), nil })
	case option == "banip":
		v, err = j.Do(c.ctx, func(s *jail.State) (any, error) { return banList(s, args), nil })
	case option == "banned":
		v, err = bannedIn(c, j, args)
	default:
		v, err = getAction(c, j, option, args)
	}
	return v, gone(name, err)
}

// banList lists the bans by their end, with --with-time with their times.
func banList(s *jail.State, args []any) any {
	withTime := len(args) > 0 && args[0] == "--with-time"
	out := []any{}
	for _, b := range s.Bans(true) {
		if withTime {
			out = append(out, banTimes(b))
			continue
		}
		out = append(out, b.ID)
	}
	return out
}

// timeLayout is how times are written in listings.
const timeLayout = "2006-01-02 15:04:05"

// banTimes is a ban with its start, length and end.
func banTimes(b jail.BanView) string {
	end := "9999-12-31 23:59:59"
	if b.Bantime >= 0 {
		end = time.Unix(b.Start.Unix()+b.Bantime, 0).Local().Format(timeLayout)
	}
	return b.ID + " \t" + b.Start.Local().Format(timeLayout) + " + " + pyobj.Str(int(b.Bantime)) + " = " + end
}

// bannedIn lists the bans of a jail, or tells which of the given IDs are
// banned: 1 or 0 for one, a list for several.
func bannedIn(c *call, j *jail.Jail, args []any) (any, error) {
	if len(args) == 0 {
		return bannedIDs(c, j)
	}
	v, err := j.Do(c.ctx, func(s *jail.State) (any, error) {
		out := make([]any, len(args))
		for i, a := range args {
			out[i] = 0
			if s.Has(ipaddr.Parse(pyobj.Str(a))) {
				out[i] = 1
			}
		}
		return out, nil
	})
	if flags, ok := v.([]any); ok && len(flags) == 1 {
		return flags[0], err
	}
	return v, err
}

// ignoreCommand is False where there was never one.
func ignoreCommand(c *call, s *jail.State) any {
	return c.noted(s, "ignorecommand", orFalse(s.Ignore().Command()))
}

func orFalse(text string) any {
	if text == "" {
		return false
	}
	return text
}

// findTime keeps the difference between 600 and 600.0.
func findTime(c *call, s *jail.State) any {
	f := s.FindTime()
	if f == float64(int(f)) {
		return c.noted(s, "findtime", int(f))
	}
	return f
}

// datePattern is a pair of pattern and name, the pattern None for what has none.
// A jail that reads the journal needs none at all, until one is set.
func datePattern(c *call, s *jail.State) any {
	pattern, name, ok := s.Filter().DatePattern()
	_, set := c.written.get(s.Name(), "datepattern")
	switch {
	case name == "", !ok && !set && strings.HasPrefix(s.Backend(), "systemd"):
		return nil
	case !ok:
		return pyobj.Tuple{nil, name}
	}
	return pyobj.Tuple{pattern, name}
}

func logTimezone(s *jail.State) any {
	if tz, ok := s.Filter().LogTimezone(); ok {
		return tz
	}
	return nil
}

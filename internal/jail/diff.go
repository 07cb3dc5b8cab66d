package jail

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Change is one option that a reload would change in a jail. Old or New is
// empty where there is none.
type Change struct {
	Option string `json:"option"`
	Old    string `json:"old,omitempty"`
	New    string `json:"new,omitempty"`
}

// Differences tells what Adopt would change.
func (j *Jail) Differences(ctx context.Context, staged *Jail) ([]Change, error) {
	v, err := j.Do(ctx, func(s *State) (any, error) { return diff(s, staged.state), nil })
	if err != nil {
		return nil, err
	}
	return v.([]Change), nil
}

func diff(old, next *State) []Change {
	var all []Change
	a, b := old.settings(), next.settings()
	for i := range a {
		if a[i].value != b[i].value {
			all = append(all, Change{Option: a[i].name, Old: a[i].value, New: b[i].value})
		}
	}
	x, y := old.lists(), next.lists()
	for i := range x {
		all = append(all, diffLists(x[i].name, x[i].values, y[i].values)...)
	}
	return append(all, diffActions(old.actions, next.actions)...)
}

type setting struct{ name, value string }

// settings are the options with one value, as text.
func (s *State) settings() []setting {
	factor, formula, multipliers, maxTime, rndTime := s.escalation.Options()
	pattern, name, _ := s.filter.DatePattern()
	zone, _ := s.filter.LogTimezone()
	cache, _ := s.ignore.Cache()
	return []setting{
		{"backend", s.backend},
		{"maxretry", strconv.Itoa(s.limits.MaxRetry)},
		{"findtime", strconv.FormatFloat(s.limits.FindTime, 'f', -1, 64)},
		{"bantime", strconv.FormatInt(s.bantime, 10)},
		{"maxmatches", strconv.Itoa(s.limits.MaxMatches)},
		{"bantime.increment", strconv.FormatBool(s.escalation.Increment)},
		{"bantime.factor", factor},
		{"bantime.formula", formula},
		{"bantime.multipliers", multipliers},
		{"bantime.maxtime", maxTime},
		{"bantime.rndtime", rndTime},
		{"bantime.overalljails", strconv.FormatBool(s.escalation.OverallJails)},
		{"prefregex", s.filter.Prefregex()},
		{"maxlines", strconv.Itoa(s.filter.MaxLines())},
		{"usedns", s.filter.UseDNS()},
		{"datepattern", strings.TrimSpace(pattern + " " + name)},
		{"logencoding", s.filter.LogEncoding()},
		{"logtimezone", zone},
		{"ignoreself", strconv.FormatBool(s.ignore.Self())},
		{"ignorecommand", s.ignore.Command()},
		{"never", strings.Join(s.safety.never.List(), " ")},
		{"never_self", strconv.FormatBool(s.NeverSelf())},
		{"never_admins", strconv.FormatBool(s.safety.never.Admins)},
		{"never_gateway", strconv.FormatBool(s.safety.never.Gateways)},
		{"never_resolvers", strconv.FormatBool(s.safety.never.Resolvers)},
		{"never_wider", s.safety.never.WidestText()},
		{"alarm_bans_per_minute", strconv.Itoa(s.safety.alarm)},
		{"max_bans_per_minute", strconv.Itoa(s.safety.limit)},
		{"ignorecache", fmt.Sprint(cache)},
	}
}

type listing struct {
	name   string
	values []string
}

// lists are the options with several values.
func (s *State) lists() []listing {
	var paths, matches []string
	for _, p := range s.paths {
		if !p.FromPattern {
			paths = append(paths, p.Path)
		}
	}
	for _, m := range s.journal {
		matches = append(matches, strings.Join(m, " "))
	}
	return []listing{
		{"failregex", s.filter.Failregex()},
		{"ignoreregex", s.filter.Ignoreregex()},
		{"ignoreip", s.ignore.List()},
		{"logpath", paths},
		{"journalmatch", matches},
	}
}

func diffLists(name string, old, next []string) []Change {
	var all []Change
	for _, v := range old {
		if !slices.Contains(next, v) {
			all = append(all, Change{Option: name, Old: v})
		}
	}
	for _, v := range next {
		if !slices.Contains(old, v) {
			all = append(all, Change{Option: name, New: v})
		}
	}
	return all
}

func diffActions(old, next []ActionSpec) []Change {
	var all []Change
	find := func(list []ActionSpec, name string) *ActionSpec {
		i := slices.IndexFunc(list, func(a ActionSpec) bool { return a.Name == name })
		if i < 0 {
			return nil
		}
		return &list[i]
	}
	for i := range old {
		if find(next, old[i].Name) == nil {
			all = append(all, Change{Option: "action", Old: old[i].Name})
		}
	}
	for i := range next {
		was := find(old, next[i].Name)
		if was == nil {
			all = append(all, Change{Option: "action", New: next[i].Name})
			continue
		}
		for _, p := range next[i].Props {
			value, before := fmt.Sprint(p.Value), was.prop(p.Name)
			if value != before {
				all = append(all, Change{Option: "action " + was.Name + " " + p.Name, Old: before, New: value})
			}
		}
	}
	return all
}

// prop is the last value of a property as text, empty if it was not set.
func (a *ActionSpec) prop(name string) string {
	for i := len(a.Props) - 1; i >= 0; i-- {
		if a.Props[i].Name == name {
			return fmt.Sprint(a.Props[i].Value)
		}
	}
	return ""
}

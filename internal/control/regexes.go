package control

import (
	"stockade/internal/filter"
	"stockade/internal/jail"
	"stockade/internal/pyobj"
)

// regexList is one of the two lists of regexes of a jail.
type regexList struct {
	add  func(f *filter.Filter, r filter.Rule) error
	del  func(f *filter.Filter, index int)
	list func(f *filter.Filter) []string
}

var (
	failregexes   = regexList{(*filter.Filter).AddFailregex, (*filter.Filter).DelFailregex, (*filter.Filter).Failregex}
	ignoreregexes = regexList{(*filter.Filter).AddIgnoreregex, (*filter.Filter).DelIgnoreregex, (*filter.Filter).Ignoreregex}
)

// addRegex appends one regex, or with multi-set each of a list.
func addRegex(which regexList) option {
	return func(c *call, j *jail.Jail, args []any) (any, error) {
		if len(args) == 0 {
			return nil, errIndex()
		}
		many := c.words[0] == "multi-set"
		each := []any{args[0]}
		if many {
			each = itemsOf(args[0])
		}
		for i, text := range each {
			rule := filter.Rule{Text: pyobj.Str(text), Origin: c.ruleOrigin(i)}
			_, err := j.Do(c.ctx, func(s *jail.State) (any, error) { return nil, which.add(s.Filter(), rule) })
			if err := c.regexTried(j.Name(), rule.Origin, err); err != nil {
				return nil, err
			}
		}
		if many {
			return true, nil
		}
		return j.Do(c.ctx, func(s *jail.State) (any, error) { return list(which.list(s.Filter())), nil })
	}
}

// itemsOf are the elements of a list, or the characters of a text, as Python
// iterates over it.
func itemsOf(v any) []any {
	switch v := v.(type) {
	case []any:
		return v
	case pyobj.Tuple:
		return v
	case string:
		out := []any{}
		for _, r := range v {
			out = append(out, string(r))
		}
		return out
	}
	return []any{v}
}

// ruleOrigin is file and line of the i-th regex of the command, where our own
// client said so.
func (c *call) ruleOrigin(i int) string {
	if i < len(c.origin.Rules) {
		return c.origin.Rules[i].String()
	}
	return c.origin.Origin.String()
}

func delRegex(which regexList) func(*call, *jail.State, any) (any, error) {
	return func(_ *call, s *jail.State, v any) (any, error) {
		index, err := pyobj.Int(v)
		if err != nil {
			return nil, err
		}
		which.del(s.Filter(), index)
		return list(which.list(s.Filter())), nil
	}
}

func setPrefregex(c *call, s *jail.State, v any) (any, error) {
	err := s.Filter().SetPrefregex(filter.Rule{Text: pyobj.Str(v), Origin: c.ruleOrigin(0)})
	return s.Filter().Prefregex(), err
}

package config

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"stockade/internal/ini"
)

// Param is one parameter of name[key=value].
type Param struct{ Name, Value string }

// SpecError says what is wrong with name[key=value,…].
type SpecError struct {
	// Msg is Fail2ban's text.
	Msg string
	// Offset is the byte in the text where it went wrong.
	Offset int
	// Cure says how to mend it, where that is clear.
	Cure string
}

// Error gives Fail2ban's text.
func (e *SpecError) Error() string { return e.Msg }

// ParseSpec splits name[key=value,…] as filter, action and backend are
// written. Several bracket groups count as one; of equal keys the last wins, in
// the place of the first.
func ParseSpec(text string) (name string, params []Param, err error) {
	i := strings.IndexByte(text, '[')
	if i < 0 {
		return text, nil, nil
	}
	body := strings.TrimRightFunc(text, ini.IsSpace)
	if i == 0 || body[len(body)-1] != ']' {
		return "", nil, specShape(text)
	}
	params, bad := parseParams(body[i+1:len(body)-1], true)
	if bad != nil {
		bad.Offset += i + 1
		return "", nil, bad
	}
	return text[:i], params, nil
}

// ParseParams splits key=value,… without brackets, as ignorecache has it.
func ParseParams(text string) ([]Param, error) {
	params, bad := parseParams(text, false)
	if bad != nil {
		return nil, bad
	}
	return params, nil
}

func specShape(text string) *SpecError {
	e := &SpecError{Msg: "unexpected option syntax", Offset: len(text)}
	if strings.LastIndexByte(text, ']') < strings.IndexByte(text, '[') {
		e.Cure = "close the bracket with ]"
	} else {
		e.Cure = "nothing may follow the closing bracket"
	}
	return e
}

// parseParams reads options separated by commas, or by "][" when grouped.
func parseParams(text string, grouped bool) ([]Param, *SpecError) {
	var out []Param
	for pos := 0; skipSpace(text, pos) < len(text); {
		p, next, err := parseParam(text, pos, grouped)
		if err != nil {
			return nil, err
		}
		out = setParam(out, p)
		pos = next
	}
	return out, nil
}

// setParam appends a parameter or replaces the one of its name.
func setParam(params []Param, p Param) []Param {
	for i := range params {
		if params[i].Name == p.Name {
			params[i].Value = p.Value
			return params
		}
	}
	return append(params, p)
}

// parseParam reads one key=value and the separator after it.
func parseParam(text string, pos int, grouped bool) (p Param, next int, err *SpecError) {
	start := pos
	pos = skipSpace(text, pos)
	key := keyEnd(text, pos)
	if key == pos || key >= len(text) || text[key] != '=' {
		return p, 0, &SpecError{
			Msg:    fmt.Sprintf("expected option, wrong syntax at %d: %s", utf8.RuneCountInString(text[:start]), text[start:]),
			Offset: start,
			Cure:   "write key=value, without blanks around =",
		}
	}
	p.Name = text[pos:key]
	value, end := parseValue(text, key+1)
	next, ok := separator(text, end, grouped)
	if !ok {
		return p, 0, &SpecError{
			Msg: fmt.Sprintf("unexpected syntax at %d after option %s: %s",
				utf8.RuneCountInString(text[:end]), quoted(p.Name), text[end:]),
			Offset: end,
			Cure:   "a closing quote must be followed by a comma or a bracket",
		}
	}
	p.Value = ini.TrimSpace(value)
	return p, next, nil
}

func quoted(name string) string { return "'" + name + "'" }

// keyEnd finds the end of a key: word characters, "-", "_", "." and at most
// one "?word=word" behind them.
func keyEnd(text string, pos int) int {
	end := wordEnd(text, pos, "-_.")
	if end > pos && end < len(text) && text[end] == '?' {
		name := wordEnd(text, end+1, "_")
		if name > end+1 && name < len(text) && text[name] == '=' {
			if last := wordEnd(text, name+1, "-_"); last > name+1 && last < len(text) && text[last] == '=' {
				return last
			}
		}
	}
	return end
}

func wordEnd(text string, pos int, extra string) int {
	for pos < len(text) {
		r, n := utf8.DecodeRuneInString(text[pos:])
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune(extra, r) {
			break
		}
		pos += n
	}
	return pos
}

// parseValue reads a quoted or bare value. A quote that is never closed is an
// ordinary character.
func parseValue(text string, pos int) (value string, end int) {
	if pos < len(text) && (text[pos] == '"' || text[pos] == '\'') {
		if i := strings.IndexByte(text[pos+1:], text[pos]); i >= 0 {
			return text[pos+1 : pos+1+i], pos + i + 2
		}
	}
	end = pos
	for end < len(text) && text[end] != ',' && text[end] != ']' {
		end++
	}
	return text[pos:end], end
}

// separator accepts what may stand after a value: a comma, "][", or the end,
// before which one newline is allowed.
func separator(text string, pos int, grouped bool) (next int, ok bool) {
	rest := text[pos:]
	switch {
	case rest == "" || rest == "\n":
		return len(text), true
	case rest[0] == ',':
		return pos + 1, true
	case grouped && rest[0] == ']':
		trimmed := strings.TrimLeftFunc(rest[1:], ini.IsSpace)
		if strings.HasPrefix(trimmed, "[") {
			return len(text) - len(trimmed) + 1, true
		}
	}
	return 0, false
}

// SplitActions cuts an action option into its specs: at blanks outside of
// brackets.
func SplitActions(text string) []string {
	out, _ := splitActions(text)
	return out
}

// splitActions is SplitActions with the offset of each spec.
func splitActions(text string) (specs []string, offsets []int) {
	for pos := 0; pos < len(text); {
		r, n := utf8.DecodeRuneInString(text[pos:])
		if ini.IsSpace(r) {
			pos += n
			continue
		}
		end := actionEnd(text, pos)
		specs = append(specs, text[pos:end])
		offsets = append(offsets, pos)
		pos = end
	}
	return specs, offsets
}

// actionEnd finds the end of the spec that begins at pos: a name with as many
// bracket groups as parse, if a blank or the end follows, else all up to the
// next blank.
func actionEnd(text string, pos int) int {
	name := pos
	for name < len(text) && text[name] != '[' {
		r, n := utf8.DecodeRuneInString(text[name:])
		if ini.IsSpace(r) {
			break
		}
		name += n
	}
	if name > pos {
		m := groupMatcher{text: text, failed: map[int]bool{}}
		if end, ok := m.groups(name); ok {
			return end
		}
	}
	for name < len(text) {
		r, n := utf8.DecodeRuneInString(text[name:])
		if ini.IsSpace(r) {
			break
		}
		name += n
	}
	return name
}

// groupMatcher finds bracket groups. It remembers where it failed, so that
// trying both readings of every quote stays linear.
type groupMatcher struct {
	text   string
	failed map[int]bool
}

// groups matches any number of bracket groups that end before a blank.
func (m *groupMatcher) groups(pos int) (end int, ok bool) {
	open := skipSpace(m.text, pos)
	if open < len(m.text) && m.text[open] == '[' {
		if end, ok := m.items(open + 1); ok {
			return end, true
		}
	}
	return pos, pos == len(m.text) || skipSpace(m.text, pos) > pos
}

// items matches the inside of a group from pos on, and all that follows it.
func (m *groupMatcher) items(pos int) (end int, ok bool) {
	if m.failed[pos] {
		return 0, false
	}
	at := skipSpace(m.text, pos)
	if at < len(m.text) && m.text[at] == ']' {
		if end, ok := m.groups(at + 1); ok {
			return end, true
		}
	}
	key := keyEnd(m.text, at)
	if key > at && key < len(m.text) && m.text[key] == '=' {
		if end, ok := m.value(key + 1); ok {
			return end, true
		}
	}
	m.failed[pos] = true
	return 0, false
}

// value matches a value, first as a quoted one, and all that follows it.
func (m *groupMatcher) value(pos int) (end int, ok bool) {
	if pos < len(m.text) && (m.text[pos] == '"' || m.text[pos] == '\'') {
		if i := strings.IndexByte(m.text[pos+1:], m.text[pos]); i >= 0 {
			if end, ok := m.items(skipComma(m.text, pos+i+2)); ok {
				return end, true
			}
		}
	}
	i := strings.IndexAny(m.text[pos:], ",]")
	if i < 0 {
		return 0, false
	}
	return m.items(skipComma(m.text, pos+i))
}

func skipSpace(text string, pos int) int {
	for pos < len(text) {
		r, n := utf8.DecodeRuneInString(text[pos:])
		if !ini.IsSpace(r) {
			break
		}
		pos += n
	}
	return pos
}

func skipComma(text string, pos int) int {
	pos = skipSpace(text, pos)
	if pos < len(text) && text[pos] == ',' {
		pos++
	}
	return pos
}

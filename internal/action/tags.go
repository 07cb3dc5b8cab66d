package action

import (
	"fmt"
	"os"
	"strings"

	"stockade/internal/pyobj"
)

// maxReplacements bounds the substitution of static tags, so that properties
// which build new tags out of each other come to an end.
const maxReplacements = 1000

// maxUses is how often one tag may turn up while another one is resolved.
const maxUses = 20

// maxText bounds a command, so that properties which double each other do not
// fill the memory.
const maxText = 1 << 20

// lookup gives the text of a tag; false leaves it as it was typed.
type lookup func(tag string) (string, bool)

// nextTag finds the next innermost <tag> at or after from. A tag's name has no
// blank and no angle bracket.
func nextTag(text string, from int) (start, end int, name string) {
	for i := from; i < len(text); i++ {
		if text[i] != '<' {
			continue
		}
		j := i + 1
		for j < len(text) && text[j] != '<' && text[j] != '>' && text[j] != ' ' {
			j++
		}
		if j < len(text) && text[j] == '>' && j > i+1 {
			return i, j + 1, text[i+1 : j]
		}
	}
	return -1, -1, ""
}

// expand replaces static tags, tags in what replaced them, and tags that come
// about by that, until none is left that get knows.
func expand(text string, get lookup) (string, error) {
	pos := 0
	for n := 0; ; n++ {
		start, end, name := nextTag(text, pos)
		if start < 0 {
			return text, nil
		}
		value, ok, err := resolve(name, get)
		if err != nil {
			return "", err
		}
		if !ok {
			// The bracket may belong to a tag that encloses this one.
			pos = start + 1
			continue
		}
		if n >= maxReplacements || len(text)+len(value) > maxText {
			return "", selfReference(name, name, nil, text[:min(len(text), 100)])
		}
		text = text[:start] + value + text[end:]
		pos = max(strings.LastIndexByte(text[:start], '<'), 0)
	}
}

// resolve gives the value of one static tag with the tags in it replaced.
func resolve(tag string, get lookup) (string, bool, error) {
	value, ok := get(tag)
	if !ok {
		return "", false, nil
	}
	uses := pyobj.NewDict()
	for pos := 0; ; {
		start, end, name := nextTag(value, pos)
		if start < 0 {
			return value, true, nil
		}
		count := 0
		if c, ok := uses.Get(name); ok {
			count = c.(int)
		}
		if name != tag && count > maxUses {
			// The blame is on the tag that leads back to itself.
			if _, _, err := resolve(name, get); err != nil {
				return "", false, err
			}
		}
		if name == tag || count > maxUses {
			return "", false, selfReference(tag, name, uses, value)
		}
		inner, ok := get(name)
		if !ok {
			pos = start + 1
			continue
		}
		if len(value)+strings.Count(value, value[start:end])*len(inner) > maxText {
			return "", false, selfReference(tag, name, uses, value[:100])
		}
		uses.Set(name, count+1)
		value = strings.ReplaceAll(value, value[start:end], inner)
		pos = max(strings.LastIndexByte(value[:min(start, len(value))], '<'), 0)
	}
}

func selfReference(tag, found string, uses *pyobj.Dict, value string) error {
	if uses == nil {
		uses = pyobj.NewDict()
	}
	return pyobj.Errorf("ValueError", "properties contain self referencing definitions and cannot be resolved, fail tag: %s, found: %s in %s, value: %s",
		tag, found, pyobj.Repr(uses), value)
}

// untrusted are the properties whose text comes from logs although they are
// static: their special characters get a backslash.
var untrusted = map[string]bool{"matches": true, "ipmatches": true, "ipjailmatches": true}

// special are the characters that mean something to a shell.
const special = "\\#&;`|*?~<>^()[]{}$'\"\n\r"

// escapeTag puts a backslash before each special character.
func escapeTag(value string) string {
	if !strings.ContainsAny(value, special) {
		return value
	}
	var b strings.Builder
	for _, r := range value {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
			continue
		case r == '\r':
			b.WriteString(`\r`)
			continue
		case strings.ContainsRune(special, r):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// builtin are the tags that every text knows, after all others.
func builtin(tag string) (string, bool) {
	switch tag {
	case "br":
		return "\n", true
	case "sp":
		return " ", true
	case "fq-hostname":
		return fullHostname(), true
	case "sh-hostname":
		name, _ := os.Hostname()
		return name, true
	}
	return "", false
}

// script is a command text with the values that travel beside it.
type script struct {
	text string
	// args are the values of shell variables, $0 first.
	args []string
}

// argv is what is executed.
func (s script) argv() []string {
	return append([]string{"/bin/sh", "-c", s.text}, s.args...)
}

// shown is the command as the log shows it.
func (s script) shown() string {
	if len(s.args) == 0 {
		return s.text
	}
	list := []any{s.text}
	for _, a := range s.args {
		list = append(list, a)
	}
	return pyobj.Repr(list)
}

// variables collects the shell variables of one command.
type variables struct {
	names, values []string
	index         map[string]int
}

// put gives the text that stands in the command for a value: itself, or a
// shell variable where the value could mean something to the shell.
func (v *variables) put(name, value string) string {
	// No argument can hold a zero byte; it has no place in a text anyway.
	value = strings.ReplaceAll(value, "\x00", "")
	if !strings.ContainsAny(value, special) {
		return value
	}
	name = "f2bV_" + wordOnly(name)
	if i, ok := v.index[name]; ok {
		v.values[i] = value
		return "$" + name
	}
	if v.index == nil {
		v.index = map[string]int{}
	}
	v.index[name] = len(v.names)
	v.names, v.values = append(v.names, name), append(v.values, value)
	return "$" + name
}

// wordOnly replaces what may not stand in a variable's name.
func wordOnly(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, name)
}

// script puts the assignments in front of the command. "$10" means different
// things to different shells, "${10}" does not.
func (v *variables) script(text string) script {
	if len(v.names) == 0 {
		return script{text: text}
	}
	var b strings.Builder
	for i, name := range v.names {
		if i < 10 {
			fmt.Fprintf(&b, "%s=$%d ", name, i)
		} else {
			fmt.Fprintf(&b, "%s=${%d} ", name, i)
		}
	}
	b.WriteByte('\n')
	b.WriteString(text)
	return script{b.String(), v.values}
}

// substitute replaces the tags of a ticket, once and without looking into
// what it put in. The captured fields come second, as their order in the
// arguments shows. Without a ticket they are empty.
func substitute(text string, in *info) script {
	var vars variables
	text = replaceTags(text, func(tag string) (string, bool) {
		if strings.HasPrefix(tag, "F-") {
			return "", false
		}
		if in != nil {
			if value, ok := in.value(tag); ok {
				return vars.put(tag, pyobj.Str(value)), true
			}
		}
		if value, ok := builtin(tag); ok {
			return vars.put(tag, value), true
		}
		return "", false
	})
	if start, _, _ := nextTag(text, 0); start >= 0 && in != nil {
		in.seen["F-*"] = in.fields()
	}
	text = replaceTags(text, func(tag string) (string, bool) {
		field, ok := strings.CutPrefix(tag, "F-")
		if !ok || in == nil {
			return "", ok
		}
		name, value := in.field(field)
		return vars.put("F_"+name, value), true
	})
	return vars.script(text)
}

// replaceTags replaces tags in one pass.
func replaceTags(text string, get lookup) string {
	var b strings.Builder
	last := 0
	for pos := 0; ; {
		start, end, name := nextTag(text, pos)
		if start < 0 {
			break
		}
		if value, ok := get(name); ok {
			b.WriteString(text[last:start])
			b.WriteString(value)
			last = end
		}
		pos = end
	}
	if last == 0 {
		return text
	}
	b.WriteString(text[last:])
	return b.String()
}

package config

import (
	"fmt"
	"strings"
)

// maxTagRounds is how often one tag may be replaced in one value before it is
// taken for a definition that refers to itself.
const maxTagRounds = 25

// tags replaces <name> in the values of a definition.
type tags struct {
	// lookup finds what a tag stands for.
	lookup func(tag string) (traced, bool, *problem)
	// keep tells which tags are left for the server.
	keep func(tag string) bool
}

// nextTag finds the first <name> at or after from: a name has no blank and no
// angle bracket. It returns -1 when there is none.
func nextTag(text string, from int) (start, end int) {
	for {
		if from > len(text) {
			return -1, -1
		}
		i := strings.IndexByte(text[from:], '<')
		if i < 0 {
			return -1, -1
		}
		start = from + i
		j := strings.IndexAny(text[start+1:], " <>")
		if j < 0 {
			return -1, -1
		}
		from = start + 1 + j
		if text[from] == '>' && j > 0 {
			return start, from + 1
		}
		if text[from] != '<' {
			from++
		}
	}
}

// replace resolves all tags of the value of an option until nothing changes.
func (t *tags) replace(option string, v traced) (traced, *problem) {
	var rounds map[string]int
	for {
		changed := false
		for pos := 0; ; {
			start, end := nextTag(v.text, pos)
			if start < 0 {
				break
			}
			tag := v.text[start+1 : end-1]
			if t.keep(tag) {
				pos = end
				continue
			}
			repl, ok, err := t.lookup(tag)
			if err != nil {
				return v, err
			}
			if !ok && tag != option {
				pos = end
				continue
			}
			if tag == option || rounds[tag] > maxTagRounds {
				return v, selfReference(option, tag, v)
			}
			v = replaceAll(v, tag, repl)
			if len(v.text) > maxExpansion {
				return v, selfReference(option, tag, v)
			}
			if rounds == nil {
				rounds = map[string]int{}
			}
			rounds[tag]++
			pos, changed = start, true
		}
		if !changed {
			return v, nil
		}
	}
}

func selfReference(option, tag string, v traced) *problem {
	return &problem{
		Severity: Error, Code: "tag-recursion", Origin: v.origin(), Refuses: true,
		Text:  fmt.Sprintf("<%s> in %q leads back to itself", tag, option),
		Quote: lineAround(v.text, 0),
		Cure:  "give the option another name than the tag in its value",
	}
}

// replaceAll puts a text in the place of every occurrence of a tag.
func replaceAll(v traced, tag string, repl traced) traced {
	mark := "<" + tag + ">"
	if v.spans == nil && repl.text == "" && strings.IndexByte(v.text, '\n') < 0 {
		return traced{text: strings.ReplaceAll(v.text, mark, ""), whole: v.whole}
	}
	var w weaver
	w.buf = make([]byte, 0, len(v.text)+len(repl.text))
	for from := 0; ; {
		i := strings.Index(v.text[from:], mark)
		if i < 0 {
			w.addPart(v, from, len(v.text))
			return w.done(v.whole)
		}
		w.addPart(v, from, from+i)
		w.addTraced(repl, 1)
		from += i + len(mark)
	}
}

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
	// trace tells in which options every line shall know its origin; it
	// costs more than the rest.
	trace func(option string) bool
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
	if !t.trace(option) {
		v.spans, v.lost = nil, true
	}
	rounds := map[string]int{}
	for {
		next, changed, err := t.pass(option, v, rounds)
		if err != nil || !changed {
			return v, err
		}
		v = next
	}
}

// pass replaces every tag of a value once. Tags that only come to stand there
// by that, as <a_<b>> makes them, are left for the next pass.
func (t *tags) pass(option string, v traced, rounds map[string]int) (next traced, changed bool, err *problem) {
	var w weaver
	last := 0
	var seen []string
	for pos := 0; ; {
		start, end := nextTag(v.text, pos)
		if start < 0 {
			break
		}
		pos = end
		tag := v.text[start+1 : end-1]
		if t.keep(tag) {
			continue
		}
		repl, ok, err := t.lookup(tag)
		if err != nil {
			return v, false, err
		}
		if tag != option && !ok {
			continue
		}
		if !contains(seen, tag) {
			seen = append(seen, tag)
			rounds[tag]++
		}
		if tag == option || rounds[tag] > maxTagRounds || len(w.buf)+len(v.text)+len(repl.text) > maxExpansion {
			return v, false, selfReference(option, tag, v)
		}
		if last == 0 && w.buf == nil {
			w.buf = make([]byte, 0, len(v.text)+len(repl.text)+64)
		}
		w.addPart(v, last, start)
		if v.lost {
			w.buf = append(w.buf, repl.text...)
		} else {
			w.addTraced(repl, 1)
		}
		last = end
	}
	if len(seen) == 0 {
		return v, false, nil
	}
	w.addPart(v, last, len(v.text))
	next = w.done(v.whole)
	next.lost = v.lost
	return next, true, nil
}

func selfReference(option, tag string, v traced) *problem {
	return &problem{
		Severity: Error, Code: "tag-recursion", Origin: v.origin(), Refuses: true,
		Text:  fmt.Sprintf("<%s> in %q leads back to itself", tag, option),
		Quote: lineAround(v.text, 0),
		Cure:  "give the option another name than the tag in its value",
	}
}

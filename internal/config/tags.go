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
// angle bracket. start is -1 when there is none. outer tells that a bracket was
// open before the tag, so that replacing it may make another tag.
func nextTag(text string, from int) (start, end int, outer bool) {
	for from < len(text) {
		i := strings.IndexByte(text[from:], '<')
		if i < 0 {
			break
		}
		start = from + i
		from = start + 1
		for from < len(text) && text[from] != ' ' && text[from] != '<' && text[from] != '>' {
			from++
		}
		if from == len(text) {
			break
		}
		if text[from] == '>' && from > start+1 {
			return start, from + 1, outer
		}
		outer = outer || text[from] == '<'
	}
	return -1, -1, outer
}

// replace resolves all tags of the value of an option until nothing changes.
func (t *tags) replace(option string, v traced) (traced, *problem) {
	if !t.trace(option) {
		v.spans, v.lost = nil, true
	}
	rounds := map[string]int{}
	for {
		next, again, err := t.pass(option, v, rounds)
		if err != nil || !again {
			return next, err
		}
		v = next
	}
}

// pass replaces every tag of a value once. Tags that only come to stand there
// by that, as <a_<b>> makes them, are left for another pass; again says that
// there may be some.
func (t *tags) pass(option string, v traced, rounds map[string]int) (next traced, again bool, err *problem) {
	var w weaver
	last := 0
	var seen []string
	for pos := 0; ; {
		start, end, outer := nextTag(v.text, pos)
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
			w.buf = make([]byte, 0, 2*len(v.text)+len(repl.text)+64)
		}
		again = again || outer || strings.IndexByte(repl.text, '<') >= 0
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
	return next, again, nil
}

func selfReference(option, tag string, v traced) *problem {
	return &problem{
		Severity: Error, Code: "tag-recursion", Origin: v.origin(), Refuses: true,
		Text:  fmt.Sprintf("<%s> in %q leads back to itself", tag, option),
		Quote: lineAround(v.text, 0),
		Cure:  "give the option another name than the tag in its value",
	}
}

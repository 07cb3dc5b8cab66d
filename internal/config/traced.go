package config

import (
	"strings"

	"stockade/internal/ini"
)

// traced is a text put together from several places that still knows, line by
// line, where it was written.
type traced struct {
	text string
	// whole is the definition of an untouched text; spans is then nil.
	whole *value
	spans []span
	// lost says that only the origin of the text as a whole is known.
	lost bool
}

// span says where a stretch of text, up to byte end, was written. depth counts
// how often it was referred to on the way: 1 is the option's own text.
type span struct {
	end   int
	file  *sourceFile
	line  int
	depth int
}

// origin is where the text as a whole was written.
func (t traced) origin() Origin { return t.whole.origin() }

// at is where the character at an offset was written.
func (t traced) at(offset int) Origin {
	start := strings.LastIndexByte(t.text[:offset], '\n') + 1
	end := strings.IndexByte(t.text[offset:], '\n')
	if end < 0 {
		end = len(t.text)
	} else {
		end += offset
	}
	return t.lineOrigin(strings.Count(t.text[:offset], "\n"), start, end)
}

// lines splits the text into its non-blank lines, each with its origin.
func (t traced) lines() []Rule {
	var out []Rule
	for start, n := 0, 0; start <= len(t.text); n++ {
		end := strings.IndexByte(t.text[start:], '\n')
		if end < 0 {
			end = len(t.text)
		} else {
			end += start
		}
		if line := t.text[start:end]; line != "" {
			out = append(out, Rule{Text: line, Origin: t.lineOrigin(n, start, end)})
		}
		start = end + 1
	}
	return out
}

// lineOrigin is the place of one line: of its parts the one that the fewest
// references lead to, because that is where somebody wrote this very line.
func (t traced) lineOrigin(n, start, end int) Origin {
	if t.lost {
		return t.origin()
	}
	if t.spans == nil {
		if t.whole == nil || t.whole.file == nil {
			return Origin{}
		}
		return t.whole.file.origin(t.whole.lineOf(n))
	}
	best, from := -1, 0
	for i, s := range t.spans {
		lo, hi := max(from, start), min(s.end, end)
		from = s.end
		if lo >= hi || ini.TrimSpace(t.text[lo:hi]) == "" {
			continue
		}
		if best < 0 || s.depth < t.spans[best].depth {
			best = i
		}
	}
	if best < 0 || t.spans[best].file == nil {
		return t.origin()
	}
	return t.spans[best].file.origin(t.spans[best].line)
}

// weaver builds a traced text.
type weaver struct {
	buf   []byte
	spans []span
	// rough leaves the spans out.
	rough bool
}

// add appends text[from:to] of a definition. For a text without a definition
// the place is unknown.
func (w *weaver) add(text string, from, to int, v *value, depth int) {
	if from >= to {
		return
	}
	if w.rough || v == nil || v.lines == nil {
		w.buf = append(w.buf, text[from:to]...)
		w.mark(v, 0, depth)
		return
	}
	n := strings.Count(text[:from], "\n")
	for from < to {
		end := strings.IndexByte(text[from:to], '\n')
		if end < 0 {
			end = to
		} else {
			end += from + 1
		}
		w.buf = append(w.buf, text[from:end]...)
		w.mark(v, n, depth)
		from = end
		n++
	}
}

func (w *weaver) mark(v *value, n, depth int) {
	s := span{end: len(w.buf), depth: depth}
	if v != nil && v.file != nil {
		s.file, s.line = v.file, v.lineOf(n)
	}
	w.span(s)
}

// span appends a stretch; one that goes on from the last extends it.
func (w *weaver) span(s span) {
	if w.rough {
		return
	}
	if n := len(w.spans); n > 0 {
		if last := &w.spans[n-1]; last.file == s.file && last.line == s.line && last.depth == s.depth {
			last.end = s.end
			return
		}
	}
	w.spans = append(w.spans, s)
}

// addTraced appends a whole traced text, one level deeper.
func (w *weaver) addTraced(t traced, depth int) {
	if t.spans == nil || w.rough {
		w.add(t.text, 0, len(t.text), t.whole, depth+1)
		return
	}
	base := len(w.buf)
	w.buf = append(w.buf, t.text...)
	for _, s := range t.spans {
		s.end += base
		s.depth += depth
		w.span(s)
	}
}

// addPart appends t.text[from:to] at its own depth.
func (w *weaver) addPart(t traced, from, to int) {
	if from >= to {
		return
	}
	if t.lost {
		w.buf = append(w.buf, t.text[from:to]...)
		return
	}
	if t.spans == nil {
		w.add(t.text, from, to, t.whole, 1)
		return
	}
	base, begin := len(w.buf)-from, 0
	w.buf = append(w.buf, t.text[from:to]...)
	for _, s := range t.spans {
		end := s.end
		if end > from && begin < to {
			s.end = min(end, to) + base
			w.span(s)
		}
		if begin = end; begin >= to {
			break
		}
	}
}

func (w *weaver) done(whole *value) traced {
	return traced{text: string(w.buf), whole: whole, spans: w.spans, lost: w.rough}
}

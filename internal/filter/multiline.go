package filter

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"stockade/internal/pyre"
	"stockade/internal/ticket"
)

// lineBuffer is the last lines of a filter that searches several together.
type lineBuffer struct {
	lines []*bufLine
	// work are the lines that a match is found in. In check-all mode they stay
	// the same while the text of what is left is searched on, as the reference
	// has it.
	work []*bufLine
	// original are the lines before a prefregex replaced them by its content.
	original []*bufLine
	free     []*bufLine
	// hit are indexes into work that a match covers without the skipped ones,
	// rest the others in the order in which they stay.
	hit, rest []int
	text      []byte
}

// bufLine is one line as [date][before][after].
type bufLine struct {
	text           []byte
	nDate, nBefore int
	// source is the line as it stood in the log.
	source string
}

func (b *bufLine) body() []byte { return b.text[b.nDate:] }

func (b *bufLine) match() ticket.Match {
	s := string(b.text)
	body := s[b.nDate:]
	return ticket.Match{Before: body[:b.nBefore], Date: s[:b.nDate], After: body[b.nBefore:]}
}

// push takes in the present line and drops the oldest of more than n.
func (b *lineBuffer) push(l *lineState, source string, n int) {
	for len(b.lines) >= n {
		b.free = append(b.free, b.lines[0])
		b.lines = slices.Delete(b.lines, 0, 1)
	}
	e := b.fresh()
	e.text = append(e.text[:0], l.text[:len(l.text)-1]...)
	e.nDate, e.nBefore, e.source = l.nDate, l.nBefore, source
	b.lines = append(b.lines, e)
}

func (b *lineBuffer) fresh() *bufLine {
	if n := len(b.free); n > 0 {
		e := b.free[n-1]
		b.free = b.free[:n-1]
		return e
	}
	return &bufLine{}
}

// joined appends the bodies of the lines, each with a newline.
func joined(to []byte, lines []*bufLine) []byte {
	for _, l := range lines {
		to = append(append(to, l.body()...), '\n')
	}
	return to
}

// evaluateBuffer runs the rules over the last lines together.
func (f *Filter) evaluateBuffer(info *Info) {
	b, l := &f.buf, &f.line
	b.push(l, f.lineText(), f.settings.maxLines)
	b.original = b.lines
	l.text = joined(l.text[:0], b.lines)
	l.nDate, l.nBefore, l.cut, l.str = 0, 0, false, ""
	extra := pyre.LineBudget(len(l.text)).Left
	l.budget, l.quarter = max(l.budget, extra), max(l.quarter, extra/4)
	if f.ignoredEarly(l.text, info) {
		return
	}
	f.data.content = contentState{text: l.text, own: f.data.content.own}
	if f.pref != nil {
		if !f.search(f.machine, f.pref, 0, l.text) {
			return
		}
		info.PrefixMatched = true
		f.keepPrefix()
		f.cutContent()
		if c := f.data.content.text; f.data.content.copy || f.data.content.offset > 0 || len(c) < len(l.text) {
			b.lines = []*bufLine{{text: slices.Clone(c[:len(c)-1])}}
		}
	}
	b.work = b.lines
	if len(f.fail) > 0 {
		f.tryFrom(0, f.data.content.text, info)
	}
}

// searchRest makes what is left in the buffer the text of the next rules.
func (f *Filter) searchRest() []byte {
	l := &f.line
	l.text, l.str = joined(l.text[:0], f.buf.lines), ""
	f.data.content = contentState{text: l.text, own: f.data.content.own}
	return l.text
}

// split finds which lines the match covers. A match that begins with a newline
// begins on the line after it.
func (b *lineBuffer) split(m *pyre.Machine, r *rule, text []byte) {
	b.hit, b.rest = b.hit[:0], b.rest[:0]
	if len(b.work) == 1 {
		b.hit = append(b.hit, 0)
		return
	}
	start, end := m.Span(0)
	first := bytes.Count(text[:min(start+1, len(text))], newline)
	last := len(b.work)
	if i := bytes.IndexByte(text[max(end-1, 0):], '\n'); i >= 0 {
		last = bytes.Count(text[:max(end-1, 0)+i+1], newline)
	}
	first, last = min(first, len(b.work)), min(last, len(b.work))
	for i := range first {
		b.rest = append(b.rest, i)
	}
	from := first
	for _, skipped := range skippedLines(m, r, text) {
		for i := from; i < last; i++ {
			if string(b.work[i].body()) == skipped {
				for ; from < i; from++ {
					b.hit = append(b.hit, from)
				}
				b.rest = append(b.rest, i)
				from = i + 1
				break
			}
		}
	}
	for ; from < last; from++ {
		b.hit = append(b.hit, from)
	}
	for i := last; i < len(b.work); i++ {
		b.rest = append(b.rest, i)
	}
}

var newline = []byte{'\n'}

// skippedLines are the lines that <SKIPLINES> stands for in the last match.
func skippedLines(m *pyre.Machine, r *rule, text []byte) []string {
	var out []string
	for _, g := range r.groups {
		if !strings.HasPrefix(g.name.Value(), "skiplines") {
			continue
		}
		if s, e := m.Span(g.index); s >= 0 && e > s {
			out = append(out, pythonLines(string(text[s:e]))...)
		}
	}
	return out
}

// pythonLines cuts text at all that Python takes for the end of a line. So a
// skipped line that holds one of the rarer ones is not recognised as skipped,
// and is delivered with the match: the reference does the same.
func pythonLines(text string) []string {
	var out []string
	text = strings.ReplaceAll(text, "\r\n", "\n")
	for text != "" {
		i := strings.IndexFunc(text, func(r rune) bool {
			return r >= '\n' && r <= '\r' || r >= 0x1c && r <= 0x1e || r == 0x85 || r == 0x2028 || r == 0x2029
		})
		if i < 0 {
			return append(out, text)
		}
		out = append(out, text[:i])
		_, n := utf8.DecodeRuneInString(text[i:])
		text = text[i+n:]
	}
	return out
}

// matchedText is what an ignoreregex sees of the match.
func (b *lineBuffer) matchedText() []byte {
	b.text = b.text[:0]
	for _, i := range b.hit {
		if i < len(b.original) {
			b.text = append(append(b.text, b.original[i].body()...), '\n')
		}
	}
	return b.text
}

// matches are the lines of the match as tickets keep them.
func (b *lineBuffer) matches() []ticket.Match {
	out := make([]ticket.Match, 0, len(b.hit))
	for _, i := range b.hit {
		if i < len(b.original) {
			out = append(out, b.original[i].match())
		}
	}
	return out
}

// consume takes the lines of the match out of the buffer.
func (b *lineBuffer) consume() {
	kept := make([]*bufLine, 0, len(b.rest))
	for _, i := range b.rest {
		kept = append(kept, b.work[i])
	}
	b.lines = kept
}

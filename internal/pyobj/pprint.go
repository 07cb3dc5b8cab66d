package pyobj

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// PrettyPrint is Python's pprint.pformat(v, indent=indent, width=width): what
// does not fit a line is broken at its elements, long texts at their blanks,
// and dicts and sets are sorted.
func PrettyPrint(v any, indent, width int) string {
	p := &printer{step: indent, width: width}
	p.format(sorted(v), 0, 0, 1)
	return p.b.String()
}

type printer struct {
	b           strings.Builder
	step, width int
}

// format writes v at a column, with room for allowance closing characters
// behind it. The level is 1 for the outermost value.
func (p *printer) format(v any, column, allowance, level int) {
	rep := Repr(v)
	if utf8.RuneCountInString(rep) <= p.width-column-allowance {
		p.b.WriteString(rep)
		return
	}
	switch v := v.(type) {
	case []any:
		p.items("[", v, "]", column, allowance, level)
	case Tuple:
		end := ")"
		if len(v) == 1 {
			end = ",)"
		}
		p.items("(", v, end, column, allowance, level)
	case Set:
		if len(v) == 0 {
			p.b.WriteString(rep)
			return
		}
		p.items("{", v, "}", column, allowance, level)
	case *Dict:
		p.dict(v, column, allowance, level)
	case string:
		p.text(v, column, allowance, level)
	default:
		p.b.WriteString(rep)
	}
}

// open writes the bracket and what makes the first element line up.
func (p *printer) open(bracket string) {
	p.b.WriteString(bracket)
	p.b.WriteString(strings.Repeat(" ", max(p.step-1, 0)))
}

func (p *printer) newline(column int) {
	p.b.WriteByte('\n')
	p.b.WriteString(strings.Repeat(" ", column))
}

func (p *printer) items(open string, items []any, end string, column, allowance, level int) {
	p.open(open)
	column += p.step
	for i, e := range items {
		behind := 1
		if i == len(items)-1 {
			behind = allowance + len(end)
		}
		if i > 0 {
			p.b.WriteByte(',')
			p.newline(column)
		}
		p.format(e, column, behind, level+1)
	}
	p.b.WriteString(end)
}

func (p *printer) dict(d *Dict, column, allowance, level int) {
	p.open("{")
	column += p.step
	for i := range d.keys {
		behind := 1
		if i == len(d.keys)-1 {
			behind = allowance + 1
		}
		if i > 0 {
			p.b.WriteByte(',')
			p.newline(column)
		}
		key := Repr(d.keys[i])
		p.b.WriteString(key + ": ")
		p.format(d.values[i], column+utf8.RuneCountInString(key)+2, behind, level+1)
	}
	p.b.WriteString("}")
}

// text writes a long string as several adjacent ones, in brackets where it
// stands alone.
func (p *printer) text(s string, column, allowance, level int) {
	if level == 1 {
		column++
		allowance++
	}
	chunks := p.chunks(s, column, allowance)
	if s == "" {
		chunks = []string{"''"}
	}
	if len(chunks) == 1 {
		p.b.WriteString(chunks[0])
		return
	}
	if level == 1 {
		p.b.WriteByte('(')
	}
	for i, c := range chunks {
		if i > 0 {
			p.newline(column)
		}
		p.b.WriteString(c)
	}
	if level == 1 {
		p.b.WriteByte(')')
	}
}

var word = regexp.MustCompile(`[^` + pythonSpace + `]*[` + pythonSpace + `]*`)

// pythonSpace is Python's \s as the inside of a character class.
const pythonSpace = `\t-\r\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}`

// chunks are the quoted pieces of a text: its lines, and the words of lines
// that do not fit.
func (p *printer) chunks(s string, column, allowance int) []string {
	var chunks []string
	lines := splitLines(s)
	for i, line := range lines {
		room := p.width - column
		last := i == len(lines)-1
		if last {
			room -= allowance
		}
		rep := Repr(line)
		if utf8.RuneCountInString(rep) <= room {
			chunks = append(chunks, rep)
			continue
		}
		chunks = append(chunks, p.words(line, p.width-column, room)...)
	}
	return chunks
}

// words breaks one line at its blanks; the last piece has lastRoom.
func (p *printer) words(line string, room, lastRoom int) []string {
	var chunks []string
	current := ""
	parts := word.FindAllString(line, -1)
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	for j, part := range parts {
		if j == len(parts)-1 {
			room = lastRoom
		}
		if utf8.RuneCountInString(Repr(current+part)) <= room {
			current += part
			continue
		}
		if current != "" {
			chunks = append(chunks, Repr(current))
		}
		current = part
	}
	if current != "" {
		chunks = append(chunks, Repr(current))
	}
	return chunks
}

// splitLines is str.splitlines(True).
func splitLines(s string) []string {
	var lines []string
	start := 0
	for i, r := range s {
		if i < start {
			continue
		}
		end := i + utf8.RuneLen(r)
		switch r {
		case '\r':
			if strings.HasPrefix(s[i+1:], "\n") {
				end++
			}
		case '\n', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
		default:
			continue
		}
		lines = append(lines, s[start:end])
		start = end
	}
	if start < len(s) {
		lines = append(lines, s[start:])
	}
	return lines
}

// sorted is a copy of v in which all dicts and sets are in pprint's order.
func sorted(v any) any {
	switch v := v.(type) {
	case []string:
		return sorted(listOf(v))
	case []any:
		return sortedEach(v)
	case Tuple:
		return Tuple(sortedEach(v))
	case Set:
		s := Set(sortedEach(v))
		slices.SortStableFunc(s, compare)
		return s
	case *Dict:
		keys := slices.Clone(v.keys)
		slices.SortStableFunc(keys, compare)
		d := &Dict{}
		for _, k := range keys {
			value, _ := v.Get(k)
			d.Set(k, sorted(value))
		}
		return d
	}
	return v
}

func sortedEach(items []any) []any {
	out := make([]any, len(items))
	for i, e := range items {
		out[i] = sorted(e)
	}
	return out
}

// compare orders numbers and texts as Python does; values that Python cannot
// compare are ordered by the name of their type.
func compare(a, b any) int {
	if x, ok := number(a); ok {
		if y, ok := number(b); ok {
			return int(sign(x - y))
		}
	}
	x, isText := a.(string)
	y, both := b.(string)
	if isText && both {
		return strings.Compare(x, y)
	}
	return strings.Compare(TypeName(a), TypeName(b))
}

func sign(f float64) float64 {
	switch {
	case f < 0:
		return -1
	case f > 0:
		return 1
	}
	return 0
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

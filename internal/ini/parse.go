package ini

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits bound what one file may cost.
type Limits struct {
	// Bytes is the largest file read; 0 means DefaultBytes.
	Bytes int64
}

// DefaultBytes is the largest configuration file accepted: far above any real
// one (the largest stock file has 30 KiB; a million addresses in an ignoreip
// have 15 MiB), far below what would hurt.
const DefaultBytes = 32 << 20

// maxFaults bounds the faults kept of one file: nobody reads more, and a
// binary file would give one for each line.
const maxFaults = 50

// maxQuote is how much of an offending line a fault quotes, in bytes.
const maxQuote = 120

// Parse reads a file. It returns what could be read together with the faults
// found; a File is returned even when there are faults, unless the file as a
// whole is unusable (undecodable, too large, unreadable), when it is nil. A
// reader that knows its Size is not read when it is too large.
func Parse(name string, r io.Reader, lim Limits) (*File, []Fault) {
	limit := lim.Bytes
	if limit <= 0 {
		limit = DefaultBytes
	}
	var text []byte
	if file, ok := r.(interface{ Size() int64 }); ok {
		if file.Size() > limit {
			return nil, []Fault{{Kind: TooLarge, File: name, Limit: limit}}
		}
		text = make([]byte, 0, file.Size()+bytes.MinRead)
	}
	b := bytes.NewBuffer(text)
	n, err := b.ReadFrom(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, []Fault{{Kind: Unreadable, File: name, Err: readError(err)}}
	}
	if n > limit {
		return nil, []Fault{{Kind: TooLarge, File: name, Limit: limit}}
	}
	return ParseString(name, b.String())
}

// readError strips the path from a read error: the fault names the file.
func readError(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// ParseString is Parse for text that is in memory already.
func ParseString(name, text string) (*File, []Fault) {
	if !utf8.ValidString(text) {
		return nil, []Fault{{Kind: Undecodable, File: name, Line: invalidLine(text)}}
	}
	p := parser{file: &File{Name: name, index: map[string]*Section{}}}
	for text != "" {
		var line string
		line, text = cutLine(text)
		p.number++
		p.line(line)
	}
	p.endOption()
	return p.file, p.faults
}

// invalidLine finds the line of the first byte that is not UTF-8.
func invalidLine(text string) int {
	line := 1
	for i, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				return line
			}
		}
		if r == '\n' {
			line++
		}
	}
	return line
}

// cutLine splits off the first line; "\n", "\r\n" and "\r" all end one.
func cutLine(text string) (line, rest string) {
	end := strings.IndexByte(text, '\n')
	if end < 0 {
		end = len(text)
	}
	if cr := strings.IndexByte(text[:end], '\r'); cr >= 0 {
		if cr+1 == end && end < len(text) {
			return text[:cr], text[end+1:]
		}
		return text[:cr], text[cr+1:]
	}
	if end == len(text) {
		return text, ""
	}
	return text[:end], text[end+1:]
}

// parser holds the state of reading one file.
type parser struct {
	file    *File
	faults  []Fault
	number  int
	section *Section
	// option is the index of the open option in section, or -1.
	open   bool
	option int
	parts  []string
	lines  []int
	indent int
	// reopened says that section was opened a second time.
	reopened bool
	lost     bool
}

// line takes one physical line.
func (p *parser) line(line string) {
	value, comment := stripComment(line)
	if value == "" {
		if !comment && p.open {
			p.parts = append(p.parts, "")
			p.lines = append(p.lines, p.number)
		}
		return
	}
	indent := indentation(line)
	if p.open && indent > p.indent {
		p.parts = append(p.parts, value)
		p.lines = append(p.lines, p.number)
		return
	}
	p.indent = indent
	if header, ok := sectionHeader(value); ok {
		p.openSection(header)
		return
	}
	if p.section == nil {
		if !p.lost {
			p.fault(Fault{Kind: NoSection, Quote: value})
			p.lost = true
		}
		return
	}
	p.openOption(value)
}

func (p *parser) fault(f Fault) {
	if len(p.faults) >= maxFaults {
		return
	}
	f.File = p.file.Name
	if f.Line == 0 {
		f.Line = p.number
	}
	if p.section != nil && f.Section == "" {
		f.Section = p.section.Name
	}
	f.Quote = shorten(f.Quote)
	p.faults = append(p.faults, f)
}

func shorten(s string) string {
	if len(s) <= maxQuote {
		return s
	}
	cut := maxQuote
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

func (p *parser) openSection(name string) {
	p.endOption()
	p.reopened = false
	if s, ok := p.file.index[name]; ok {
		p.section = s
		if name != DefaultSection {
			p.reopened = true
			p.fault(Fault{Kind: DuplicateSection, Section: name, First: s.Line})
		}
		return
	}
	p.section = &Section{Name: name, Line: p.number, index: map[string]int{}}
	p.file.index[name] = p.section
	p.file.Sections = append(p.file.Sections, p.section)
}

func (p *parser) openOption(value string) {
	at := strings.IndexAny(value, "=:")
	if at < 0 {
		p.fault(Fault{Kind: BadSyntax, Quote: value})
		return
	}
	written := TrimSpace(value[:at])
	if written == "" {
		p.fault(Fault{Kind: BadSyntax, Quote: value})
		p.endOption()
		return
	}
	p.endOption()
	name := Lower(written)
	s := p.section
	if i, ok := s.index[name]; ok {
		if !p.reopened {
			p.fault(Fault{Kind: DuplicateOption, Option: name, Quote: value, First: s.Options[i].Line})
		}
		p.option = i
	} else {
		s.index[name] = len(s.Options)
		p.option = len(s.Options)
		s.Options = append(s.Options, Option{})
	}
	s.Options[p.option] = Option{Name: name, Written: written, Value: Value{Line: p.number}}
	p.parts = append(p.parts[:0], TrimSpace(value[at+1:]))
	p.lines = append(p.lines[:0], p.number)
	p.open = true
}

// endOption joins the lines of the open option; empty ones at its end go.
func (p *parser) endOption() {
	if !p.open {
		return
	}
	p.open = false
	n := len(p.parts)
	for n > 0 && p.parts[n-1] == "" {
		n--
	}
	o := &p.section.Options[p.option]
	switch n {
	case 0:
	case 1:
		o.Text = p.parts[0]
	default:
		o.Text = strings.Join(p.parts[:n], "\n")
		o.Lines = append([]int(nil), p.lines[:n]...)
	}
}

// stripComment removes comments and surrounding blanks; comment tells whether
// there was one.
func stripComment(line string) (value string, comment bool) {
	value = TrimSpace(line)
	if value == "" {
		return "", false
	}
	if value[0] == '#' || value[0] == ';' {
		return "", true
	}
	for from := 0; ; {
		i := strings.IndexByte(line[from:], ';')
		if i < 0 {
			return value, false
		}
		i += from
		if i == 0 {
			return "", true
		}
		if r, _ := utf8.DecodeLastRuneInString(line[:i]); IsSpace(r) {
			return TrimSpace(line[:i]), true
		}
		from = i + 1
	}
}

// sectionHeader finds "[name]" at the start; the name reaches to the last "]".
func sectionHeader(value string) (string, bool) {
	if value[0] != '[' {
		return "", false
	}
	end := strings.LastIndexByte(value, ']')
	if end < 2 {
		return "", false
	}
	return value[1:end], true
}

// indentation counts the blank characters before the text.
func indentation(line string) int {
	n := 0
	for _, r := range line {
		if !IsSpace(r) {
			break
		}
		n++
	}
	return n
}

// IsSpace tells what Python takes for a blank: Unicode's white space and the
// four separators 0x1C to 0x1F.
func IsSpace(r rune) bool {
	if r < 0x80 {
		return r == ' ' || r >= '\t' && r <= '\r' || r >= 0x1C && r <= 0x1F
	}
	return unicode.IsSpace(r)
}

// TrimSpace removes blanks from both ends, as Python's strip does.
func TrimSpace(s string) string {
	return strings.TrimFunc(s, IsSpace)
}

// Lower puts an option name into lower case as Python does.
func Lower(s string) string {
	ascii := true
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return s
	}
	return strings.ToLower(s)
}

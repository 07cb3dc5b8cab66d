// Package manual writes manual pages in the man macros of roff, which every
// man(1) reads.
//
// It owns the escaping of roff: whatever a text has in it stands on the page as
// it is.
package manual

import (
	"fmt"
	"strings"
)

// Page is a manual page in the making.
type Page struct {
	b strings.Builder
	// begun says that the section has text already.
	begun bool
}

// New begins the page NAME(SECTION). Source is the program with its version,
// title a line on what it is.
func New(name, section, source, title string) *Page {
	p := &Page{}
	fmt.Fprintf(&p.b, ".TH %s %s \"\" %s %s\n.SH NAME\n%s \\- %s\n", quote(strings.ToUpper(name)), section, quote(source),
		quote(source), escape(name), escape(title))
	return p
}

// Section begins a section.
func (p *Page) Section(title string) { p.head(".SH", title) }

// Subsection begins a part of a section.
func (p *Page) Subsection(title string) { p.head(".SS", title) }

func (p *Page) head(request, title string) {
	fmt.Fprintf(&p.b, "%s %s\n", request, quote(title))
	p.begun = false
}

// paragraph begins a paragraph, unless the section's title did.
func (p *Page) paragraph() {
	if p.begun {
		p.b.WriteString(".PP\n")
	}
	p.begun = true
}

// Text writes paragraphs, which blank lines separate.
func (p *Page) Text(text string) {
	for para := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		p.paragraph()
		for line := range strings.Lines(para) {
			p.line(strings.TrimSuffix(line, "\n"))
		}
	}
}

// Item writes a term and what it is about.
func (p *Page) Item(term, about string) {
	fmt.Fprintf(&p.b, ".TP\n.B %s\n", quote(term))
	p.begun = true
	p.line(about)
}

// Example writes lines that stay as they are.
func (p *Page) Example(text string) {
	p.paragraph()
	p.b.WriteString(".RS 4\n.nf\n")
	for line := range strings.Lines(strings.Trim(text, "\n")) {
		p.line(strings.TrimSuffix(line, "\n"))
	}
	p.b.WriteString(".fi\n.RE\n")
}

// Usage writes lines of command lines.
func (p *Page) Usage(lines ...string) {
	p.paragraph()
	p.b.WriteString(".nf\n")
	for _, l := range lines {
		p.line(l)
	}
	p.b.WriteString(".fi\n")
}

// line writes a line; one that begins with a dot or a quote is no request.
func (p *Page) line(text string) {
	text = escape(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	p.b.WriteString(text + "\n")
}

// String is the page.
func (p *Page) String() string { return p.b.String() }

var escapes = strings.NewReplacer(`\`, `\e`, `-`, `\-`, "`", `\(ga`, `^`, `\(ha`, `~`, `\(ti`)

func escape(text string) string { return escapes.Replace(text) }

// quote makes an argument of a request.
func quote(text string) string { return `"` + strings.ReplaceAll(escape(text), `"`, `\(dq`) + `"` }

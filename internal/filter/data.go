package filter

import (
	"strings"
	"unsafe"

	"stockade/internal/pyobj"
	"stockade/internal/pyre"
)

// dataScratch is the memory in which the groups of a match are put together.
type dataScratch struct {
	groups Data
	// own are those of a failregex alone.
	own Data
	// prefSpans holds start and end of every group of the prefregex, because
	// the machine forgets them at the next search.
	prefSpans []int
	content   contentState
}

// contentState is the text that failregexes search.
type contentState struct {
	text []byte
	// offset is where text begins in the line's body.
	offset int
	// own is memory for a text that had to be copied.
	own  []byte
	copy bool
}

// view gives bytes as a string without a copy: it is only what it is until the
// bytes are overwritten, which those of a line are by the next line. What is to
// last goes through Filter.keep.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// searched is a view of the text that the failregexes search.
func (f *Filter) searched() string { return view(f.data.content.text) }

// keep gives a text that lasts: a part of the line's own string where the text
// is a view of the line, a copy of another view. Texts that last already come
// back as they are.
func (f *Filter) keep(text string) string {
	if text == "" {
		return ""
	}
	if at, ok := within(f.line.text, text); ok {
		if f.line.str == "" && len(text) < smallText {
			return strings.Clone(text)
		}
		return f.line.string()[at : at+len(text)]
	}
	if _, ok := within(f.data.content.own, text); ok {
		return strings.Clone(text)
	}
	return text
}

// smallText is the length below which a text is copied by itself, as long as
// the whole line is not needed as a string.
const smallText = 40

// within finds the place of a view in the bytes it may be one of.
func within(b []byte, text string) (at int, ok bool) {
	from := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	here := uintptr(unsafe.Pointer(unsafe.StringData(text)))
	if here < from || here >= from+uintptr(cap(b)) {
		return 0, false
	}
	return int(here - from), true
}

// keepAll makes the texts of entries last.
func (f *Filter) keepAll(d Data) {
	for i := range d {
		d[i].Text = f.keep(d[i].Text)
	}
}

// keepPrefix saves the spans of the prefregex.
func (f *Filter) keepPrefix() {
	d := &f.data
	d.prefSpans = d.prefSpans[:0]
	for _, g := range f.pref.groups {
		s, e := f.machine.Span(g.index)
		d.prefSpans = append(d.prefSpans, s, e)
	}
}

// contentSpan is where the content lies in a body of n bytes, by the spans of
// the prefregex: all of it where there is none, but for the newline.
func (f *Filter) contentSpan(n int) (from, to int) {
	if at := f.pref.content; at >= 0 {
		if from, to = f.data.prefSpans[2*at], f.data.prefSpans[2*at+1]; to > from {
			return from, to
		}
	}
	return 0, n - 1
}

// cutContent makes the content the text that is searched.
func (f *Filter) cutContent() {
	c, body := &f.data.content, f.line.body()
	from, to := f.contentSpan(len(body))
	if to == len(body)-1 {
		c.offset, c.text = from, body[from:]
		return
	}
	c.own = append(append(c.own[:0], body[from:to]...), '\n')
	c.offset, c.text, c.copy = from, c.own, true
}

// gather puts the groups of prefregex and failregex together: groups of the
// failregex that took part overlay those of the prefregex; where the prefregex
// has none (but its content) all of them count. The result is scratch memory.
func (f *Filter) gather(r *rule) Data {
	d := f.data.groups[:0]
	if f.pref != nil {
		d = f.prefGroups(d)
	}
	base := len(d)
	s := f.searched()
	for i := range r.groups {
		g := &r.groups[i]
		from, to := f.machine.Span(g.index)
		switch {
		case from >= 0 && base > 0 && g.over >= 0:
			e := &d[g.over]
			e.Text, e.Null, e.Other = s[from:to], false, nil
		case from >= 0:
			d = append(d, Entry{Group: g.name, Text: s[from:to]})
		case base == 0:
			d = append(d, Entry{Group: g.name, Null: true})
		}
	}
	if len(r.extras) > 0 {
		d = f.composeOver(d, base, r)
	}
	f.data.groups = d
	return d
}

// composeOver lets the alt_ and tuple_ groups of a failregex fill its groups.
// They are composed among themselves first, then laid over the prefregex's.
func (f *Filter) composeOver(d Data, base int, r *rule) Data {
	if base == 0 {
		f.compose(&d, r.extras)
		return d
	}
	if r.stands != nil {
		return f.standIn(d, r.stands)
	}
	own := captured(f.data.own[:0], r, f.machine, f.searched())
	f.compose(&own, r.extras)
	for i := range own {
		if !own[i].Null {
			d.set(own[i])
		}
	}
	f.data.own = own
	return d
}

// standIn lets the first of the alternatives that holds something fill its
// group, where that is empty.
func (f *Filter) standIn(d Data, x *standIn) Data {
	if from, to := f.machine.Span(x.to); x.to >= 0 && to > from {
		return d
	}
	s := f.searched()
	for _, g := range x.from {
		if from, to := f.machine.Span(g); to > from {
			d.set(Entry{Group: x.name, Text: s[from:to]})
			return d
		}
	}
	return d
}

// captured appends the groups of the rule that the machine just matched in s.
func captured(d Data, r *rule, m *pyre.Machine, s string) Data {
	for _, g := range r.groups {
		if from, to := m.Span(g.index); from >= 0 {
			d = append(d, Entry{Group: g.name, Text: s[from:to]})
		} else {
			d = append(d, Entry{Group: g.name, Null: true})
		}
	}
	return d
}

// prefGroups gives the groups of the prefregex without the content.
func (f *Filter) prefGroups(d Data) Data {
	s := view(f.line.body())
	for i := range f.pref.groups {
		name := f.pref.groups[i].name
		if name == groupContent {
			continue
		}
		if from, to := f.data.prefSpans[2*i], f.data.prefSpans[2*i+1]; from >= 0 {
			d = append(d, Entry{Group: name, Text: s[from:to]})
		} else {
			d = append(d, Entry{Group: name, Null: true})
		}
	}
	if len(f.pref.extras) > 0 {
		f.compose(&d, f.pref.extras)
	}
	return d
}

// compose lets alt_ groups stand in for empty ones and joins tuple_ groups to
// the value they belong to.
func (f *Filter) compose(d *Data, extras []extra) {
	for _, x := range extras {
		from := d.find(x.from)
		to := d.find(x.to)
		switch {
		case x.tuple:
			from.Text = f.keep(from.Text)
			if to != nil {
				to.Text = f.keep(to.Text)
			}
			d.set(Entry{Group: x.to, Other: lengthen(to, from.Value())})
		case from.Text != "" && (to == nil || to.Text == "" && to.Other == nil):
			d.set(Entry{Group: x.to, Text: from.Text})
		}
	}
}

// lengthen makes the tuple of a value and one more part.
func lengthen(to *Entry, part any) pyobj.Tuple {
	var head any
	if to != nil {
		if t, ok := to.Other.(pyobj.Tuple); ok {
			return append(t[:len(t):len(t)], part)
		}
		head = to.Value()
	}
	return pyobj.Tuple{head, part}
}

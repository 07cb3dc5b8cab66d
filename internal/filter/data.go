package filter

import (
	"stockade/internal/pyobj"
	"stockade/internal/pyre"
)

// dataScratch is the memory in which the groups of a match are put together.
type dataScratch struct {
	pref, fail Data
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
	// own is memory for a text that had to be copied, str its string.
	own  []byte
	str  string
	copy bool
}

// string gives the searched text as a string that shares the line's memory
// where it can.
func (f *Filter) searched() string {
	c := &f.data.content
	if !c.copy {
		s := f.line.string()
		return s[f.line.nDate+c.offset:]
	}
	if c.str == "" {
		c.str = string(c.text)
	}
	return c.str
}

// keepPrefix saves the spans of the prefregex and finds the content.
func (f *Filter) keepPrefix() {
	d := &f.data
	d.prefSpans = d.prefSpans[:0]
	body := f.line.body()
	for _, g := range f.pref.groups {
		s, e := f.machine.Span(g.index)
		d.prefSpans = append(d.prefSpans, s, e)
		if g.name == "content" && e > s {
			c := &d.content
			c.offset = s
			if e == len(body)-1 {
				c.text = body[s:]
				continue
			}
			c.own = append(append(c.own[:0], body[s:e]...), '\n')
			c.text, c.copy = c.own, true
		}
	}
}

// gather puts the groups of prefregex and failregex together: groups of the
// failregex that took part overlay those of the prefregex; where the prefregex
// has none (but its content) all of them count.
func (f *Filter) gather(r *rule) Data {
	d := &f.data
	d.pref = d.pref[:0]
	if f.pref != nil && len(f.pref.groups) > 0 {
		d.pref = f.prefGroups(d.pref)
	}
	d.fail = capture(d.fail[:0], r, f.machine, f.searched())
	if len(d.pref) == 0 {
		return d.fail
	}
	for i := range d.fail {
		if e := &d.fail[i]; !e.Null {
			d.pref.set(*e)
		}
	}
	return d.pref
}

// prefGroups gives the groups of the prefregex without the content.
func (f *Filter) prefGroups(into Data) Data {
	s := f.line.string()[f.line.nDate:]
	for i, g := range f.pref.groups {
		from, to := f.data.prefSpans[2*i], f.data.prefSpans[2*i+1]
		if from < 0 {
			into = append(into, Entry{Name: g.name, Null: true})
			continue
		}
		into = append(into, Entry{Name: g.name, Text: s[from:to]})
	}
	compose(&into, f.pref.extras)
	into.drop("content")
	return into
}

// capture gives the groups of the rule that the machine just matched in s.
func capture(into Data, r *rule, m *pyre.Machine, s string) Data {
	for _, g := range r.groups {
		from, to := m.Span(g.index)
		if from < 0 {
			into = append(into, Entry{Name: g.name, Null: true})
			continue
		}
		into = append(into, Entry{Name: g.name, Text: s[from:to]})
	}
	compose(&into, r.extras)
	return into
}

// compose lets alt_ groups stand in for empty ones and joins tuple_ groups to
// the value they belong to.
func compose(d *Data, extras []extra) {
	for _, x := range extras {
		from := d.Find(x.from)
		to := d.Find(x.to)
		switch {
		case x.tuple:
			d.set(Entry{Name: x.to, Other: lengthen(to, from.Value())})
		case from.Text != "" && (to == nil || to.Text == "" && to.Other == nil):
			d.set(Entry{Name: x.to, Text: from.Text})
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

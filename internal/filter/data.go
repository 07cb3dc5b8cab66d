package filter

import (
	"stockade/internal/pyobj"
	"stockade/internal/pyre"
)

// dataScratch is the memory in which the groups of a match are put together.
type dataScratch struct {
	groups Data
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
		if e > s && g.name == "content" {
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
			d = append(d, Entry{Name: g.name, Text: s[from:to]})
		case base == 0:
			d = append(d, Entry{Name: g.name, Null: true})
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
		compose(&d, r.extras)
		return d
	}
	own := captured(r, f.machine, f.searched())
	compose(&own, r.extras)
	for i := range own {
		if !own[i].Null {
			d.set(own[i])
		}
	}
	return d
}

// captured gives the groups of the rule that the machine just matched in s.
func captured(r *rule, m *pyre.Machine, s string) Data {
	d := make(Data, 0, len(r.groups)+len(r.extras))
	for _, g := range r.groups {
		if from, to := m.Span(g.index); from >= 0 {
			d = append(d, Entry{Name: g.name, Text: s[from:to]})
		} else {
			d = append(d, Entry{Name: g.name, Null: true})
		}
	}
	return d
}

// prefGroups gives the groups of the prefregex without the content.
func (f *Filter) prefGroups(d Data) Data {
	s := f.line.string()[f.line.nDate:]
	for i := range f.pref.groups {
		name := f.pref.groups[i].name
		if name == "content" {
			continue
		}
		if from, to := f.data.prefSpans[2*i], f.data.prefSpans[2*i+1]; from >= 0 {
			d = append(d, Entry{Name: name, Text: s[from:to]})
		} else {
			d = append(d, Entry{Name: name, Null: true})
		}
	}
	if len(f.pref.extras) > 0 {
		compose(&d, f.pref.extras)
	}
	return d
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

package filter

// LineText is the line that was processed last as it stood in the log, without
// its end; one from the journal has its time in front.
func (f *Filter) LineText() string {
	if f.line.given && f.settings.maxLines <= 1 {
		return f.line.match().Text()
	}
	if n := len(f.buf.original); n > 0 && f.settings.maxLines > 1 {
		return f.buf.original[n-1].source
	}
	return f.lineText()
}

// Stripped is the text that the rules searched: the line without its date, or
// the last lines together.
func (f *Filter) Stripped() string {
	s := f.line.string()
	return s[f.line.nDate : len(s)-1]
}

// PrefixGroups are the groups of the prefregex in the line that was processed
// last, its content among them. They are only valid where it matched.
func (f *Filter) PrefixGroups() Data {
	var d Data
	s := f.Stripped()
	for i, g := range f.pref.groups {
		from, to := f.data.prefSpans[2*i], f.data.prefSpans[2*i+1]
		if from < 0 {
			d = append(d, Entry{Group: g.name, Null: true})
			continue
		}
		d = append(d, Entry{Group: g.name, Text: s[from:min(to, len(s))]})
	}
	return d
}

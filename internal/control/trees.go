package control

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"stockade/internal/pyobj"
)

// status formats the three shapes of a status: overview, one jail, all jails.
func (b *beautifier) status(v any) string {
	switch {
	case len(b.request) < 2:
		lines := []string{"Status"}
		return strings.Join(append(lines, b.rows(v, "")...), "\n")
	case b.request[1] == "--all":
		return b.statusOfAll(v)
	}
	b.shown = pyobj.Repr([]any{"Status for the jail: " + b.request[1], `|- p`})
	lines := []string{"Status for the jail: " + b.request[1]}
	return strings.Join(append(lines, b.jail(v, "")...), "\n")
}

// rows are pairs of label and value.
func (b *beautifier) rows(v any, indent string) []string {
	rows := b.items(v)
	lines := make([]string, len(rows))
	for i, r := range rows {
		branch := "|- "
		if i == len(rows)-1 {
			branch = "`- "
		}
		pair := b.pair(r)
		lines[i] = indent + branch + b.text(pair[0]) + ":\t" + b.value(pair[1])
	}
	return lines
}

// pair is a label with what belongs to it.
func (b *beautifier) pair(v any) []any {
	pair := b.items(v)
	if len(pair) != 2 {
		panic(errShape{})
	}
	return pair
}

// value is a scalar, or a list joined by blanks.
func (b *beautifier) value(v any) string {
	if items, ok := v.([]any); ok {
		parts := make([]string, len(items))
		for i, e := range items {
			parts[i] = pyobj.Str(e)
		}
		return strings.Join(parts, " ")
	}
	return pyobj.Str(v)
}

// jail is the tree of one jail.
func (b *beautifier) jail(v any, indent string) []string {
	var lines []string
	groups := b.items(v)
	for i, g := range groups {
		branch, inner := "|- ", "|  "
		if i == len(groups)-1 {
			branch, inner = "`- ", "   "
		}
		pair := b.pair(g)
		lines = append(lines, indent+branch+b.text(pair[0]))
		lines = append(lines, b.rows(pair[1], indent+inner)...)
	}
	return lines
}

// statusOfAll is the overview with the trees of all jails below.
func (b *beautifier) statusOfAll(v any) string {
	lines := []string{"Status"}
	rows := b.items(v)
	var jails *pyobj.Dict
	if n := len(rows); n > 0 {
		if d, ok := rows[n-1].(*pyobj.Dict); ok {
			jails, rows = d, rows[:n-1]
		}
	}
	if jails == nil || jails.Len() == 0 {
		return strings.Join(append(lines, b.rows(rows, "")...), "\n")
	}
	for _, r := range rows {
		pair := b.pair(r)
		lines = append(lines, "|- "+b.text(pair[0])+":\t"+b.value(pair[1]))
	}
	lines = append(lines, "`- Status for the jails:")
	for i := range jails.Len() {
		branch, inner := "   |- ", "   |  "
		if i == jails.Len()-1 {
			branch, inner = "   `- ", "      "
		}
		name, status := jails.At(i)
		lines = append(lines, branch+"Jail: "+pyobj.Str(name))
		lines = append(lines, b.jail(status, inner)...)
	}
	return strings.Join(lines, "\n")
}

// stat is a row of the statistics table.
type stat struct {
	jail, backend string
	numbers       [4]string
}

// statistics is a table of all jails.
func (b *beautifier) statistics(v any) string {
	jails, ok := v.(*pyobj.Dict)
	if !ok {
		panic(errShape{})
	}
	if jails.Len() == 0 {
		return "No jails found."
	}
	widths := [6]int{8, 8, 3, 3, 3, 3}
	widen := func(column int, text string) { widths[column] = max(widths[column], utf8.RuneCountInString(text)) }
	var stats []stat
	for i := range jails.Len() {
		name, row := jails.At(i)
		fields := b.items(row)
		if len(fields) != 3 {
			panic(errShape{})
		}
		s := stat{jail: pyobj.Str(name), backend: pyobj.Str(fields[0])}
		widen(0, s.jail)
		widen(1, s.backend)
		for k, pair := range [][]any{b.pair(fields[1]), b.pair(fields[2])} {
			for m, n := range pair {
				s.numbers[2*k+m] = pyobj.Str(n)
				widen(2+2*k+m, s.numbers[2*k+m])
			}
		}
		stats = append(stats, s)
	}
	text := statisticsTable(stats, widths)
	if !b.utf8 {
		text = strings.NewReplacer("║", "|", "═", "-", "╟", "|", "╫", "x", "╬", "x", "╩", "-", "│", "|", "─", "-").Replace(text)
	}
	return text
}

func statisticsTable(stats []stat, w [6]int) string {
	group := func(i int) int { return w[i] + w[i+1] + 5 }
	line := func(i int) string { return strings.Repeat("─", group(i)) }
	lines := []string{
		fmt.Sprintf(" %-*s ║ %-*s ║ %-*s ║ %-*s", w[0], "", w[1], "", group(2)-2, "Filter", group(4)-2, "Actions"),
		fmt.Sprintf(" %-*s ║ %-*s ╟%s╫%s", w[0], "Jail", w[1], "Backend", line(2), line(4)),
		fmt.Sprintf(" %-*s ║ %-*s ║ %*s │ %*s ║ %*s │ %*s", w[0], "", w[1], "", w[2], "cur", w[3], "tot", w[4], "cur", w[5], "tot"),
	}
	double := func(cross string) string {
		parts := make([]string, 4)
		for i, n := range []int{w[0] + 2, w[1] + 2, group(2), group(4)} {
			parts[i] = strings.Repeat("═", n)
		}
		return strings.Join(parts, cross)
	}
	lines = append(lines, double("╬"))
	for _, s := range stats {
		n := s.numbers
		lines = append(lines, fmt.Sprintf(" %-*s ║ %-*s ║ %*s │ %*s ║ %*s │ %*s",
			w[0], s.jail, w[1], s.backend, w[2], n[0], w[3], n[1], w[4], n[2], w[5], n[3]))
	}
	return strings.Join(append(lines, double("╩")), "\n")
}

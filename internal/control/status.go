package control

import (
	"slices"
	"strings"

	"stockade/internal/jail"
	"stockade/internal/logbook"
	"stockade/internal/pyobj"
)

// flavors are the ways in which status shows a jail, in the order in which the
// reference names them.
var flavors = []string{"short", "basic", "stats", "cymru"}

// status answers `status [JAIL|--all [FLAVOR]]`.
func status(c *call) (any, error) {
	switch len(c.words) {
	case 1:
		return overview(c.srv.Jails()), nil
	case 2, 3:
	default:
		return nil, pyobj.Builtin("Exception", "Invalid command (no status)")
	}
	name, _ := c.text(1)
	flavor := "basic"
	if len(c.words) == 3 {
		flavor, _ = c.text(2)
	}
	if name == "--all" {
		return statusOfAll(c, flavor)
	}
	j, err := c.srv.Jail(name)
	if err != nil {
		return nil, err
	}
	return statusOf(c, j, flavor)
}

// overview is the number of jails and their names, sorted, in one text.
func overview(all []*jail.Jail) []any {
	names := make([]string, len(all))
	for i, j := range all {
		names[i] = j.Name()
	}
	slices.Sort(names)
	return []any{
		pyobj.Tuple{"Number of jail", len(names)},
		pyobj.Tuple{"Jail list", strings.Join(names, ", ")},
	}
}

func statusOfAll(c *call, flavor string) (any, error) {
	all := c.srv.Jails()
	jails := &pyobj.Dict{}
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b *jail.Jail) int { return strings.Compare(a.Name(), b.Name()) })
	for _, j := range sorted {
		if v, err := statusOf(c, j, flavor); err == nil {
			jails.Set(j.Name(), v)
		}
	}
	if flavor == "stats" {
		return jails, nil
	}
	return append(overview(all), jails), nil
}

func statusOf(c *call, j *jail.Jail, flavor string) (any, error) {
	if !slices.Contains(flavors, flavor) {
		c.srv.Book().Logf(logbook.Warning, "fail2ban.actions",
			"Unsupported extended jail status flavor %s. Supported: %s", pyobj.Repr(flavor), pyobj.Repr(flavors))
		flavor = "basic"
	}
	v, err := j.View(c.ctx, flavor != "short" && flavor != "stats")
	if err != nil {
		return nil, gone(j.Name(), err)
	}
	if flavor == "stats" {
		return statsOf(v), nil
	}
	actions := []any{pyobj.Tuple{"Currently banned", v.Banned}, pyobj.Tuple{"Total banned", v.BannedTotal}}
	if flavor != "short" {
		actions = append(actions, pyobj.Tuple{"Banned IP list", list(v.BannedIDs)})
	}
	if flavor == "cymru" {
		for _, label := range []string{"Banned ASN list", "Banned Country list", "Banned RIR list"} {
			actions = append(actions, pyobj.Tuple{label, "error"})
		}
	}
	return []any{pyobj.Tuple{"Filter", filterStatus(v)}, pyobj.Tuple{"Actions", actions}}, nil
}

// filterStatus names the files, or what is looked for in the journal.
func filterStatus(v jail.View) []any {
	rows := []any{pyobj.Tuple{"Currently failed", v.Failed}, pyobj.Tuple{"Total failed", v.FailedTotal}}
	if !v.UsesJournal {
		return append(rows, pyobj.Tuple{"File list", list(v.Files)})
	}
	matches := []any{}
	for _, m := range v.Journal {
		matches = append(matches, strings.Join(m, " "))
	}
	return append(rows, pyobj.Tuple{"Journal matches", joinMatches(matches)})
}

// joinMatches makes one element of the alternatives.
func joinMatches(matches []any) []any {
	if len(matches) == 0 {
		return matches
	}
	texts := make([]string, len(matches))
	for i, m := range matches {
		texts[i] = pyobj.Str(m)
	}
	return []any{strings.Join(texts, " + ")}
}

func statsOf(v jail.View) []any {
	used := v.Used
	if used == "" {
		used = v.Backend
	}
	return []any{used, pyobj.Tuple{v.Failed, v.FailedTotal}, pyobj.Tuple{v.Banned, v.BannedTotal}}
}

// statistics is the table of all jails.
func statistics(c *call) (any, error) {
	return statusOfAll(c, "stats")
}

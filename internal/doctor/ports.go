package doctor

import (
	"slices"
	"strconv"
	"strings"

	"stockade/internal/api"
)

// portRange are the ports from one to another, both included.
type portRange struct{ from, to uint16 }

var anyPort = []portRange{{0, 65535}}

func within(list []portRange, port uint16) bool {
	return slices.ContainsFunc(list, func(r portRange) bool { return r.from <= port && port <= r.to })
}

// meet tells whether two lists have a port in common.
func meet(a, b []portRange) bool {
	return slices.ContainsFunc(a, func(x portRange) bool {
		return slices.ContainsFunc(b, func(y portRange) bool { return x.from <= y.to && y.from <= x.to })
	})
}

// portsOf are the ports that an action closes; known is false where one of
// them has a name that nobody knows.
func (d *diagnosis) portsOf(e *api.Enforcement) (list []portRange, known bool) {
	if e.AllPorts {
		return anyPort, true
	}
	return parsePorts(e.Ports, d.Port)
}

// parsePorts reads ports as jails and rules have them: numbers, names and
// ranges with a colon or a dash.
func parsePorts(text string, lookup func(string) (uint16, bool)) (list []portRange, known bool) {
	known = true
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		if n, ok := portNumber(word, lookup); ok {
			list = append(list, portRange{n, n})
			continue
		}
		from, to, ok := strings.Cut(strings.ReplaceAll(word, ":", "-"), "-")
		a, okA := portNumber(from, lookup)
		b, okB := portNumber(to, lookup)
		if !ok || !okA || !okB {
			known = false
			continue
		}
		list = append(list, portRange{a, b})
	}
	return list, known
}

func portNumber(word string, lookup func(string) (uint16, bool)) (uint16, bool) {
	if n, err := strconv.ParseUint(word, 10, 16); err == nil {
		return uint16(n), true
	}
	if lookup == nil {
		return 0, false
	}
	return lookup(word)
}

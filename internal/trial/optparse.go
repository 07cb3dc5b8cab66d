package trial

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// flagKind is what an option takes.
type flagKind uint8

const (
	isSet flagKind = iota
	isCount
	isText
	isNumber
)

// flag is one option by all its names; the first is the key of its value.
type flag struct {
	names []string
	kind  flagKind
	help  string
	meta  string
}

// flagValues are the options of a command line.
type flagValues struct {
	set   map[string]bool
	count map[string]int
	text  map[string]string
	args  []string
}

// parseFlags reads a command line the way Python's optparse does: options may
// stand anywhere, short ones may be run together, long ones be shortened, and
// "--" ends them.
func parseFlags(flags []flag, args []string) (*flagValues, error) {
	v := &flagValues{set: map[string]bool{}, count: map[string]int{}, text: map[string]string{}}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		var err error
		switch {
		case arg == "--":
			v.args = append(v.args, args...)
			return v, nil
		case strings.HasPrefix(arg, "--"):
			args, err = v.long(flags, arg, args)
		case len(arg) > 1 && arg[0] == '-':
			args, err = v.short(flags, arg[1:], args)
		default:
			v.args = append(v.args, arg)
		}
		if err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (v *flagValues) long(flags []flag, arg string, rest []string) ([]string, error) {
	name, value, hasValue := strings.Cut(arg, "=")
	f, name, err := findLong(flags, name)
	if err != nil {
		return nil, err
	}
	if f.kind == isSet || f.kind == isCount {
		if hasValue {
			return nil, fmt.Errorf("%s option does not take a value", name)
		}
		return rest, v.take(f, name, "")
	}
	if !hasValue {
		if len(rest) == 0 {
			return nil, fmt.Errorf("%s option requires 1 argument", name)
		}
		value, rest = rest[0], rest[1:]
	}
	return rest, v.take(f, name, value)
}

// findLong finds a long option by its name or an unambiguous beginning of it.
func findLong(flags []flag, name string) (flag, string, error) {
	var hits []string
	var hit flag
	for _, f := range flags {
		for _, n := range f.names {
			if n == name {
				return f, n, nil
			}
			if strings.HasPrefix(n, name) && strings.HasPrefix(n, "--") {
				hits, hit = append(hits, n), f
			}
		}
	}
	switch len(hits) {
	case 0:
		return flag{}, "", fmt.Errorf("no such option: %s", name)
	case 1:
		return hit, hits[0], nil
	}
	sort.Strings(hits)
	return flag{}, "", fmt.Errorf("ambiguous option: %s (%s?)", name, strings.Join(hits, ", "))
}

func (v *flagValues) short(flags []flag, letters string, rest []string) ([]string, error) {
	for letters != "" {
		name := "-" + letters[:1]
		letters = letters[1:]
		f, ok := findShort(flags, name)
		if !ok {
			return nil, fmt.Errorf("no such option: %s", name)
		}
		if f.kind == isSet || f.kind == isCount {
			if err := v.take(f, name, ""); err != nil {
				return nil, err
			}
			continue
		}
		value := letters
		letters = ""
		if value == "" {
			if len(rest) == 0 {
				return nil, fmt.Errorf("%s option requires 1 argument", name)
			}
			value, rest = rest[0], rest[1:]
		}
		if err := v.take(f, name, value); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

func findShort(flags []flag, name string) (flag, bool) {
	for _, f := range flags {
		for _, n := range f.names {
			if n == name {
				return f, true
			}
		}
	}
	return flag{}, false
}

func (v *flagValues) take(f flag, name, value string) error {
	key := f.names[0]
	switch f.kind {
	case isSet:
		v.set[key] = true
	case isCount:
		v.count[key]++
	case isNumber:
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil {
			return fmt.Errorf("option %s: invalid integer value: '%s'", name, value)
		}
		v.count[key], v.set[key] = n, true
	case isText:
		v.text[key], v.set[key] = value, true
	}
	return nil
}

// helpText lists options for people.
func helpText(flags []flag) string {
	var b strings.Builder
	for _, f := range flags {
		names := make([]string, len(f.names))
		for i, n := range f.names {
			names[i] = n
			if f.meta != "" && strings.HasPrefix(n, "--") {
				names[i] += "=" + f.meta
			} else if f.meta != "" {
				names[i] += " " + f.meta
			}
		}
		fmt.Fprintf(&b, "  %s\n        %s\n", strings.Join(names, ", "), f.help)
	}
	return b.String()
}

package cli

import (
	"errors"
	"strings"
)

// flag is one option as it was given.
type flag struct{ name, value string }

// errOptions is the error of a command line that cannot be understood.
var errOptions = errors.New("Init of command line failed")

// getopt splits a command line as POSIX getopt does: short options may be
// clustered, long ones abbreviated, the first word that is none ends them.
// short lists the letters, those with a value followed by a colon; long the
// words, those with a value followed by "=".
func getopt(args []string, short string, long []string) (flags []flag, rest []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		switch {
		case arg == "--":
			return flags, args[1:], nil
		case strings.HasPrefix(arg, "--"):
			f, used, err := longFlag(args, long)
			if err != nil {
				return nil, nil, err
			}
			flags, args = append(flags, f), args[used:]
		case len(arg) > 1 && arg[0] == '-':
			found, used, err := shortFlags(args, short)
			if err != nil {
				return nil, nil, err
			}
			flags, args = append(flags, found...), args[used:]
		default:
			return flags, args, nil
		}
	}
	return flags, args, nil
}

// longFlag reads --name, --name=value or --name value.
func longFlag(args, long []string) (f flag, used int, err error) {
	name, value, hasValue := strings.Cut(args[0][2:], "=")
	matches, exact := []string{}, ""
	for _, l := range long {
		word := strings.TrimSuffix(l, "=")
		if word == name {
			exact = l
		}
		if strings.HasPrefix(word, name) {
			matches = append(matches, l)
		}
	}
	if exact == "" {
		if len(matches) != 1 {
			return f, 0, errOptions
		}
		exact = matches[0]
	}
	f = flag{name: "--" + strings.TrimSuffix(exact, "="), value: value}
	takes := strings.HasSuffix(exact, "=")
	switch {
	case !takes && hasValue:
		return f, 0, errOptions
	case !takes || hasValue:
		return f, 1, nil
	case len(args) < 2:
		return f, 0, errOptions
	}
	f.value = args[1]
	return f, 2, nil
}

// shortFlags reads a cluster of letters, the last of which may have a value.
func shortFlags(args []string, short string) (flags []flag, used int, err error) {
	letters := args[0][1:]
	for i := range len(letters) {
		at := strings.IndexByte(short, letters[i])
		if at < 0 || letters[i] == ':' {
			return nil, 0, errOptions
		}
		f := flag{name: "-" + letters[i:i+1]}
		if at+1 == len(short) || short[at+1] != ':' {
			flags = append(flags, f)
			continue
		}
		if i+1 < len(letters) {
			f.value = letters[i+1:]
			return append(flags, f), 1, nil
		}
		if len(args) < 2 {
			return nil, 0, errOptions
		}
		f.value = args[1]
		return append(flags, f), 2, nil
	}
	return flags, 1, nil
}

package cli

import (
	"errors"
	"fmt"
	"strings"
)

// verb is one thing that `stockade` does.
type verb struct {
	name, operands, does string
	run                  func(s *stockade, args []string) int
}

// verbs are what `stockade` does, in the order of its help.
func verbs() []verb {
	return []verb{
		{"run", "[--dir DIR] [--conf DIR]", "watch the logs and ban, here in the foreground", (*stockade).runVerb},
		{"status", "[JAIL]", "show what is watched and who is banned", (*stockade).statusVerb},
		{"ban", "JAIL ADDRESS...", "ban addresses now", (*stockade).banVerb},
		{"unban", "ADDRESS... | --all", "lift bans, and forget them", (*stockade).unbanVerb},
		{"check", "[--conf DIR]", "read the configuration and say what is wrong with it", (*stockade).checkVerb},
		{"regex", "LOG REGEX [IGNOREREGEX]", "try expressions or a filter on a log (as fail2ban-regex)", (*stockade).regexVerb},
		{"filter", "test [NAME...]", "try the filters on the lines they come with", (*stockade).filterVerb},
		{"version", "", "print the version", (*stockade).versionVerb},
		{"help", "", "print this help", (*stockade).helpVerb},
	}
}

// stockade is a run of the program by its own name. Its exit status is 0 when
// all went well, 1 when it did not, 2 for a command line that makes no sense.
type stockade struct{ env Env }

const (
	wentWrong  = 1
	misused    = 2
	programDoc = "Stockade watches logs for attackers and keeps them out by the firewall."
)

func stockadeMain(env Env) int {
	s := &stockade{env: env}
	if len(env.Args) == 0 {
		s.help()
		return misused
	}
	name := env.Args[0]
	switch name {
	case "-h", "--help":
		name = "help"
	case "-V", "--version":
		name = "version"
	}
	for _, v := range verbs() {
		if v.name != name {
			continue
		}
		for _, a := range env.Args[1:] {
			if a == "--help" || a == "-h" {
				s.printf("usage: stockade %s\n\n%s.\n", strings.TrimSpace(v.name+" "+v.operands), upperFirst(v.does))
				return 0
			}
		}
		return v.run(s, env.Args[1:])
	}
	s.complain("there is no \"%s\". What there is: stockade help", name)
	return misused
}

func upperFirst(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

func (s *stockade) printf(format string, args ...any) { fmt.Fprintf(s.env.Stdout, format, args...) }

// complain says what is wrong, on standard error.
func (s *stockade) complain(format string, args ...any) {
	fmt.Fprintf(s.env.Stderr, "stockade: "+format+"\n", args...)
}

func (s *stockade) help() {
	s.printf("%s\n\nusage: stockade VERB ...\n\n", programDoc)
	for _, v := range verbs() {
		s.printf("  %-38s %s\n", strings.TrimSpace(v.name+" "+v.operands), v.does)
	}
	s.printf("\nTo begin with:  stockade run\n\n" +
		"status, ban and unban find the running Stockade by themselves; --socket FILE names\n" +
		"another one. The programs fail2ban-client, fail2ban-server and fail2ban-regex are\n" +
		"here too, under these names.\n")
}

func (s *stockade) helpVerb([]string) int {
	s.help()
	return 0
}

func (s *stockade) versionVerb([]string) int {
	s.printf("Stockade %s (compatible with Fail2Ban %s)\n", Version, Compatible)
	return 0
}

func (s *stockade) regexVerb(args []string) int {
	env := s.env
	env.Name, env.Args = "fail2ban-regex", args
	return regexMain(env)
}

// parse reads the options of a verb; allowed are long options with a value.
func (s *stockade) parse(args []string, allowed ...string) (map[string]string, []string, error) {
	long := make([]string, len(allowed))
	for i, a := range allowed {
		long[i] = a + "="
	}
	values := map[string]string{}
	var rest []string
	for len(args) > 0 {
		flags, remaining, err := getopt(args, "", long)
		if err != nil {
			return nil, nil, errors.New("cannot understand " + args[0])
		}
		for _, f := range flags {
			values[f.name[2:]] = f.value
		}
		if len(remaining) == 0 {
			break
		}
		if remaining[0] == "--all" {
			return nil, nil, errors.New("cannot understand --all here")
		}
		rest, args = append(rest, remaining[0]), remaining[1:]
	}
	return values, rest, nil
}

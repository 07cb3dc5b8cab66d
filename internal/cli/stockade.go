package cli

import (
	"errors"
	"fmt"
	"strings"

	"stockade/internal/trial"
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
		{"status", "[JAIL] [--json]", "show what is watched and who is banned", (*stockade).statusVerb},
		{"ban", "JAIL ADDRESS...", "ban addresses now", (*stockade).banVerb},
		{"unban", "ADDRESS... | --all", "lift bans, and forget them", (*stockade).unbanVerb},
		{"pause", "TIME", "lift all enforcement for a time (10m, at most a day)", (*stockade).pauseVerb},
		{"resume", "", "end a pause: put all bans back in force", (*stockade).resumeVerb},
		{"events", "[--json]", "show failures, bans and their ends as they happen", (*stockade).eventsVerb},
		{"check", "[DIR] [--json]", "read the configuration and say what is wrong with it", (*stockade).checkVerb},
		{"doctor", "[--conf DIR] [--json] [--quiet] [--harden]", "say whether this machine is protected, and what to do if not", (*stockade).doctorVerb},
		{"detect", "[--yes] [--conf DIR] [--json]", "look what runs here, and enable the jails that fit", (*stockade).detectVerb},
		{"jail", "enable|disable JAIL [--conf DIR]", "switch a jail on or off in the configuration", (*stockade).jailVerb},
		{"library", "list | show NAME | export DIR", "show the built-in jails, filters and actions, or write them out", (*stockade).libraryVerb},
		{"reload", "[JAIL] [--conf DIR]", "have the running server read its configuration again", (*stockade).reloadVerb},
		{"plan", "[JAIL] [--conf DIR] [--json]", "show what a reload would change", (*stockade).planVerb},
		{"regex", "LOG REGEX|FILTER", "show what a filter makes of log lines, and why", (*stockade).regexVerb},
		{"filter", "test [FILE...]", "try filters on labelled log lines", (*stockade).filterVerb},
		{"completion", "bash|zsh|fish", "print the completion for a shell", (*stockade).completionVerb},
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
			if (a == "--help" || a == "-h") && !v.helpsItself() {
				s.printf("usage: stockade %s\n\n%s.\n", strings.TrimSpace(v.name+" "+v.operands), upperFirst(v.does))
				return 0
			}
		}
		return v.run(s, env.Args[1:])
	}
	s.complain("there is no \"%s\". What there is: stockade help", name)
	return misused
}

// helpsItself tells whether the verb has a help of its own.
func (v verb) helpsItself() bool { return v.name == "regex" || v.name == "filter" }

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

func (s *stockade) regexVerb(args []string) int { return trial.Explain(args, trialEnv(s.env)) }

func (s *stockade) filterVerb(args []string) int {
	if len(args) == 0 || args[0] != "test" {
		return s.misuse("filter", nil)
	}
	return trial.FilterTest(args[1:], trialEnv(s.env))
}

// values are the options of a verb by name; those without a value have "".
type values map[string]string

func (v values) has(name string) bool {
	_, ok := v[name]
	return ok
}

// parse reads the options of a verb, which may stand between its other words.
// allowed are their names, with "=" where they have a value.
func (s *stockade) parse(args []string, allowed ...string) (values, []string, error) {
	found := values{}
	var rest []string
	for len(args) > 0 {
		flags, remaining, err := getopt(args, "", allowed)
		if err != nil {
			return nil, nil, errors.New("cannot understand " + args[0])
		}
		for _, f := range flags {
			found[f.name[2:]] = f.value
		}
		if len(remaining) == 0 {
			break
		}
		rest, args = append(rest, remaining[0]), remaining[1:]
	}
	return found, rest, nil
}

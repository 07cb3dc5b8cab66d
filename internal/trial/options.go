package trial

import (
	"fmt"

	"stockade/internal/logbook"
)

// version is the version of Fail2ban that the old names stand for.
const version = "1.1.1"

// regexFlags are the options of fail2ban-regex.
var regexFlags = []flag{
	{names: []string{"--version"}, help: "print name and version"},
	{names: []string{"-h", "--help"}, help: "print this page"},
	{names: []string{"-c", "--config"}, kind: isText, meta: "DIR", help: "configuration directory (default /etc/fail2ban)"},
	{names: []string{"-d", "--datepattern"}, kind: isText, meta: "PATTERN", help: "date pattern, instead of the filter's"},
	{names: []string{"--timezone", "--TZ"}, kind: isText, meta: "ZONE", help: "zone of times that name none"},
	{names: []string{"-e", "--encoding"}, kind: isText, meta: "ENCODING", help: "encoding of the log (default: that of the locale)"},
	{names: []string{"-r", "--raw"}, help: "take host names as they are, do not look them up"},
	{names: []string{"--usedns"}, kind: isText, meta: "MODE", help: "what <HOST> matches and whether names are looked up: yes, warn, no, raw"},
	{names: []string{"-L", "--maxlines"}, kind: isNumber, meta: "N", help: "lines that are searched together; also how many lines are listed"},
	{names: []string{"-m", "--journalmatch"}, kind: isText, meta: "MATCH", help: "journal match, instead of the filter's"},
	{names: []string{"-l", "--log-level"}, kind: isText, meta: "LEVEL", help: "print log messages from this level on (default critical)"},
	{names: []string{"-V"}, help: "print the version alone"},
	{names: []string{"-v", "--verbose"}, kind: isCount, help: "list all regexes, and each ID that was found; twice for more"},
	{names: []string{"--verbosity"}, kind: isNumber, meta: "N", help: "as N times -v"},
	{names: []string{"--verbose-date", "--VD"}, help: "show weight, pattern and regex of the date templates"},
	{names: []string{"-D", "--debuggex"}, help: "print each line with links to debuggex.com"},
	{names: []string{"--no-check-all"}, help: "stop at the first failregex that matches a line"},
	{names: []string{"-o", "--out"}, kind: isText, meta: "FORMAT", help: "print failures only: id, fid, ip, msg, row, a field, or a text with <tags>"},
	{names: []string{"-i", "--invert"}, help: "with -o: print the lines that led to no failure"},
	{names: []string{"--print-no-missed"}, help: "do not list lines that did not match"},
	{names: []string{"--print-no-ignored"}, help: "do not list lines that were ignored"},
	{names: []string{"--print-all-matched"}, help: "list the lines that matched"},
	{names: []string{"--print-all-missed"}, help: "list all lines that did not match, however many"},
	{names: []string{"--print-all-ignored"}, help: "list all lines that were ignored, however many"},
	{names: []string{"-t", "--log-traceback"}, help: "accepted, without effect"},
	{names: []string{"--full-traceback"}, help: "accepted, without effect"},
}

// Option is an option of fail2ban-regex: all its names, the name of its value
// ("" if it has none) and what it does.
type Option struct {
	Names       []string
	Value, Help string
}

// RegexOptions are the options of fail2ban-regex, in the order of its help.
func RegexOptions() []Option {
	all := make([]Option, len(regexFlags))
	for i, f := range regexFlags {
		all[i] = Option{f.names, f.meta, f.help}
	}
	return all
}

// defaultListed is how many lines of a kind are listed without --print-all-….
const defaultListed = 20

// regexOptions is a command line of fail2ban-regex.
type regexOptions struct {
	*flagValues
	log, regex, ignore string
	hasIgnore          bool
	verbose            int
	maxLines           int
	listed             int
	level              logbook.Level
	out                string
	check              bool
}

// usageLine is the first line of every help and error.
func usageLine(program string) string {
	return "Usage: " + program + " [OPTIONS] <LOG> <REGEX> [IGNOREREGEX]\n"
}

const regexHelp = `
Tries regular expressions and filters on log lines and reports what matches.

LOG:
  a log line, several lines, the path of a log file, or systemd-journal

REGEX:
  a failregex, the name of a jail or filter, with options if you like
  (sshd[mode=aggressive]), or the path of a filter file

IGNOREREGEX:
  an ignoreregex, instead of those of the filter

Options:
`

// parseRegexOptions reads the command line; done says that nothing is left to
// do and status is the exit status.
func parseRegexOptions(args []string, env *Env) (o *regexOptions, status int, done bool) {
	v, err := parseFlags(regexFlags, args)
	if err != nil {
		fmt.Fprintf(env.Stderr, "%s\nfail2ban-regex: error: %v\n", usageLine(env.Program), err)
		return nil, statusSyntax, true
	}
	switch {
	case v.set["--version"]:
		fmt.Fprintln(env.Stdout, "fail2ban-regex", version)
		return nil, statusOK, true
	case v.set["-V"]:
		fmt.Fprintln(env.Stdout, version)
		return nil, statusOK, true
	case v.set["-h"]:
		fmt.Fprint(env.Stdout, usageLine(env.Program), regexHelp, helpText(regexFlags))
		return nil, statusOK, true
	}
	reason := ""
	for _, kind := range []string{"missed", "ignored"} {
		if v.set["--print-no-"+kind] && v.set["--print-all-"+kind] {
			reason = fmt.Sprintf("--print-no-%s and --print-all-%s are mutually exclusive.", kind, kind)
		}
	}
	if reason == "" && len(v.args) != 2 && len(v.args) != 3 {
		reason = "provide both <LOG> and <REGEX>."
	}
	if reason != "" {
		fmt.Fprint(env.Stdout, usageLine(env.Program), regexHelp, helpText(regexFlags))
		fmt.Fprintf(env.Stderr, "\nERROR: %s\n", reason)
		return nil, statusError, true
	}
	o = &regexOptions{
		flagValues: v, log: v.args[0], regex: v.args[1],
		verbose: v.count["-v"], out: v.text["-o"], listed: defaultListed, level: logbook.Critical,
	}
	if v.set["--verbosity"] {
		o.verbose = v.count["--verbosity"]
	}
	if len(v.args) == 3 {
		o.ignore, o.hasIgnore = v.args[2], true
	}
	if v.count["-L"] != 0 {
		o.maxLines, o.listed = v.count["-L"], v.count["-L"]
	}
	o.check = !v.set["--no-check-all"] && o.maxLines <= 1 && !v.set["-o"]
	if v.set["-l"] {
		if o.level, err = logbook.ParseLevel(v.text["-l"]); err != nil {
			fmt.Fprintf(env.Stdout, "ERROR: %v\n", err)
			return nil, statusError, true
		}
	}
	return o, statusOK, false
}

// quiet tells that nothing but failures is printed.
func (o *regexOptions) quiet() bool { return o.set["-o"] }

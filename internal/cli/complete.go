package cli

import (
	"embed"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"stockade/internal/trial"
)

//go:embed completion
var completionScripts embed.FS

// completeWord is the first argument by which a shell asks what the last of
// the other ones may become. The answer is one word a line; ":files" stands
// for the names of files.
const completeWord = "__complete"

// wantFiles is the answer for a place where a file may stand.
const wantFiles = ":files"

// completionVerb prints the completion for a shell.
func (s *stockade) completionVerb(args []string) int {
	if len(args) != 1 {
		return s.misuse("completion", nil)
	}
	text, err := fs.ReadFile(completionScripts, "completion/"+args[0])
	if err != nil {
		s.complain("there is no completion for %q, only for bash, zsh and fish", args[0])
		return misused
	}
	s.printf("%s", text)
	return 0
}

// completer finds what a word may become.
type completer struct {
	env Env
	// before are the words that stand before the one in question.
	before []string
	word   string
	socket string
	conf   string

	found []string
}

// complete answers a shell; args end with the word in question.
func complete(env Env, args []string) int {
	if len(args) == 0 {
		return misused
	}
	c := &completer{env: env, before: args[:len(args)-1], word: args[len(args)-1]}
	switch env.Name {
	case "fail2ban-client":
		c.commands(clientOptions(), true)
	case "fail2ban-server":
		c.commands(clientOptions(), false)
	case "fail2ban-regex":
		c.regex()
	default:
		c.verbs()
	}
	seen := map[string]bool{}
	for _, f := range c.found {
		if !seen[f] && (f == wantFiles || strings.HasPrefix(f, c.word)) {
			seen[f] = true
			if _, err := env.Stdout.Write([]byte(f + "\n")); err != nil {
				return wentWrong
			}
		}
	}
	return 0
}

func (c *completer) add(words ...string) { c.found = append(c.found, words...) }

// option is one option by all its names, with the name of its value.
type option struct {
	names []string
	value string
}

var optionLine = regexp.MustCompile(`(?m)^    ((?:-{1,2}[\w-]+(?:, )?)+)(?: ?([<\w|>-]+))?`)

// clientOptions are the options as the help shows them.
func clientOptions() []option {
	var all []option
	for _, m := range optionLine.FindAllStringSubmatch(usageOptions, -1) {
		value := m[2]
		if !strings.Contains(m[0]+value, "<") && value != "none" && value != "never" {
			value = ""
		}
		all = append(all, option{strings.Split(m[1], ", "), value})
	}
	return all
}

// skipOptions takes the options off the words before and notes what tells
// which server is meant. ok is false if the word in question is an option's
// value, which was completed then.
func (c *completer) skipOptions(options []option) (words []string, ok bool) {
	for i := 0; i < len(c.before); i++ {
		w := c.before[i]
		name, value, glued := strings.Cut(w, "=")
		at := slices.IndexFunc(options, func(o option) bool { return slices.Contains(o.names, name) })
		if at < 0 {
			words = append(words, w)
			continue
		}
		if options[at].value == "" {
			continue
		}
		if !glued {
			if i++; i == len(c.before) {
				c.value(options[at].value)
				return nil, false
			}
			value = c.before[i]
		}
		switch name {
		case "-s", "--socket":
			c.socket = value
		case "-c", "--conf", "--config":
			c.conf = value
		}
	}
	return words, true
}

// value completes a place that the help calls by this name.
func (c *completer) value(name string) {
	switch name = strings.Trim(name, "<>[]'."); name {
	case "DIR", "FILE", "SOCKET", "LOG", "PYTHONFILE", "DIR...", "FILE...":
		c.add(wantFiles)
	case "JAIL":
		c.add(c.jails()...)
	case "IP", "ADDRESS":
		c.add(c.banned()...)
	case "LEVEL":
		c.add("CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG", "TRACEDEBUG", "HEAVYDEBUG")
	case "TARGET":
		c.add("STDOUT", "STDERR", "SYSOUT", "SYSLOG", "SYSTEMD-JOURNAL", wantFiles)
	case "FLAVOR":
		c.add("basic", "short", "cymru", "stats")
	case "BACKEND":
		c.add("auto", "polling", "pyinotify", "systemd")
	case "FILTER":
		c.add(c.names("filter.d")...)
	default:
		// "on|off" stands for itself.
		if name == strings.ToLower(name) {
			c.add(strings.Split(name, "|")...)
		}
	}
}

// commands completes fail2ban-client's command line by the list of its help.
func (c *completer) commands(options []option, client bool) {
	words, ok := c.skipOptions(options)
	if !ok {
		return
	}
	if strings.HasPrefix(c.word, "-") && len(words) == 0 {
		for _, o := range options {
			c.add(o.names...)
		}
		return
	}
	if !client {
		c.add("start")
		return
	}
	for _, l := range usageCommands {
		tokens := strings.Fields(strings.ReplaceAll(l.command, "stat[istic]s", "statistics"))
		if next, fits := follow(tokens, words); fits {
			c.places(next)
		}
	}
}

// follow finds the tokens of a command that may stand behind the words.
func follow(tokens, words []string) (next []string, fits bool) {
	i := 0
	for _, w := range words {
		for i < len(tokens) && optional(tokens[i]) && strings.Trim(tokens[i], "[]") != w {
			i++
		}
		switch {
		case i == len(tokens):
			return nil, false
		case tokens[i] == "...":
			// What stands before it may be repeated.
		case placeholder(tokens[i]) || slices.Contains(strings.Split(strings.Trim(tokens[i], "[]"), "|"), w):
			i++
		default:
			return nil, false
		}
	}
	for i < len(tokens) {
		if tokens[i] == "..." {
			return append(next, tokens[i+1]), true
		}
		next = append(next, tokens[i])
		if !optional(tokens[i]) {
			break
		}
		i++
	}
	return next, true
}

func optional(token string) bool    { return strings.HasPrefix(token, "[") }
func placeholder(token string) bool { return strings.HasPrefix(token, "<") }

// places completes a place where one of several tokens may stand.
func (c *completer) places(tokens []string) {
	for _, t := range tokens {
		name := strings.Trim(t, "[]'")
		if strings.HasPrefix(name, "--") {
			c.add(name)
			continue
		}
		c.value(name)
	}
}

// regex completes fail2ban-regex: a log, then a filter.
func (c *completer) regex() {
	var options []option
	for _, o := range trial.RegexOptions() {
		options = append(options, option{o.Names, o.Value})
	}
	words, ok := c.skipOptions(options)
	switch {
	case !ok:
	case strings.HasPrefix(c.word, "-"):
		for _, o := range options {
			c.add(o.names...)
		}
	case len(words) == 0:
		c.add("systemd-journal", wantFiles)
	default:
		c.add(c.names("filter.d")...)
		c.add(wantFiles)
	}
}

var operandToken = regexp.MustCompile(`--[\w-]+(?: [A-Z]+)?|[A-Za-z|]+`)

// verbs completes stockade: a verb, then what its help names.
func (c *completer) verbs() {
	if len(c.before) == 0 {
		for _, v := range verbs() {
			c.add(v.name)
		}
		return
	}
	at := slices.IndexFunc(verbs(), func(v verb) bool { return v.name == c.before[0] })
	if at < 0 {
		return
	}
	v := verbs()[at]
	c.before = c.before[1:]
	options, operands := v.parts()
	words, ok := c.skipOptions(options)
	switch {
	case !ok:
	case strings.HasPrefix(c.word, "-"):
		for _, o := range options {
			c.add(o.names...)
		}
	case v.name == "library":
		c.library(words)
	case v.name == "jail" && len(words) == 1:
		c.add(c.known()...)
	case v.name == "completion":
		c.add("bash", "zsh", "fish")
	case len(operands) > 0:
		for _, name := range strings.Split(operands[min(len(words), len(operands)-1)], "|") {
			c.value(name)
		}
	}
}

// parts are the options and the other operands of a verb's help.
func (v verb) parts() (options []option, operands []string) {
	options = append(options, option{[]string{"--socket"}, "FILE"}, option{[]string{"--help"}, ""})
	for _, t := range operandToken.FindAllString(v.operands, -1) {
		name, value, _ := strings.Cut(t, " ")
		if strings.HasPrefix(name, "--") {
			options = append(options, option{[]string{name}, value})
			continue
		}
		operands = append(operands, t)
	}
	return options, operands
}

func (c *completer) library(words []string) {
	switch {
	case len(words) == 0:
		c.add("list", "show", "export")
	case words[0] == "show":
		c.add(c.known()...)
		c.add(c.names("filter.d")...)
		c.add(c.names("action.d")...)
	case words[0] == "export":
		c.add(wantFiles)
	}
}

// known are the jails of the library.
func (c *completer) known() []string {
	// Without a library there are none to offer.
	names, _ := jailNames(c.env.Library)
	return names
}

// names are the definitions in a folder of the library.
func (c *completer) names(folder string) []string {
	entries, err := fs.ReadDir(c.env.Library, folder)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".conf"); ok {
			names = append(names, name)
		}
	}
	return names
}

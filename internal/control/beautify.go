package control

import (
	"errors"
	"fmt"
	"strings"

	"stockade/internal/pyobj"
)

// ErrBeautify says that a reply has not the shape that its request asks for;
// the text that is printed then is as raw as the reference's.
var ErrBeautify = errors.New("reply has an unexpected shape")

// errShape is raised inside the formatters.
type errShape struct{}

// Beautify is what a client prints for a reply, without the newline at the
// end. Which form it has goes by the place of a word in the request, whatever
// the word means there. UTF8 is false for an output that cannot show the lines
// of the statistics table.
func Beautify(request []string, value any, utf8 bool) (text string, err error) {
	b := &beautifier{request: request, utf8: utf8, shown: pyobj.Str(value)}
	defer func() {
		if fault := recover(); fault != nil {
			if _, ok := fault.(errShape); !ok {
				panic(fault)
			}
			text, err = b.shown+pyobj.Repr(value), ErrBeautify
		}
	}()
	return b.format(value), nil
}

// beautifier formats one reply.
type beautifier struct {
	request []string
	utf8    bool
	// shown is what was put together when a formatter gave up.
	shown string
}

func (b *beautifier) word(i int) string {
	if i < len(b.request) {
		return b.request[i]
	}
	return ""
}

// format chooses by the first word, else the second, else the third.
func (b *beautifier) format(v any) string {
	switch b.word(0) {
	case "ping":
		return "Server replied: " + b.text(v)
	case "version":
		return pyobj.Str(v)
	case "start":
		return "Jail started"
	case "stop":
		if len(b.request) == 1 {
			if v == nil {
				return "Shutdown successful"
			}
			return pyobj.Str(v)
		}
		if v == nil {
			return "Jail stopped"
		}
		return pyobj.Str(v)
	case "add":
		return "Added jail " + b.text(v)
	case "flushlogs":
		return "logs: " + b.text(v)
	case "echo":
		return b.join(v, " ")
	case "status":
		return b.status(v)
	case "stats", "statistics":
		return b.statistics(v)
	}
	switch b.word(1) {
	case "syslogsocket":
		return "Current syslog socket is:\n`- " + b.text(v)
	case "logtarget":
		return "Current logging target is:\n`- " + b.text(v)
	case "loglevel":
		return "Current logging level is " + pyobj.Repr(v)
	case "dbfile":
		if v == nil {
			return "Database currently disabled"
		}
		return "Current database file is:\n`- " + b.text(v)
	case "dbpurgeage":
		if v == nil {
			return "Database currently disabled"
		}
		n, err := pyobj.Int(v)
		if err != nil {
			panic(errShape{})
		}
		return "Current database purge age is:\n`- " + pyobj.Str(n) + "seconds"
	}
	return b.ofJail(v)
}

// ofJail formats what was asked of a jail.
func (b *beautifier) ofJail(v any) string {
	switch b.word(2) {
	case "logpath", "addlogpath", "dellogpath":
		return b.tree(v, "Current monitored log file(s):", "No file is currently monitored", nil)
	case "journalmatch", "addjournalmatch", "deljournalmatch":
		return b.matches(v)
	case "datepattern":
		return b.datePattern(v)
	case "logencoding":
		return "Current log encoding is set to:\n" + b.text(v)
	case "ignoreip", "addignoreip", "delignoreip":
		return b.tree(v, "These IP addresses/networks are ignored:", "No IP address/network is ignored", nil)
	case "failregex", "addfailregex", "delfailregex", "ignoreregex", "addignoreregex", "delignoreregex":
		return b.tree(v, "The following regular expression are defined:", "No regular expression is defined",
			func(i int) string { return fmt.Sprintf("[%d]: ", i) })
	case "actions":
		if names := b.items(v); len(names) > 0 {
			return fmt.Sprintf("The jail %s has the following actions:\n%s", b.word(1), b.join(v, ", "))
		}
		return "No actions for jail " + b.word(1)
	case "actionproperties":
		return b.ofAction(v, "properties")
	case "actionmethods":
		return b.ofAction(v, "methods")
	case "banip":
		return b.banned(v)
	}
	return pyobj.Str(v)
}

// banned joins a list by the separator of `get JAIL banip SEP`.
func (b *beautifier) banned(v any) string {
	items, isList := v.([]any)
	if b.word(0) != "get" || !isList {
		return pyobj.Str(v)
	}
	separator := " "
	if len(b.request) > 3 {
		separator = b.request[3]
	}
	if separator == "--with-time" {
		separator = "\n"
	}
	return b.join(items, separator)
}

func (b *beautifier) ofAction(v any, what string) string {
	names := b.items(v)
	if len(names) == 0 {
		return fmt.Sprintf("No %s for jail %s action %s", what, b.word(1), b.word(3))
	}
	return fmt.Sprintf("The jail %s action %s has the following %s:\n%s", b.word(1), b.word(3), what, b.join(v, ", "))
}

// tree lists items below a title.
func (b *beautifier) tree(v any, title, none string, prefix func(i int) string) string {
	items := b.items(v)
	if len(items) == 0 {
		return none
	}
	lines := []string{title}
	for i, e := range items {
		branch := "|- "
		if i == len(items)-1 {
			branch = "`- "
		}
		if prefix != nil {
			branch += prefix(i)
		}
		lines = append(lines, branch+b.text(e))
	}
	return strings.Join(lines, "\n")
}

// matches are the alternatives of a journal match.
func (b *beautifier) matches(v any) string {
	items := b.items(v)
	if len(items) == 0 {
		return "No journal match filter set"
	}
	parts := make([]string, len(items))
	for i, e := range items {
		parts[i] = b.join(e, " ")
	}
	return "Current match filter:\n" + strings.Join(parts, " + ")
}

// datePattern shows a pattern with its name, or the name alone.
func (b *beautifier) datePattern(v any) string {
	const title = "Current date pattern set to: "
	if v == nil {
		return title + "Not set/required"
	}
	pair := b.items(v)
	if len(pair) < 2 {
		panic(errShape{})
	}
	if pair[0] == nil {
		return title + pyobj.Str(pair[1])
	}
	return title + pyobj.Str(pair[0]) + " (" + pyobj.Str(pair[1]) + ")"
}

// items are the elements of a list or tuple.
func (b *beautifier) items(v any) []any {
	switch v := v.(type) {
	case []any:
		return v
	case pyobj.Tuple:
		return v
	}
	panic(errShape{})
}

// text is a value that has to be a text.
func (b *beautifier) text(v any) string {
	s, ok := v.(string)
	if !ok {
		panic(errShape{})
	}
	return s
}

func (b *beautifier) join(v any, separator string) string {
	items := b.items(v)
	parts := make([]string, len(items))
	for i, e := range items {
		parts[i] = b.text(e)
	}
	return strings.Join(parts, separator)
}

// FailureText is what a client prints for an exception.
func FailureText(x *pyobj.Exception) string {
	switch {
	case x.Class == "UnknownJailException":
		return "Sorry but the jail '" + pyobj.Str(first(x.Args)) + "' does not exist"
	case x.Class == "DuplicateJailException":
		return "The jail '" + pyobj.Str(first(x.Args)) + "' already exists"
	case x.Class == "IndexError":
		return "Sorry but the command is invalid"
	}
	return x.Error()
}

func first(args pyobj.Tuple) any {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

package cli

import (
	"context"
	"io"
	"slices"
	"strings"

	"stockade/internal/config"
	"stockade/internal/control"
	"stockade/internal/logbook"
	"stockade/internal/server"
)

// readConfiguration reads the stream of one jail, or of all. What is wrong is
// logged; ok is false if nothing can be made of it.
func (c *client) readConfiguration(jail string, purpose config.Purpose) (*config.Result, bool) {
	tree, err := config.Load(c.given.tree(c.env))
	var result *config.Result
	if err == nil {
		result, err = tree.Stream(jail, purpose)
	}
	if err != nil {
		c.logf(logbook.Error, "Failed during configuration: %v", err)
		return nil, false
	}
	c.report(result, purpose == config.Test)
	if purpose == config.Test && result.Refused != nil {
		c.logf(logbook.Error, "Failed during configuration: %s", refusalText(result.Refused))
		return result, false
	}
	if purpose == config.Start {
		c.bringPrograms(result.Stream)
	}
	return result, result.Valid()
}

// refusalText is the reason in Fail2ban's words where it has some.
func refusalText(err error) string {
	if f, ok := err.(*config.Finding); ok && f.Log != "" {
		return f.Log
	}
	return err.Error()
}

// report logs what was found, and behind the findings of a bad jail that it is
// left out.
func (c *client) report(r *config.Result, test bool) {
	bad := map[string]bool{}
	for _, name := range r.Bad {
		bad[name] = true
	}
	said := map[string]bool{}
	skip := func(name string) {
		if !bad[name] || said[name] {
			return
		}
		said[name] = true
		text := "Errors in jail '" + name + "'."
		if !test {
			text += " Skipping..."
		}
		c.log.Logf(logbook.Error, "fail2ban.jailsreader", "%s", text)
	}
	last := ""
	for _, f := range r.Findings {
		if f.Jail != last {
			skip(last)
			last = f.Jail
		}
		if f.Code == "missing-definition" {
			folder := "filter.d"
			if strings.HasPrefix(f.Log, "Unable to read action") {
				folder = "action.d"
			}
			c.log.Logf(logbook.Error, "fail2ban.configreader",
				"Found no accessible config files for '%s/%s' under %s", folder, f.Quote, c.opts.conf)
		}
		if f.Log != "" {
			c.log.Logf(logbook.Level(f.LogLevel), findingLogger(f), "%s", f.Log)
		}
	}
	for _, name := range r.Bad {
		skip(name)
	}
}

// findingLogger is the module of the reference that logs such a line.
func findingLogger(f config.Finding) string {
	switch {
	case strings.HasPrefix(f.Log, "Found no accessible") || strings.HasPrefix(f.Log, "Wrong "):
		return "fail2ban.configreader"
	case strings.HasPrefix(f.Log, "Errors in jail"):
		return "fail2ban.jailsreader"
	}
	return "fail2ban.jailreader"
}

// dump prints the configuration as the commands that it comes to.
func (c *client) dump() int {
	result, ok := c.readConfiguration("", config.Dump)
	if result == nil {
		return failed
	}
	lines := config.Lines(result.Stream)
	if c.opts.pretty {
		lines = config.PrettyLines(result.Stream)
	}
	for _, l := range lines {
		c.println(l)
	}
	if !ok {
		return failed
	}
	return 0
}

// testConfiguration reads everything and says whether it is without a fault:
// on standard output if that is all that was asked for, else in the log.
func (c *client) testConfiguration(alone bool) bool {
	result, ok := c.readConfiguration("", config.Test)
	sound := ok && result.Sound()
	if result != nil {
		sound = c.rehearse(result) && sound
	}
	if sound {
		return true
	}
	const text = "ERROR: test configuration failed"
	if alone {
		c.println(text)
	} else {
		c.logf(logbook.Error, text)
	}
	return false
}

// rehearse puts the configuration together as a server would, which finds what
// only a server can judge: regexes, times and formulas. It reports whether all
// of it works.
func (c *client) rehearse(result *config.Result) bool {
	book := logbook.New(logbook.Options{Stdout: io.Discard, Stderr: io.Discard, Version: Compatible})
	defer book.Close()
	table := control.NewTable(server.New(server.Options{Book: book, Version: Compatible}))
	stage, err := table.Rehearse(context.Background(), result.Stream.Words(), config.EncodeSidecar(result.Stream))
	if err != nil {
		c.logf(logbook.Error, "%v", err)
		return false
	}
	defer stage.Drop()
	problems := stage.Judge()
	for _, p := range problems {
		c.log.Logf(logbook.Error, "fail2ban.jailreader", "%s", p.Why)
		c.log.Logf(logbook.Error, "fail2ban.jailsreader", "Errors in jail '%s'.", p.Jail)
	}
	return len(problems) == 0
}

// reload reads the configuration again, of all jails or of one, and sends it.
func (c *client) reload(args []string) bool {
	flags, rest := []any{}, args
	for len(rest) > 0 && isReloadFlag(rest[0]) {
		flags, rest = append(flags, rest[0]), rest[1:]
	}
	name := "--all"
	if len(rest) > 1 {
		c.logf(logbook.Error, "Unexpected argument(s) for reload: %s", shownList(rest))
		return false
	}
	jail := ""
	if len(rest) == 1 && rest[0] != "--all" {
		name, jail = rest[0], rest[0]
	}
	if !c.ping(0) {
		c.logf(logbook.Error, "Could not find server")
		return false
	}
	c.tellStep("reload")
	result, ok := c.readConfiguration(jail, config.Start)
	if !ok {
		return false
	}
	conn, ok := c.dial([]string{"reload"})
	if !ok {
		return false
	}
	defer conn.Close()
	request := []any{"reload", name, flags, result.Stream.Words(), config.EncodeSidecar(result.Stream)}
	value, ok := c.answer(conn, []string{"reload"}, request)
	if !ok || !c.reportProblems(control.ReadProblems(value), result) {
		return false
	}
	c.println("OK")
	return true
}

// dial connects to the server, or says why it cannot.
func (c *client) dial(words []string) (*control.Conn, bool) {
	conn, err := control.Dial(context.Background(), c.opts.socket, 0)
	if err != nil {
		c.unreachable(words, err)
	}
	return conn, err == nil
}

// reportProblems logs what the server found wrong with the configuration, in
// the words by which other programs know jails that are left out. It reports
// whether any jail came to something.
func (c *client) reportProblems(list []server.Problem, result *config.Result) bool {
	bad := map[string]bool{}
	for _, p := range list {
		if p.Cost == server.Degraded {
			c.log.Logf(logbook.Warning, "fail2ban.jailreader", "Jail '%s' runs without a part of its configuration: %s", p.Jail, p.Why)
			continue
		}
		bad[p.Jail] = true
		c.log.Logf(logbook.Error, "fail2ban.jailreader", "%s", p.Why)
		c.log.Logf(logbook.Error, "fail2ban.jailsreader", "Errors in jail '%s'. Skipping...", p.Jail)
	}
	good := slices.DeleteFunc(slices.Clone(result.Good), func(name string) bool { return bad[name] })
	return len(good) > 0 || len(bad) == 0
}

func isReloadFlag(word string) bool {
	switch word {
	case "--restart", "--unban", "--if-exists":
		return true
	}
	return false
}

func shownList(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = "'" + w + "'"
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// configure sends the stream to a server that has just come up, and says that
// it is ready.
func (c *client) configure(result *config.Result) bool {
	conn, ok := c.dial([]string{"start"})
	if !ok {
		return false
	}
	defer conn.Close()
	request := []any{"server-stream", result.Stream.Words(), config.EncodeSidecar(result.Stream)}
	value, ok := c.answer(conn, []string{"server-stream"}, request)
	ok = ok && c.reportProblems(control.ReadProblems(value), result)
	return c.ask(conn, []string{"server-status"}, []any{"server-status"}) && ok
}

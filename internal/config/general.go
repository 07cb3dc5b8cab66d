package config

import (
	"fmt"
	"strconv"
	"strings"

	"stockade/internal/ini"
	"stockade/internal/pyobj"
)

// Fallbacks of the settings that a client needs without a server.
const (
	defaultSocket       = "/var/run/fail2ban/fail2ban.sock"
	defaultPidfile      = "/var/run/fail2ban/fail2ban.pid"
	defaultLoglevel     = "INFO"
	defaultLogtarget    = "/var/log/fail2ban.log"
	defaultSyslogsocket = "auto"
)

// levels are the names of the log levels.
var levels = map[string]bool{
	"CRITICAL": true, "ERROR": true, "WARNING": true, "NOTICE": true, "INFO": true,
	"MSG": true, "DEBUG": true, "TRACEDEBUG": true, "HEAVYDEBUG": true, "NOTSET": true, "WARN": true, "FATAL": true,
}

// loadGeneral reads fail2ban.* and settles the client's settings.
func (t *Tree) loadGeneral() error {
	set, err := t.loadSet("fail2ban", "Read fail2ban configuration failed.")
	if err != nil {
		return err
	}
	for _, name := range append([]string{ini.DefaultSection}, set.order...) {
		section := set.sections[name]
		if name == ini.DefaultSection {
			section = set.defaults
		}
		for _, f := range section.broken {
			p := faultProblem(f)
			p.Cure = strings.TrimPrefix(p.Cure+"; until then the later value holds", "; ")
			t.findings = append(t.findings, *p)
		}
	}
	t.general = set
	return t.settle()
}

// settle computes the settings that the client needs itself.
func (t *Tree) settle() error {
	sc := t.generalScope()
	for _, s := range []struct {
		name, override, fallback string
		into                     *string
	}{
		{"socket", t.opts.Socket, defaultSocket, &t.server.Socket},
		{"pidfile", t.opts.Pidfile, defaultPidfile, &t.server.Pidfile},
		{"loglevel", t.opts.Loglevel, defaultLoglevel, &t.server.Loglevel},
		{"logtarget", t.opts.Logtarget, defaultLogtarget, &t.server.Logtarget},
		{"syslogsocket", t.opts.Syslogsocket, defaultSyslogsocket, &t.server.Syslogsocket},
		{"metrics", "", "", &t.server.Metrics},
	} {
		*s.into = s.fallback
		if s.override != "" {
			*s.into = s.override
			continue
		}
		if sc.section != nil && sc.has(s.name) {
			text, err := sc.get(s.name)
			if err != nil {
				return err
			}
			*s.into = text.text
		}
	}
	return checkLevel(t.server.Loglevel)
}

// checkLevel refuses a level that no server knows.
func checkLevel(level string) error {
	if levels[strings.ToUpper(level)] {
		return nil
	}
	if n, err := strconv.Atoi(level); err == nil && n >= 0 {
		return nil
	}
	return fmt.Errorf("Invalid log level '%s'", level) // Fail2ban's text
}

// Server gives the settings a client needs, overrides applied.
func (t *Tree) Server() ServerOptions { return t.server }

// generalScope is the namespace of fail2ban.conf's [Definition].
func (t *Tree) generalScope() *scope {
	section, ok := t.general.section("Definition")
	if !ok {
		section = newLayered("Definition")
	}
	return &scope{set: t.general, section: section, base: t.overlay.dir}
}

// generalPart makes the commands for the server as a whole.
func (t *Tree) generalPart(r *Result) error {
	if err := t.threadCommand(r); err != nil {
		return err
	}
	sc := t.generalScope()
	_, defined := t.general.section("Definition")
	for _, o := range []struct {
		name, fallback string
		override       string
		kind           optionType
	}{
		{"syslogsocket", defaultSyslogsocket, t.opts.Syslogsocket, textOption},
		{"loglevel", defaultLoglevel, t.opts.Loglevel, textOption},
		{"logtarget", defaultLogtarget, t.opts.Logtarget, textOption},
		{"allowipv6", "auto", "", textOption},
		{"dbfile", "/var/lib/fail2ban/fail2ban.sqlite3", "", textOption},
		{"dbmaxmatches", "", "", intOption},
		{"dbpurgeage", "1d", "", textOption},
	} {
		var v any = o.fallback
		var at Origin
		switch {
		case o.override != "":
			v = o.override
		case defined && sc.has(o.name):
			text, err := sc.get(o.name)
			if err != nil {
				return err
			}
			v, at = r.typed(text, o.name, "Definition", o.kind), text.origin()
		case o.kind == intOption && defined:
			continue
		case o.kind == intOption:
			v = nil
		}
		r.add(Command{Words: []any{"set", o.name, v}, Origin: at})
	}
	return nil
}

// threadCommand makes the command of [Thread].
func (t *Tree) threadCommand(r *Result) error {
	section, ok := t.general.section("Thread")
	if !ok {
		return nil
	}
	sc := &scope{set: t.general, section: section, base: t.overlay.dir}
	if !sc.has("stacksize") {
		return nil
	}
	text, err := sc.get("stacksize")
	if err != nil {
		return err
	}
	size := r.typed(text, "stacksize", "Thread", intOption)
	r.add(Command{Words: []any{"set", "thread", pyobj.NewDict("stacksize", size)}, Origin: text.origin()})
	return nil
}

// typed converts the text of an option. A bad integer becomes None with a
// warning, as Fail2ban sends it.
func (r *Result) typed(text traced, option, section string, kind optionType) any {
	switch kind {
	case boolOption:
		return truth(text.text)
	case intOption:
		n, ok := pythonInt(text.text)
		if ok {
			return n
		}
		r.Findings = append(r.Findings, Finding{
			Severity: Error, Code: "bad-int", Origin: text.origin(), Quote: text.text,
			Text:     fmt.Sprintf("%s must be a whole number", option),
			Log:      fmt.Sprintf("Wrong value for '%s' in '%s'. Using default one: 'None'", option, section),
			LogLevel: levelWarning,
		})
		return nil
	}
	return text.text
}

func (r *Result) add(c Command) { r.Stream = append(r.Stream, c) }

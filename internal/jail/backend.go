package jail

import (
	"fmt"
	"strconv"
	"strings"

	"stockade/internal/logbook"
	"stockade/internal/pyobj"
	"stockade/internal/source"
)

// backends are the names that `backend` may begin with, in the order in which
// the reference tries them.
var backends = []string{"pyinotify", "polling", "systemd"}

// backendName is the name without arguments, in lower case.
func (s *State) backendName() string {
	name, _, _ := strings.Cut(s.backend, "[")
	return strings.ToLower(strings.TrimSpace(name))
}

// CheckBackend tells whether a backend is one that there is, with the
// exception that a client sees.
func CheckBackend(text string) error {
	s := State{backend: text}
	switch name := s.backendName(); name {
	case "auto", "gamin", "pyinotify", "polling", "systemd":
		return nil
	default:
		return pyobj.Errorf("ValueError", "Unknown backend %s. Must be among %s or 'auto'",
			name, pyobj.Repr(toAny(backends)))
	}
}

// useBackend settles which backend is in use, as far as the name tells, and
// logs it.
func (s *State) useBackend(notify bool) {
	name := s.backendName()
	if name == "gamin" {
		s.log(logbook.Notice, logJail, "[%s] backend gamin is no more, auto is used", s.name)
		name = "auto"
	}
	shown := name
	switch {
	case name == "systemd":
		s.used = "systemd"
	case name == "polling" || !notify:
		s.used, shown = "polling", "poller"
	default:
		s.used, shown = "pyinotify", "pyinotify"
	}
	s.log(logbook.Info, logJail, "Jail '%s' uses %s {}", s.name, shown)
	s.log(logbook.Info, logJail, "Initiated '%s' backend", s.used)
}

// wantsJournal decides between files and the journal. With backend auto the
// journal is read only where there is a match for it and neither a log file
// nor a path that the user wrote; it is decided again when either appears.
func (j *Jail) wantsJournal() bool {
	s := j.state
	name := s.backendName()
	if name == "systemd" {
		return true
	}
	if name != "auto" || len(s.journal) == 0 {
		return false
	}
	for _, p := range s.paths {
		if !p.Pending || p.User {
			return false
		}
	}
	return source.HasJournal()
}

func (j *Jail) openJournal() {
	s := j.state
	if j.journal != nil {
		if err := j.journal.SetMatches(s.journal); err != nil {
			j.fault("journalmatch", err)
		}
		j.journal.SetMates(j.mates(1))
		return
	}
	opts, err := journalOptions(s.backend)
	if err != nil {
		j.fault("backend "+s.backend, err)
		return
	}
	opts.Matches, opts.Mates = s.journal, j.mates(1)
	opts.Since = j.svc.Clock.Now().Add(-seconds(s.limits.FindTime))
	opts.Sink = j.sink
	opts.Notice = func(r logbook.Record) {
		r.Text = "[" + s.name + "] " + r.Text
		j.notice(r)
	}
	if db := j.svc.Store(); db != nil {
		if pos, ok, err := db.Position(s.name, source.JournalPath); err == nil && ok {
			opts.Start = source.Position{Path: source.JournalPath, Hash: pos.Hash, Pos: pos.Pos}
		}
	}
	sub, err := j.svc.Hub.SubscribeJournal(opts)
	if err != nil {
		j.fault("cannot read the journal", err)
		return
	}
	j.journal, s.used = sub, "systemd"
	if len(s.journal) == 0 {
		j.logf(logbook.Notice, "fail2ban.filtersystemd",
			"[%s] No journalmatch is set: every entry of the journal is looked at", s.name)
	}
}

func (j *Jail) closeJournal() {
	if j.journal == nil {
		return
	}
	j.journal.Close()
	j.journal = nil
	j.state.used = "pyinotify"
	if j.svc.Hub.Backend() == "polling" {
		j.state.used = "polling"
	}
}

// journalOptions reads the arguments of backend = systemd[…].
func journalOptions(backend string) (source.JournalOptions, error) {
	opts := source.JournalOptions{Flags: -1}
	_, args, ok := strings.Cut(backend, "[")
	if !ok {
		return opts, nil
	}
	for _, arg := range splitArgs(strings.TrimSuffix(strings.TrimSpace(args), "]")) {
		key, value, _ := strings.Cut(arg, "=")
		value = strings.Trim(strings.TrimSpace(value), `"'`)
		switch strings.TrimSpace(key) {
		case "journalpath":
			opts.Path = value
		case "journalfiles":
			opts.Files = strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
		case "journalflags":
			n, err := strconv.Atoi(value)
			if err != nil {
				return opts, fmt.Errorf("journalflags %q is no number", value)
			}
			opts.Flags = n
		case "namespace":
			opts.Namespace = value
		case "rotated":
			opts.Rotated = isTrue(value)
		default:
			return opts, fmt.Errorf("unknown argument %q", key)
		}
	}
	return opts, nil
}

// splitArgs splits at commas outside of quotes.
func splitArgs(text string) []string {
	var quote rune
	return strings.FieldsFunc(text, func(r rune) bool {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote = r
		}
		return quote == 0 && r == ','
	})
}

func isTrue(text string) bool {
	switch strings.ToLower(text) {
	case "1", "on", "true", "yes":
		return true
	}
	return false
}

func (j *Jail) logf(level logbook.Level, logger, format string, args ...any) {
	j.svc.Log(logbook.Record{Level: level, Logger: logger, Text: fmt.Sprintf(format, args...)})
}

package config

import (
	"fmt"
)

// Stream makes the commands of one jail, or of all enabled jails when jail is
// empty. The general part always leads. An error means that there is no stream
// at all.
func (t *Tree) Stream(jail string, purpose Purpose) (*Result, error) {
	return t.build(jail, purpose, func(*jailReader) {})
}

// build is Stream that shows every enabled jail it could read.
func (t *Tree) build(jail string, purpose Purpose, visit func(*jailReader)) (*Result, error) {
	r := &Result{Findings: append([]Finding(nil), t.findings...)}
	for i := range r.Findings {
		if r.Findings[i].Refuses && r.Refused == nil {
			r.Refused = &r.Findings[i]
		}
	}
	if err := t.generalPart(r); err != nil {
		return nil, err
	}
	names := t.Jails()
	if jail != "" {
		if _, ok := t.jails.section(jail); !ok {
			return nil, fmt.Errorf("No section: '%s'", jail) // Fail2ban's text
		}
		names = []string{jail}
	}
	for _, name := range names {
		t.jailBlock(name, purpose, r, visit)
	}
	for _, name := range r.Good {
		r.add(Command{Words: []any{"start", name}, Origin: t.jails.sections[name].places[0]})
	}
	return r, nil
}

// jailBlock adds the commands of one jail, if it is enabled.
func (t *Tree) jailBlock(name string, purpose Purpose, r *Result, visit func(*jailReader)) {
	j := t.newJailReader(name, purpose, r)
	on, err := j.enabled()
	if err != nil {
		j.fail(err)
		return
	}
	if !on {
		j.brokenAside()
		return
	}
	switch err := j.read(); err {
	case nil:
		r.Good = append(r.Good, name)
		r.Stream = append(r.Stream, j.out...)
		visit(j)
	case errSkipped:
		j.skip()
	default:
		j.fail(err)
	}
}

// skip leaves out a jail that asks for it when it has no log file.
func (j *jailReader) skip() {
	text := fmt.Sprintf("Jail '%s' skipped, because of missing log files.", j.name)
	j.note(Finding{
		Severity: Notice, Code: "skipped", Origin: j.place("skip_if_nologs"), Text: "the jail is left out",
		Log: text, LogLevel: levelWarning,
	})
	j.result.add(Command{Words: []any{"config-error", text}, Origin: j.place("logpath")})
}

// brokenAside reports the faults of a section that is not enabled: they cost
// nothing, but Fail2ban refuses the whole configuration for them.
func (j *jailReader) brokenAside() {
	for _, f := range j.section.broken {
		j.report(faultProblem(f))
	}
}

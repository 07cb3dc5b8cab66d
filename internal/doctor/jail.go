package doctor

import (
	"fmt"
	"time"

	"stockade/internal/api"
)

const (
	// bigLag is what may be written and not dealt with: some blocks are always
	// on their way.
	bigLag = 4 << 20
	// undatedRun is from which on lines without a date are no single ones in
	// between, as a program's stack trace is.
	undatedRun = 30
	// zoneOff is from which on a delay is an unlikely reason for old dates.
	zoneOff = 55 * time.Minute
	// recent is how long an action's failure is told of.
	recent = 24 * time.Hour
)

// jail looks at one jail.
func (d *diagnosis) jail(j *api.JailHealth) {
	if j.Idle {
		d.add(Warning, "jail-idle", j.Name, "the jail is idle: its log is not read, and its bans do not end", "fail2ban-client set "+j.Name+" idle off")
	}
	if !j.Started {
		d.add(Error, "jail-not-started", j.Name, "the jail was made and never started", "fail2ban-client start "+j.Name)
	}
	for _, f := range j.Faults {
		d.add(Warning, "jail-degraded", j.Name, "a part of the jail does not work: "+f, "stockade check says what to write instead; then: stockade reload "+j.Name)
	}
	if j.OverBudget > 0 {
		d.add(Warning, "regex-over-budget", j.Name,
			fmt.Sprintf("%d searches of a regex were given up because they took too many steps; those lines count as not matching", j.OverBudget),
			"the server's log names the regex (\"takes too many steps\"); stockade check says how to write it")
	}
	d.sources(j)
	d.actions(j)
	if d.Health.PausedUntil == nil {
		d.firewall(j)
	}
}

// sources looks at what a jail reads.
func (d *diagnosis) sources(j *api.JailHealth) {
	if len(j.Sources) == 0 && j.Started && !j.Idle {
		d.add(Error, "no-log", j.Name, "the jail has nothing to read", "set logpath, or backend = systemd, for "+j.Name)
	}
	read := 0
	for i := range j.Sources {
		if s := &j.Sources[i]; !s.Waiting && s.Error == "" {
			read++
		}
	}
	for i := range j.Sources {
		d.source(j, &j.Sources[i], read)
	}
}

// source looks at one log of a jail; read is how many of them are read.
func (d *diagnosis) source(j *api.JailHealth, s *api.Source, read int) {
	switch {
	case s.Waiting:
		severity := Error
		if read > 0 {
			severity = Notice
		}
		d.add(severity, "log-missing", j.Name, "there is no "+s.Path+", the jail waits for it",
			"set the right logpath for "+j.Name+", or backend = systemd where the service writes to the journal")
		return
	case s.Error != "":
		d.add(Error, "log-unreadable", j.Name, s.Path+" cannot be read: "+s.Error, "ls -l "+s.Path+"; let the server read it, or set another logpath")
		return
	}
	if file, ok := d.Files[s.Path]; ok && file.Err == nil && file.Modified.Sub(d.Now) > ahead {
		d.add(Error, "clock", j.Name, s.Path+" was written in the future, on "+file.Modified.Format(time.DateTime)+": the clock was set back, or is wrong",
			"compare it: date; timedatectl")
	}
	d.dates(j, s)
	if s.Lag > bigLag {
		d.add(Warning, "lag", j.Name, fmt.Sprintf("%d MiB of %s are written and not dealt with", s.Lag>>20, s.Path),
			"wait if the server has just started; else see top, and the regexes with stockade check")
	}
	if s.Cut > 0 {
		d.add(Notice, "long-lines", j.Name, fmt.Sprintf("%d lines of %s are longer than 64 KiB, only their beginnings are read", s.Cut, s.Path),
			"nothing, if the addresses stand at the beginning")
	}
}

// dates looks whether the times in a log are believable.
func (d *diagnosis) dates(j *api.JailHealth, s *api.Source) {
	off := time.Duration(s.OddSeconds) * time.Second
	switch {
	case s.Lines > 0 && s.UndatedRun > 0 && (s.UndatedRun == s.Lines || s.UndatedRun >= undatedRun):
		d.add(Warning, "no-date", j.Name, fmt.Sprintf("the last %d lines of %s have no date that is understood", s.UndatedRun, s.Path),
			"set a datepattern for "+j.Name+"; to try one: fail2ban-regex --datepattern PATTERN "+s.Path+" FILTER")
	case s.OddRun == 0:
	case off > 0:
		d.add(Warning, "clock", j.Name, fmt.Sprintf("the lines of %s are dated %s in the future", s.Path, off), zoneCure(j.Name))
	case off <= -zoneOff:
		d.add(Warning, "clock", j.Name, fmt.Sprintf("new lines of %s are dated %s in the past", s.Path, -off), zoneCure(j.Name))
	default:
		d.add(Notice, "late-lines", j.Name, fmt.Sprintf("new lines of %s come %s after their date", s.Path, -off), "see why the log is written late")
	}
}

func zoneCure(jail string) string {
	return "compare date and timedatectl with the log; if it is written in another zone: logtimezone = UTC+HH:MM for " + jail
}

// actions looks at what failed.
func (d *diagnosis) actions(j *api.JailHealth) {
	for _, a := range j.Actions {
		if a.Error != "" && a.ErrorAt != nil && d.Now.Sub(*a.ErrorAt) < recent {
			severity, what := Error, "action "
			if a.Report {
				severity, what = Warning, "report "
			}
			d.add(severity, "action-fails", j.Name, what+a.Name+" failed at "+a.ErrorAt.Local().Format(time.DateTime)+": "+a.Error,
				"run its command by hand as root; fail2ban-client get "+j.Name+" action "+a.Name+" actionban")
		}
		if a.Dropped > 0 {
			d.add(Warning, "reports-dropped", j.Name, fmt.Sprintf("%d reports of %s were given up because its queue was full", a.Dropped, a.Name), "see why they are sent so slowly")
		}
	}
}

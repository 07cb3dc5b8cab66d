package config

import (
	"fmt"
	"strings"
)

// logFiles makes the addlogpath commands of a jail, and decides what becomes
// of one whose files are missing.
func (j *jailReader) logFiles() (Stream, *problem) {
	v, ok := j.values["logpath"]
	if !ok || strings.HasPrefix(j.backend, "systemd") {
		return nil, nil
	}
	var out Stream
	var pending Stream
	for _, line := range v.text.lines() {
		pattern, mode := line.Text, "head"
		if i := strings.LastIndexByte(pattern, ' '); i >= 0 {
			pattern, mode = pattern[:i], pattern[i+1:]
		}
		files, dangling := globFiles(pattern)
		for _, f := range dangling {
			j.note(Finding{
				Severity: Warning, Code: "dangling-log", Origin: line.Origin, Quote: f,
				Text: "a symbolic link that leads nowhere",
				Log:  fmt.Sprintf("File %s is a dangling link, thus cannot be monitored", f), LogLevel: levelWarning,
			})
		}
		if len(files) == 0 {
			j.note(Finding{
				Severity: Notice, Code: "no-log", Origin: line.Origin, Quote: pattern,
				Text: "no such log file", Cure: blankCure(line.Text, mode),
				Log: fmt.Sprintf("No file(s) found for glob %s", pattern), LogLevel: levelNotice,
			})
			pending = append(pending, j.logCommand(pattern, mode, line.Origin, true))
		}
		for _, f := range files {
			out = append(out, j.logCommand(f, mode, line.Origin, false))
		}
	}
	if len(out) == 0 {
		if stop, err := j.noLogs(v.text.origin()); stop || err != nil {
			return nil, err
		}
	}
	if j.purpose == Start && !strings.HasPrefix(j.backend, "systemd") {
		out = append(out, pending...)
	}
	return out, nil
}

func (j *jailReader) logCommand(path, mode string, at Origin, pending bool) Command {
	return Command{
		Words:  []any{"set", j.name, "addlogpath", path, mode},
		Origin: at, Pending: pending, User: !at.Library,
	}
}

// blankCure explains what a blank in a log path does.
func blankCure(line, mode string) string {
	if mode == "head" || mode == "tail" || !strings.Contains(line, " ") {
		return ""
	}
	return "what follows the last blank is taken for head or tail; use ? in the place of a blank in a path"
}

// errSkipped marks a jail that is left out on its own wish.
var errSkipped = &problem{Severity: Warning, Code: "skipped"}

// noLogs decides about a jail none of whose log files exists: it goes on with
// the journal, is skipped, or waits for its files. stop says that no file is to
// be sent.
func (j *jailReader) noLogs(at Origin) (stop bool, err *problem) {
	said := fmt.Sprintf("Have not found any log file for '%s' jail.", j.name)
	journal, err := j.flag("systemd_if_nologs", true)
	if err != nil {
		return false, err
	}
	if journal && strings.HasPrefix(j.backend, "auto") && j.scope.has("journalmatch") && !j.waits() {
		j.backend = "systemd"
		j.note(Finding{
			Severity: Notice, Code: "journal-instead", Origin: at, Text: "no log file exists, the journal is read instead",
			Log: said + " Jail will monitor systemd journal.", LogLevel: levelWarning,
		})
		return true, nil
	}
	if j.waits() && at.Library && j.hasJournal() {
		j.note(Finding{
			Severity: Notice, Code: "journal-instead", Origin: at,
			Text: "no log file exists, the journal is read until one appears",
		})
		return false, nil
	}
	skip, err := j.flag("skip_if_nologs", false)
	if err != nil {
		return false, err
	}
	f := Finding{
		Severity: Warning, Code: "no-logs", Origin: at, Text: "none of the jail's log files exists",
		Cure: "the jail waits until one appears", Log: said, LogLevel: levelWarning,
	}
	if skip {
		f.Cure = "the jail is left out, as skip_if_nologs says"
		j.note(f)
		return true, errSkipped
	}
	if j.purpose == Test {
		f.Severity, f.LogLevel = Error, levelError
		if j.result.Refused == nil {
			j.result.Refused = &problem{Severity: Error, Code: f.Code, Text: said, Jail: j.name}
		}
	}
	j.note(f)
	return false, nil
}

// waits tells whether the server decides between files and journal, again and
// again: so it is with the library's own backend = auto.
func (j *jailReader) waits() bool {
	return j.tree.opts.Library != nil && j.values["backend"].text.origin().Library
}

// hasJournal tells whether the jail or its filter says what to read from the
// journal.
func (j *jailReader) hasJournal() bool {
	if j.scope.has("journalmatch") {
		return true
	}
	return j.filter != nil && j.filter.index["journalmatch"] != nil
}

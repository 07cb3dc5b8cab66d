package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"stockade/internal/ini"
	"stockade/internal/pyobj"
)

// missing is the error for a filter or action that has no file.
func (t *Tree) missing(kind *definitionKind, name, refusal string) *problem {
	p := &problem{
		Severity: Error, Code: "missing-definition", Quote: name, Log: refusal, LogLevel: levelError,
		Text: fmt.Sprintf("there is no file %s/%s.conf", filepath.Join(t.overlay.dir, kind.folder), name),
	}
	switch trimmed := strings.TrimSpace(name); {
	case trimmed != name:
		p.Cure = "no blank may stand before the bracket, and the name must stand on the option's own line"
	case strings.HasSuffix(name, ".conf") || strings.HasSuffix(name, ".local"):
		p.Cure = "leave out the extension"
	default:
		if near := nearest(name, t.overlay.definitions(kind.folder)); near != "" {
			p.Cure = fmt.Sprintf("did you mean %s?", near)
		}
	}
	return p
}

// definitions names the filters or actions of a folder, on disk and in the
// library.
func (o *overlay) definitions(folder string) []string {
	seen := map[string]bool{}
	var names []string
	add := func(file string) {
		for _, ext := range []string{".conf", ".local"} {
			if name, ok := strings.CutSuffix(file, ext); ok && !seen[name] && !strings.HasPrefix(name, ".") {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	if entries, err := os.ReadDir(filepath.Join(o.dir, folder)); err == nil {
		for _, e := range entries {
			add(e.Name())
		}
	}
	for _, name := range o.libraryNames(folder) {
		add(name)
	}
	return names
}

// specProblem is the error for name[key=value] that does not parse. part is the
// piece of the option concerned, empty for all of it.
func (j *jailReader) specProblem(option, text, part string, err error) *problem {
	if part == "" {
		part = text
	}
	p := &problem{
		Severity: Error, Code: "spec-syntax", Quote: part, LogLevel: levelError,
		Log:    fmt.Sprintf("Invalid %s definition %s: %v", option, pyobj.Repr(part), err),
		Text:   fmt.Sprintf("%s: %v", option, err),
		Origin: j.place(option),
	}
	if spec, ok := err.(*SpecError); ok {
		p.Cure = spec.Cure
		p.Column = spec.Offset + 1
	}
	return p
}

// fail drops the jail: a config-error takes the place of its commands.
func (j *jailReader) fail(err *problem) {
	message := err.said()
	j.report(err)
	j.result.Bad = append(j.result.Bad, j.name)
	j.result.add(Command{
		Words:  []any{"config-error", fmt.Sprintf("Jail '%s' skipped, because of wrong configuration: %s", j.name, message)},
		Origin: err.Origin,
	})
}

// said is what a finding is called in messages: Fail2ban's words where it has
// some, for programs that look for them.
func (f *Finding) said() string {
	if f.Log != "" {
		return f.Log
	}
	return f.Error()
}

// report keeps an error of the jail and sees to it that it is logged.
func (j *jailReader) report(err *problem) {
	if err.Refuses && j.result.Refused == nil {
		j.result.Refused = err
	}
	f := *err
	f.Jail, f.LogLevel = j.name, levelError
	if f.Log == "" {
		f.Log = f.Error()
		if f.Cure != "" {
			f.Log += " (" + f.Cure + ")"
		}
	}
	j.note(f)
}

// faultProblem turns a fault of a file into a finding. Fail2ban refuses the
// whole configuration for faults of syntax; a file it cannot decode or read
// costs the definition that needs it.
func faultProblem(f ini.Fault) *problem {
	p := &problem{
		Severity: Error, Code: faultCodes[f.Kind], Text: f.Text(), Quote: f.Quote, Cure: f.Cure(),
		Origin:  Origin{File: f.File, Line: f.Line, Library: strings.HasPrefix(f.File, "library:")},
		Refuses: f.Kind != ini.Undecodable && f.Kind != ini.TooLarge && f.Kind != ini.Unreadable,
	}
	return p
}

var faultCodes = map[ini.Kind]string{
	ini.BadSyntax:        "syntax",
	ini.NoSection:        "no-section",
	ini.DuplicateOption:  "duplicate-option",
	ini.DuplicateSection: "duplicate-section",
	ini.Undecodable:      "undecodable",
	ini.TooLarge:         "too-large",
	ini.Unreadable:       "unreadable",
}

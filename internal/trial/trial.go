// Package trial runs log lines through a filter outside of a jail: the program
// fail2ban-regex, the runner of labelled sample logs, and the explanation of
// what each regex makes of a line.
//
// It owns their command lines and reports. The report of fail2ban-regex is the
// reference's to the byte, but for the differences in docs/compat/trial.md;
// whatever the length of the log, memory holds one block of it and the lines
// that are going to be printed.
package trial

import (
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"stockade/internal/config"
	"stockade/internal/datepattern"
	"stockade/internal/filter"
	"stockade/internal/ipaddr"
)

// defaultDir is where the configuration lies unless another is named.
const defaultDir = "/etc/fail2ban"

// Exit statuses of the programs.
const (
	statusOK     = 0
	statusFailed = 1
	statusSyntax = 2
	statusError  = 255
)

// Env is the world as these programs see it.
type Env struct {
	// Program is the name in messages.
	Program        string
	Stdout, Stderr io.Writer
	// Dir is the working directory, for relative paths; empty for the process's.
	Dir string
	// ConfigDir is the configuration unless -c names another; empty for
	// /etc/fail2ban.
	ConfigDir string
	// Library lies under the configuration; nil for none.
	Library fs.FS
	// Samples are the sample logs of the library; nil for none.
	Samples fs.FS
	// Now is the present, Zone the zone of the process; nil for the machine's.
	Now  func() time.Time
	Zone *time.Location
	// Locale is the encoding that "auto" stands for; empty for UTF-8.
	Locale string
	// Resolve looks a host name up; nil finds nothing.
	Resolve func(name string) []ipaddr.ID
	// Terminal says that a person looks at Stdout.
	Terminal bool
	// Progress is where the progress of a long run is shown; nil for nowhere.
	Progress io.Writer
}

func (e *Env) now() time.Time {
	if e.Now == nil {
		return time.Now()
	}
	return e.Now()
}

func (e *Env) dates() datepattern.Env {
	return datepattern.Env{Now: e.now, Zone: e.Zone}
}

func (e *Env) zone() *time.Location {
	if e.Zone == nil {
		return time.Local
	}
	return e.Zone
}

func (e *Env) path(name string) string {
	if e.Dir == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(e.Dir, name)
}

// options are what config reads for a configuration directory; "" means the
// default one.
func (e *Env) options(dir string) config.Options {
	explicit := dir != ""
	if !explicit {
		if dir = e.ConfigDir; dir == "" {
			dir = defaultDir
		}
	}
	return config.Options{Dir: e.path(dir), Explicit: explicit, Library: e.Library}
}

// newFilter makes a filter for trials: without age checks, and without the
// causes that only a server keeps.
func (e *Env) newFilter() *filter.Filter {
	f := filter.New(e.dates())
	f.SetAgeChecks(false)
	f.SetCauses(false)
	if e.Locale != "" {
		f.SetLocale(e.Locale)
	}
	return f
}

// applyDef sets a filter up as a definition says, but for what is fixed by the
// command line.
func applyDef(f *filter.Filter, def *config.FilterDef, fixedDate bool) error {
	if def.MaxLines > 0 {
		if err := f.SetMaxLines(def.MaxLines); err != nil {
			return fmt.Errorf("maxlines of the filter: %w", err)
		}
	}
	if err := f.SetPrefregex(asRule(def.Prefregex)); err != nil {
		return err
	}
	for _, r := range def.Failregex {
		if err := f.AddFailregex(asRule(r)); err != nil {
			return err
		}
	}
	for _, r := range def.Ignoreregex {
		if err := f.AddIgnoreregex(asRule(r)); err != nil {
			return err
		}
	}
	if def.DatePattern != "" && !fixedDate {
		return f.SetDatePattern(def.DatePattern)
	}
	return nil
}

func asRule(r config.Rule) filter.Rule {
	return filter.Rule{Text: r.Text, Origin: r.Origin.String()}
}

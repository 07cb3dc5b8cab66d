package trial

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"stockade/internal/config"
	"stockade/internal/filter"
	"stockade/internal/pyobj"
)

// ruleSource is where the regexes come from.
type ruleSource struct {
	// jail says that they are those of a jail.
	jail   bool
	params []config.Param
	// journal are the journal matches of the filter.
	journal [][]string
	// dates says that the filter has a date pattern.
	dates bool
}

// namePattern tells a name or path, with options or without, from a regex.
var namePattern = regexp.MustCompile(`^([\w/.-]+?)(?:\.conf)?(\[.*\])?$`)

// readRegex finds out what the REGEX is and sets the filter up with it.
func (t *regexTrial) readRegex() error {
	def, err := t.findDefinition()
	if err != nil {
		return err
	}
	if def == nil || len(def.Failregex) == 0 {
		t.use("failregex line", shorten(t.o.regex))
		return t.filter.AddFailregex(filter.Rule{Text: t.o.regex})
	}
	if t.o.verbose > 1 {
		t.say("Real  filter options : %s\n", paramsText(t.realOptions(def)))
	}
	t.rules.journal = def.JournalMatch
	return t.applyDefinition(def)
}

// realOptions are the options that decided about the filter, as the reference
// prints them.
func (t *regexTrial) realOptions(def *config.FilterDef) []config.Param {
	logtype := raw(def, "logtype")
	if logtype == "" {
		logtype = "file"
	}
	out := []config.Param{{Name: "logtype", Value: logtype}}
	if def.DatePattern != "" {
		out = append(out, config.Param{Name: "datepattern", Value: def.DatePattern})
	}
	for _, p := range t.rules.params {
		if p.Name != "logtype" {
			out = append(out, p)
		}
	}
	if t.rules.jail {
		out = append(out, config.Param{Name: "backend", Value: t.backend()})
	}
	return out
}

func (t *regexTrial) backend() string {
	if t.isJournal() {
		return "systemd"
	}
	return "auto"
}

// applyDefinition hands the definition to the filter and prints what of it
// counts.
func (t *regexTrial) applyDefinition(def *config.FilterDef) error {
	d := *def
	if t.o.set["-L"] {
		d.MaxLines = 0
	}
	if d.MaxLines > 0 {
		t.use("maxlines", d.MaxLines)
		if d.MaxLines > 1 {
			t.filter.SetCheckAll(false)
		}
	}
	if err := applyDef(t.filter, &d, t.o.set["-d"]); err != nil {
		return err
	}
	if d.DatePattern != "" && !t.o.set["-d"] {
		t.rules.dates = true
		t.useDatePattern(d.DatePattern)
	}
	return nil
}

// findDefinition finds the jail or filter that REGEX names; nil if it names
// none and is a regex itself.
func (t *regexTrial) findDefinition() (*config.FilterDef, error) {
	m := namePattern.FindStringSubmatch(t.o.regex)
	if m == nil {
		return nil, nil
	}
	name, params, err := config.ParseSpec(t.o.regex)
	if err != nil {
		return nil, t.wrongOptions(err.Error())
	}
	t.rules.params = params
	opts := t.env.options(t.o.text["-c"])
	if opts.Explicit {
		if info, err := os.Stat(opts.Dir); err != nil || !info.IsDir() {
			return nil, t.wrongOptions(fmt.Sprintf("Base configuration directory %s does not exist ", t.o.text["-c"]))
		}
	}
	if !strings.Contains(t.o.regex, "/") && !strings.HasSuffix(name, ".conf") && !strings.HasSuffix(name, ".local") {
		if def := t.jailDefinition(opts, name, params); def != nil {
			return def, nil
		}
	}
	return t.filterDefinition(opts, name, params)
}

// wrongOptions says why a name cannot be followed.
func (t *regexTrial) wrongOptions(why string) error {
	return refusal{fmt.Sprintf("Wrong filter name or options: %s\n       while parsing: %s", why, t.o.regex)}
}

// jailDefinition reads the filter as a jail of that name would get it, nil
// where there is no such jail or it cannot be read.
func (t *regexTrial) jailDefinition(opts config.Options, name string, params []config.Param) *config.FilterDef {
	tree, err := config.Load(opts)
	if err != nil {
		return nil
	}
	def, _, err := tree.JailFilter(name, t.backend(), params)
	if err != nil || def == nil || len(def.Failregex) == 0 {
		return nil
	}
	t.use("jail", name)
	if len(t.rules.params) > 0 {
		t.use("jail/flt options", paramsText(t.rules.params))
	}
	t.rules.jail = true
	return def
}

// forLog adds what kind of log the filter is for.
func (t *regexTrial) forLog(params []config.Param) []config.Param {
	if _, ok := find(params, "logtype"); ok || !t.isJournal() {
		return params
	}
	return append(params[:len(params):len(params)], config.Param{Name: "logtype", Value: "journal"})
}

// raw is the value of an option of the definition.
func raw(def *config.FilterDef, name string) string {
	v, _ := find(def.Raw, name)
	return v
}

func find(params []config.Param, name string) (string, bool) {
	for _, p := range params {
		if p.Name == name {
			return p.Value, true
		}
	}
	return "", false
}

// filterDefinition reads a filter by name or path, nil where there is none.
func (t *regexTrial) filterDefinition(opts config.Options, name string, params []config.Param) (*config.FilterDef, error) {
	file, below := strings.CutPrefix(name, "filter.d/")
	if !below && strings.Contains(name, "/") && !inFolder(opts.Dir, name) {
		return t.foreignFilter(opts, name, params)
	}
	file = strings.TrimSuffix(filepath.Base(file), ".conf")
	if !hasFilter(opts, file) {
		return nil, nil
	}
	shownDir := t.o.text["-c"]
	if shownDir == "" {
		shownDir = opts.Dir
	}
	t.use("filter file", fmt.Sprintf("%s, basedir: %s", file, shownDir))
	t.useParams(params)
	return t.load(opts, file, params)
}

// inFolder tells whether the path is one of the filters of the directory.
func inFolder(dir, path string) bool {
	return filepath.Clean(filepath.Dir(path)) == filepath.Join(filepath.Clean(dir), "filter.d")
}

// hasFilter tells whether there is such a filter.
func hasFilter(opts config.Options, name string) bool {
	for _, ext := range []string{"", ".conf", ".local"} {
		rel := "filter.d/" + name + ext
		if info, err := os.Stat(filepath.Join(opts.Dir, rel)); err == nil && info.Mode().IsRegular() {
			return true
		}
		if opts.Library != nil {
			if info, err := fs.Stat(opts.Library, rel); err == nil && info.Mode().IsRegular() {
				return true
			}
		}
	}
	return false
}

// foreignFilter reads a filter file outside of the configuration.
func (t *regexTrial) foreignFilter(opts config.Options, name string, params []config.Param) (*config.FilterDef, error) {
	found := false
	for _, ext := range []string{"", ".conf", ".local"} {
		if info, err := os.Stat(t.env.path(name) + ext); err == nil && info.Mode().IsRegular() {
			found = true
			break
		}
	}
	if !found {
		// A path into a configuration that is not there means the library's file.
		if rest, ok := strings.CutPrefix(filepath.Clean(name), defaultDir+"/filter.d/"); ok && hasFilter(opts, rest) {
			return t.filterDefinition(opts, rest, params)
		}
		return nil, nil
	}
	t.use("filter file", name)
	t.useParams(params)
	return t.load(opts, t.env.path(name), params)
}

func (t *regexTrial) useParams(params []config.Param) {
	if len(params) > 0 {
		t.use("filter options", paramsText(params))
	}
}

func (t *regexTrial) load(opts config.Options, name string, params []config.Param) (*config.FilterDef, error) {
	def, _, err := config.ReadFilter(opts, name, t.forLog(params), "")
	if err != nil {
		var e *pyobj.Exception
		if errors.As(err, &e) {
			return nil, e
		}
		return nil, refusal{fmt.Sprintf("failed to load filter %s", t.o.regex)}
	}
	return def, nil
}

// paramsText prints parameters as a Python dict.
func paramsText(params []config.Param) string {
	d := pyobj.NewDict()
	for _, p := range params {
		d.Set(p.Name, p.Value)
	}
	return pyobj.Repr(d)
}

package trial

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"stockade/internal/config"
	"stockade/internal/datepattern"
	"stockade/internal/filter"
)

// The world of the samples: their times are local ones of this zone, and the
// present stands still.
const (
	sampleZone = "CET-01CEST-02,M3.5.0,M10.5.0"
	sampleNow  = 1124013600
	// journalDate is the date of samples for the journal.
	journalDate = "2005-08-14T10:00:00"
)

// testFlags are the options of `stockade filter test`.
var testFlags = []flag{
	{names: []string{"-h", "--help"}, help: "print this page"},
	{names: []string{"-c", "--config"}, kind: isText, meta: "DIR", help: "configuration whose filters are tested (default: the library's)"},
	{names: []string{"-v", "--verbose"}, kind: isCount, help: "name every file and what it came to"},
	{names: []string{"--library"}, kind: isText, meta: "none", help: "none: do not look into the embedded library"},
}

const testHelp = `Runs labelled log lines through the filters they are named after and tells
where a filter does not do what the label says. Without a FILE the samples of
the embedded library are run.

A FILE has the name of its filter. A line that begins with "# failJSON:" and a
JSON object labels the log line after it:

  # failJSON: { "match": true, "time": "2005-08-14T10:00:00", "host": "192.0.2.1" }
  Aug 14 10:00:00 srv sshd[1]: Failed password for root from 192.0.2.1 port 22 ssh2

Keys: match (false if absent), time, host, user or any other captured field,
attempts, users, constraint, desc. "# filterOptions:" gives the options of the
filter for all that follows, one set or a list of sets.

Options:
`

// FilterTest is `stockade filter test`.
func FilterTest(args []string, env Env) int {
	v, err := parseFlags(testFlags, args)
	if err != nil {
		fmt.Fprintf(env.Stderr, "Usage: %s filter test [OPTIONS] [FILE]…\n\n%v\n", env.Program, err)
		return statusSyntax
	}
	if v.set["-h"] {
		fmt.Fprintf(env.Stdout, "Usage: %s filter test [OPTIONS] [FILE]…\n\n%s%s", env.Program, testHelp, helpText(testFlags))
		return statusOK
	}
	zone, err := datepattern.LoadZone(sampleZone)
	if err != nil {
		fmt.Fprintf(env.Stderr, "read the zone of the samples: %v\n", err)
		return statusFailed
	}
	out := bufio.NewWriter(env.Stdout)
	defer out.Flush()
	r := &sampleRun{env: &env, out: out, opts: testOptions(&env, v), zone: zone, verbose: v.count["-v"] > 0}
	if err := r.all(v.args); err != nil {
		out.Flush()
		fmt.Fprintln(env.Stderr, err)
		return statusFailed
	}
	fmt.Fprintf(out, "%d passed, %d failed\n", r.passed, r.failed)
	if r.failed > 0 {
		return statusFailed
	}
	return statusOK
}

// testOptions says which filters are tested: those of -c, or the library's own.
func testOptions(env *Env, v *flagValues) config.Options {
	opts := config.Options{Library: env.Library}
	if v.text["--library"] == "none" {
		opts.Library = nil
	}
	switch {
	case v.set["-c"]:
		opts.Dir, opts.Explicit = env.path(v.text["-c"]), true
	case env.ConfigDir != "":
		opts.Dir = env.path(env.ConfigDir)
	default:
		opts.Dir = "/nonexistent"
	}
	return opts
}

// sampleRun is one run of sample files.
type sampleRun struct {
	env            *Env
	out            *bufio.Writer
	opts           config.Options
	zone           *time.Location
	verbose        bool
	passed, failed int
}

// all runs the files, or all samples of the library.
func (r *sampleRun) all(files []string) error {
	if len(files) == 0 {
		return r.library()
	}
	for _, file := range files {
		path := r.env.path(file)
		folder, name := filepath.Dir(path), filepath.Base(path)
		if err := r.file(os.DirFS(folder), name, file); err != nil {
			return err
		}
	}
	return nil
}

func (r *sampleRun) library() error {
	if r.env.Samples == nil {
		return errors.New("name the files with the samples")
	}
	entries, err := fs.ReadDir(r.env.Samples, ".")
	if err != nil {
		return fmt.Errorf("read the library's samples: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() || !hasFilter(r.opts, e.Name()) {
			continue
		}
		if err := r.file(r.env.Samples, e.Name(), e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// trialFilter is a filter with one set of options.
type trialFilter struct {
	f *filter.Filter
	// hits counts the lines that each failregex matched.
	hits []int
	name string
}

// file runs the samples of one filter, and the files that they add.
func (r *sampleRun) file(folder fs.FS, name, shown string) error {
	passed, failed := r.passed, r.failed
	s := &sampleFile{folder: folder, sets: []optionSet{{}}}
	filters := map[string]*trialFilter{}
	queue := []string{name}
	for len(queue) > 0 {
		file := queue[0]
		queue = queue[1:]
		where := filepath.Join(filepath.Dir(shown), file)
		err := s.each(file, func(x sample) error { return r.line(name, where, x, filters) })
		if err != nil {
			return err
		}
		queue = append(queue, s.more...)
		s.more = nil
	}
	r.unhit(shown, filters)
	if r.verbose {
		fmt.Fprintf(r.out, "%s: %d passed, %d failed\n", shown, r.passed-passed, r.failed-failed)
	}
	return nil
}

// line runs one line with each set of options that it is for.
func (r *sampleRun) line(name, where string, x sample, filters map[string]*trialFilter) error {
	for _, set := range x.sets {
		if c, ok := set["test.condition"]; ok {
			if yes, err := holds(c, name, set); err != nil || !yes {
				if err != nil {
					return err
				}
				continue
			}
		}
		if c, ok := x.expect["constraint"].(string); ok {
			if yes, err := holds(c, name, set); err != nil || !yes {
				if err != nil {
					return err
				}
				continue
			}
		}
		tf := filters[set.key()]
		if tf == nil {
			var err error
			if tf, err = r.open(name, set); err != nil {
				return err
			}
			filters[set.key()] = tf
		}
		if why := r.try(tf, set, x); why != "" {
			r.failed++
			fmt.Fprintf(r.out, "%s:%d: %s%s\n    %s\n", where, x.number, why, tf.name, x.text)
			continue
		}
		r.passed++
	}
	return nil
}

// try runs a line through a filter; the result says what is wrong.
func (r *sampleRun) try(tf *trialFilter, set optionSet, x sample) string {
	ln := filter.Line{Text: x.text, InOperation: true}
	now := time.Unix(sampleNow, 0)
	if set["logtype"] == "journal" {
		ln.Text = append([]byte(set["test.prefix-line"]), x.text...)
		ln.Given = &filter.Given{Date: journalDate, Time: now, IntegerTime: true}
	}
	fails, info := tf.f.Process(now, ln)
	if info.Err != nil {
		return info.Err.Error()
	}
	for i := range fails {
		tf.hits[fails[i].Index]++
	}
	return x.expect.check(fails, r.zone)
}

// open reads the filter with one set of options.
func (r *sampleRun) open(name string, set optionSet) (*trialFilter, error) {
	params := set.params()
	var list []config.Param
	for k, v := range params {
		list = append(list, config.Param{Name: k, Value: v})
	}
	sort.Slice(list, func(a, b int) bool { return list[a].Name < list[b].Name })
	def, _, err := config.ReadFilter(r.opts, name, list, name)
	if err != nil {
		return nil, fmt.Errorf("read filter %s: %w", name, err)
	}
	env := *r.env
	env.Zone = r.zone
	env.Now = func() time.Time { return time.Unix(sampleNow, 0) }
	f := env.newFilter()
	f.SetCheckAll(true)
	f.SetRawHosts(true)
	if err := applyDef(f, def, false); err != nil {
		return nil, fmt.Errorf("filter %s: %w", name, err)
	}
	tf := &trialFilter{f: f, hits: make([]int, len(f.Failregex()))}
	if len(list) > 0 {
		var parts []string
		for _, p := range list {
			parts = append(parts, p.Name+"="+p.Value)
		}
		tf.name = " [" + strings.Join(parts, ",") + "]"
	}
	return tf, nil
}

// unhit tells of failregexes that no sample was for. One that another set of
// options hit with the same text counts as hit.
func (r *sampleRun) unhit(shown string, filters map[string]*trialFilter) {
	hit := map[string]bool{}
	for _, tf := range filters {
		for i, text := range tf.f.Failregex() {
			hit[text] = hit[text] || tf.hits[i] > 0
		}
	}
	var missing []string
	for _, tf := range filters {
		for i, rule := range tf.f.Rules() {
			text := tf.f.Failregex()[i]
			if why := fmt.Sprintf("%s: no sample matches failregex %d%s: %s\n", shown, i+1, tf.name, rule.Text); !hit[text] {
				missing = append(missing, why)
			}
		}
	}
	slices.Sort(missing)
	for _, m := range missing {
		r.failed++
		fmt.Fprint(r.out, m)
	}
}

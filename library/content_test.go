package library_test

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"stockade/internal/config"
	"stockade/internal/filter"
	"stockade/internal/filter/filtertest"
	"stockade/library"
)

// everything takes all that a filter hands to its expressions.
const everything = `^(?P<a>.*)(?P<fid>\b|$)`

// otherContent are the filters that hand on something else than the
// reference's in some lines, with the reason.
var otherContent = map[string]string{
	"dovecot":         "the auth process' own line has user and address before the driver, which an expression takes here and the prefregex there",
	"nginx-http-auth": "a user whose name is a whole message: two addresses could be meant, and none is taken",
}

// TestExpressionsSeeWhatTheReferenceShowsThem compares the text that is left
// of a line for the failregexes: what users add to a filter in a .local file is
// written for that.
func TestExpressionsSeeWhatTheReferenceShowsThem(t *testing.T) {
	folder := os.DirFS(referenceSamples(t))
	d := filtertest.Start(t, sampleZone)
	for _, name := range ourFilters(t) {
		if !fileExists(d.Dir + "/etc/fail2ban/filter.d/" + name + ".conf") {
			continue
		}
		file, err := readSamples(folder, name)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		differs, n, example := compareContents(t, d, name, file)
		t.Logf("%-20s %d of %d", name, n-differs, n)
		if why := otherContent[name]; (why == "") != (differs == 0) {
			t.Errorf("%s hands on another text in %d of %d lines, listed for %q\n%s", name, differs, n, why, example)
		}
	}
}

// contents is one filter, ours and the reference's, set up to take everything.
type contents struct {
	ours   *filter.Filter
	theirs int
	batch  []filtertest.Line
	mine   []string
}

func compareContents(t *testing.T, d *filtertest.Driver, name string, file *sampleFile) (differs, n int, example string) {
	t.Helper()
	byOptions := map[string]*contents{}
	for _, s := range file.samples {
		key := fmt.Sprint(s.params())
		if !s.attack {
			continue
		}
		if byOptions[key] == nil {
			byOptions[key] = openContents(t, d, name, s.params())
		}
		c := byOptions[key]
		if c == nil {
			continue
		}
		line := s.options["test.prefix-line"] + s.text
		l := filtertest.Line{Text: []byte(line), Now: sampleNow}
		if s.options["logtype"] == "journal" {
			l.Date, l.Time = journalDate, sampleNow
		}
		c.batch = append(c.batch, l)
		c.mine = append(c.mine, contentOf(c.ours, line, l.Date != ""))
	}
	for _, c := range byOptions {
		if c == nil {
			continue
		}
		for i, result := range d.Run(c.theirs, c.batch) {
			theirs := "-"
			for _, row := range result.Rows {
				if at := slices.IndexFunc(row.Data, func(kv [2]any) bool { return kv[0] == "a" }); at >= 0 {
					theirs = fmt.Sprint(row.Data[at][1])
				}
			}
			n++
			if theirs != c.mine[i] {
				differs++
				example = fmt.Sprintf("    theirs %q\n    ours   %q", theirs, c.mine[i])
			}
		}
		d.Drop(c.theirs)
	}
	return differs, n, example
}

// openContents gives nil for filters that hand on whole lines in both trees.
func openContents(t *testing.T, d *filtertest.Driver, name string, params map[string]string) *contents {
	t.Helper()
	def, _, err := config.ReadFilter(config.Options{Dir: "/nonexistent", Library: library.Files()}, name, paramList(params), name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	options := map[string]string{"logtype": "file"}
	for key, value := range params {
		options[key] = value
	}
	spec := d.Read(d.Dir+"/etc/fail2ban", name, options)
	if spec.Prefregex == "" && def.Prefregex.Text == "" {
		return nil
	}
	spec.Failregex, spec.Ignoreregex, spec.MaxLines = []string{everything}, nil, 1
	spec.All, spec.Raw = true, true
	def.Failregex, def.Ignoreregex, def.MaxLines = []config.Rule{{Text: everything}}, nil, 1
	return &contents{ours: buildFilter(t, name, def), theirs: d.Make(spec)}
}

func contentOf(f *filter.Filter, line string, journal bool) string {
	now := time.Unix(sampleNow, 0)
	ln := filter.Line{Text: []byte(line), InOperation: true}
	if journal {
		ln.Given = &filter.Given{Date: journalDate, Time: now, IntegerTime: true}
	}
	fails, _ := f.Process(now, ln)
	for i := range fails {
		if value := fails[i].Data.Find("a"); value != nil {
			return value.Text
		}
	}
	return "-"
}

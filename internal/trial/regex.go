package trial

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"stockade/internal/config"
	"stockade/internal/filter"
	"stockade/internal/logbook"
)

// gcPercent is how much garbage may gather, relative to the little that lives.
const gcPercent = 1000

// shown is how much of a literal line or regex the header shows.
const shown = 50

// Regex is the program fail2ban-regex.
func Regex(args []string, env Env) int {
	o, status, done := parseRegexOptions(args, &env)
	if done {
		return status
	}
	out := bufio.NewWriterSize(env.Stdout, 1<<16)
	t := &regexTrial{env: &env, o: o, out: out, filter: env.newFilter()}
	status = t.run()
	if err := out.Flush(); err != nil && !errors.Is(err, syscall.EPIPE) {
		fmt.Fprintf(env.Stderr, "write the report: %v\n", err)
		return statusFailed
	}
	return status
}

// regexTrial is one run of fail2ban-regex.
type regexTrial struct {
	env     *Env
	o       *regexOptions
	out     *bufio.Writer
	filter  *filter.Filter
	rules   ruleSource
	stats   stats
	present time.Time
}

// refusal is an error that ends the run with one line.
type refusal struct{ text string }

func (r refusal) Error() string { return r.text }

func (t *regexTrial) run() int {
	if err := t.prepare(); err != nil {
		fmt.Fprintf(t.out, "ERROR: %v\n", err)
		return statusError
	}
	// One block and the lines to be listed are all that is kept, so collecting
	// often would only cost time.
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	begin := time.Now()
	if err := t.process(); err != nil {
		fmt.Fprintf(t.out, "ERROR: %v\n", err)
		return statusError
	}
	t.stats.took = time.Since(begin)
	if !t.o.quiet() {
		t.report()
	}
	return statusOK
}

// prepare sets the filter up and prints what will be used.
func (t *regexTrial) prepare() error {
	t.say("\nRunning tests\n=============\n\n")
	if err := t.applyOptions(); err != nil {
		return err
	}
	if err := t.readRegex(); err != nil {
		return err
	}
	if t.o.hasIgnore {
		if err := t.readIgnoreregex(); err != nil {
			return err
		}
	}
	t.flushRecords()
	t.filter.SetLight(!t.o.quiet() && t.filter.MaxLines() <= 1)
	t.stats.init(len(t.filter.Failregex()), len(t.filter.Ignoreregex()), t.o)
	return nil
}

// say prints a part of the report, which -o leaves out.
func (t *regexTrial) say(format string, args ...any) {
	if !t.o.quiet() {
		fmt.Fprintf(t.out, format, args...)
	}
}

// use prints one line of the header.
func (t *regexTrial) use(what string, value any) {
	t.say("Use %16s : %v\n", what, value)
}

// applyOptions hands the options to the filter in the order in which their
// lines are printed.
func (t *regexTrial) applyOptions() error {
	f, o := t.filter, t.o
	f.SetCheckAll(o.check)
	if o.set["-d"] {
		if err := f.SetDatePattern(o.text["-d"]); err != nil {
			return err
		}
		t.useDatePattern(o.text["-d"])
	}
	if o.set["--timezone"] {
		if err := f.SetLogTimezone(o.text["--timezone"]); err != nil {
			return err
		}
	}
	if o.set["-e"] {
		if err := f.SetLogEncoding(o.text["-e"]); err != nil && t.isFile() {
			return err
		}
	} else if err := f.SetLogEncoding("auto"); err != nil {
		return err
	}
	f.SetRawHosts(o.set["-r"])
	if o.set["--usedns"] {
		if err := f.SetUseDNS(o.text["--usedns"]); err != nil {
			return err
		}
	}
	if o.maxLines != 0 {
		if err := f.SetMaxLines(o.maxLines); err != nil {
			return err
		}
		t.use("maxlines", o.maxLines)
	}
	return nil
}

// useDatePattern prints which date pattern counts: with the name of the
// template where there is one, or a word for the list of default ones.
func (t *regexTrial) useDatePattern(pattern string) {
	_, name, _ := t.filter.DatePattern()
	t.use("datepattern", pattern+" : "+name)
}

// readIgnoreregex takes what replaces the filter's own: an expression, or the
// path of a file, whose ignoreregex it is.
func (t *regexTrial) readIgnoreregex() error {
	rules := []config.Rule{{Text: t.o.ignore}}
	if info, err := os.Stat(t.env.path(t.o.ignore)); err == nil && info.Mode().IsRegular() {
		t.use("ignoreregex file", t.o.ignore)
		def, err := t.load(t.env.options(t.o.text["-c"]), t.env.path(t.o.ignore), nil)
		if err != nil {
			return err
		}
		rules = def.Ignoreregex
	} else {
		t.use("ignoreregex line", shorten(t.o.ignore))
	}
	for range t.filter.Ignoreregex() {
		t.filter.DelIgnoreregex(0)
	}
	for _, r := range rules {
		if err := t.filter.AddIgnoreregex(asRule(r)); err != nil {
			return err
		}
	}
	return nil
}

// shorten cuts a text to what the header shows of it.
func shorten(text string) string {
	if r := []rune(text); len(r) > shown+3 {
		return string(r[:shown]) + "..."
	}
	return text
}

// isFile tells whether the log is a file.
func (t *regexTrial) isFile() bool {
	info, err := os.Stat(t.env.path(t.o.log))
	return err == nil && info.Mode().IsRegular()
}

// process runs the log through the filter.
func (t *regexTrial) process() error {
	log := t.o.log
	switch {
	case t.isFile():
		t.use("log file", log)
		t.use("encoding", t.filter.LogEncoding())
		t.say("\n")
		file, err := os.Open(t.env.path(log))
		if err != nil {
			return refusal{fmt.Sprintf("[Errno 13] Permission denied: '%s'", log)}
		}
		defer file.Close()
		return t.readLog(file, fileSize(file))
	case t.isJournal():
		return t.readJournal()
	case strings.Contains(log, "\n") || t.filter.MaxLines() > 1:
		t.sayLines(strings.Split(log, "\n"))
	default:
		t.use("single line", shorten(log))
	}
	t.say("\n")
	for line := range strings.SplitSeq(log, "\n") {
		if err := t.line([]byte(line)); err != nil {
			return err
		}
	}
	return nil
}

// sayLines shows the first of several literal lines.
func (t *regexTrial) sayLines(lines []string) {
	const first = 5
	t.say("Use      multi line : %d line(s)\n", len(lines))
	for i, l := range lines {
		if i >= first {
			t.say("| ...\n")
			break
		}
		t.say("|  %d: %s\n", i+1, shorten(l))
	}
	t.say("`-\n")
}

// flushRecords prints what the filter logged, from the wanted level on.
func (t *regexTrial) flushRecords() { t.printRecords(t.filter.TakeRecords()) }

func (t *regexTrial) printRecords(records []logbook.Record) {
	for _, r := range records {
		if r.Level >= t.o.level {
			fmt.Fprintf(t.out, "%s %-23s [%d]: %-7s %s\n", t.env.now().In(t.env.zone()).Format("2006-01-02 15:04:05,000"), r.Logger, os.Getpid(), r.Level, r.Text)
		}
	}
}

func fileSize(f *os.File) int64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// blockSize is how much of a log is read at once.
const blockSize = 1 << 20

// readLog runs the complete lines of a file through the filter.
func (t *regexTrial) readLog(r io.Reader, size int64) error {
	p := newProgress(t.env.Progress, size)
	defer p.done()
	return eachLine(r, t.filter.Split(), func(line []byte) error {
		p.add(len(line) + 1)
		return t.line(line)
	})
}

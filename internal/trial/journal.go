package trial

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"stockade/internal/config"
	"stockade/internal/filter"
	"stockade/internal/logbook"
	"stockade/internal/source"
)

const (
	// journalPrefix is how a LOG argument names the journal.
	journalPrefix = "systemd-journal"
	// journalPoll is how often it is looked whether the journal's end is reached.
	journalPoll = 10 * time.Millisecond
)

// isJournal tells whether the log is the journal.
func (t *regexTrial) isJournal() bool {
	return strings.HasPrefix(t.o.log, journalPrefix) && !t.isFile()
}

// readJournal runs the entries of the journal through the filter, from the
// first to the last one.
func (t *regexTrial) readJournal() error {
	t.say("Use         systemd journal\n")
	t.use("encoding", t.filter.LogEncoding())
	opts, err := t.journalOptions()
	if err != nil {
		return err
	}
	if len(opts.Matches) > 0 {
		var lines []string
		for _, m := range opts.Matches {
			lines = append(lines, strings.Join(m, " "))
		}
		t.say("Use    journal match : %s\n", strings.Join(lines, " "))
	}
	t.say("\n")
	batches := make(chan *source.Batch)
	stop := make(chan struct{})
	opts.Sink = func(b *source.Batch) {
		select {
		case batches <- b:
		case <-stop:
			b.Release()
		}
	}
	opts.Notice = func(r logbook.Record) {}
	hub := source.New(source.Options{})
	defer hub.Close()
	defer close(stop)
	sub, err := hub.SubscribeJournal(opts)
	if err != nil {
		return err
	}
	tick := time.NewTicker(journalPoll)
	defer tick.Stop()
	for {
		// Whether the end was reached is asked before it is waited for a batch, so
		// that none that was on its way is missed.
		state := sub.State()
		select {
		case b := <-batches:
			err := t.journalBatch(b)
			b.Release()
			if err != nil {
				return err
			}
		case <-tick.C:
			if state.InOperation || state.Err != nil {
				return nil
			}
		}
	}
}

func (t *regexTrial) journalBatch(b *source.Batch) error {
	for i := range b.Lines {
		l := &b.Lines[i]
		fails, info := t.filter.Process(t.now(), filter.Line{
			Text: l.Text, InOperation: true, Given: &filter.Given{Date: l.Stamp, Time: l.Time},
		})
		if err := t.count(fails, info); err != nil {
			return err
		}
	}
	return nil
}

// journalOptions reads the arguments in brackets and the matches.
func (t *regexTrial) journalOptions() (source.JournalOptions, error) {
	opts := source.JournalOptions{Flags: -1, Matches: t.rules.journal}
	_, params, err := config.ParseSpec(t.o.log)
	if err != nil {
		return opts, refusal{err.Error()}
	}
	for _, p := range params {
		switch p.Name {
		case "journalpath":
			opts.Path = p.Value
		case "journalfiles":
			opts.Files = strings.FieldsFunc(p.Value, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
		case "journalflags":
			n, err := strconv.ParseInt(p.Value, 0, 32)
			if err != nil {
				return opts, refusal{fmt.Sprintf("invalid literal for int() with base 0: '%s'", p.Value)}
			}
			opts.Flags = int(n)
		case "namespace":
			opts.Namespace = p.Value
		case "rotated":
			opts.Rotated = p.Value != "" && p.Value != "0" && !strings.EqualFold(p.Value, "off") && !strings.EqualFold(p.Value, "false") && !strings.EqualFold(p.Value, "no")
		default:
			return opts, refusal{fmt.Sprintf("the journal has no option %s", p.Name)}
		}
	}
	if t.o.set["-m"] {
		opts.Matches = [][]string{strings.Fields(t.o.text["-m"])}
	}
	for _, m := range opts.Matches {
		for _, word := range m {
			if word != "+" && !strings.Contains(word, "=") {
				return opts, refusal{fmt.Sprintf("Error adding journal match for: '%s'", strings.Join(m, " "))}
			}
		}
	}
	return opts, nil
}

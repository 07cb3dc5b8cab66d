package replay

import (
	"context"
	"time"

	"stockade/internal/logbook"
	"stockade/internal/source"
)

// journalName is what stands in Outcome.Sources for the journal.
const journalName = "the journal"

// journalPoll is how often it is looked whether the journal's end is reached.
const journalPoll = 10 * time.Millisecond

// readsJournal decides between files and the journal as a running jail does.
func (p *player) readsJournal() bool {
	switch {
	case p.state.UsedBackend() == "systemd":
		return true
	case p.state.Backend() != "auto" || len(p.state.JournalMatches()) == 0 || !source.HasJournal():
		return false
	}
	for _, path := range p.state.LogPaths() {
		if !path.Pending || path.User {
			return false
		}
	}
	return true
}

// journal plays the entries of the journal that the jail would get.
func (p *player) journal(ctx context.Context) error {
	batches, stop := make(chan *source.Batch), make(chan struct{})
	hub := source.New(source.Options{})
	defer hub.Close()
	defer close(stop)
	sub, err := hub.SubscribeJournal(source.JournalOptions{
		Matches: p.state.JournalMatches(), Flags: -1, Since: p.span.Since,
		Notice: func(logbook.Record) {},
		Sink: func(b *source.Batch) {
			select {
			case batches <- b:
			case <-stop:
				b.Release()
			}
		},
	})
	if err != nil {
		return err
	}
	p.out.Sources = append(p.out.Sources, journalName)
	tick := time.NewTicker(journalPoll)
	defer tick.Stop()
	for {
		// Whether the end was reached is asked before a batch is waited for, so
		// that none that was on its way is missed.
		state := sub.State()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case b := <-batches:
			p.entries(b)
			b.Release()
		case <-tick.C:
			if state.InOperation || state.Err != nil {
				return state.Err
			}
		}
	}
}

// entries takes each entry in at its own time.
func (p *player) entries(b *source.Batch) {
	for i := range b.Lines {
		l := b.Lines[i]
		if l.Time.Before(p.span.Since) || l.Time.After(p.span.Until) {
			continue
		}
		p.line(&source.Batch{Kind: source.Journal, Path: b.Path, InOperation: true, Lines: []source.Line{l}}, l.Time)
	}
}

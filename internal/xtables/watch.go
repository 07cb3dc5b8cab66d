package xtables

import (
	"context"
	"errors"
	"strings"
	"time"

	"stockade/internal/ipaddr"
)

// Changes calls changed whenever something was removed from the tables of
// nftables in which iptables keeps its rules, until ctx is done. program is who
// did it, "" if unknown.
type Changes func(ctx context.Context, changed func(program string)) error

const (
	// settleFor is how long removals are gathered before one look at them: a
	// flush comes in several, and our own unbans are removals too.
	settleFor = 100 * time.Millisecond
	// lookEvery is how often the tables of the old kind are looked at, which
	// tell nobody of changes.
	lookEvery = time.Second
	// lookShare keeps the looking to a small part of the time where it is slow,
	// because the chains are long.
	lookShare = 10
)

// Watch calls lost whenever somebody removed rules, chains or sets of the wall,
// until ctx is done.
func (w *Wall) Watch(ctx context.Context, changes Changes, lost func(gone *Gone, program string)) {
	if w.onNFTables() && changes != nil {
		removed := make(chan string, 1)
		if changes(ctx, func(program string) { notify(removed, program) }) == nil {
			w.watchEvents(ctx, removed, lost)
			return
		}
	}
	w.watchCounts(ctx, lost)
}

// notify keeps the latest stranger's name.
func notify(removed chan string, program string) {
	select {
	case removed <- program:
	default:
		if strings.Contains(program, "-restor") || strings.Contains(program, "-resto") {
			return
		}
		select {
		case <-removed:
		default:
		}
		select {
		case removed <- program:
		default:
		}
	}
}

// onNFTables tells whether iptables is the one built upon nftables.
func (w *Wall) onNFTables() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	out, err := w.exec("", w.spec.Families[0].Program[0], "-V")
	return err == nil && strings.Contains(out, "nf_tables")
}

func (w *Wall) watchEvents(ctx context.Context, removed chan string, lost func(*Gone, string)) {
	for {
		program := ""
		select {
		case <-ctx.Done():
			return
		case program = <-removed:
		}
		if !sleep(ctx, settleFor) {
			return
		}
		select {
		case program = <-removed:
		default:
		}
		took := w.look(program, lost)
		if !sleep(ctx, took*lookShare) {
			return
		}
	}
}

// look checks, tells of what is gone, and returns how long the check took.
func (w *Wall) look(program string, lost func(*Gone, string)) time.Duration {
	began := time.Now()
	err := w.Check()
	took := time.Since(began)
	var gone *Gone
	if errors.As(err, &gone) {
		lost(gone, program)
	}
	return took
}

func (w *Wall) watchCounts(ctx context.Context, lost func(*Gone, string)) {
	last := map[ipaddr.Family]int{}
	for sleep(ctx, lookEvery) {
		changed := false
		for _, fam := range w.Started() {
			n, ok := countRules(fam)
			if !ok {
				continue
			}
			changed = changed || n != last[fam]
			last[fam] = n
		}
		if !changed {
			continue
		}
		if !sleep(ctx, w.look("", lost)*lookShare) {
			return
		}
		for _, fam := range w.Started() {
			if n, ok := countRules(fam); ok {
				last[fam] = n
			}
		}
	}
}

// sleep waits; false means that ctx is done.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

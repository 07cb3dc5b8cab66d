package xtables

import (
	"errors"
	"strings"

	"stockade/internal/ipaddr"
)

// Held is the number of bans.
func (w *Wall) Held() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, s := range w.sides {
		n += len(s.held)
	}
	return n
}

// Started are the families whose rules are in the kernel.
func (w *Wall) Started() []ipaddr.Family {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []ipaddr.Family
	for _, s := range w.sides {
		if s.started {
			out = append(out, s.spec.Family)
		}
	}
	return out
}

// Flush lifts all bans and leaves the rest, as the stock action does it.
func (w *Wall) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	for _, s := range w.sides {
		if len(s.held) == 0 {
			continue
		}
		err := w.restore(&s.spec, s.spec.flushLines())
		if err == nil || s.spec.isMissing(err) {
			s.forget()
			continue
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Settle lifts what was found at the start and nobody banned since. It returns
// how many that were.
func (w *Wall) Settle() (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	var errs []error
	for _, s := range w.sides {
		var stale []Ban
		for _, e := range s.each() {
			if e.leftover {
				stale = append(stale, e.ban)
			}
		}
		n += len(stale)
		errs = append(errs, w.remove(s, stale)...)
	}
	return n, errors.Join(errs...)
}

// Stop takes everything away.
func (w *Wall) Stop() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	for _, s := range w.sides {
		if s.started {
			errs = append(errs, w.stop(s))
		}
	}
	return errors.Join(errs...)
}

// Check tells what is missing in the kernel, nil if nothing is.
func (w *Wall) Check() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.sides {
		if s.started {
			if what := w.missing(s); what != nil {
				return what
			}
		}
	}
	return nil
}

// Heal makes anew what is missing and puts every ban back. It returns how many
// bans it had to put back.
func (w *Wall) Heal() (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	var errs []error
	for _, s := range w.sides {
		if !s.started || w.missing(s) == nil {
			continue
		}
		back, err := w.rebuild(s)
		n += back
		errs = append(errs, err)
	}
	return n, errors.Join(errs...)
}

// Respec changes what the wall looks like and keeps its bans.
func (w *Wall) Respec(spec Spec) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if spec.equal(&w.spec) {
		return nil
	}
	w.spec = spec
	var errs []error
	for _, s := range w.sides {
		kept, was := s.each(), s.started
		if was {
			errs = append(errs, w.stop(s))
		}
		for _, f := range spec.Families {
			if f.Family == s.spec.Family {
				s.spec = f
			}
		}
		if !was {
			continue
		}
		bans := make([]Ban, len(kept))
		for i, e := range kept {
			bans[i] = e.ban
		}
		if err := w.start(s); err != nil {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, w.add(s, bans)...)
	}
	return errors.Join(errs...)
}

// shown are a rule's words in one line of the input of a restore.
func shown(words []string) string { return strings.Join(words, " ") }

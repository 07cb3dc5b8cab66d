// Package xtables holds bans in chains of iptables and in sets of ipset, as
// Fail2ban's stock actions lay them out, in batches.
//
// It owns what those programs are told: the jump rules in the chains of the
// system, the chain or set of a jail with its bans, and the list of what ought
// to be in it. A Wall belongs to one action of one jail. It promises:
//
//   - A batch of any size is one run of iptables-restore (without flushing) or
//     ipset restore. Each operation gets a verdict of its own: a refused batch
//     is halved until the guilty ones are found.
//   - Chains, rules and sets are those of the stock actions, so that people's
//     eyes and scripts find them.
//   - What was found in the chain or set at the start counts as a leftover of an
//     earlier run: it stays in force until Settle, which lifts all of it that
//     was not banned anew.
//   - Lifting what is not there succeeds.
//
// A Wall is used by several goroutines. Programs are ended with all their
// children when they exceed their time.
package xtables

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"stockade/internal/ipaddr"
)

// Ban is an ID with the seconds that its ban lasts, -1 for ever. Sets may take
// them as time-out.
type Ban struct {
	ID      ipaddr.ID
	Seconds int64
}

// Wall is what one action of one jail keeps in the kernel by these programs.
type Wall struct {
	run func(input string, timeout time.Duration, argv ...string) (string, error)

	mu      sync.Mutex
	spec    Spec
	timeout time.Duration
	sides   []*side
}

// side is the part of a wall for one address family.
type side struct {
	spec    FamilySpec
	started bool
	// held are the bans in the order of their making.
	held  map[ipaddr.ID]*entry
	order []*entry
	// removed counts the entries of order that are gone.
	removed int
}

// entry is a ban that is in force.
type entry struct {
	ban Ban
	// rest is the rule after the address as it was found in the kernel, "" for
	// our own; leftover says that nobody asked for it yet.
	rest     string
	leftover bool
	gone     bool
}

// New makes a wall that is not in the kernel yet. Programs may take as long as
// timeout says.
func New(spec Spec, timeout time.Duration) *Wall {
	w := &Wall{run: runProgram, spec: spec, timeout: timeout}
	for _, f := range spec.Families {
		w.sides = append(w.sides, &side{spec: f, held: map[ipaddr.ID]*entry{}})
	}
	return w
}

func (w *Wall) side(fam ipaddr.Family) *side {
	for _, s := range w.sides {
		if s.spec.Family == fam {
			return s
		}
	}
	return nil
}

// exec runs one of the programs.
func (w *Wall) exec(input string, argv ...string) (string, error) {
	return w.run(input, w.timeout, argv...)
}

// Start makes chains, sets and rules of the families where they are missing.
// Ban does it by itself.
func (w *Wall) Start(families ...ipaddr.Family) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, fam := range families {
		s := w.side(fam)
		if s == nil || s.started {
			continue
		}
		if err := w.start(s); err != nil {
			return err
		}
	}
	return nil
}

// Add bans IDs and gives each a verdict. Those that are banned already are
// told so by success.
func (w *Wall) Add(bans []Ban) []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.perFamily(bans, func(s *side, bans []Ban) []error {
		if !s.started {
			if err := w.start(s); err != nil {
				return all(len(bans), err)
			}
		}
		return w.add(s, bans)
	})
}

// Remove lifts bans and gives each a verdict.
func (w *Wall) Remove(ids []ipaddr.ID) []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	bans := make([]Ban, len(ids))
	for i, id := range ids {
		bans[i].ID = id
	}
	return w.perFamily(bans, w.remove)
}

// perFamily splits a batch by address family and joins the verdicts.
func (w *Wall) perFamily(bans []Ban, do func(*side, []Ban) []error) []error {
	verdicts := make([]error, len(bans))
	parts := map[*side][]int{}
	for i, b := range bans {
		s := w.side(b.ID.Family())
		if s == nil {
			verdicts[i] = fmt.Errorf("iptables cannot hold %q", b.ID.String())
			continue
		}
		parts[s] = append(parts[s], i)
	}
	for _, s := range w.sides {
		where := parts[s]
		if len(where) == 0 {
			continue
		}
		batch := make([]Ban, len(where))
		for i, at := range where {
			batch[i] = bans[at]
		}
		for i, err := range do(s, batch) {
			verdicts[where[i]] = err
		}
	}
	return verdicts
}

func all(n int, err error) []error {
	out := make([]error, n)
	for i := range out {
		out[i] = err
	}
	return out
}

// add bans in one family.
func (w *Wall) add(s *side, bans []Ban) []error {
	verdicts := make([]error, len(bans))
	var fresh []int
	seen := map[ipaddr.ID]bool{}
	for i, b := range bans {
		if e := s.held[b.ID]; e != nil {
			e.leftover = false
			if s.spec.Set == nil || e.ban.Seconds == b.Seconds {
				continue
			}
		}
		if !seen[b.ID] {
			seen[b.ID] = true
			fresh = append(fresh, i)
		}
	}
	w.halve(fresh, verdicts, func(part []int) error {
		lines := make([]string, len(part))
		for i, at := range part {
			lines[i] = s.spec.addLine(bans[at])
		}
		return w.restore(&s.spec, lines)
	})
	for _, i := range fresh {
		if verdicts[i] == nil {
			s.hold(&entry{ban: bans[i]})
		}
	}
	return verdicts
}

// remove lifts in one family what is held there.
func (w *Wall) remove(s *side, bans []Ban) []error {
	verdicts := make([]error, len(bans))
	var there []int
	for i, b := range bans {
		if s.held[b.ID] != nil {
			there = append(there, i)
		}
	}
	w.halve(there, verdicts, func(part []int) error {
		gone := make([]*entry, len(part))
		for i, at := range part {
			gone[i] = s.held[bans[at].ID]
		}
		return w.lift(s, gone)
	})
	for _, i := range there {
		if verdicts[i] != nil && s.spec.isMissing(verdicts[i]) {
			verdicts[i] = nil
		}
		if verdicts[i] == nil {
			s.drop(bans[i].ID)
		}
	}
	return verdicts
}

// fewRules is how many rules are deleted one by one. Each deletion compares the
// rules of the whole chain; to write the chain anew costs as much as some ten.
const fewRules = 8

// lift takes bans out of the kernel.
func (w *Wall) lift(s *side, gone []*entry) error {
	if s.spec.Set == nil && len(gone) > fewRules {
		return w.rewrite(s, gone)
	}
	lines := make([]string, len(gone))
	for i, e := range gone {
		lines[i] = s.spec.removeLine(e)
	}
	return w.restore(&s.spec, lines)
}

// rewrite writes the chain anew without some bans, in one transaction. Rules of
// others that stand in it stay where they are.
func (w *Wall) rewrite(s *side, gone []*entry) error {
	f := &s.spec
	listing, err := w.rules(f, "-S", f.Chain)
	if err != nil {
		return err
	}
	out := map[ipaddr.ID]bool{}
	for _, e := range gone {
		out[e.ban.ID] = true
	}
	lines := []string{"-F " + f.Chain}
	for line := range strings.Lines(listing) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "-A ") {
			continue
		}
		if ban := parseRules(f, line); len(ban) == 1 && out[ban[0].ban.ID] {
			continue
		}
		lines = append(lines, line)
	}
	return w.restoreRules(f, lines)
}

// halve does a batch as a whole, and where that is refused in halves, down to
// the single operations that cannot be done.
func (w *Wall) halve(batch []int, verdicts []error, do func([]int) error) {
	if len(batch) == 0 {
		return
	}
	err := do(batch)
	if err == nil {
		return
	}
	if len(batch) == 1 || errors.Is(err, errTimeout) {
		for _, i := range batch {
			verdicts[i] = err
		}
		return
	}
	half := len(batch) / 2
	w.halve(batch[:half], verdicts, do)
	w.halve(batch[half:], verdicts, do)
}

func (s *side) hold(e *entry) {
	if old := s.held[e.ban.ID]; old != nil {
		old.ban = e.ban
		return
	}
	s.held[e.ban.ID] = e
	s.order = append(s.order, e)
}

func (s *side) drop(id ipaddr.ID) {
	e := s.held[id]
	if e == nil {
		return
	}
	e.gone = true
	delete(s.held, id)
	if s.removed++; s.removed > len(s.order)/2 {
		s.order = slices.DeleteFunc(s.order, func(e *entry) bool { return e.gone })
		s.removed = 0
	}
}

func (s *side) forget() {
	s.held, s.order, s.removed = map[ipaddr.ID]*entry{}, nil, 0
}

// each lists the bans, the oldest first.
func (s *side) each() []*entry {
	return slices.DeleteFunc(slices.Clone(s.order), func(e *entry) bool { return e.gone })
}

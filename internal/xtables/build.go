package xtables

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// start makes what is missing of a side and takes over what an earlier run left.
func (w *Wall) start(s *side) error {
	var err error
	if s.spec.Set != nil {
		err = w.startSet(s)
	} else {
		err = w.startChain(s)
	}
	s.started = err == nil
	return err
}

func (w *Wall) startChain(s *side) error {
	f := &s.spec
	var lines []string
	var found []*entry
	if listing, err := w.rules(f, "-S", f.Chain); err != nil {
		if errors.Is(err, errNoProgram) {
			return err
		}
		lines = append(lines, "-N "+f.Chain, "-A "+f.Chain+" -j "+shown(f.Return))
	} else {
		found = parseRules(f, listing)
		if !w.has(f, f.Chain, append([]string{"-j"}, f.Return...)) {
			lines = append(lines, "-A "+f.Chain+" -j "+shown(f.Return))
		}
	}
	if f.Log != "" {
		lines = append(lines, w.logLines(f)...)
	}
	lines = append(lines, w.jumpLines(f)...)
	if err := w.restoreRules(f, lines); err != nil {
		return err
	}
	slices.Reverse(found)
	for _, e := range found {
		if s.held[e.ban.ID] == nil {
			s.hold(e)
		}
	}
	return nil
}

// logLines make the chain that logs.
func (w *Wall) logLines(f *FamilySpec) []string {
	if _, err := w.rules(f, "-S", f.Log); err == nil {
		return nil
	}
	lines := []string{"-N " + f.Log}
	for _, rule := range f.LogRules {
		lines = append(lines, "-A "+f.Log+" "+shown(rule))
	}
	return lines
}

// jumpLines insert the jumps that are missing.
func (w *Wall) jumpLines(f *FamilySpec) []string {
	var lines []string
	for _, j := range f.Jumps {
		if !w.has(f, j.Chain, j.Rule) {
			lines = append(lines, "-I "+j.Chain+" 1 "+shown(j.Rule))
		}
	}
	return lines
}

// has tells whether a chain has a rule.
func (w *Wall) has(f *FamilySpec, chain string, rule []string) bool {
	_, err := w.rules(f, append([]string{"-C", chain}, rule...)...)
	return err == nil
}

func (w *Wall) startSet(s *side) error {
	f := &s.spec
	var found []*entry
	if listing, err := w.exec("", "ipset", "save", f.Set.Name); err == nil {
		found = parseMembers(f, listing)
	} else if errors.Is(err, errNoProgram) {
		return err
	} else if _, err := w.exec("create "+f.Set.Name+" "+shown(f.Set.Create)+"\n", "ipset", "-exist", "restore"); err != nil {
		return err
	}
	if err := w.restoreRules(f, w.jumpLines(f)); err != nil {
		return err
	}
	for _, e := range found {
		if s.held[e.ban.ID] == nil {
			s.hold(e)
		}
	}
	return nil
}

// missing tells what is not in the kernel.
func (w *Wall) missing(s *side) error {
	f := &s.spec
	for _, j := range f.Jumps {
		if !w.has(f, j.Chain, j.Rule) {
			return &Gone{"rule", j.Chain}
		}
	}
	if f.Set != nil {
		listing, err := w.exec("", "ipset", "save", f.Set.Name)
		if err != nil {
			return &Gone{"set", f.Set.Name}
		}
		// Sets with time-outs lose elements by themselves.
		if f.Set.Timeout == 0 && len(parseMembers(f, listing)) < s.singles() {
			return &Gone{"set", f.Set.Name}
		}
		return nil
	}
	listing, err := w.rules(f, "-S", f.Chain)
	if err != nil {
		return &Gone{"chain", f.Chain}
	}
	there := map[string]bool{}
	for _, e := range parseRules(f, listing) {
		there[e.ban.ID.String()] = true
	}
	for id := range s.held {
		if !there[id.String()] {
			return &Gone{"chain", f.Chain}
		}
	}
	return nil
}

// singles counts the bans of single addresses: sets of addresses hold networks
// as all their addresses.
func (s *side) singles() int {
	n := 0
	for id := range s.held {
		if id.IsAddr() {
			n++
		}
	}
	return n
}

// Gone is what somebody took away.
type Gone struct {
	// What is "rule", "chain" or "set", and Name the chain or set.
	What, Name string
}

func (g *Gone) Error() string { return fmt.Sprintf("the %s %s is missing or empty", g.What, g.Name) }

// rebuild makes a side anew with all its bans. It returns their number.
func (w *Wall) rebuild(s *side) (int, error) {
	f, held := &s.spec, s.each()
	if f.Set != nil {
		if _, err := w.exec("create "+f.Set.Name+" "+shown(f.Set.Create)+"\n", "ipset", "-exist", "restore"); err != nil {
			return 0, err
		}
		lines := make([]string, len(held))
		for i, e := range held {
			lines[i] = f.addLine(e.ban)
		}
		if len(lines) > 0 {
			if err := w.restore(f, lines); err != nil {
				return 0, err
			}
		}
		return len(held), w.restoreRules(f, w.jumpLines(f))
	}
	var lines []string
	if _, err := w.rules(f, "-S", f.Chain); err != nil {
		lines = append(lines, "-N "+f.Chain)
	} else {
		lines = append(lines, "-F "+f.Chain)
	}
	if f.Log != "" {
		lines = append(lines, w.logLines(f)...)
	}
	for _, e := range slices.Backward(held) {
		e.rest = ""
		lines = append(lines, "-A "+f.Chain+" "+f.rule(e.ban.ID))
	}
	lines = append(append(lines, "-A "+f.Chain+" -j "+shown(f.Return)), w.jumpLines(f)...)
	return len(held), w.restoreRules(f, lines)
}

// destroyPause is how long a set may stay in use after its last rule is gone.
const destroyPause = 100 * time.Millisecond

// stop takes a side away. Rules that are gone already are no failure.
func (w *Wall) stop(s *side) error {
	f := &s.spec
	var errs []error
	note := func(err error) {
		if err != nil && !f.isMissing(err) {
			errs = append(errs, err)
		}
	}
	for _, j := range f.Jumps {
		_, err := w.rules(f, append([]string{"-D", j.Chain}, j.Rule...)...)
		note(err)
	}
	if f.Set != nil {
		note(w.restore(f, []string{"flush " + f.Set.Name}))
		note(w.destroy(f))
	} else {
		var lines []string
		for _, chain := range []string{f.Chain, f.Log} {
			if chain != "" {
				lines = append(lines, "-F "+chain)
			}
		}
		for _, chain := range []string{f.Chain, f.Log} {
			if chain != "" {
				lines = append(lines, "-X "+chain)
			}
		}
		note(w.restoreRules(f, lines))
	}
	s.started = false
	s.forget()
	return errors.Join(errs...)
}

// destroy removes a set; the kernel may hold on to it for a moment.
func (w *Wall) destroy(f *FamilySpec) error {
	var err error
	for range 10 {
		if err = w.restore(f, []string{"destroy " + f.Set.Name}); err == nil || !strings.Contains(err.Error(), "in use") {
			return err
		}
		time.Sleep(destroyPause)
	}
	return err
}

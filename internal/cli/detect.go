package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"stockade/internal/config"
	"stockade/internal/host"
	"stockade/internal/replay"
	"stockade/internal/source"
	"stockade/library"
)

const (
	// previewDays is how far back the preview looks, and previewTime how long
	// it may take: what it has by then is shown.
	previewDays = 7
	previewTime = 2 * time.Minute
	// previewShown is how many addresses are named.
	previewShown = 3
)

// proposal is a jail that fits this machine.
type proposal struct {
	watched
	// Why says what was found, On that the jail is enabled already.
	Why string `json:"why"`
	On  bool   `json:"on"`
	// Banned are those whom it would have banned in the last days.
	Banned []replay.Ban `json:"banned"`
	// Unread says what of the logs could not be read.
	Unread string `json:"unread,omitempty"`

	stream config.Stream
}

// detectVerb proposes jails by what runs on the machine, and enables them.
func (s *stockade) detectVerb(args []string) int {
	options, rest, err := s.parse(args, "yes", "conf=", "json")
	if err != nil || len(rest) > 0 {
		return s.misuse("detect", err)
	}
	dir := confDir(options)
	tree, err := config.Load(config.Options{Dir: dir, Library: s.env.Library})
	if err != nil {
		s.complain("read the configuration: %v", err)
		return wentWrong
	}
	facts := host.Look(os.DirFS("/"))
	fit, blind := s.proposals(tree, dir, facts)
	s.preview(fit)
	if options.has("json") {
		return s.printProposals(fit, options.has("yes"), dir)
	}
	s.printf("%s\n", orNothing(facts.System))
	s.tellProposals(fit, blind)
	var off []string
	for _, p := range fit {
		if !p.On {
			off = append(off, p.Jail)
		}
	}
	if len(off) == 0 {
		s.printf("\nThere is nothing to switch on.\n")
		return 0
	}
	if !options.has("yes") && !s.confirm(len(off)) {
		return 0
	}
	if status := s.enableAll(dir, off); status != 0 {
		return status
	}
	return s.takeUp(options)
}

// takeUp has the server of the configuration read what is new, if one runs.
func (s *stockade) takeUp(options values) int {
	if _, err := s.call(options, []string{"ping"}); err != nil {
		s.printf("a Stockade that is started now takes it up; to start one: systemctl start stockade, or stockade run\n")
		return 0
	}
	var args []string
	if conf, ok := options["conf"]; ok {
		args = []string{"--conf=" + conf}
	}
	return s.reloadVerb(args)
}

// proposals are the jails of services that are on this machine; blind are
// those without anything to read, with the reason.
func (s *stockade) proposals(tree *config.Tree, dir string, facts *host.Facts) (fit []*proposal, blind []string) {
	on := enabledJails(tree)
	hasJournal := source.HasJournal()
	for _, service := range library.Services() {
		why := foundBy(service, facts)
		if why == "" {
			continue
		}
		for _, jail := range service.Jails {
			stream, err := s.streamOf(dir, jail)
			if err != nil {
				blind = append(blind, err.Error())
				continue
			}
			p := &proposal{watched: watchedOf(stream, jail), Why: why, On: slices.Contains(on, jail), stream: stream}
			if len(p.Files) == 0 && !p.readsJournal(hasJournal) {
				blind = append(blind, fmt.Sprintf("%s: %s watches %s", service.Name, jail, p.source(hasJournal)))
				continue
			}
			fit = append(fit, p)
		}
	}
	return fit, blind
}

// enabledJails are those that the configuration has on.
func enabledJails(tree *config.Tree) []string {
	result, err := tree.Stream("", config.Start)
	if err != nil {
		return nil
	}
	return append(slices.Clone(result.Good), result.Bad...)
}

// foundBy says by what a service was recognised, "" if it is not here.
func foundBy(service library.Service, facts *host.Facts) string {
	for _, name := range service.Programs {
		p := facts.Programs[name]
		if p == nil {
			continue
		}
		var ports []string
		for _, port := range p.Ports {
			ports = append(ports, fmt.Sprintf("%d/%s", port.Number, port.Proto))
		}
		if len(ports) > 0 {
			return fmt.Sprintf("%s listens on %s", service.Name, strings.Join(ports, ", "))
		}
		return service.Name + " runs"
	}
	for _, name := range service.Packages {
		if facts.Packages[name] {
			return service.Name + " is installed"
		}
	}
	return ""
}

// preview fills in whom each jail would have banned.
func (s *stockade) preview(fit []*proposal) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), previewTime, fmt.Errorf("stopped after %s", previewTime))
	defer cancel()
	now := time.Now()
	span := replay.Span{Since: now.AddDate(0, 0, -previewDays), Until: now}
	for _, p := range fit {
		outcomes, err := replay.Run(ctx, p.stream, span)
		for _, o := range outcomes {
			p.Banned = append(p.Banned, o.Bans...)
			if err == nil {
				err = o.Err
			}
		}
		if err != nil {
			p.Unread = err.Error()
		}
	}
}

func (s *stockade) tellProposals(fit []*proposal, blind []string) {
	for _, p := range fit {
		state := ""
		if p.On {
			state = " (is on)"
		}
		s.printf("\n%s%s: %s\n", p.Jail, state, p.Why)
		s.explain(p.watched, source.HasJournal())
		s.printf("  last %d days: %s\n", previewDays, p.wouldHave())
		if p.Unread != "" {
			s.printf("  not all of it could be read: %s\n", printable(p.Unread))
		}
	}
	for _, text := range blind {
		s.printf("\nleft out: %s\n", printable(text))
	}
}

// wouldHave says whom the jail would have banned.
func (p *proposal) wouldHave() string {
	switch n := len(p.Banned); n {
	case 0:
		return "nobody would have been banned"
	case 1:
		return fmt.Sprintf("1 address would have been banned (%s)", printable(p.Banned[0].ID))
	default:
		most := slices.Clone(p.Banned)
		slices.SortStableFunc(most, func(a, b replay.Ban) int { return b.Times - a.Times })
		var names []string
		for _, b := range most[:min(n, previewShown)] {
			names = append(names, fmt.Sprintf("%s %d times", printable(b.ID), b.Times))
		}
		return fmt.Sprintf("%d addresses would have been banned (%s%s)", n, strings.Join(names, ", "),
			map[bool]string{true: ", …"}[n > previewShown])
	}
}

func (s *stockade) printProposals(fit []*proposal, yes bool, dir string) int {
	if fit == nil {
		fit = []*proposal{}
	}
	value, err := json.Marshal(fit)
	if err != nil {
		s.complain("%v", err)
		return wentWrong
	}
	s.printJSON(value)
	if !yes {
		return 0
	}
	for _, p := range fit {
		if p.On {
			continue
		}
		if _, _, err := switchJail(dir, p.Jail, true); err != nil {
			s.complain("%v", err)
			return wentWrong
		}
	}
	return 0
}

// confirm asks whether to go on.
func (s *stockade) confirm(n int) bool {
	s.printf("\nSwitch %d on? [y/N] ", n)
	answer, err := bufio.NewReader(s.env.Stdin).ReadString('\n')
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer == "y" || answer == "yes" {
		return true
	}
	if err != nil {
		s.printf("\n")
	}
	s.printf("Nothing was changed. Without a question: stockade detect --yes\n")
	return false
}

func (s *stockade) enableAll(dir string, jails []string) int {
	s.printf("\n")
	for _, name := range jails {
		path, _, err := switchJail(dir, name, true)
		if err != nil {
			s.complain("%v", err)
			return wentWrong
		}
		s.printf("%s is on now: %s\n", name, path)
	}
	return 0
}

package jail

import (
	"math"
	"regexp"
	"slices"
	"time"

	"stockade/internal/action"
	"stockade/internal/filter"
	"stockade/internal/ignore"
	"stockade/internal/logbook"
	"stockade/internal/pyobj"
	"stockade/internal/tally"
)

// Name is the jail's name.
func (s *State) Name() string { return s.name }

// Backend is the backend as it was configured, with its arguments.
func (s *State) Backend() string { return s.backend }

// UsedBackend is the backend really in use: "pyinotify", "polling" or
// "systemd", empty before the start.
func (s *State) UsedBackend() string { return s.used }

// Filter gives access to regexes, datepattern, encoding, usedns and maxlines.
func (s *State) Filter() *filter.Filter { return s.filter }

// Ignore gives access to ignoreip, ignoreself, ignorecommand and ignorecache.
func (s *State) Ignore() *ignore.Rules { return s.ignore }

// Escalation gives access to the bantime.* options.
func (s *State) Escalation() *tally.Escalation { return &s.escalation }

// Idle says whether the jail neither reads nor bans.
func (s *State) Idle() bool { return s.idle }

// SetIdle lets the jail rest, or go on.
func (s *State) SetIdle(on bool) {
	s.idle = on
	s.eff.Sources = true
}

// MaxRetry is the number of failures that leads to a ban.
func (s *State) MaxRetry() int { return s.limits.MaxRetry }

// SetMaxRetry sets maxretry.
func (s *State) SetMaxRetry(n int) {
	s.limits.MaxRetry = n
	s.log(logbook.Info, logFilter, "  maxRetry: %d", n)
}

// MaxMatches is the number of lines kept with a ticket.
func (s *State) MaxMatches() int { return s.limits.MaxMatches }

// SetMaxMatches sets maxmatches.
func (s *State) SetMaxMatches(n int) { s.limits.MaxMatches = n }

// FindTime is in seconds and may have a fraction.
func (s *State) FindTime() float64 { return s.limits.FindTime }

// SetFindTime sets findtime; text is the number as Python prints it.
func (s *State) SetFindTime(secs float64, text string) {
	s.limits.FindTime = secs
	s.filter.SetFindTime(seconds(secs))
	s.log(logbook.Info, logFilter, "  findtime: %s", text)
}

// seconds makes a duration of a number of seconds, as long as one can be.
func seconds(n float64) time.Duration {
	if d := n * float64(time.Second); d < math.MaxInt64 {
		return time.Duration(d)
	}
	return math.MaxInt64
}

// BanTime is in seconds, -1 for no end.
func (s *State) BanTime() int64 { return s.bantime }

// SetBanTime sets bantime.
func (s *State) SetBanTime(seconds int64) {
	s.bantime = seconds
	s.log(logbook.Info, logActions, "  banTime: %d", seconds)
}

// LogPaths lists the files that are watched, pending ones included.
func (s *State) LogPaths() []LogPath { return slices.Clone(s.paths) }

// AddLogPath watches one more file. A second time is only reported.
func (s *State) AddLogPath(p LogPath) {
	if slices.ContainsFunc(s.paths, func(o LogPath) bool { return o.Path == p.Path }) {
		s.log(logbook.Error, logFilter, "%s already exists", p.Path)
		return
	}
	s.paths = append(s.paths, p)
	s.eff.Sources = true
}

// DelLogPath stops watching a file; an unknown one is no error.
func (s *State) DelLogPath(path string) {
	s.paths = slices.DeleteFunc(s.paths, func(p LogPath) bool { return p.Path == path })
	s.eff.Sources = true
}

// JournalMatches lists the alternatives of journalmatch.
func (s *State) JournalMatches() [][]string { return slices.Clone(s.journal) }

// journalField is FIELD=value with a field that can be looked for.
var journalField = regexp.MustCompile(`(?s)^(?:_?[A-Z0-9][A-Z0-9_]*|_)=`)

// AddJournalMatch adds words, where "+" separates alternatives. With strict
// each has to be one that the journal can look for, or none is added.
func (s *State) AddJournalMatch(words []string, strict bool) error {
	matches := splitMatches(words)
	for _, w := range slices.Concat(matches...) {
		if strict && !journalField.MatchString(w) {
			return pyobj.Errorf("ValueError", "Invalid match")
		}
	}
	s.journal = append(s.journal, matches...)
	s.eff.Sources = true
	return nil
}

// DelJournalMatch removes alternatives, all that are named or none.
func (s *State) DelJournalMatch(words []string) error {
	matches, left := splitMatches(words), slices.Clone(s.journal)
	absent := len(matches) == 0
	for _, m := range matches {
		i := slices.IndexFunc(left, func(o []string) bool { return slices.Equal(o, m) })
		if absent = i < 0; absent {
			break
		}
		left = slices.Delete(left, i, i+1)
	}
	if absent {
		return pyobj.Errorf("ValueError", "Match %s not found", pyobj.Repr(toAny(words)))
	}
	s.journal = left
	s.eff.Sources = true
	return nil
}

func splitMatches(words []string) [][]string {
	var all [][]string
	var one []string
	for _, w := range append(slices.Clone(words), "+") {
		if w != "+" {
			one = append(one, w)
			continue
		}
		if len(one) > 0 {
			all = append(all, one)
		}
		one = nil
	}
	return all
}

func toAny(words []string) []any {
	list := make([]any, len(words))
	for i, w := range words {
		list[i] = w
	}
	return list
}

// Actions lists the configured actions in order.
func (s *State) Actions() []ActionSpec { return slices.Clone(s.actions) }

// AddAction configures an action. For a running jail use Jail.AddAction.
func (s *State) AddAction(spec ActionSpec) error {
	if s.actionIndex(spec.Name) >= 0 {
		return pyobj.Errorf("ValueError", "Action %s already exists", spec.Name)
	}
	s.actions = append(s.actions, spec)
	return nil
}

// SetActionSource says where an action's definition came from.
func (s *State) SetActionSource(name string, src *action.Source) {
	if i := s.actionIndex(name); i >= 0 {
		s.actions[i].Source = src
	}
}

// SetActionProperty configures a property of an action that is not running.
func (s *State) SetActionProperty(name, prop string, value any) error {
	i := s.actionIndex(name)
	if i < 0 {
		return pyobj.Errorf("KeyError", "Invalid Action name: %s", name)
	}
	s.actions[i].Props = append(s.actions[i].Props, Prop{Name: prop, Value: value})
	return nil
}

func (s *State) actionIndex(name string) int {
	return slices.IndexFunc(s.actions, func(a ActionSpec) bool { return a.Name == name })
}

// View is what status commands print of a jail. It is a copy.
type View struct {
	Name, Backend, Used       string
	Failed, FailedTotal       int
	Files                     []string
	Journal                   [][]string
	Banned, BannedTotal       int
	BannedIDs                 []string
	Idle                      bool
	Faults                    []string
	OverBudget, EvictedIDs    int
	UsesJournal, HasLogSource bool
}

// View copies what there is to show. List is false for a view without the
// banned IDs.
func (s *State) View(now time.Time, list bool) View {
	s.tally.Cleanup(now, s.limits.FindTime)
	v := View{
		Name: s.name, Backend: s.backend, Used: s.used,
		Failed: s.tally.Len(), FailedTotal: s.tally.Total(),
		Journal: s.JournalMatches(), Banned: s.bans.Len(), BannedTotal: s.bans.Total(),
		Idle: s.idle, Faults: s.Faults(), EvictedIDs: s.tally.Evicted(),
		OverBudget: s.filter.BudgetHits(), UsesJournal: s.used == "systemd",
	}
	for _, p := range s.paths {
		if !p.Pending {
			v.Files = append(v.Files, p.Path)
		}
	}
	v.HasLogSource = v.UsesJournal || len(v.Files) > 0
	if list {
		for _, t := range s.bans.List() {
			v.BannedIDs = append(v.BannedIDs, t.ID.String())
		}
	}
	return v
}

// BanView is one ban as listings show it.
type BanView struct {
	ID      string
	Start   time.Time
	Bantime int64
}

// Bans lists the bans in the order of banning, or of their end.
func (s *State) Bans(byEnd bool) []BanView {
	tickets := s.bans.List()
	if byEnd {
		tickets = s.bans.ByEnd()
	}
	views := make([]BanView, len(tickets))
	for i, t := range tickets {
		views[i] = BanView{ID: t.ID.String(), Start: t.Time, Bantime: t.Bantime}
	}
	return views
}

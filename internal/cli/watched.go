package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"stockade/internal/config"
	"stockade/internal/pyexpr"
)

// watched is what a jail comes to, for people to read.
type watched struct {
	Jail string `json:"jail"`
	// Files are the log files that are there, Missing those that are not.
	Files   []string `json:"files"`
	Missing []string `json:"missing,omitempty"`
	// Journal are the matches for the systemd journal.
	Journal []string `json:"journal,omitempty"`
	Backend string   `json:"backend"`
	Actions []string `json:"actions"`
	Limits  string   `json:"limits"`
}

// watchedOf reads from a stream what a jail watches and does.
func watchedOf(stream config.Stream, jail string) watched {
	w := watched{Jail: jail, Files: []string{}, Actions: []string{}}
	limits := map[string]string{}
	for _, c := range stream {
		words := shownWords(c.Words)
		if len(words) < 3 || words[1] != jail {
			continue
		}
		if words[0] == "add" {
			w.Backend = words[2]
		}
		if words[0] != "set" || len(words) < 4 {
			continue
		}
		switch words[2] {
		case "addlogpath":
			if c.Pending {
				w.Missing = append(w.Missing, words[3])
			} else {
				w.Files = append(w.Files, words[3])
			}
		case "addjournalmatch":
			w.Journal = append(w.Journal, strings.Join(words[3:], " "))
		case "addaction":
			w.Actions = append(w.Actions, words[3])
		case "maxretry", "findtime", "bantime":
			limits[words[2]] = words[3]
		}
	}
	w.Limits = limitsText(limits)
	return w
}

func shownWords(words []any) []string {
	out := make([]string, len(words))
	for i, word := range words {
		out[i] = fmt.Sprint(word)
	}
	return out
}

// limitsText says when and for how long is banned.
func limitsText(limits map[string]string) string {
	ban := "bans for " + spanText(limits["bantime"])
	if strings.HasPrefix(limits["bantime"], "-") {
		ban = "bans for ever"
	}
	return fmt.Sprintf("%s after %s failures within %s", ban, limits["maxretry"], spanText(limits["findtime"]))
}

// spanText is a time span as it was written, where it was in words already.
func spanText(text string) string {
	seconds, err := pyexpr.Seconds(text)
	if err != nil || strings.Trim(text, "0123456789") != "" {
		return text
	}
	n, _ := seconds.Float64()
	return strings.TrimSuffix(strings.TrimSuffix(time.Duration(n*float64(time.Second)).String(), "0s"), "0m")
}

// readsJournal tells whether the jail reads the journal as things are now.
func (w watched) readsJournal(hasJournal bool) bool {
	if strings.HasPrefix(w.Backend, "systemd") {
		return true
	}
	return w.Backend == "auto" && len(w.Journal) > 0 && len(w.Files) == 0 && hasJournal
}

// source says in a line where a jail's lines come from.
func (w watched) source(hasJournal bool) string {
	switch {
	case w.readsJournal(hasJournal):
		return "the journal (" + strings.Join(w.Journal, " or ") + ")"
	case len(w.Files) > 0:
		return strings.Join(w.Files, ", ")
	case len(w.Missing) > 0:
		return "nothing yet: there is no " + strings.Join(w.Missing, " and no ")
	}
	return "nothing: it has no logpath"
}

// actions says in a line what is done to whom is banned.
func (w watched) actions() string {
	names := slices.Clone(w.Actions)
	return strings.Join(names, ", ")
}

// explain prints what a jail watches and does.
func (s *stockade) explain(w watched, hasJournal bool) {
	s.printf("  watches  %s\n", printable(w.source(hasJournal)))
	s.printf("  bans     %s, by %s\n", strings.TrimPrefix(w.Limits, "bans "), printable(w.actions()))
}

package action

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
)

// stockDigestsText lists, one in a line, the digests of the stock actions and
// their names. scripts/action-digests makes it from Debian's packages of
// Fail2ban.
//
//go:embed digests.txt
var stockDigestsText string

// ownDigestsText is the same of our own actions, which packages also write to
// /etc/fail2ban. Earlier versions stay in it: files there may be older than the
// program. The test of this file adds what is new, with -update.
//
//go:embed digests-own.txt
var ownDigestsText string

var (
	stockDigests = sync.OnceValue(func() map[string][]string { return readDigests(stockDigestsText) })
	ownDigests   = sync.OnceValue(func() map[string][]string { return readDigests(ownDigestsText) })
)

func readDigests(text string) map[string][]string {
	m := map[string][]string{}
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] != "#" {
			m[f[0]] = append(m[f[0]], f[1:]...)
		}
	}
	return m
}

// knownNames finds the actions, the stock ones or ours, whose merged raw
// definition has a digest, and whose they are. One with a native form comes
// first.
func knownNames(digest string) (names []string, whose string) {
	names, whose = slices.Clone(stockDigests()[digest]), "Fail2ban's stock"
	if len(names) == 0 {
		names, whose = slices.Clone(ownDigests()[digest]), "Stockade's own"
	}
	slices.SortStableFunc(names, func(a, b string) int {
		switch {
		case hasForm(a) == hasForm(b):
			return 0
		case hasForm(a):
			return -1
		}
		return 1
	})
	return names, whose
}

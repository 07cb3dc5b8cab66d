package action

import (
	_ "embed"
	"strings"
	"sync"
)

// stockDigestsText lists, one in a line, the digests of the stock actions and
// their names. scripts/action-digests makes it
// from Debian's packages of Fail2ban.
//
//go:embed digests.txt
var stockDigestsText string

var stockDigests = sync.OnceValue(func() map[string][]string {
	m := map[string][]string{}
	for line := range strings.Lines(stockDigestsText) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] != "#" {
			m[f[0]] = append(m[f[0]], f[1:]...)
		}
	}
	return m
})

// stockNames finds the stock actions whose merged raw definition has a digest.
func stockNames(digest string) []string { return stockDigests()[digest] }

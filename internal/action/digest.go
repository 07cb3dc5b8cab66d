package action

import (
	_ "embed"
	"strings"
	"sync"
)

// stockDigestsText lists, one in a line, the digests of the stock actions that
// have a native form here, and their names. scripts/action-digests makes it
// from Debian's packages of Fail2ban.
//
//go:embed digests.txt
var stockDigestsText string

var stockDigests = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(stockDigestsText) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] != "#" {
			m[f[0]] = f[1]
		}
	}
	return m
})

// stockName finds the stock action whose merged raw definition has a digest,
// "" if none has.
func stockName(digest string) string { return stockDigests()[digest] }

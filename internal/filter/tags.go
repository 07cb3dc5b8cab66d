package filter

import (
	"regexp"
	"strconv"
	"strings"
)

// What the address tags stand for. These texts are seen by users: in error
// messages, in `get JAIL failregex` and in reports.
const (
	tagIP4  = `(?:::f{4,6}:)?(?P<ip4>(?:\d{1,3}\.){3}\d{1,3})`
	tagIP6  = `(?P<ip6>(?:[0-9a-fA-F]{1,4}::?|:){1,7}(?:[0-9a-fA-F]{1,4}|(?<=:):))`
	tagDNS  = `(?P<dns>[\w\-.^_]*\w)`
	tagCIDR = `(?P<cidr>\d+)`
	tagBoth = `(?:` + tagIP4 + `|` + tagIP6 + `)`
	tagADDR = `\[?` + tagBoth + `\]?`
	tagHOST = `(?:` + tagADDR + `|` + tagDNS + `)`
	tagNet  = `\[?` + tagBoth + `(?:/` + tagCIDR + `)?\]?`
)

// fixedTags are the tags that stand for a whole expression.
var fixedTags = map[string]string{
	"<IP4>": tagIP4, "<F-IP4/>": tagIP4,
	"<IP6>": tagIP6, "<F-IP6/>": tagIP6,
	"<DNS>": tagDNS, "<F-DNS/>": tagDNS,
	"<ADDR>": tagADDR, "<F-ADDR/>": tagADDR,
	"<CIDR>": tagCIDR, "<F-CIDR/>": tagCIDR,
	"<SUBNET>": tagNet, "<F-SUBNET/>": tagNet,
	"<F-ID/>": `(?P<fid>\S+)`, "<F-PORT/>": `(?P<fport>\w+)`,
}

// groupNames are the tags whose group is not named as they are.
var groupNames = map[string]string{"id": "fid", "port": "fport"}

var (
	tagPattern = regexp.MustCompile(`</?[\p{L}\p{N}_-]+/?>`)
	namedTag   = regexp.MustCompile(`^<(/?)F-([A-Z0-9_-]+)>$`)
	// scopedFlags finds a group that begins with a global flag setting.
	scopedFlags = regexp.MustCompile(`(^|[^\\])\((?:\?:)?\(\?([a-z]+)\)`)
)

// ExpandTags replaces the tags of a filter expression by what they stand for.
// With usedns "no" a <HOST> is an address only. Unknown tags stay as they are.
func ExpandTags(regex, usedns string) string {
	skips := 0
	open := map[string]bool{}
	return tagPattern.ReplaceAllStringFunc(regex, func(tag string) string {
		switch tag {
		case "<HOST>":
			if usedns == "no" {
				return tagADDR
			}
			return tagHOST
		case "<SKIPLINES>":
			skips++
			return `\n(?P<skiplines` + strconv.Itoa(skips-1) + `>(?:(?:.*\n)*?))`
		}
		if x, ok := fixedTags[tag]; ok {
			return x
		}
		m := namedTag.FindStringSubmatch(tag)
		if m == nil {
			return tag
		}
		name := strings.ToLower(m[2])
		if m[1] == "" {
			open[name] = true
			if n, ok := groupNames[name]; ok {
				name = n
			}
			return "(?P<" + name + ">"
		}
		if open[name] {
			return ")"
		}
		return tag
	})
}

// SearchText is a regex as it is searched: with its tags expanded, and in the
// form that today's Python takes.
func SearchText(regex, usedns string) string { return scopeFlags(ExpandTags(regex, usedns)) }

// scopeFlags rewrites a group that begins with a global flag, ((?i)x), which
// Python no longer takes, to the scoped form (?i:x). It is not told apart
// whether the text stands in a character class; the reference does not either.
func scopeFlags(regex string) string {
	if !strings.Contains(regex, "(?") {
		return regex
	}
	for {
		// One after the other: a rewritten group may directly precede the next.
		next := scopedFlags.ReplaceAllString(regex, "${1}(?${2}:")
		if next == regex {
			return next
		}
		regex = next
	}
}

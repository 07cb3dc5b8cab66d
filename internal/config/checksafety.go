package config

import (
	"fmt"
	"strconv"
	"strings"

	"stockade/internal/ini"
	"stockade/internal/ipaddr"
)

// checkSafety looks at the options that say whom no log line may have banned.
func (c *checker) checkSafety(j *jailReader) {
	if v, ok := j.values["never"]; ok {
		for _, word := range safetyWords(v.text.text) {
			if id := ipaddr.Parse(word); !id.IsAddr() && !id.IsNet() {
				c.add(Finding{
					Severity: Error, Code: "bad-never", Origin: v.text.origin(), Quote: "never = " + firstLine(v.text.text),
					Text: fmt.Sprintf("never: %q is neither an address nor a network", word),
					Cure: "host names may stand in ignoreip",
				})
			}
		}
	}
	v, ok := j.values["never_wider"]
	if !ok || strings.EqualFold(v.text.text, "no") || v.text.text == "0" {
		return
	}
	words := safetyWords(v.text.text)
	for i, longest := range []int{32, 128} {
		if len(words) == 2 {
			n, err := strconv.Atoi(strings.TrimPrefix(words[i], "/"))
			if err == nil && n >= 0 && n <= longest {
				continue
			}
		}
		c.add(Finding{
			Severity: Error, Code: "bad-never", Origin: v.text.origin(), Quote: "never_wider = " + v.text.text,
			Text: "never_wider must be the lengths of two prefixes, of IPv4 and of IPv6", Cure: "write 8 16, or no",
		})
		return
	}
}

func safetyWords(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || ini.IsSpace(r) })
}

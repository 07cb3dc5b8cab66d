package filter

import "stockade/internal/ipaddr"

func parseAll(texts ...string) []ipaddr.ID {
	var out []ipaddr.ID
	for _, s := range texts {
		out = append(out, ipaddr.Parse(s))
	}
	return out
}

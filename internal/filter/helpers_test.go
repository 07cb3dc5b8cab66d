package filter

import (
	"math/rand/v2"

	"stockade/internal/ipaddr"
)

func parseAll(texts ...string) []ipaddr.ID {
	var out []ipaddr.ID
	for _, s := range texts {
		out = append(out, ipaddr.Parse(s))
	}
	return out
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 2026)) }

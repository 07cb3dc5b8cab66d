package filter

import (
	"bytes"
	"hash/maphash"

	"stockade/internal/pyre"
)

// recall remembers what the failregexes made of the last texts. Logs say the
// same again and again within a few lines: an attacker is refused, and refused.
// What a search finds depends on the text alone, so an equal text needs none.
type recall struct {
	seed    maphash.Seed
	entries *[recallSize]recalled
	// tried and hits count the texts since the last look at the success; rest
	// is how many texts pass until it is tried again.
	tried, hits, rest int
	// at is where the present text belongs, nil for nowhere.
	at *recalled
}

// recalled is one text and the failregexes that matched it, all or, without
// whole, up to the first.
type recalled struct {
	known bool
	whole bool
	text  []byte
	found []recalledMatch
}

type recalledMatch struct {
	rule  int
	spans pyre.Spans
}

const (
	// recallSize is the number of texts.
	recallSize = 64
	// recallText bounds their length.
	recallText = 256
	// recallTrial is after how many texts the success is looked at. One hit in
	// recallWorth texts is worth it; else it rests for recallRest texts.
	recallTrial = 512
	recallWorth = 8
	recallRest  = 16 * recallTrial
)

// forget forgets all texts, as the rules are others now.
func (c *recall) forget() {
	if c.entries != nil {
		clear(c.entries[:])
	}
}

// find looks a text up. Where it is not known, what is noted next is kept for
// it.
func (c *recall) find(text []byte) (*recalled, bool) {
	c.at = nil
	if len(text) > recallText {
		return nil, false
	}
	if c.rest > 0 {
		c.rest--
		return nil, false
	}
	if c.entries == nil {
		c.entries, c.seed = new([recallSize]recalled), maphash.MakeSeed()
	}
	if c.tried++; c.tried > recallTrial {
		if c.hits < recallTrial/recallWorth {
			c.rest = recallRest
		}
		c.tried, c.hits = 0, 0
	}
	e := &c.entries[maphash.Bytes(c.seed, text)%recallSize]
	if e.known && bytes.Equal(e.text, text) {
		c.hits++
		return e, true
	}
	e.known, e.text, e.found = false, append(e.text[:0], text...), e.found[:0]
	c.at = e
	return nil, false
}

// note takes down that a failregex matched the present text.
func (c *recall) note(rule int, m *pyre.Machine) {
	e := c.at
	if e == nil {
		return
	}
	n := len(e.found)
	if n < cap(e.found) {
		e.found = e.found[:n+1]
	} else {
		e.found = append(e.found, recalledMatch{})
	}
	e.found[n].rule = rule
	m.Keep(&e.found[n].spans)
}

// done says that the rules were tried on the present text: all of them, or up
// to the first that matched.
func (c *recall) done(whole bool) {
	if c.at != nil {
		c.at.known, c.at.whole = true, whole
	}
	c.at = nil
}

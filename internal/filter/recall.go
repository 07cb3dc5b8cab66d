package filter

import (
	"bytes"
	"hash/maphash"

	"stockade/internal/pyre"
)

// recall remembers what the failregexes made of the last texts. Logs say the
// same again and again within a few lines: an attacker is refused, and refused.
// What a search finds depends on the text alone, so an equal text needs none, and
// neither does one that differs in digits which are all the same to the rules.
type recall struct {
	seed maphash.Seed
	rows *[recallRows]recallRow
	// tried and hits count the texts since the last look at the success; rest
	// is how many texts pass until it is tried again.
	tried, hits, rest int
	// at is where the present text belongs, nil for nowhere, and blurred that
	// text without its digits.
	at      *recalled
	blurred []byte
}

// recallRow holds texts of one hash; next is the one that was kept first.
type recallRow struct {
	ways [recallWays]recalled
	next int
}

// recalled is one text and the failregexes that matched it, all or, without
// whole, up to the first.
type recalled struct {
	known bool
	whole bool
	// alike says that the text is kept blurred, as its digits do not matter.
	alike bool
	text  []byte
	found []recalledMatch
}

type recalledMatch struct {
	rule  int
	spans pyre.Spans
}

const (
	// recallRows is the number of rows, recallWays that of the texts in a row.
	recallRows = 16
	recallWays = 4
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
	if c.rows != nil {
		clear(c.rows[:])
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
	if c.rows == nil {
		c.rows, c.seed = new([recallRows]recallRow), maphash.MakeSeed()
	}
	if c.tried++; c.tried > recallTrial {
		if c.hits < recallTrial/recallWorth {
			c.rest = recallRest
		}
		c.tried, c.hits = 0, 0
	}
	c.blurred = blur(c.blurred, text)
	row := &c.rows[maphash.Bytes(c.seed, c.blurred)%recallRows]
	for i := range row.ways {
		e := &row.ways[i]
		if e.known && (bytes.Equal(e.text, text) || e.alike && bytes.Equal(e.text, c.blurred)) {
			c.hits++
			return e, true
		}
	}
	e := &row.ways[row.next]
	row.next = (row.next + 1) % recallWays
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
// to the first that matched. To those that were tried digits may be alike.
func (c *recall) done(whole, alike bool) {
	if e := c.at; e != nil {
		if e.known, e.whole, e.alike = true, whole, alike; alike {
			e.text = append(e.text[:0], c.blurred...)
		}
	}
	c.at = nil
}

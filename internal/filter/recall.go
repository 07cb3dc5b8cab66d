package filter

import (
	"bytes"
	"hash/maphash"

	"stockade/internal/pyre"
)

// recall remembers what the rules made of the last lines, their dates aside.
// Logs say the same again and again within a few lines: an attacker is refused,
// and refused. What a search finds depends on the text alone, so an equal text
// needs none, and neither does one that differs in digits which are all the
// same to the rules.
type recall struct {
	seed maphash.Seed
	rows *[recallRows]recallRow
	// tried and hits count the texts since the last look at the success; rest
	// is how many texts pass until it is tried again.
	tried, hits, rest int
	// at is where the present text belongs, nil for nowhere. blurred is that text
	// without its digits, and content what of it the failregexes search.
	at               *recalled
	blurred, content []byte
}

// recallRow holds texts of one hash; next is the one that was kept first.
type recallRow struct {
	ways [recallWays]recalled
	next int
}

// recalled is what the rules made of one text.
type recalled struct {
	known bool
	// text is the text with its digits blurred.
	text []byte
	// fits says that the prefregex matched; prefix are start and end of its
	// groups. The content lies from from up to to.
	fits     bool
	prefix   []int
	from, to int
	// found are the failregexes that matched the content, all or, without whole,
	// up to the first. Unless digits are alike to them, it was this content.
	found   []recalledMatch
	whole   bool
	alike   bool
	content []byte
}

type recalledMatch struct {
	rule  int
	spans pyre.Spans
}

const (
	// recallRows is the number of rows, recallWays that of the texts in a row.
	recallRows = 32
	recallWays = 4
	// recallText bounds their length.
	recallText = 320
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

// find looks a text up. With all its content is known too, else only what the
// prefregex makes of it; what is noted next is kept for it.
func (c *recall) find(text []byte) (e *recalled, all bool) {
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
		if !e.known || !bytes.Equal(e.text, c.blurred) {
			continue
		}
		content := text[e.from:e.to]
		if e.alike || bytes.Equal(e.content, content) {
			c.hits++
			return e, true
		}
		c.at, c.content = e, content
		e.known, e.found = false, e.found[:0]
		if !e.fits {
			return nil, false
		}
		c.hits++
		return e, false
	}
	e = &row.ways[row.next]
	row.next = (row.next + 1) % recallWays
	e.known, e.fits, e.found = false, false, e.found[:0]
	e.text, e.from, e.to = append(e.text[:0], c.blurred...), 0, len(text)
	c.at, c.content = e, text
	return nil, false
}

// notePrefix takes down that the prefregex matched the present text, and where
// the content lies.
func (c *recall) notePrefix(spans []int, from, to int) {
	if e := c.at; e != nil {
		e.fits, e.prefix, e.from, e.to = true, append(e.prefix[:0], spans...), from, to
		c.content = c.content[from:to]
	}
}

// pass leaves a text out: nothing is noted for it.
func (c *recall) pass() { c.at = nil }

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
		e.known, e.whole, e.alike = true, whole, alike
		if !alike {
			e.content = append(e.content[:0], c.content...)
		}
	}
	c.at = nil
}

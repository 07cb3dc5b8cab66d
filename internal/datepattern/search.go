package datepattern

import (
	"math"
	"time"
	"unicode"
	"unicode/utf8"

	"stockade/internal/pyre"
)

// ranked is a template with what one detector knows of its success.
type ranked struct {
	*template
	index int
	hits  int
	// lastUsed is the time of the last hit, in nanoseconds since 1970.
	lastUsed int64
	// distance is where the last match began, in characters.
	distance int
}

// farAway is the distance of a template that never matched.
const farAway = math.MaxInt32

// weight compares templates: often found, and near the start of the line.
func (r *ranked) weight() float64 {
	return float64(r.hits) * r.rank / float64(max(1, r.distance))
}

// none is the index of no template.
const none = -1

// No character, at either end of a line, and one that is not looked at.
const (
	noRune   rune = -1
	anyAlnum rune = -2
)

// place is where the last match was, in characters, with its neighbours. The
// inner neighbours matter only when they are no letters or digits; of an
// anchored template only the start matters.
type place struct {
	start, end        int
	leftOut, leftIn   rune
	rightIn, rightOut rune
}

// state is what the ranking remembers from line to line.
type state struct {
	place place
	// last is the index in the order of the last winner.
	last int
	// unused is the index of the first template that never matched.
	unused int
}

// candidate is a match of which is not known yet whether it wins.
type candidate struct {
	index    int
	distance int
	from, to int
	spans    spans
	far      int
}

// Match finds the date of the line and trains the ranking. A false result
// without error means there is none. The error is pyre's, when the budget of
// the line is used up.
func (d *Detector) Match(m *pyre.Machine, line []byte, b *pyre.Budget) (Hit, bool, error) {
	if hit, ok := d.remembered(line); ok {
		return hit, true, nil
	}
	if len(d.order) == 0 {
		d.loadDefaults()
	}
	headless := d.memo.headless(line)
	if headless && d.anchored == len(d.order) {
		return Hit{}, false, nil
	}
	return d.find(m, line, b, headless)
}

// find searches a line that is not known.
func (d *Detector) find(m *pyre.Machine, line []byte, b *pyre.Budget, headless bool) (Hit, bool, error) {
	s := search{d: d, m: m, line: line, budget: b, skip: none, headless: headless}
	s.best.index = none
	sticky, err := s.sticky()
	if err == nil && !sticky {
		err = s.scan()
	}
	if err != nil {
		return Hit{}, false, err
	}
	if s.failed == d.anchored && s.failed > 0 {
		d.memo.noteMiss(line, s.far)
	}
	if s.best.index == none {
		return Hit{}, false, nil
	}
	return d.win(line, &s.best, sticky), true, nil
}

// search is the work on one line.
type search struct {
	d      *Detector
	m      *pyre.Machine
	line   []byte
	budget *pyre.Budget
	// skip is a template that was tried on the whole line already.
	skip int
	best candidate
	// headless says that no anchored template matches, as is known of other
	// lines. Else failed counts those that were tried and did not, and far is
	// how much of the line they looked at.
	headless    bool
	failed, far int
	// offers is what templates need and the line has, once that was looked for.
	looked bool
	offers offers
}

// try searches a template in part of the line.
func (s *search) try(index, from, to int) (bool, error) {
	t := s.d.order[index].template
	if t.anchored && s.headless || s.lacks(t) {
		return false, nil
	}
	found, err := s.m.Search(t.compiled(), s.line, from, to, s.budget)
	if t.anchored && !found {
		s.failed++
		s.far = max(s.far, s.m.Far())
	}
	return found, err
}

// keep makes the last match the best one so far.
func (s *search) keep(index, distance, from, to int) {
	s.best = candidate{index: index, distance: distance, from: from, to: to, far: s.m.Far()}
	s.best.spans.read(s.m, s.d.order[index].template)
}

// sticky tries the last winner, at the last place if its surroundings are the
// same. True means that it won again.
func (s *search) sticky() (bool, error) {
	st := &s.d.state
	if st.last == none {
		return false, nil
	}
	r := s.d.order[st.last]
	from, to, same := 0, 0, false
	if !r.anchored {
		from, to, same = st.place.sameSurroundings(s.line)
	}
	if !same {
		from, to = 0, len(s.line)
		s.skip = st.last
	}
	found, err := s.try(st.last, from, to)
	if !found || err != nil {
		return false, err
	}
	start, end := s.m.Span(0)
	distance := characters(s.line[:start])
	s.keep(st.last, distance, from, to)
	if len(s.d.order) == 1 || r.anchored {
		return true, nil
	}
	return distance == st.place.start && distance+characters(s.line[start:end]) == st.place.end, nil
}

// scan tries all templates in their order.
func (s *search) scan() error {
	order := s.d.order
	lastStart := 1
	if s.d.state.last != none {
		lastStart = s.d.state.place.start
	}
	for i, r := range order {
		if i == s.skip || s.headless && r.anchored {
			continue
		}
		found, err := s.try(i, 0, len(s.line))
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		start, _ := s.m.Span(0)
		distance := characters(s.line[:start])
		if i == len(order)-1 || r.anchored || distance <= r.distance && distance <= lastStart {
			s.keep(i, distance, 0, len(s.line))
			return nil
		}
		if s.best.index == none || distance < s.best.distance {
			s.keep(i, distance, 0, len(s.line))
		}
	}
	return nil
}

// win records the winner of a line and moves it up.
func (d *Detector) win(line []byte, c *candidate, sticky bool) Hit {
	r, before := d.order[c.index], d.state
	p := placeOf(line, c, r.anchored)
	d.count(c.index, &p)
	// An anchored template finds the same whatever came before. Else a line that
	// leaves everything as it was will do so again.
	start, end := c.spans.at(whole)
	fixed := r.anchored ||
		sticky && before.last == d.state.last && before.place == p && c.from == start && c.to == end
	return d.memo.store(line, r, c, &p, fixed)
}

// count records that a template found a date at a place.
func (d *Detector) count(index int, p *place) {
	r, last := d.order[index], d.state.last
	now := d.env.Now().UnixNano()
	r.hits++
	r.lastUsed = now
	r.distance = p.start
	d.state.place = *p
	d.state.last = index
	if index != last && index != 0 {
		d.state.last = d.moveUp(index, now)
	}
	d.countUsed()
}

// unusedFor is how long a template must not have been used to be overtaken by
// any other.
const unusedFor = 300 * time.Second

// moveUp moves a template that won to a place nearer to the front, if its
// weight allows, and returns its index. It is compared with the first that never
// matched, or if it stands before that with the one halfway to the front; then
// with the one before it.
func (d *Detector) moveUp(index int, now int64) int {
	mine, target := d.order[index], index/2
	if d.state.unused < index {
		target = d.state.unused
	}
	for _, target := range [2]int{target, index - 1} {
		other := d.order[target]
		if mine.weight() > other.weight() || now-other.lastUsed > int64(unusedFor) {
			copy(d.order[target+1:index+1], d.order[target:index])
			d.order[target] = mine
			return target
		}
	}
	return index
}

// countUsed finds the first template that never matched.
func (d *Detector) countUsed() {
	for d.state.unused < len(d.order) && d.order[d.state.unused].hits > 0 {
		d.state.unused++
	}
}

// placeOf takes down where a match is.
func placeOf(line []byte, c *candidate, anchored bool) place {
	if anchored {
		return place{start: c.distance}
	}
	start, end := c.spans.at(whole)
	return place{
		start: c.distance, end: c.distance + characters(line[start:end]),
		leftOut: lastRune(line[:start]), leftIn: unlessAlnum(firstRune(line[start:])),
		rightIn: unlessAlnum(lastRune(line[:end])), rightOut: firstRune(line[end:]),
	}
}

// sameSurroundings tells whether the line has the same neighbours at the place,
// and where that is in bytes. Of the two on a side one is enough, but inside
// only one that is no letter or digit.
func (p *place) sameSurroundings(line []byte) (from, to int, ok bool) {
	from, short := byteOffset(line, p.start)
	leftOut, leftIn := lastRune(line[:from]), firstRune(line[from:])
	if short {
		leftOut = noRune
	}
	to, short = byteOffset(line, p.end)
	rightIn, rightOut := lastRune(line[:to]), firstRune(line[to:])
	if short {
		rightIn = noRune
	}
	left := leftOut == p.leftOut || leftIn == p.leftIn
	right := rightOut == p.rightOut || rightIn == p.rightIn
	return from, to, left && right
}

// characters counts the characters of text.
func characters(text []byte) int { return utf8.RuneCount(text) }

// byteOffset finds the byte at which character n of the line begins. A shorter
// line gives its end, and true.
func byteOffset(line []byte, n int) (offset int, short bool) {
	i := 0
	for ; n > 0 && i < len(line); n-- {
		i++
		for i < len(line) && !utf8.RuneStart(line[i]) {
			i++
		}
	}
	return i, n > 0
}

func firstRune(text []byte) rune {
	if len(text) == 0 {
		return noRune
	}
	r, _ := utf8.DecodeRune(text)
	return r
}

func lastRune(text []byte) rune {
	if len(text) == 0 {
		return noRune
	}
	r, _ := utf8.DecodeLastRune(text)
	return r
}

// unlessAlnum hides letters and digits, which are never compared.
func unlessAlnum(r rune) rune {
	if r != noRune && (unicode.IsLetter(r) || unicode.IsNumber(r)) {
		return anyAlnum
	}
	return r
}

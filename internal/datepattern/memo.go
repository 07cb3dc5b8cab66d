package datepattern

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"stockade/internal/pyre"
)

// The first two spans of a match; those of the template's groups follow.
const (
	whole = iota
	cut   // group 1
	firstGroup
)

// maxGroups bounds the groups of known meaning that are kept of a match. The
// named ones cannot be more, as a name occurs only once.
const maxGroups = int(numKinds)

// spans are the places of the groups of a match, -1 for one that took no part.
type spans [firstGroup + maxGroups][2]int32

func (s *spans) at(i int) (start, end int) { return int(s[i][0]), int(s[i][1]) }

// read takes the spans of the last search.
func (s *spans) read(m *pyre.Machine, t *template) {
	set := func(i, group int) {
		start, end := m.Span(group)
		s[i] = [2]int32{int32(start), int32(end)}
	}
	set(whole, 0)
	set(cut, 1)
	for i, g := range t.groups {
		set(firstGroup+i, g.index)
	}
}

const (
	// slots is how many different beginnings of lines are remembered at a time:
	// a log of several hosts has several.
	slots = 8
	// keyWords bounds what is remembered of a line, in words of eight bytes.
	keyWords = 8
)

// memo remembers the last matches. A search is a function of the bytes it
// looked at: a line with the same bytes there gets the same answer.
type memo struct {
	slot    [slots]remembered
	serial  uint64
	current int
	next    int
	misses  *misses
}

// remembered is one match: its groups, the time once it was computed, and the
// key by which other lines are known to match alike.
type remembered struct {
	winner *ranked
	serial uint64
	hit    Hit
	spans  spans
	place  place
	time   knownTime

	// keyed says that the key may be used. It begins at byte base of the line;
	// what stands before was not looked at. The line must end after size bytes
	// when ends is set.
	keyed, ends bool
	base, size  int
	key         [keyWords]keyWord
	// minute and second are the places of their digits in the line, when clock
	// says that they may be others.
	clock          bool
	minute, second int
	// shape says that the date may be another one: dateAt is its place in the
	// key, date the one that was read last.
	shape  shape
	dateAt int
	date   [2]uint64
	// yearAt is the place in the key of the last digit of a year behind the
	// date, 0 for none, and year the one that was read last.
	yearAt int
	year   byte
	// word is the place in the key of a letter that may be another one, 0 for
	// none, and noZone says that it must not begin a zone.
	word   int
	noZone bool
}

// keyWord is eight bytes of a key: those under mask are as in text, those
// under digit are digits. What is added to a digit makes it overflow its half
// byte if it is too large. Those under soft may differ if they pass a closer
// look.
type keyWord struct{ text, mask, digit, add, soft uint64 }

const (
	zeros    = 0x3030303030303030 // the digit 0 in each byte
	highHalf = 0xf0f0f0f0f0f0f0f0
	// below10 and below6 are what to add to keep a digit below these.
	below10 = 16 - 10
	below6  = 16 - 6
)

// differs gives the bytes in which eight of a line are not like the key.
func (k *keyWord) differs(text uint64) uint64 {
	digits := (text ^ zeros) & k.digit
	return (text^k.text)&k.mask | (digits|(digits+k.add))&highHalf
}

// remembered answers a line without a search.
func (d *Detector) remembered(line []byte) (Hit, bool) {
	m := &d.memo
	if d.state.last == none {
		return Hit{}, false
	}
	r := &m.slot[m.current]
	shift, moved, ok := 0, false, r.keyed
	if ok {
		shift, moved, ok = r.matches(line)
	}
	if !ok {
		if r, shift, moved = m.other(line); r == nil {
			return Hit{}, false
		}
	}
	winner := r.winner
	switch {
	case winner != d.order[d.state.last]:
		index, ok := d.leads(winner, line)
		if !ok {
			return Hit{}, false
		}
		d.count(index, &r.place)
	case !winner.anchored && d.state.place != r.place:
		return Hit{}, false
	default:
		d.state.place = r.place
		winner.hits++
		winner.distance = r.place.start
		winner.lastUsed = d.env.Now().UnixNano()
	}
	if moved {
		m.move(r, line, shift)
	}
	hit := r.hit
	if shift != 0 {
		hit.shift = int32(shift)
		hit.Start += shift
		hit.End += shift
		hit.WholeEnd += shift
	}
	return hit, true
}

// leads tells whether an anchored template that matches a line is the first
// one to do so, as all that are tried before it are known by the line's first
// byte not to, and gives its index.
func (d *Detector) leads(winner *ranked, line []byte) (index int, ok bool) {
	if !winner.anchored || len(line) == 0 || !d.order[d.state.last].rejects(line[0]) {
		return 0, false
	}
	for i, r := range d.order {
		if r == winner {
			return i, true
		}
		if !r.rejects(line[0]) {
			break
		}
	}
	return 0, false
}

// other looks for the line in the slots that were not used last.
func (m *memo) other(line []byte) (r *remembered, shift int, moved bool) {
	for i := range m.slot {
		if i == m.current || !m.slot[i].keyed {
			continue
		}
		if shift, moved, ok := m.slot[i].matches(line); ok {
			m.current = i
			return &m.slot[i], shift, moved
		}
	}
	return nil, 0, false
}

// move makes the date of a line the remembered one. Hits in lines before do not
// know it any more.
func (m *memo) move(r *remembered, line []byte, shift int) {
	m.serial++
	r.serial, r.hit.serial = m.serial, m.serial
	rest := line[r.base+shift:]
	r.date = r.shape.words(rest[r.dateAt:])
	if r.yearAt > 0 {
		r.year = rest[r.yearAt]
	}
	for i, n := 0, 0; n < r.size; n += 8 {
		k := &r.key[i]
		k.text ^= (k.text ^ lastWord(rest, n)) & k.soft
		i++
	}
	r.time.ok = false
}

// matches tells whether the line is like the remembered one in all that was
// looked at, by how much it is shifted, and whether it has another date.
func (r *remembered) matches(line []byte) (shift int, moved, ok bool) {
	rest := line
	switch head := r.winner.head; {
	case head != 0:
		at := bytes.IndexByte(line, head)
		if at < 0 {
			return 0, false, false
		}
		rest, shift = line[at:], at-r.base
	case r.base > 0:
		// The place counts characters, the key begins at a byte.
		if len(line) < r.base || !plain(line[:r.base]) {
			return 0, false, false
		}
		rest = line[r.base:]
	}
	if len(rest) < r.size || r.ends && len(rest) != r.size {
		return 0, false, false
	}
	i, n, other := 0, 0, uint64(0)
	for ; n+8 <= r.size; n += 8 {
		k := &r.key[i]
		d := k.differs(binary.LittleEndian.Uint64(rest[n:]))
		if d&^k.soft != 0 {
			return 0, false, false
		}
		other |= d
		i++
	}
	if n < r.size {
		k := &r.key[i]
		d := k.differs(lastWord(rest, n))
		if d&^k.soft != 0 {
			return 0, false, false
		}
		other |= d
	}
	if other != 0 {
		moved, ok = r.resembles(rest)
		return shift, moved, ok
	}
	return shift, false, true
}

// resembles has a closer look at a line that is like the remembered one but for
// the bytes that may be others.
func (r *remembered) resembles(rest []byte) (moved, ok bool) {
	if r.word > 0 && !r.isWord(rest[r.word]) || r.yearAt > 0 && !isDigit(rest[r.yearAt]) {
		return false, false
	}
	if r.shape == noShape {
		return false, true
	}
	date := rest[r.dateAt:]
	if r.shape.words(date) != r.date {
		return true, r.shape.fits(date)
	}
	return r.yearAt > 0 && rest[r.yearAt] != r.year, true
}

// lastWord reads up to eight bytes from text[n:].
func lastWord(text []byte, n int) uint64 {
	if len(text) >= n+8 {
		return binary.LittleEndian.Uint64(text[n:])
	}
	var tail [8]byte
	copy(tail[:], text[n:])
	return binary.LittleEndian.Uint64(tail[:])
}

// plain tells whether text is ASCII.
func plain(text []byte) bool {
	for len(text) >= 8 {
		if binary.LittleEndian.Uint64(text)&0x8080808080808080 != 0 {
			return false
		}
		text = text[8:]
	}
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// store keeps a match, under a key when the line left the state as it was.
func (m *memo) store(line []byte, winner *ranked, c *candidate, p *place, fixed bool) Hit {
	at := m.next
	m.next = (at + 1) % slots
	m.current = at
	m.serial++
	r := &m.slot[at]
	*r = remembered{winner: winner, serial: m.serial, spans: c.spans, place: *p}
	hit := Hit{Template: winner.index, from: int32(c.from), to: int32(c.to), slot: int32(at), serial: m.serial}
	if c.to == len(line) {
		hit.to = toEnd
	}
	hit.WholeStart, hit.WholeEnd = c.spans.at(whole)
	if hit.Start, hit.End = c.spans.at(cut); hit.Start < 0 {
		hit.Start, hit.End = hit.WholeStart, hit.WholeStart
	}
	r.hit = hit
	if fixed {
		r.setKey(line, c)
	}
	return hit
}

// toEnd stands for the end of the line as the end of a search.
const toEnd = -1

// forgetTimes drops the times computed so far.
func (m *memo) forgetTimes() {
	for i := range m.slot {
		m.slot[i].time = knownTime{}
	}
}

// setKey makes the key of a match: all bytes the search looked at, and the
// character after the match, which decides where the next line is searched.
func (r *remembered) setKey(line []byte, c *candidate) {
	r.base = r.keyBase(line, c)
	if r.base < 0 {
		return
	}
	far := c.far
	if c.to < len(line) {
		far = min(far, c.to)
	}
	if r.hit.WholeEnd < len(line) {
		_, n := utf8.DecodeRune(line[r.hit.WholeEnd:])
		far = max(far, r.hit.WholeEnd+n)
	} else {
		far = len(line) + 1
	}
	if far > len(line) {
		r.ends, far = true, len(line)
	}
	rest := line[r.base:max(r.base, far)]
	if len(rest) > keyWords*8 {
		return
	}
	r.keyed, r.size = true, len(rest)
	for i, b := range rest {
		k := &r.key[i/8]
		k.text |= uint64(b) << (i % 8 * 8)
		k.mask |= 0xff << (i % 8 * 8)
	}
	r.loosen(line)
}

// keyBase is the first byte that decided the search: that of the template's
// head, or the one before the part that was searched. It is -1 where a key
// would not be worth it.
func (r *remembered) keyBase(line []byte, c *candidate) int {
	switch {
	case r.winner.head != 0:
		return bytes.IndexByte(line, r.winner.head)
	case c.from == 0 || r.winner.looksBack:
		return 0
	case !plain(line[:c.from]):
		return 0
	}
	return c.from - 1
}

package datepattern

import (
	"encoding/binary"
	"regexp"
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
	slots = 4
	// keyWords bounds the beginning of a line that is remembered, in words of
	// eight bytes.
	keyWords = 12
	// maxDigits bounds the digits in it that may be exchanged: minute, second
	// and six of a fraction.
	maxDigits = 10
)

// memo remembers the last matches. A search is a function of the bytes it
// looked at: a line that begins with the same bytes gets the same answer.
type memo struct {
	slot    [slots]remembered
	serial  uint64
	current int
	next    int
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

	// keyed says that the key may be used. The line must have the bytes of
	// word under mask, and exactly size bytes when ends is set.
	keyed, ends bool
	size        int
	word, mask  [keyWords]uint64
	// digits are the places masked out, where any digit will do; the first
	// tens of them only one below six.
	digits      [maxDigits]int32
	tens, loose int
	// minute and second are the places of their digits, when masked out.
	minute, second int
}

// remembered answers a line without a search.
func (d *Detector) remembered(line []byte) (Hit, bool) {
	m := &d.memo
	if d.state.last == none {
		return Hit{}, false
	}
	r := &m.slot[m.current]
	if !r.keyed || !r.matches(line) {
		if r = m.other(line); r == nil {
			return Hit{}, false
		}
	}
	winner := r.winner
	if winner != d.order[d.state.last] {
		return Hit{}, false
	}
	if winner.anchored {
		d.state.place = r.place
	} else if d.state.place != r.place {
		return Hit{}, false
	}
	winner.hits++
	winner.distance = r.place.start
	winner.lastUsed = d.env.Now().UnixNano()
	return r.hit, true
}

// other looks for the line in the slots that were not used last.
func (m *memo) other(line []byte) *remembered {
	for i := range m.slot {
		if i != m.current && m.slot[i].keyed && m.slot[i].matches(line) {
			m.current = i
			return &m.slot[i]
		}
	}
	return nil
}

// matches tells whether the line begins as the remembered one did.
func (r *remembered) matches(line []byte) bool {
	if len(line) < r.size || r.ends && len(line) != r.size {
		return false
	}
	i, n := 0, 0
	for ; n+8 <= r.size; n += 8 {
		if (binary.LittleEndian.Uint64(line[n:])^r.word[i])&r.mask[i] != 0 {
			return false
		}
		i++
	}
	if n < r.size {
		var word uint64
		if len(line) >= n+8 {
			word = binary.LittleEndian.Uint64(line[n:])
		} else {
			var tail [8]byte
			copy(tail[:], line[n:])
			word = binary.LittleEndian.Uint64(tail[:])
		}
		if (word^r.word[i])&r.mask[i] != 0 {
			return false
		}
	}
	for _, at := range r.digits[:r.tens] {
		if line[at]-'0' > 5 {
			return false
		}
	}
	for _, at := range r.digits[r.tens:r.loose] {
		if line[at]-'0' > 9 {
			return false
		}
	}
	return true
}

// store keeps a match, under a key when the line left the state as it was.
func (m *memo) store(line []byte, winner *ranked, c *candidate, p *place, fixed bool) Hit {
	at := m.next
	m.next = (at + 1) % slots
	m.current = at
	m.serial++
	r := &m.slot[at]
	*r = remembered{winner: winner, serial: m.serial, spans: c.spans, place: *p}
	hit := Hit{Template: winner.index, from: c.from, to: c.to, slot: at, serial: m.serial}
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

// forgetTimes drops the times computed so far.
func (m *memo) forgetTimes() {
	for i := range m.slot {
		m.slot[i].time = knownTime{}
	}
}

// setKey makes the key of a match: all bytes the search looked at, and the
// character after the match, which decides where the next line is searched.
func (r *remembered) setKey(line []byte, c *candidate) {
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
	if far > keyWords*8 {
		return
	}
	r.keyed, r.size = true, far
	for i := range far {
		r.word[i/8] |= uint64(line[i]) << (i % 8 * 8)
		r.mask[i/8] |= 0xff << (i % 8 * 8)
	}
	if r.winner.mutable {
		r.loosen(line)
	}
}

// loosen masks out the digits of minute, second and fraction.
func (r *remembered) loosen(line []byte) {
	minuteAt, ok1 := r.twoDigits(line, minute)
	secondAt, ok2 := r.twoDigits(line, second)
	if !ok1 || !ok2 || secondAt != minuteAt+3 || secondAt+2 > r.size {
		return
	}
	end := secondAt + 2
	digits := [maxDigits]int32{int32(minuteAt), int32(secondAt), int32(minuteAt + 1), int32(secondAt + 1)}
	n := 4
	if end+1 < len(line) && (line[end] == '.' || line[end] == ',') {
		at := end + 1
		for at < len(line) && isDigit(line[at]) && n < maxDigits {
			digits[n] = int32(at)
			n++
			at++
		}
		if at > end+1 {
			end = at
		}
	}
	if end > r.size || end < len(line) && (isDigit(line[end]) || line[end] == ':' || end == r.size && !r.ends) {
		return
	}
	for _, at := range digits[:n] {
		r.mask[at/8] &^= 0xff << (at % 8 * 8)
	}
	r.digits, r.tens, r.loose = digits, 2, n
	r.minute, r.second = minuteAt, secondAt
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// twoDigits finds the place of a group that consists of two plain digits below
// sixty.
func (r *remembered) twoDigits(line []byte, k kind) (int, bool) {
	for i, g := range r.winner.groups {
		if g.kind != k {
			continue
		}
		start, end := r.spans.at(firstGroup + i)
		if start >= 0 && end == start+2 && line[start]-'0' <= 5 && isDigit(line[start+1]) {
			return start, true
		}
	}
	return 0, false
}

var (
	// fixedClock is a clock in a pattern whose parts are set off by colons.
	fixedClock = regexp.MustCompile(`%(?:Ex)?[HkIl]:%(?:Ex)?M:%(?:Ex)?S`)
	// afterClock is what may follow it: nothing, something that begins with
	// neither a digit nor a word character, or an optional part like that.
	afterClock = regexp.MustCompile(`^(?:\\[][(){}./|-]|[] ,:/<>@_;)"'-]|\(\?:(?:\\\.|\[\.,\]| |\\s\*%(?:Ex)?[zZ])|$|\*\*)`)
	// plainElements is a pattern in which, beside tokens, no element can take
	// a digit.
	plainElements = regexp.MustCompile(`^(?:` +
		`%(?:Ex)?[YymdHkIlpMSfaAbBzZ]` +
		`|[A-Za-z ,:/<>@=_;!'"&~-]\??` +
		`|\\[][(){}./|^$*+?-]\??` +
		`|\[[A-Za-z ,:/<>@=_;!.-]+\]\??` +
		`|\(\?P<_[a-z]+>|\(\?P=_[a-z]+\)` +
		`|\(\?:|\(|\)\??|\||\^|\$|\\s\*|\*\*|\\b` +
		`)*$`)
)

// mutableClock tells whether minutes, seconds and a fraction in a match of the
// pattern may be exchanged: another digit there is tested only by the tokens of
// the clock, all of which take any digit (0 to 5 in the first place), so that a
// search takes the same way and finds the same places.
func mutableClock(pattern string) bool {
	if len(pattern) > len(lineBegin) && pattern[:len(lineBegin)] == lineBegin {
		pattern = pattern[len(lineBegin):]
	}
	at := fixedClock.FindAllStringIndex(pattern, -1)
	return len(at) == 1 && plainElements.MatchString(pattern) && afterClock.MatchString(pattern[at[0][1]:])
}

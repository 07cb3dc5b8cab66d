package datepattern

import (
	"regexp"
	"strings"
)

// mutability says which digits of a match may be exchanged for others without
// another search.
type mutability uint8

const (
	immutable    mutability = iota
	colonClock              // minute and second between colons, and a fraction
	compactClock            // minute and second of two digits each
	numberDigits            // all digits of a number
)

// loosen masks out of the key the digits that may be others.
func (r *remembered) loosen(line []byte) {
	switch r.winner.mutable {
	case colonClock:
		r.loosenClock(line, 3)
		r.loosenDate(line)
		r.loosenWord(line)
	case compactClock:
		r.loosenClock(line, 2)
		if !r.clock {
			r.loosenClock(line, 3)
		}
	case numberDigits:
		r.loosenNumber(line)
	}
}

// loosenClock masks out the digits of minute, second and fraction. The second
// begins a number of bytes after the minute.
func (r *remembered) loosenClock(line []byte, apart int) {
	minuteAt, ok1 := r.twoDigits(line, minute)
	secondAt, ok2 := r.twoDigits(line, second)
	if !ok1 || !ok2 || secondAt != minuteAt+apart {
		return
	}
	end := secondAt + 2
	fraction := end
	if end < len(line) && (line[end] == '.' || line[end] == ',') {
		at := end + 1
		for at < len(line) && isDigit(line[at]) && at < end+8 {
			at++
		}
		if at > end+1 {
			fraction, end = end+1, at
		}
	}
	if minuteAt < r.base || !r.set(line, end) || end < len(line) && line[end] == ':' {
		return
	}
	r.clock, r.minute, r.second = true, minuteAt, secondAt
	for _, at := range [...]int{minuteAt, secondAt} {
		r.exchange(at, below6)
		r.exchange(at+1, below10)
	}
	for at := fraction; at < end; at++ {
		r.exchange(at, below10)
	}
}

// loosenNumber masks out the digits of an epoch time.
func (r *remembered) loosenNumber(line []byte) {
	start, end := r.spans.at(firstGroup)
	if start < r.base || !r.set(line, end) {
		return
	}
	for at := start; at < end; at++ {
		if isDigit(line[at]) {
			r.exchange(at, below10)
		}
	}
}

// set tells whether the key reaches over the byte after a run of digits, and
// that is no digit.
func (r *remembered) set(line []byte, end int) bool {
	limit := r.base + r.size
	if end >= len(line) {
		return r.ends && end == limit
	}
	return end < limit && !isDigit(line[end])
}

// exchange lets the digit at a place of the line be another one; add keeps it
// below a limit.
func (r *remembered) exchange(at int, add uint64) {
	at -= r.base
	k, shift := &r.key[at/8], at%8*8
	k.mask &^= 0xff << shift
	k.digit |= 0xff << shift
	k.add |= add << shift
}

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
	// fixedClock is a clock in a pattern whose parts are set off by colons;
	// fixedWidth one whose parts have two digits each.
	fixedClock = regexp.MustCompile(`%(?:Ex)?[HkIl]:%(?:Ex)?M:%(?:Ex)?S`)
	fixedWidth = regexp.MustCompile(`%ExH:?\??%ExM:?\??%ExS`)
	// afterClock is what may follow it: nothing, or something that begins with
	// neither a digit nor another token for digits.
	afterClock = regexp.MustCompile(`^(?:\\[][(){}./|-]|[] ,:/<>@_;)"'-]|\(\?:(?:\\\.|\[\.,\]| |\\s\*%(?:Ex)?[zZ])|%(?:Ex)?[zZ]|\\s\*\\\]|$|\*\*)`)
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
	// skipping is the beginning of an expression that goes to the first of some
	// character, which may open group 1; headOf the same in a pattern.
	skipping = regexp.MustCompile(`^(?:\(\?\w+\))?\^\[\^\\?([^\\\w\s^-])\]\*\(?\\?(.)`)
	headOf   = regexp.MustCompile(`^\^\[\^\\?[^\\\w\s^-]\]\*`)
)

// mutableClock tells which digits in matches of a pattern may be exchanged.
// Another digit at the place of a minute or second is tested only by the tokens
// of the clock, all of which take any digit there (0 to 5 in the first place),
// so that a search takes the same way and finds the same places.
func mutableClock(pattern string, anchored bool) mutability {
	pattern = strings.TrimPrefix(pattern, lineBegin)
	pattern = headOf.ReplaceAllString(pattern, "")
	if !plainElements.MatchString(pattern) {
		return immutable
	}
	for _, clock := range []struct {
		shape *regexp.Regexp
		gives mutability
	}{{fixedClock, colonClock}, {fixedWidth, compactClock}} {
		at := clock.shape.FindAllStringIndex(pattern, -1)
		if len(at) == 1 && afterClock.MatchString(pattern[at[0][1]:]) && (clock.gives == colonClock || anchored) {
			return clock.gives
		}
	}
	return immutable
}

// headByte gives the character to which an expression skips before anything
// else, so that a match depends only on what follows its first occurrence; 0
// where there is none.
func headByte(regex string) byte {
	if m := skipping.FindStringSubmatch(regex); m != nil && m[1] == m[2] && m[1][0] < 0x80 {
		return m[1][0]
	}
	return 0
}

package datepattern

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"stockade/internal/pyobj"
	"stockade/internal/pyre"
)

// form says how the text of a date is read.
type form uint8

const (
	calendar  form = iota // fields of a calendar
	epoch                 // seconds, with a fraction
	longEpoch             // seconds, milliseconds or microseconds
	tai64n                // a TAI64N label
)

// template is one way to recognize a date. It never changes and is shared. Its
// expression is compiled when it is first needed: of the default templates most
// logs need a few.
type template struct {
	name string
	// pattern is the text with tokens, empty for the special templates.
	pattern string
	form    form
	// rank is the weight of one hit.
	rank float64
	// anchored says that the template is bound to the beginning or the end of
	// a line, so that the whole line is searched each time.
	anchored bool
	// regex is the complete expression.
	regex string
	// mutable says which digits may be others without another search.
	mutable mutability
	// shape is a date that may be another one, and tail what follows it in the
	// pattern.
	shape shape
	tail  string
	// head is a character to whose first occurrence the expression goes before
	// anything else, if any.
	head byte
	// need is what every match contains.
	need need
	// looksBack says that a search may look at more than one character before
	// its start.
	looksBack bool

	once sync.Once
	// What follows is set by compile.
	err error
	re  *pyre.Regexp
	// groups are the groups that say something about the time, in their order.
	groups []group
	// halfDay is the place among the spans of that which tells am from pm, 0
	// for none.
	halfDay int
	// first holds the bytes with which a line begins that the template may
	// match, where it is bound to the beginning.
	first *[256]bool
}

// group is a capturing group of known meaning.
type group struct {
	kind  kind
	index int
}

// edges says which boundaries a template gets beside those it brings along.
type edges struct {
	// left and right ask for a word boundary.
	left, right bool
	// lineStart asks for the beginning of the line instead of the left one.
	lineStart bool
}

// The boundaries: that of a word, or before what is no part of a word, or the
// end of what is searched; and the start of a line with two more characters.
const (
	leftEdge  = `(?=^|\b|\W)`
	rightEdge = `(?=\b|\W|$)`
	lineEdge  = `^\W{0,2}`
)

// Prefixes of a pattern that set its edges.
const (
	unbound   = "{UNB}"
	lineBegin = "{^LN-BEG}"
)

var (
	ownsLeft    = regexp.MustCompile(`^(?:\(\?\w+\))*\(*(?:(?:\?:)?\^|\*\*)`)
	ownsRight   = regexp.MustCompile(`(?:^|[^\\])(?:\$\)?|\\b|\\s|\*\*\)*)$`)
	atLineStart = regexp.MustCompile(`^(?:\^|\((?:\?:)?\^(?:[^|]|$))`)
	atLineEnd   = regexp.MustCompile(`(?:^|[^\\])\$\)?$`)
	starsLeft   = regexp.MustCompile(`^(\(*)\*\*`)
	starsRight  = regexp.MustCompile(`(^|[^\\])\*\*(\)*)$`)
	globalFlags = regexp.MustCompile(`(^|[^\\])\(\?([aimsux]+)\)`)
	plainGroup  = regexp.MustCompile(`(?:^|[^\\])\((?:[^?]|$)`)
	caseless    = regexp.MustCompile(`(?:^|[^%])%[aAbBpc]`)
)

// newPattern makes the template of a pattern with tokens.
func newPattern(pattern string, year int) (*template, error) {
	t, err := prepare(pattern, year)
	if err != nil {
		return nil, err
	}
	return t.checked()
}

// prepare does that but for the expression, which may be wrong.
func prepare(pattern string, year int) (*template, error) {
	e := edges{left: true, right: true}
	body, shown := pattern, pattern
	switch {
	case strings.HasPrefix(pattern, unbound):
		body = pattern[len(unbound):]
		shown, e = body, edges{}
	case strings.HasPrefix(pattern, lineBegin):
		body = pattern[len(lineBegin):]
		if ownsLeft.MatchString(body) {
			shown = body
		} else {
			e.lineStart = true
		}
	}
	if _, _, err := expand(body, year); err != nil {
		return nil, pyobj.Errorf("TypeError", "Failed to set datepattern %s (may be an invalid format or unescaped percent char): %v",
			pyobj.Repr(body), err)
	}
	_, name, _ := expand(shown, year)
	regex, _, _ := expand(strings.TrimSpace(body), year)
	if caseless.MatchString(body) {
		regex = "(?i)" + regex
	}
	return build(&template{name: name, pattern: pattern, rank: 1}, regex, e), nil
}

// build adds to the expression of a template its edges and its group 1.
func build(t *template, regex string, e edges) *template {
	flags, regex := liftFlags(regex)
	e.left = e.left && !ownsLeft.MatchString(regex)
	e.right = e.right && !ownsRight.MatchString(regex)
	if !plainGroup.MatchString(regex) {
		regex = capture(regex)
	}
	t.anchored = e.lineStart || atLineStart.MatchString(regex) || atLineEnd.MatchString(regex)
	regex = starsLeft.ReplaceAllString(regex, "$1")
	regex = starsRight.ReplaceAllString(regex, "$1$2")
	switch {
	case e.lineStart:
		regex = lineEdge + regex
	case e.left:
		regex = leftEdge + regex
	}
	if e.right {
		regex += rightEdge
	}
	return finish(t, flags+regex)
}

// finish notes what is known of a template whose expression is complete.
func finish(t *template, regex string) *template {
	t.regex = regex
	t.head = headByte(regex)
	t.looksBack = strings.Contains(regex, "(?<")
	if t.form == calendar {
		t.mutable = mutableClock(t.pattern, t.anchored)
		if t.mutable == colonClock {
			t.shape, t.tail = shapeOf(t.pattern, t.anchored)
		}
	}
	t.need = needOf(t)
	return t
}

// compiled gives the template's expression. It is asked before a search; what
// else compile sets is valid after that.
func (t *template) compiled() *pyre.Regexp {
	t.once.Do(t.compile)
	if t.err != nil {
		panic(t.err) // those of users were checked
	}
	return t.re
}

// checked compiles a template whose expression may be wrong.
func (t *template) checked() (*template, error) {
	if t.once.Do(t.compile); t.err != nil {
		return nil, t.err
	}
	return t, nil
}

func (t *template) compile() {
	re, err := pyre.Compile(t.regex, 0)
	if err != nil {
		t.err = fmt.Errorf("compile datepattern %s: %w", pyobj.Repr(t.name), err)
		return
	}
	t.re = re
	if set, ok := re.FirstBytes(); ok && re.Anchored() {
		t.first = &set
	}
	if t.form != calendar {
		return
	}
	for i, name := range re.GroupNames() {
		if k := kindOfGroup[name]; k != noKind {
			if k == halfDay {
				t.halfDay = firstGroup + len(t.groups)
			}
			t.groups = append(t.groups, group{k, i})
		}
	}
}

// rejects tells whether the template surely does not match a line that begins
// with a byte.
func (t *template) rejects(first byte) bool {
	t.compiled()
	return t.first != nil && !t.first[first]
}

// capture makes the whole expression group 1, but for an anchor on either side.
func capture(regex string) string {
	head, tail := "", ""
	if rest, ok := strings.CutPrefix(regex, "^"); ok {
		head, regex = "^", rest
	}
	if rest, ok := strings.CutSuffix(regex, "$"); ok && !strings.HasSuffix(rest, `\`) {
		tail, regex = "$", rest
	}
	return head + "(" + regex + ")" + tail
}

// liftFlags takes the global flags out of an expression, to be put in front
// of everything else.
func liftFlags(regex string) (flags, rest string) {
	letters := ""
	for {
		m := globalFlags.FindStringSubmatchIndex(regex)
		if m == nil {
			break
		}
		letters += regex[m[4]:m[5]]
		regex = regex[:m[3]] + regex[m[1]:]
	}
	if letters == "" {
		return "", regex
	}
	return "(?" + letters + ")", regex
}

package pyre

// repeat writes a repetition.
func (e *emitter) repeat(n *node, follow first) {
	sub := n.subs[0]
	if sub.kind == kindSet {
		e.classLoop(n, sub.set, nil, follow)
		return
	}
	if guard, set, ok := tempered(sub); ok && n.greed != possessive {
		e.classLoop(n, set, guard, follow)
		return
	}
	if n.min == 0 && n.max == 1 {
		e.optional(n, follow)
		return
	}
	e.inner++
	defer func() { e.inner-- }()
	if n.min == 1 && n.max == unbounded && !nullable(sub) {
		e.plus(n, follow)
		return
	}
	copies := n.min + 1
	if n.max != unbounded {
		copies = n.max
	}
	if copies > maxUnrolled || copies*size(sub) > maxUnrolled {
		e.counted(n, follow)
		return
	}
	e.unrolled(n, follow)
}

// tempered recognises the body of (?:(?!text).)*: a class that stops where a
// text begins.
func tempered(n *node) (guard []byte, set *charset, ok bool) {
	if n.kind != kindSeq || len(n.subs) != 2 || n.subs[1].kind != kindSet {
		return nil, nil, false
	}
	look := n.subs[0]
	if look.kind != kindLook || look.behind || !look.negate {
		return nil, nil, false
	}
	text, ok := plainText(look.subs[0])
	return []byte(text), n.subs[1].set, ok
}

// size estimates the instructions a node becomes; it counts no further than is
// of use.
func size(n *node) int {
	total := 1
	for _, s := range n.subs {
		total += size(s)
	}
	if n.kind == kindRepeat && n.subs[0].kind != kindSet {
		copies := n.min + 1
		if n.max != unbounded {
			copies = n.max
		}
		total *= min(copies, maxUnrolled)
	}
	return min(total, maxUnrolled+1)
}

// classLoop writes a loop over one class as one instruction. Where the class
// and what follows have no character in common nothing is ever given back.
func (e *emitter) classLoop(n *node, set *charset, guard []byte, follow first) {
	c := e.class(set)
	mode := n.greed
	if guard == nil && set.disjoint(&follow.set) {
		mode = possessive
	}
	if mode == possessive && n.min <= 1 && n.max == unbounded {
		e.add(inst{op: opRun, tab: &c.tab, b: byte(n.min), ext: &extra{class: c}})
		return
	}
	ext := &extra{class: c, greed: mode, min: n.min, max: n.max, guard: guard, after: e.after(&follow)}
	if guard == nil && mode != lazy && n.min == 0 && n.max == 1 {
		e.add(inst{op: opOption, memo: e.memoNumber(), tab: &c.tab, ext: ext})
		return
	}
	e.addLoop(inst{op: opLoop, tab: &c.tab, ext: ext})
}

// loopWithLast writes [ab]*b: one loop whose last character is out of a
// smaller set.
func (e *emitter) loopWithLast(set, last *charset, follow first) {
	c := e.class(set)
	ext := &extra{class: c, last: e.class(last), greed: greedy, min: 1, max: unbounded, after: e.after(&follow)}
	e.addLoop(inst{op: opLoop, tab: &c.tab, ext: ext})
}

// addLoop gives a loop two numbers in the table of visited places: where it
// begins, and where it ends.
func (e *emitter) addLoop(in inst) {
	in.ext.plain = in.ext.max == unbounded && in.ext.min <= 1 && in.ext.guard == nil
	in.memo = e.memoNumber()
	e.memoNumber()
	e.add(in)
}

func (e *emitter) after(f *first) after {
	return after{next: e.table(nextTable(&f.set)), end: f.end, literal: f.literal}
}

// nextTable marks the bytes that characters of the set begin with; nil when
// that is all of them.
func nextTable(set *charset) *[256]uint8 {
	lead := set.leadBytes()
	table := &[256]uint8{}
	all := true
	for b, in := range lead {
		switch {
		case b&0xc0 == 0x80:
			// No character begins here.
		case in:
			table[b] = 1
		default:
			all = false
		}
	}
	if all {
		return nil
	}
	return table
}

func (e *emitter) optional(n *node, follow first) {
	body := firstOf(n.subs[0], follow)
	if n.greed == lazy {
		at := e.split(follow, body)
		e.code[at].y = e.here()
		e.node(n.subs[0], follow)
		e.code[at].x = e.here()
		return
	}
	at := e.split(body, follow)
	e.code[at].x = e.here()
	e.node(n.subs[0], follow)
	e.code[at].y = e.here()
}

// plus writes a loop that reads something at least once.
func (e *emitter) plus(n *node, follow first) {
	head := e.here()
	body := firstOf(n.subs[0], firstAny())
	body.literal = ""
	e.node(n.subs[0], body.or(follow))
	var at int
	if n.greed == lazy {
		at = e.split(follow, body)
		e.code[at].y = e.here()
		e.add(inst{op: opJump, x: head})
		e.code[at].x = e.here()
		return
	}
	at = e.split(body, follow)
	e.code[at].x = e.here()
	e.add(inst{op: opJump, x: head})
	e.code[at].y = e.here()
}

// unrolled writes the rounds that must be, then those that may be.
func (e *emitter) unrolled(n *node, follow first) {
	sub := n.subs[0]
	again := firstOf(n, follow).or(follow)
	for range n.min {
		e.node(sub, again)
	}
	if n.max == n.min {
		return
	}
	body := firstOf(sub, again)
	place := int32(-1)
	if nullable(sub) {
		place = e.register()
		e.onces = append(e.onces, int(place))
		e.add(inst{op: opReset, x: place, y: -1})
	}
	if n.max == unbounded {
		e.endless(n, body, follow, place)
		return
	}
	var exits []exit
	for range n.max - n.min {
		exits = append(exits, e.round(n, body, follow, place)...)
	}
	for _, x := range exits {
		x.to(e.code, e.here())
	}
}

// exit is a target that is filled in when the end of the loop is known.
type exit struct {
	at int
	y  bool
}

func (x exit) to(code []inst, target int32) {
	if x.y {
		code[x.at].y = target
	} else {
		code[x.at].x = target
	}
}

// round writes one round that may be left out.
func (e *emitter) round(n *node, body, follow first, place int32) []exit {
	again := body.or(follow)
	var exits []exit
	if n.greed == lazy {
		at := e.split(follow, body)
		exits = append(exits, exit{at: at})
		e.code[at].y = e.here()
		if place >= 0 {
			// Lazily a round that reads nothing is no way on at all.
			once := e.add(inst{op: opOnce, x: place})
			e.code[once].y = -1
		}
		e.node(n.subs[0], again)
		return exits
	}
	if place >= 0 {
		exits = append(exits, exit{at: e.add(inst{op: opOnce, x: place}), y: true})
		// The place is noted before the choice; the way out does not mind.
	}
	at := e.split(body, follow)
	exits = append(exits, exit{at: at, y: true})
	e.code[at].x = e.here()
	e.node(n.subs[0], again)
	return exits
}

// endless writes the rounds of a loop without a maximum.
func (e *emitter) endless(n *node, body, follow first, place int32) {
	head := e.here()
	exits := e.round(n, body, follow, place)
	e.add(inst{op: opJump, x: head})
	for _, x := range exits {
		x.to(e.code, e.here())
	}
}

// counted writes a loop that is too large to unroll, with a counter. The table
// of visited places does not know counters.
func (e *emitter) counted(n *node, follow first) {
	e.memoOK = false
	sub := n.subs[0]
	ext := &extra{greed: n.greed, min: n.min, max: n.max, place: -1}
	counter := e.register()
	e.add(inst{op: opReset, x: counter, y: 0})
	if nullable(sub) {
		ext.place = e.register()
		e.add(inst{op: opReset, x: ext.place, y: -1})
	}
	head := e.add(inst{op: opCount, x: counter, ext: ext})
	if n.greed == lazy {
		e.add(inst{op: opCountAgain, x: counter, ext: ext})
	}
	e.node(sub, firstOf(n, follow).or(follow))
	e.add(inst{op: opJump, x: int32(head)})
	e.code[head].y = e.here()
}

package source

import (
	"bytes"
	"unicode/utf8"

	"stockade/internal/logbook"
)

// pump reads all generations to their ends, the older before the newer, and
// delivers to every listener that has room. Listeners that stand at the same
// place share what is read; one that is behind reads for itself until it has
// caught up. It stops early when there are tasks.
func (r *reader) pump() (delivered bool) {
	r.waiting = false
	for _, s := range r.subs {
		s.held = false
		for _, c := range s.cursors {
			c.done = false
		}
		if s.seeking {
			r.seek(s)
		}
	}
	for i := 0; i < len(r.gens); i++ {
		g := r.gens[i]
		for {
			if r.hasTasks() {
				return delivered
			}
			limit := r.pick(g)
			if len(r.group) == 0 {
				break
			}
			n, again := r.advance(i, limit)
			delivered = n > 0 || delivered
			if again {
				i = -1
				break
			}
		}
		if i < 0 {
			r.restart()
			continue
		}
		for _, s := range r.subs {
			if c := s.cursorIn(g); c != nil && !c.done {
				s.held = true // nothing newer before this is read
			}
		}
	}
	return delivered
}

// restart has all ends looked for anew: an older file has grown while a newer
// one was read.
func (r *reader) restart() {
	for _, s := range r.subs {
		s.held = false
		for _, c := range s.cursors {
			c.done = false
		}
	}
}

// olderGrew says that something was written to a generation before the i-th
// since its end was seen. What stands there was written before what was just
// read of the i-th, and is delivered first.
func (r *reader) olderGrew(i int) bool {
	for _, g := range r.gens[:i] {
		if c := r.group[0].cursorIn(g); c != nil && g.size() != g.seen {
			return true
		}
	}
	return false
}

// seek takes a new listener to the first lines that matter to it.
func (r *reader) seek(s *Subscription) {
	s.seeking = false
	for _, c := range s.cursors {
		off := seek(c.gen.file, c.off, c.gen.size(), s.opts.Since, s.opts.When)
		r.mu.Lock()
		c.off = off
		r.mu.Unlock()
		if !c.load() {
			c.rewind()
		}
	}
}

// pick chooses who is served next in a generation: those who are furthest
// behind, of those who need not wait for their mates. The limit is where the
// next ones stand, 0 for none.
func (r *reader) pick(g *generation) (limit int64) {
	r.findSlow(g)
	r.group = r.group[:0]
	var low int64
	for _, s := range r.subs {
		c := s.cursorIn(g)
		switch {
		case c == nil || c.done || s.held || !s.able || r.waits(s, c):
		case len(r.group) == 0 || c.off < low:
			low = c.off
			r.group = append(r.group[:0], s)
		case c.off == low && s.opts.Split == nil && r.group[0].opts.Split == nil:
			r.group = append(r.group, s)
		}
	}
	if len(r.group) == 0 {
		return 0
	}
	for _, s := range r.subs {
		if c := s.cursorIn(g); c != nil && c.off > low && (limit == 0 || c.off < limit) {
			limit = c.off
		}
	}
	return limit
}

// advance reads a block of the i-th generation for the chosen group and
// delivers its lines. It returns how many, and true where all is to be begun
// again with the oldest generation.
func (r *reader) advance(i int, limit int64) (delivered int, again bool) {
	g := r.gens[i]
	c := r.group[0].cursorIn(g)
	hint := int64(smallBlock)
	if g.hot {
		hint = largeBlock
	}
	blk := newBlock(hint)
	defer blk.drop()
	n, _ := g.file.ReadAt(blk.buf, c.off-int64(len(c.tail)))
	if n < len(c.tail) || !bytes.Equal(blk.buf[:len(c.tail)], c.tail) {
		r.truncated(g)
		return 0, false
	}
	full := n == len(blk.buf)
	end := c.off - int64(len(c.tail)) + int64(n)
	data := blk.buf[len(c.tail):n]
	skipped := int64(0)
	if zeros(c.tail) == len(c.tail) {
		skipped = int64(zeros(data))
		data = data[skipped:]
	}
	used, limited := r.divide(blk, data, c.off+skipped, limit)
	atEnd := !full && !limited
	if used > 0 && i > 0 && r.olderGrew(i) {
		return 0, true
	}
	switch {
	case used > 0:
		tail := data[max(0, used-tailSize):used]
		blk.valid = r.group[0].opts.Split == nil && utf8.Valid(data[:used])
		r.hand(g, blk, int64(used)+skipped, tail)
		g.grown = r.hub.clock.Now()
		g.hot = full
	case skipped > 0:
		r.move(g, skipped, blk.buf[n-len(data)-int(min(skipped, tailSize)):n-len(data)])
	case full && !g.hot:
		g.hot = true
		return 0, false
	case full:
		return r.longLine(g, blk, data), false
	default:
		g.hot = false
	}
	if atEnd {
		r.reachEnd(g, end)
	}
	return len(blk.lines), false
}

// zeros counts the NUL bytes at the start of data. At the start of a file they
// are left out: a writer that does not append goes on, after a truncation,
// where it was, and leaves a hole.
func zeros(data []byte) int {
	n := 0
	for n < len(data) && data[n] == 0 {
		n++
	}
	return n
}

// divide splits data into the block's lines. It stops at the limit, so that
// those who stand there can join, unless no line ends before it.
func (r *reader) divide(blk *block, data []byte, off, limit int64) (used int, limited bool) {
	find := r.group[0].opts.Split
	run := func(data []byte) int {
		if find != nil {
			blk.lines, used = splitWith(blk.lines, data, off, find)
		} else {
			blk.lines, used = split(blk.lines, data, off)
		}
		return used
	}
	if room := limit - off; limit > 0 && room > 0 && room < int64(len(data)) {
		if run(data[:room]) > 0 {
			return used, true
		}
	}
	return run(data), false
}

// hand delivers the block's lines to the group and moves its places on.
func (r *reader) hand(g *generation, blk *block, used int64, tail []byte) {
	if g.hash == "" {
		g.rehash()
	}
	r.move(g, used, tail)
	gather(r.group)
	for _, s := range r.group {
		old := g.number < s.newest
		s.newest = max(s.newest, g.number)
		blk.refs.Add(1)
		s.deliver(&Batch{
			Kind: File, Path: r.path, Inode: g.id.ino, Hash: g.hash, Lines: blk.lines, Old: old, Valid: blk.valid,
			Company: s.company.id(), Board: &blk.board, blk: blk, bytes: used,
		})
	}
}

// move takes the group's places in a generation further.
func (r *reader) move(g *generation, by int64, tail []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.group {
		c := s.cursorIn(g)
		c.off += by
		c.tail = append(c.tail[:0], tail...)
	}
}

// reachEnd notes that the group has seen the end of a generation, and where
// that was.
func (r *reader) reachEnd(g *generation, end int64) {
	g.seen = end
	for _, s := range r.group {
		s.cursorIn(g).done = true
		if g == r.newest() {
			s.enter()
		}
	}
}

// truncated begins a generation anew for all: it is shorter than it was, or
// what was read last does not stand there any more.
func (r *reader) truncated(g *generation) {
	was := *g
	g.rehash()
	g.scannedFrom, g.scannedTo, g.hot = 0, 0, false
	size := g.size()
	for _, s := range r.subs {
		c := s.cursorIn(g)
		if c == nil {
			continue
		}
		if was.hash != "" {
			s.tell(logbook.Msg, filterLogger, rotationText(r.path, size, c.off, &was, g))
		}
		r.mu.Lock()
		c.rewind()
		r.mu.Unlock()
	}
}

// longLine deals with a line that does not fit a block: its end is sought, and
// its beginning delivered when that has come.
func (r *reader) longLine(g *generation, blk *block, data []byte) (delivered int) {
	start := r.group[0].cursorIn(g).off
	end := start + int64(len(data))
	if r.group[0].opts.Split == nil {
		if g.scannedFrom != start {
			g.scannedFrom, g.scannedTo = start, end
		}
		at, ok := g.findNewline()
		if !ok {
			r.reachEnd(g, g.scannedTo)
			return 0
		}
		end = at + 1
	}
	blk.lines = append(blk.lines, Line{Text: data[:MaxLine:MaxLine], Offset: end, Cut: end - start - 1 - MaxLine})
	g.scannedFrom, g.scannedTo, g.hot = 0, 0, false
	r.hand(g, blk, end-start, nil)
	for _, s := range r.group {
		if c := s.cursorIn(g); !c.load() {
			c.rewind()
		}
	}
	return 1
}

// findNewline goes on looking for the end of the line that begins at
// scannedFrom.
func (g *generation) findNewline() (at int64, ok bool) {
	blk := newBlock(largeBlock)
	defer blk.drop()
	for {
		n, err := g.file.ReadAt(blk.buf, g.scannedTo)
		if i := bytes.IndexByte(blk.buf[:n], '\n'); i >= 0 {
			return g.scannedTo + int64(i), true
		}
		g.scannedTo += int64(n)
		if err != nil {
			return 0, false
		}
	}
}
